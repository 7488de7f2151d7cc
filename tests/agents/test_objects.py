"""Agents are made, read, changed, kept and deleted, alike in both generations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azure_agents import Agent, AgentClient, Agents, CodeInterpreterTool, FileSearchTool
from azure_agents.emulator import Emulator
from azure_agents.errors import AgentNotFoundError, ConfigError, InvalidRequestError


def create(agents: Any, generation: str, **more: Any) -> Agent:
    """An agent called helper."""
    made: Agent = agents.create("helper", model="gpt-4o", generation=generation, **more)
    return made


def test_an_agent_is_what_was_said(agents: Any, generation: str) -> None:
    """And can be read again by its id."""
    told = {"instructions": "Be kind.", "description": "It helps.", "metadata": {"team": "a"}}
    made = create(agents, generation, **told, definition={"temperature": 0.2})
    found = agents.get(made.id)
    assert made == found
    assert told == {name: getattr(found, name) for name in told}
    assert ("helper", "gpt-4o", 0.2) == (found.name, found.model, found.definition["temperature"])
    assert generation == found.generation


def test_its_id_is_what_every_door_takes(agents: Any, generation: str, foundry: Emulator) -> None:
    """From nothing to an answer."""
    made = create(agents, generation)
    client = AgentClient(made.id, **foundry.connection())
    assert "Hello" in client.complete("Hello").text


def test_agents_are_listed(agents: Any, foundry: Emulator) -> None:
    """Both generations, or one."""
    v2, classic = create(agents, "v2"), create(agents, "classic")
    assert [v2, classic] == agents.list()
    assert [v2] == agents.list("v2")
    assert [classic] == agents.list("classic")


def test_more_agents_than_a_page_are_listed(agents: Any, foundry: Emulator) -> None:
    """The next pages are read, too."""
    for number in range(130):
        foundry.create_agent(f"agent-{number}")
    assert 130 == len(agents.list("v2"))


def test_a_change_keeps_the_rest(agents: Any, generation: str) -> None:
    """v2 has a new version; classic is changed in place."""
    made = create(agents, generation, instructions="Old.", metadata={"team": "a"})
    changed = agents.update(made, instructions="New.")
    assert ("New.", made.model, made.metadata) == (
        changed.instructions,
        changed.model,
        changed.metadata,
    )
    assert changed == agents.get("helper" if generation == "v2" else made.id)
    assert ("helper:2" if generation == "v2" else made.id) == changed.id


def test_a_version_is_made_only_if_something_differs(agents: Any) -> None:
    """The same words twice are one version; an older version is no place to go on from."""
    first = create(agents, "v2")
    assert ["helper:2"] * 2 == [agents.update(first, instructions="New.").id for _ in range(2)]
    assert ["helper:2", "helper:1"] == [one.id for one in agents.versions("helper")]
    assert "" == agents.update("helper", definition={"instructions": None}).instructions


def test_a_name_is_taken_once(agents: Any) -> None:
    """v2 agents are their names; classic ones may share them."""
    create(agents, "v2")
    with pytest.raises(InvalidRequestError, match="agent 'helper' exists, as 'helper:1'"):
        create(agents, "v2")
    assert create(agents, "classic").id != create(agents, "classic").id


def test_an_agent_is_deleted(agents: Any, generation: str) -> None:
    """With all its versions."""
    made = agents.update(create(agents, generation), instructions="New.")
    agents.delete("helper" if generation == "v2" else made)
    with pytest.raises(AgentNotFoundError):
        agents.get(made)
    with pytest.raises(AgentNotFoundError):
        agents.delete(made)
    assert [] == agents.list()


def test_one_version_is_deleted(agents: Any) -> None:
    """The others stay."""
    first = create(agents, "v2")
    second = agents.update(first, instructions="New.")
    agents.delete(first)
    assert [second] == agents.versions("helper")


def test_files_come_and_go_with_an_agent(
    agents: Any, generation: str, handbook: Path, foundry: Emulator
) -> None:
    """A path is uploaded and can be searched; all of it can be taken down again."""
    tools = [FileSearchTool([handbook], max_results=3), CodeInterpreterTool([str(handbook)])]
    made = create(agents, generation, tools=tools)
    assert (1, 1) == (len(made.vector_store_ids), len(made.file_ids))
    client = AgentClient(made.id, **foundry.connection())
    assert ["completed"] == [store.status for store in client.vector_stores.list()]
    assert 2 == len(client.files.list())
    agents.delete("helper" if generation == "v2" else made, and_files=True)
    assert ([], [], []) == (agents.list(), client.vector_stores.list(), client.files.list())


def test_files_of_older_versions_go_as_well(agents: Any, handbook: Path, foundry: Emulator) -> None:
    """A version that was replaced had files of its own."""
    create(agents, "v2", tools=[FileSearchTool([handbook])])
    agents.update("helper", tools=[FileSearchTool([handbook])])
    client = AgentClient("helper", **foundry.connection())
    assert 2 == len(client.vector_stores.list())
    agents.delete("helper", and_files=True)
    assert ([], []) == (client.vector_stores.list(), client.files.list())


def test_an_agent_is_kept_and_made_again(agents: Any, generation: str) -> None:
    """What `as_dict` gave makes it in another project; a second time nothing changes."""
    kept = create(agents, generation, instructions="Be kind.", metadata={"team": "a"}).as_dict()
    with Emulator() as elsewhere, Agents(**elsewhere.connection()) as others:
        first, second = others.apply(kept), others.apply(kept)
        assert kept == first.as_dict()
        assert first == second
        assert [first] == others.list()
        changed = {**kept, "definition": {**kept["definition"], "instructions": "Be brief."}}
        assert "Be brief." == others.apply(changed).instructions
        assert 1 == len(others.list())


def test_of_two_classic_agents_none_is_guessed(agents: Any) -> None:
    """The name does not say which one is meant."""
    kept = create(agents, "classic").as_dict()
    create(agents, "classic")
    with pytest.raises(InvalidRequestError, match="2 classic agents are called 'helper'"):
        agents.apply(kept)


REFUSED: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], str]] = {
    "no name": ("create", ("",), {"model": "m"}, "give the agent a name"),
    "a version": ("create", ("a:1",), {"model": "m"}, "the service numbers the versions itself"),
    "a bad name": ("create", ("a b",), {"model": "m"}, "cannot be the name of a v2 agent"),
    "an id": ("create", ("asst_1",), {"model": "m"}, "cannot be the name of a v2 agent"),
    "no model": ("create", ("a",), {"model": ""}, "name a deployment"),
    "a wrong generation": (
        "create",
        ("a",),
        {"model": "m", "generation": "v3"},
        "must be 'v2' or 'classic'",
    ),
    "instructions of a wrong kind": (
        "create",
        ("a",),
        {"model": "m", "instructions": 7},
        "instructions=7 must be a text",
    ),
    "one tool": ("create", ("a",), {"model": "m", "tools": {"type": "x"}}, "must be a list"),
    "no tool": ("create", ("a",), {"model": "m", "tools": [7]}, "has 7, which is no tool"),
    "a missing file": (
        "create",
        ("a",),
        {"model": "m", "tools": [FileSearchTool(["nowhere.md"])]},
        "there is no file",
    ),
    "two of a kind": (
        "create",
        ("a",),
        {"model": "m", "tools": [FileSearchTool(), FileSearchTool()]},
        "give one with all files",
    ),
    "no list of files": (
        "create",
        ("a",),
        {"model": "m", "tools": [FileSearchTool("a.md")]},
        "must be a list",
    ),
    "not an agent": ("get", (7,), {}, "7 is no agent"),
    "versions of a classic one": ("versions", ("asst_1",), {}, "which has no versions"),
    "a list of neither": ("list", ("v3",), {}, "must be 'v2', 'classic' or None"),
    "nothing kept": ("apply", ({"name": "a"},), {}, "give what as_dict() gave"),
    "a slip": (
        "apply",
        ({"name": "a", "definition": {"model": "m"}, "descripton": "x"},),
        {},
        "did you mean 'description'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_before_anything_is_sent(
    agents: Any, foundry: Emulator, case: str
) -> None:
    """With what to do instead."""
    method, args, options, expected = REFUSED[case]
    with pytest.raises(InvalidRequestError) as caught:
        getattr(agents, method)(*args, **options)
    assert expected in caught.value.message
    assert [] == list(foundry.requests)


def test_a_wrong_argument_is_named(foundry: Emulator) -> None:
    """What belongs to turns does not belong here."""
    with pytest.raises(TypeError, match="Agents has no argument 'threads'"):
        Agents(**foundry.connection(), threads="auto")
    with pytest.raises(ConfigError, match="no endpoint"):
        Agents(api_key="k")
