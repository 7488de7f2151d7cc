"""Vector stores are searched without asking an agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azure_agents import AgentClient, Agents, FileSearchTool
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import InvalidRequestError, NotFoundError

TEXTS = {
    "holidays.md": "Everybody has thirty days of holidays in a year.",
    "travel.md": "Trains are booked by the office, holidays or not.",
}


@pytest.fixture
def stores(agents: Any, tmp_path: Path) -> list[str]:
    """Two vector stores with a file each."""
    made = []
    for name, text in TEXTS.items():
        path = tmp_path / name
        path.write_text(text)
        made.append(agents.vector_stores.create(name, [path]).id)
    return made


def test_the_best_of_all_stores_comes_first(agents: Any, stores: list[str]) -> None:
    """Text, file, and how well it fits."""
    found = agents.vector_stores.search("thirty days of holidays", stores)
    assert list(TEXTS.values()) == [one.text for one in found]
    assert list(TEXTS) == [one.file_name for one in found]
    assert found[0].score > found[1].score
    assert 1 == len(agents.vector_stores.search("holidays", stores, max_results=1))
    least = found[0].score
    assert found[:1] == agents.vector_stores.search(
        "thirty days of holidays", stores, min_score=least
    )


def test_an_agents_own_stores_are_searched(
    agents: Any, stores: list[str], foundry: Emulator, generation: Any
) -> None:
    """Those of its file search; an agent without is an error before a search."""
    with pytest.raises(InvalidRequestError, match="has no vector store: give it a file search"):
        agents.vector_stores.search("holidays")
    with Agents(**foundry.connection()) as objects:
        tools = [FileSearchTool(vector_stores=stores[1:])]
        made = objects.create("other", model="m", tools=tools, generation=generation)
    other = AgentClient(made.id, **foundry.connection())
    assert ["travel.md"] == [one.file_name for one in other.vector_stores.search("holidays")]


def test_a_search_is_tried_again(agents: Any, stores: list[str], foundry: Emulator) -> None:
    """It changes nothing."""
    foundry.faults.add(Fault("lost", method="POST", path="/search$"))
    assert 1 == len(agents.vector_stores.search("thirty", stores[:1]))


def test_an_unknown_store_is_named(agents: Any) -> None:
    """And what is no id never becomes a path."""
    with pytest.raises(NotFoundError, match="vector store 'vs_nothing' is unknown"):
        agents.vector_stores.search("x", ["vs_nothing"])
    with pytest.raises(InvalidRequestError):
        agents.vector_stores.search("x", ["../files"])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"query": " "}, "give words to search for"),
    ({"query": 7}, "give words to search for"),
    ({"query": "x", "max_results": 0}, "max_results=0 must be a number, 1 to 50"),
    ({"query": "x", "max_results": True}, "max_results=True must be a number"),
    ({"query": "x", "min_score": 2}, "min_score=2 must be a number, 0 to 1"),
]


@pytest.mark.parametrize(("given", "expected"), WRONG)
def test_what_is_no_search_is_refused(
    agents: Any, foundry: Emulator, given: dict[str, Any], expected: str
) -> None:
    """Before anything is sent."""
    before = len(foundry.requests)
    with pytest.raises(InvalidRequestError) as caught:
        agents.vector_stores.search(store_ids=["vs_1"], **given)
    assert expected in caught.value.message
    assert before == len(foundry.requests)
