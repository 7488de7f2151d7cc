"""`text_completion`: on the emulator, and streams that are cut at every place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_agents.emulator import Emulator, Failed, Fault
from azure_agents.errors import (
    AzureAgentsError,
    ConfigError,
    ConnectionLostError,
    InvalidRequestError,
    StreamInterruptedError,
)

from .cuts import check_every_cut
from .wire import WAYS, Service, ask, call, sse, streaming

SURFACES = [None, "2024-10-21"]
# As chats are recorded: the first chunk has no choices, the usage comes last.
CHUNKS: list[dict[str, Any]] = [
    {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
    {"id": "c", "choices": [{"index": 0, "text": "Hé", "finish_reason": None}]},
    {"id": "c", "choices": [{"index": 0, "text": "llo", "finish_reason": None}]},
    {"id": "c", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]},
    {"id": "c", "choices": [], "usage": {"total_tokens": 3}},
]
DONE = b"data: [DONE]\n\n"


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a deployment of an instruct model."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("inst", "one two three", model="gpt-35-turbo-instruct")
        yield emulator


def complete(foundry: Emulator, way: str, **more: Any) -> Any:
    """One call; of a stream the list of its chunks."""
    given = {"model": "azure_text/inst", "prompt": "Count:", **foundry.deployment_connection()}
    return call(way, "text_completion", **{**given, **more})


def text_of(answer: Any) -> str:
    """What an answer says, whole or in chunks."""
    chunks = answer if isinstance(answer, list) else [answer]
    return "".join(one.choices[0].text for one in chunks if one.choices)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["azure_text/inst", "azure/inst"])
def test_a_prompt_is_continued(
    foundry: Emulator, way: str, version: str | None, model: str, *, stream: bool
) -> None:
    """On either surface, whole and in chunks; limits stand beside both."""
    answer = complete(foundry, way, model=model, api_version=version, stream=stream, n=1)
    assert "one two three" == text_of(answer)
    place = "v1" if version is None else "deployments/inst"
    assert f"/openai/{place}/completions" == foundry.requests[-1].path
    first = answer[0] if stream else answer
    assert "inst" == first._hidden_params["headers"]["x-ms-deployment-name"]


@pytest.mark.parametrize("way", WAYS)
def test_the_usage_of_a_stream_comes_where_it_is_asked_for(foundry: Emulator, way: str) -> None:
    """In a chunk of its own, the last one."""
    options = {"include_usage": True}
    chunks = complete(foundry, way, stream=True, stream_options=options)
    assert [[], 1] == [chunks[-1].choices, sum("usage" in chunk for chunk in chunks)]
    assert chunks[-1].usage.total_tokens > 0
    assert all(chunk.choices for chunk in complete(foundry, way, stream=True))


@pytest.mark.parametrize("way", WAYS)
def test_several_prompts_have_a_choice_each(foundry: Emulator, way: str) -> None:
    """Also in a stream, where the index tells them apart."""
    prompts = ["a", "b"]
    whole = complete(foundry, way, prompt=prompts)
    assert [0, 1] == [choice.index for choice in whole.choices]
    chunks = complete(foundry, way, prompt=prompts, stream=True)
    assert {0, 1} == {chunk.choices[0].index for chunk in chunks}


def test_a_stream_is_whole_when_every_choice_is() -> None:
    """The finish of the first choice does not end the second."""
    both = [
        {**chunk, "choices": [{**one, "index": 1} for one in chunk["choices"]]} for chunk in CHUNKS
    ]
    data = sse([*CHUNKS[1:3], both[1], CHUNKS[3]])
    with pytest.raises(StreamInterruptedError) as caught:
        ask(
            "sync",
            "text_completion",
            Service(streaming(data)),
            model="azure_text/x",
            prompt="p",
            stream=True,
        )
    assert "HélloHé" == caught.value.partial_text


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_cut_anywhere_ends_in_one_way(way: str) -> None:
    """Whole, or with an error that has the part."""
    data = sse(CHUNKS, DONE)
    whole = len(sse(CHUNKS[:4]))
    given = {"model": "azure_text/x", "prompt": "p"}
    check_every_cut(way, "text_completion", data, whole, lambda one: one.choices[0].text, **given)


@pytest.mark.parametrize("way", WAYS)
def test_what_fails_before_the_first_content_is_made_again(way: str) -> None:
    """An error as the first event of a 200 is that error."""
    broken = sse([CHUNKS[0], {"error": {"message": "overloaded", "code": "server_error"}}])
    service = Service(streaming(broken), streaming(sse(CHUNKS, DONE)))
    chunks = ask(way, "text_completion", service, model="azure_text/x", prompt="p", stream=True)
    assert ("Héllo", 2) == (text_of(chunks), len(service.requests))
    again = Service(streaming(broken))
    with pytest.raises(AzureAgentsError, match="overloaded"):
        ask(way, "text_completion", again, model="azure_text/x", prompt="p", stream=True)
    empty = Service(streaming(DONE))
    with pytest.raises(ConnectionLostError, match="without a finish reason"):
        ask(way, "text_completion", empty, model="azure_text/x", prompt="p", stream=True)


@pytest.mark.parametrize("way", WAYS)
def test_failures_are_typed_and_faults_survived(foundry: Emulator, way: str) -> None:
    """As in `completion`, streamed or not."""
    foundry.faults.add(Fault("reset_before"), Fault("status_before", status=500, nth=2))
    assert "one two three" == text_of(complete(foundry, way, max_retries=3))
    foundry.deploy("bad", Failed("server_error"), model="gpt-35-turbo-instruct")
    for stream in (False, True):
        with pytest.raises(AzureAgentsError) as caught:
            complete(foundry, way, model="azure_text/bad", stream=stream, max_retries=0)
        assert caught.value.request_id


BAD: list[tuple[dict[str, Any], type[AzureAgentsError], str]] = [
    ({"prompt": None}, InvalidRequestError, "prompt must be a text or a list"),
    ({"prompt": []}, InvalidRequestError, "prompt is empty"),
    ({"prompt": [{}]}, InvalidRequestError, r"prompt\[0\] must be a text or tokens"),
    ({"model": None}, ConfigError, "text_completion is asked of a deployment"),
    ({"model": "inst"}, ConfigError, "azure/<deployment>"),
    ({"stream_options": "usage"}, InvalidRequestError, "stream_options must be a dictionary"),
    ({"extra_body": {"a": object()}}, InvalidRequestError, "cannot be sent as JSON"),
    ({"api_version": "tomorrow"}, ConfigError, "api_version"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for bad, kind, said in BAD:
        with pytest.raises(kind, match=said):
            complete(foundry, way, **bad)
    assert [] == foundry.requests
