"""Content filters of deployments: blocklists, and the asynchronous filter behind a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from deployment_wire import Resource

LISTS = {"NoFruit": ["Banana", "kiwi"]}
FOUND = {"details": [{"filtered": True, "id": "NoFruit"}], "filtered": True}
NOTHING = {"filtered": False}


def results_of(choice: dict[str, Any]) -> Any:
    """What the blocklists of a deployment say of an answer."""
    return choice["content_filter_results"]["custom_blocklists"]


def test_a_word_of_a_blocklist_filters_the_answer(resource: Resource) -> None:
    """The answer has no content, as recorded, and a stream sends none of it."""
    resource.foundry.deploy("dep", "A BANANA is yellow.", blocklists=LISTS)
    choice = resource.chat().json()["choices"][0]
    assert ("content_filter", FOUND) == (choice["finish_reason"], results_of(choice))
    assert "content" not in choice["message"]
    role, finish = (chunk["choices"][0] for chunk in resource.chunks()[1:-1])
    assert "" == role["delta"]["content"]
    assert ("content_filter", FOUND) == (finish["finish_reason"], results_of(finish))


def test_a_blocklist_that_finds_nothing_says_so(resource: Resource) -> None:
    """Of the prompt and of the answer."""
    resource.foundry.deploy("dep", "An apple is red.", blocklists=LISTS)
    answer = resource.chat().json()
    prompt = answer["prompt_filter_results"][0]["content_filter_results"]
    assert NOTHING == prompt["custom_blocklists"] == results_of(answer["choices"][0])


def test_a_word_of_a_blocklist_refuses_the_prompt(resource: Resource) -> None:
    """With the id of the list, and nothing is asked."""
    resource.foundry.deploy("dep", "ok", blocklists=LISTS)
    error = resource.error(messages=[{"role": "user", "content": "Kiwi?"}])
    assert FOUND == error["innererror"]["content_filter_result"]["custom_blocklists"]
    assert [] == resource.foundry.seen


@pytest.mark.parametrize("asked", [1, 2])
def test_the_asynchronous_filter_speaks_behind_the_end(resource: Resource, asked: int) -> None:
    """Two chunks for each choice, without delta and id; the text was sent all the same."""
    said = "A banana is yellow."
    resource.foundry.deploy("dep", said, async_filter=True, blocklists=LISTS)
    chunks = resource.chunks(n=asked, stream_options={"include_usage": True})
    late = [chunk for chunk in chunks[1:-2] if "delta" not in chunk["choices"][0]]
    told = [chunk["choices"][0] for chunk in chunks[1:-2] if chunk not in late]
    assert said * asked == "".join(choice["delta"].get("content") or "" for choice in told)
    assert {"stop", None} == {choice["finish_reason"] for choice in told}
    assert not [choice for choice in told if "content_filter_results" in choice]
    assert chunks[-2 - 2 * asked : -2] == late
    assert FOUND == results_of(late[0]["choices"][0])
    offsets = late[0]["choices"][0]["content_filter_offsets"]
    assert len(said) == offsets["end_offset"] - offsets["start_offset"]
    assert {""} == {chunk["id"] for chunk in late}


def test_a_whole_answer_is_filtered_at_once(resource: Resource) -> None:
    """Also where the asynchronous filter is on: recorded."""
    resource.foundry.deploy("dep", "A banana.", async_filter=True, blocklists=LISTS)
    assert "content_filter" == resource.chat().json()["choices"][0]["finish_reason"]
