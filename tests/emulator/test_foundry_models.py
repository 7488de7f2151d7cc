"""Models of Foundry that are not OpenAI's, on both places where they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from deployment_wire import V1, WEATHER

from azure_agents.emulator import Failed, Reasoning, ToolCalls

if TYPE_CHECKING:
    from deployment_wire import Resource

MODELS = "/models/chat/completions?api-version=2024-05-01-preview"
both = pytest.mark.parametrize("path", [MODELS, V1])
CALLED = ToolCalls(("get_weather", {"city": "Paris"}), ("get_weather", {}, "call_2"))


def deploy(resource: Resource, reply: Any) -> None:
    """Deploy Grok, which was recorded."""
    resource.foundry.deploy("dep", reply, model="grok-4-1-fast-non-reasoning")


@both
def test_calls_come_whole(resource: Resource, path: str) -> None:
    """All in one delta of a stream, with an index also in whole answers."""
    deploy(resource, CALLED)
    whole = resource.chat(path, tools=[WEATHER]).json()["choices"][0]["message"]["tool_calls"]
    chunks = resource.chunks(path, tools=[WEATHER])
    delta = chunks[0]["choices"][0]["delta"]
    assert ("assistant", 2) == (delta["role"], len(delta["tool_calls"]))
    for calls in (whole, delta["tool_calls"]):
        assert [0, 1] == [call["index"] for call in calls]
        assert '{"city":"Paris"}' == calls[0]["function"]["arguments"]
    assert "tool_calls" == chunks[1]["choices"][0]["finish_reason"]


@both
def test_a_text_is_streamed_without_filters(resource: Resource, path: str) -> None:
    """No first chunk without choices, and a usage that has more to tell."""
    deploy(resource, "Hello there!")
    chunks = resource.chunks(path, stream_options={"include_usage": True})
    told = [chunk["choices"][0] for chunk in chunks[:-2]]
    assert "assistant" == told[0]["delta"]["role"]
    assert "Hello there!" == "".join(choice["delta"].get("content") or "" for choice in told)
    assert [] == [choice for choice in told if "content_filter_results" in choice]
    assert 0 == chunks[-2]["usage"]["num_sources_used"]
    answer = resource.chat(path).json()
    assert ("Hello there!", None) == (
        answer["choices"][0]["message"]["content"],
        answer["prompt_filter_results"],
    )


def test_an_answer_without_anything_still_begins_and_ends(resource: Resource) -> None:
    """Reasoning alone has no delta."""
    deploy(resource, Reasoning(tokens=3))
    first, last, done = resource.chunks()
    assert {"role": "assistant", "content": ""} == first["choices"][0]["delta"]
    assert ("stop", "[DONE]") == (last["choices"][0]["finish_reason"], done)


def test_a_stream_that_fails_says_so(resource: Resource) -> None:
    """In an event, behind what it said."""
    deploy(resource, Failed("server_error", "Too hot.", text="so far"))
    assert "Too hot." == resource.chunks()[-1]["error"]["message"]


def test_images_cost_tokens(resource: Resource) -> None:
    """And filters are named without results, as recorded."""
    deploy(resource, "A jackal.")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    answer = resource.chat(messages=[{"role": "user", "content": [image]}]).json()
    assert 256 == answer["usage"]["prompt_tokens_details"]["image_tokens"]
    assert {} == answer["choices"][0]["content_filter_results"]


def test_the_place_of_models_wants_a_version(resource: Resource) -> None:
    """As the dated surface does."""
    assert 404 == resource.chat("/models/chat/completions").status_code


def test_vectors_are_there_as_well(resource: Resource) -> None:
    """The other operation of that place."""
    resource.foundry.deploy("emb", model="cohere-embed-v3")
    path = "/models/embeddings?api-version=2024-05-01-preview"
    answer = resource.post(path, {"model": "emb", "input": ["a"]})
    assert 1 == len(answer.json()["data"])
