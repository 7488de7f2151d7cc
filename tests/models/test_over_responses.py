"""`completion` over the responses operation of the emulator: whole and streamed, sync and async."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from azure_agents.emulator import (
    Citation,
    Emulator,
    Failed,
    Fault,
    Incomplete,
    Parts,
    Reasoning,
    Refusal,
    Text,
    ToolCalls,
)
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    InvalidRequestError,
    RateLimitError,
    RunFailedError,
    ServerError,
    StreamInterruptedError,
)

from .responses import events, failed_once, joined, response, spoken, sse
from .test_chat import NoWaits, Service, streaming
from .test_emulated import HELLO, TOOLS, WAYS, ask, foundry, text_of

__all__ = ["foundry"]  # a fixture

DEPLOYED = {"model": "gpt-5-2025-08-07"}
MODEL = "azure/responses/gpt-5"


def message_of(answer: Any) -> Any:
    """The message of an answer, as a history takes it; a stream's as its chunks add up to it."""
    if isinstance(answer, list):
        return joined([chunk.model_dump() for chunk in answer])["choices"][0]["message"]
    return answer.choices[0].message


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", [None, "2025-04-01-preview"])
def test_a_deployment_answers(foundry: Emulator, way: str, version: str | None) -> None:
    """On either surface; nothing is kept on the server."""
    foundry.deploy("gpt-5", "Grüße aus Köln!", **DEPLOYED)
    assert "Grüße aus Köln!" == text_of(ask(foundry, way, MODEL, api_version=version))
    seen = foundry.requests[-1]
    assert "/openai/responses" == seen.path.replace("/v1", "")
    assert (False, ["reasoning.encrypted_content"]) == (seen.body["store"], seen.body["include"])
    assert HELLO[0]["content"] == foundry.seen[-1].last_user_text


@pytest.mark.parametrize("way", WAYS)
def test_a_conversation_with_tools_and_reasoning_comes_to_an_answer(
    foundry: Emulator, way: str
) -> None:
    """What chat refuses: tools beside an effort. The encrypted reasoning goes up again."""
    thinks = Reasoning("I look it up.", tokens=64)
    replies = [
        Parts(thinks, ToolCalls(("get_weather", {"city": "Paris"}, "call_1"))),
        "It is mild.",
    ]
    foundry.deploy("gpt-5", replies, **DEPLOYED)
    given = {"tools": TOOLS, "reasoning_effort": "low"}
    message = message_of(ask(foundry, way, MODEL, **given))
    assert "I look it up." == message["reasoning_content"]
    assert '{"city":"Paris"}' == message["tool_calls"][0]["function"]["arguments"]
    result = {"role": "tool", "tool_call_id": "call_1", "content": "18 C"}
    history = [*HELLO, message, result]
    assert "It is mild." == text_of(ask(foundry, way, MODEL, messages=history, **given))
    kinds = [item.get("type", item.get("role")) for item in foundry.requests[-1].body["input"]]
    assert ["user", "reasoning", "function_call", "function_call_output"] == kinds
    assert foundry.requests[-1].body["input"][1]["encrypted_content"].startswith("gAAAAAB")


@pytest.mark.parametrize("way", WAYS)
def test_refusals_citations_and_endings_are_told(foundry: Emulator, way: str) -> None:
    """In chat's words, whole or streamed."""
    cited = Text("See A.", citations=(Citation("url", 4, 5, url="https://a", title="A"),))
    replies = [Refusal("I may not."), cited, Incomplete("max_output_tokens", "Hal")]
    foundry.deploy("gpt-5", replies, **DEPLOYED)
    assert "I may not." == message_of(ask(foundry, way, MODEL))["refusal"]
    annotation = message_of(ask(foundry, way, MODEL))["annotations"][0]
    assert ("url_citation", "https://a") == (annotation["type"], annotation["url_citation"]["url"])
    answer = ask(foundry, way, MODEL)
    last = answer[-1] if isinstance(answer, list) else answer
    assert ("Hal", "length") == (text_of(answer), last.choices[0].finish_reason)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Failed("rate_limit_exceeded"), RateLimitError),
        (Failed("server_error"), ServerError),
        (Failed("invalid_prompt"), RunFailedError),
    ],
)
def test_failures_are_typed(foundry: Emulator, way: str, reply: Any, kind: type[Exception]) -> None:
    """The same error, streamed or not."""
    foundry.deploy("gpt-5", reply, **DEPLOYED)
    with pytest.raises(kind):
        ask(foundry, way, MODEL, max_retries=0)


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_that_passes_is_survived(foundry: Emulator, way: str) -> None:
    """Also if it comes with status 200, before any content."""
    foundry.deploy("gpt-5", [Failed("server_error"), "hi"], **DEPLOYED)
    foundry.faults.add(Fault("status_before", status=500, nth=2))
    assert "hi" == text_of(ask(foundry, way, MODEL))
    assert 3 == len(foundry.requests)


@pytest.mark.parametrize("way", ["sync stream", "async stream"])
def test_a_stream_that_is_cut_keeps_what_came(foundry: Emulator, way: str) -> None:
    """After every event: before the first content it is asked again, then it is an error."""
    foundry.deploy("gpt-5", "one two three", **DEPLOYED)
    ask(foundry, way, MODEL)
    parts = set()
    for cut in range(14):
        foundry.faults.add(Fault("cut", after_events=cut))
        try:
            assert "one two three" == text_of(ask(foundry, way, MODEL))
        except StreamInterruptedError as error:
            parts.add(error.partial_text)
        foundry.faults.clear()
    assert {"one", "one two", "one two three"} == parts


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """With the next step in the sentence."""
    foundry.deploy("gpt-5", "hi", **DEPLOYED)
    for given in ({"stop": "x"}, {"messages": []}, {"tools": "f"}, {"n": 2}, {"background": True}):
        with pytest.raises(InvalidRequestError):
            ask(foundry, way, MODEL, **given)
    assert [] == foundry.requests


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_parameter_that_the_model_refuses_is_left_out_if_asked(
    foundry: Emulator, way: str
) -> None:
    """Once more without it, aloud."""
    foundry.deploy("gpt-5", "hi", **DEPLOYED)
    with pytest.warns(UserWarning, match="temperature dropped"):
        answer = ask(foundry, way, MODEL, temperature=0.2, drop_params=True)
    assert "hi" == text_of(answer)


def test_a_stream_of_a_service_that_fails_at_once_is_asked_again() -> None:
    """Its first event is the failure."""
    found = events(response(spoken("Hi")))
    service = Service(streaming(sse(failed_once())), streaming(sse(found)))
    chunks = service.ask("azure/responses/gpt-5", stream=True, clock=NoWaits())
    assert "Hi" == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert 2 == len(service.requests)


def test_a_stream_without_its_end_is_an_error_with_its_part() -> None:
    """A clean end is not a finish."""
    found = events(response(spoken("Hi")))
    with pytest.raises(ConnectionLostError):
        list(Service(streaming(sse(found[:2]))).ask(MODEL, stream=True, max_retries=0))
    with pytest.raises(StreamInterruptedError) as caught:
        list(Service(streaming(sse(found[:-1]))).ask(MODEL, stream=True))
    assert "Hi" == caught.value.partial_text


def test_a_call_over_openais_own_surface_has_the_same_form() -> None:
    """What goes up is JSON of the responses operation and nothing else."""
    service = Service(httpx.Response(200, json=response(spoken("Hi"))))
    answer = service.ask(MODEL, max_tokens=9, extra_body={"novelty": 1})
    assert "Hi" == answer.choices[0].message.content
    assert {
        "model": "gpt-5",
        "input": HELLO,
        "max_output_tokens": 9,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "novelty": 1,
    } == json.loads(service.requests[0].content)


def test_an_answer_that_is_none_is_an_error() -> None:
    """A background response that somebody's gateway gave is not told as an answer."""
    service = Service(httpx.Response(200, json=response(status="queued")))
    with pytest.raises(AzureAgentsError, match="'queued'"):
        service.ask(MODEL, max_retries=0)


@pytest.mark.parametrize("way", WAYS)
def test_tools_beside_an_effort_are_refused_in_a_chat_and_taken_here(
    foundry: Emulator, way: str
) -> None:
    """The refusal of the chat names the prefix; what it asks for then works."""
    foundry.deploy("gpt-5.4", "hi", model="gpt-5.4-2026-03-05")
    given = {"tools": TOOLS, "reasoning_effort": "low"}
    with pytest.raises(BadRequestError, match="'azure/responses/<deployment>' carries a chat"):
        ask(foundry, way, "azure/gpt-5.4", **given)
    assert "hi" == text_of(ask(foundry, way, "azure/responses/gpt-5.4", **given))
    assert "hi" == text_of(ask(foundry, way, "azure/gpt-5.4", tools=TOOLS))


def test_a_model_that_does_not_reason_is_not_asked_for_reasoning(foundry: Emulator) -> None:
    """Unless an effort says that it does: the service refuses, and the error says what helps."""
    foundry.deploy("gpt-4o", "hi", model="gpt-4o-2024-08-06")
    assert "hi" == text_of(ask(foundry, "sync", "azure/responses/gpt-4o"))
    with pytest.raises(BadRequestError, match="pass base_model="):
        ask(foundry, "sync", "azure/responses/gpt-4o", reasoning_effort="low")
