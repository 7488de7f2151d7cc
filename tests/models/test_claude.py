"""Claude through `completion`, end to end over httpx: sync and async, whole and streamed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from azure_agents import acompletion, completion
from azure_agents.errors import (
    BadRequestError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)
from azure_agents.models.claude.blocks import to_message

from .claude import MODEL, WHERE, entries, events, message, recorded, sse, text, thought, use
from .test_chat import HELLO, NoWaits, Service, in_pieces, streaming

ANSWER = message(thought("hm"), text("Hällo"), use(x=1), stop="tool_use")


def ask(service: Service, *, is_async: bool, messages: Any = HELLO, **more: Any) -> Any:
    """One call by either function; the chunks of a stream as a list."""
    if not is_async:
        given = {**WHERE, "transport": httpx.MockTransport(service), **more}
        answer = completion(MODEL, messages, **given)
        return list(answer) if more.get("stream") else answer

    async def handle(request: httpx.Request) -> httpx.Response:
        answer = service(request)
        body = answer.read()

        async def pieces() -> Any:
            for piece in in_pieces(body):
                yield piece

        return httpx.Response(answer.status_code, content=pieces(), headers=answer.headers)

    async def run() -> Any:
        given = {**WHERE, "async_transport": httpx.MockTransport(handle), **more}
        answer: Any = await acompletion(MODEL, messages, **given)
        return [chunk async for chunk in answer] if more.get("stream") else answer

    return asyncio.run(run())


both = pytest.mark.parametrize("is_async", [False, True])


@both
def test_a_call_goes_to_the_messages_operation(*, is_async: bool) -> None:
    """With both key headers and the version that Anthropic's API wants."""
    service = Service(lambda _: httpx.Response(200, json=ANSWER, headers={"request-id": "req_1"}))
    answer = ask(service, is_async=is_async, max_tokens=5)
    request = service.requests[0]
    assert "https://r.services.ai.azure.com/anthropic/v1/messages" == str(request.url)
    assert ("a-key", "a-key", "2023-06-01") == tuple(
        request.headers[name] for name in ("x-api-key", "api-key", "anthropic-version")
    )
    hello = {"role": "user", "content": [text("Hello")]}
    assert [{"model": "claude-haiku-4-5", "max_tokens": 5, "messages": [hello]}] == service.bodies
    assert ("Hällo", "hm", "tool_calls") == (
        answer.choices[0].message.content,
        answer.choices[0].message.reasoning_content,
        answer.choices[0].finish_reason,
    )
    assert "req_1" == answer._hidden_params["headers"]["request-id"]


@both
def test_a_stream_goes_up_and_comes_back(*, is_async: bool) -> None:
    """Every chunk has a choice with a delta, but the usage that was asked for."""
    service = Service(lambda _: streaming(sse(events(ANSWER))))
    usage = {"include_usage": True}
    chunks = ask(service, is_async=is_async, stream=True, stream_options=usage)
    assert service.bodies[0]["stream"] is True
    assert "stream_options" not in service.bodies[0]
    told = [chunk.choices[0].delta.get("content") or "" for chunk in chunks[:-1]]
    assert "Hällo" == "".join(told)
    assert (3, 2) == (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens)


def test_a_header_of_the_caller_wins() -> None:
    """A version and betas are the caller's to choose."""
    service = Service(httpx.Response(200, json=ANSWER))
    ask(service, is_async=False, extra_headers={"anthropic-version": "2026-10-21"})
    assert "2026-10-21" == service.requests[0].headers["anthropic-version"]


@both
def test_an_answer_and_its_results_go_up_in_the_next_turn(*, is_async: bool) -> None:
    """The message object of an answer, or a message made of its parts."""
    service = Service(lambda _: httpx.Response(200, json=ANSWER))
    whole = ask(service, is_async=is_async).choices[0].message
    parts = {"role": "assistant", "content": whole.content, "tool_calls": whole.tool_calls}
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "1"}
    for answer, expected in ((whole, ANSWER["content"]), (parts, ANSWER["content"][1:])):
        ask(service, is_async=is_async, messages=[*HELLO, answer, result])
        assert expected == service.bodies[-1]["messages"][1]["content"]


@both
def test_an_overloaded_service_is_asked_again_unseen(*, is_async: bool) -> None:
    """Also where it says so in the first event of a 200."""
    busy = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    head = events(ANSWER)[:2]
    for data in (sse([busy]), sse([*head, busy])):
        service = Service(lambda _, d=data: streaming(d), lambda _: streaming(sse(events(ANSWER))))
        chunks = ask(service, is_async=is_async, stream=True, clock=NoWaits())
        assert 2 == len(service.requests)
        assert "Hällo" == "".join(chunk.choices[0].delta.get("content") or "" for chunk in chunks)


@both
def test_a_stream_that_breaks_after_content_is_an_error_that_keeps_the_part(
    *, is_async: bool
) -> None:
    """Nothing is asked twice once a caller has read of it."""
    found = events(message(text("Hällo")))
    broken = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    for data in (sse(found[:4]), sse([*found[:4], broken])):
        service = Service(lambda _, d=data: streaming(d))
        with pytest.raises(StreamInterruptedError) as caught:
            ask(service, is_async=is_async, stream=True, clock=NoWaits())
        assert ("Hä", 1) == (caught.value.partial_text, len(service.requests))


FAILURES = [
    (400, {"type": "error", "error": {"type": "invalid_request_error"}}, BadRequestError),
    (429, {"type": "error", "error": {"type": "rate_limit_error"}}, RateLimitError),
    (529, {"type": "error", "error": {"type": "overloaded_error"}}, ServerError),
    # A path that Azure does not have, in its own envelope.
    (404, {"error": {"code": "api_not_supported", "message": "not supported"}}, NotFoundError),
]


@pytest.mark.parametrize(("status", "body", "expected"), FAILURES)
def test_errors_are_typed_and_have_the_request_s_id(
    status: int, body: dict[str, Any], expected: type[Exception]
) -> None:
    """In Anthropic's envelope and in Azure's."""
    answer = httpx.Response(status, json=body, headers={"request-id": "req_1"})
    for streamed in (False, True):
        with pytest.raises(expected) as caught:
            ask(Service(answer), is_async=False, stream=streamed, max_retries=0)
        assert "req_1" == caught.value.request_id  # type: ignore[attr-defined]


def test_a_temperature_that_a_model_refuses_is_left_out_once_where_the_caller_allows_it() -> None:
    """Models from 4.7 on refuse it, whatever its value."""
    words = "`temperature` is deprecated for this model."
    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    answers = (httpx.Response(400, json=refusal), httpx.Response(200, json=ANSWER))
    service = Service(*answers)
    with pytest.warns(UserWarning, match="temperature dropped"):
        ask(service, is_async=False, temperature=1, drop_params=True, max_retries=0)
    assert [True, False] == ["temperature" in body for body in service.bodies]
    with pytest.raises(BadRequestError, match="deprecated"):
        ask(Service(answers[0]), is_async=False, temperature=1)


def test_bad_input_is_refused_before_anything_is_sent() -> None:
    """Streamed too: a caller hears of it at the call."""
    service = Service(httpx.Response(200, json=ANSWER))
    for wrong in ({"max_tokens": -1}, {"seed": 1}, {"thread_id": "t"}, {"messages": []}):
        for streamed in (False, True):
            given = {**WHERE, "transport": httpx.MockTransport(service), "messages": HELLO}
            with pytest.raises(InvalidRequestError):
                completion(MODEL, stream=streamed, **{**given, **wrong})
    assert [] == service.requests


def chat(body: dict[str, Any]) -> dict[str, Any]:
    """A recorded request as a caller of OpenAI's format would have written it."""
    fields = {k: v for k, v in body.items() if k not in ("model", "messages", "tools", "stream")}
    if "tools" in body:
        fields["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool["name"],
                    "description": tool["description"],
                    "parameters": tool["input_schema"],
                },
            }
            for tool in body["tools"]
        ]
    return {**fields, "messages": [one for turn in body["messages"] for one in _messages(turn)]}


def _messages(turn: dict[str, Any]) -> list[dict[str, Any]]:
    results = [
        {"role": "tool", "tool_call_id": block["tool_use_id"], "content": block["content"]}
        for block in turn["content"]
        if block["type"] == "tool_result"
    ]
    if results:
        return results
    if turn["role"] == "user":
        return [turn]
    return [to_message(turn["content"])]


RECORDED = [
    "messages_plain",
    "messages_parallel_tools",
    "messages_thinking",
    "messages_tool_stream",
]


@recorded
@pytest.mark.parametrize("name", RECORDED)
def test_recorded_calls_go_up_and_come_back_exactly(name: str) -> None:
    """Each body that was recorded goes up again, and its answer is a chat completion."""
    for entry in entries(name):
        expected, answer = entry["request"]["body"], entry["response"]
        if "sse" in answer:
            service = Service(lambda _, a=answer: streaming(a["sse"].encode()))
        else:
            service = Service(httpx.Response(200, json=answer["body"]))
        given = chat(expected)
        got = ask(service, is_async=False, stream=expected["stream"], **given)
        sent = {"stream": False, **service.bodies[0], "model": expected["model"]}
        assert expected == sent
        if "body" in answer:
            assert to_message(answer["body"]["content"]) == got.choices[0].message
            used = answer["body"]["usage"]
            assert (used["input_tokens"], used["output_tokens"]) == (
                got.usage.prompt_tokens,
                got.usage.completion_tokens,
            )


@recorded
def test_a_recorded_error_is_typed() -> None:
    """A prompt that is too long is told with the service's own numbers."""
    answer = entries("error_400_prompt_too_long")[0]["response"]
    service = Service(httpx.Response(answer["status"], json=answer["body"]))
    with pytest.raises(BadRequestError, match="3333404 tokens > 200000 maximum"):
        ask(service, is_async=False)
    assert 1 == len(service.requests)


@pytest.mark.parametrize("is_told", [True, False])
def test_a_stream_that_tells_no_tokens_has_no_usage(is_told: bool) -> None:
    """Not one of 0 tokens, which would be priced as 0."""
    found = events(message(text("Hi")))
    for event in found if not is_told else ():
        event.pop("usage", None)
        event.get("message", {}).pop("usage", None)
    kind = {"content-type": "text/event-stream"}
    network = httpx.MockTransport(lambda _: httpx.Response(200, headers=kind, content=sse(found)))
    given = {"api_base": "https://r.services.ai.azure.com", "api_key": "k", "transport": network}
    chunks = completion(
        "azure_ai/claude-sonnet-4-5",
        [{"role": "user", "content": "Hello"}],
        stream=True,
        stream_options={"include_usage": True},
        **given,
    )
    assert ([True] if is_told else []) == [True for one in chunks if one.usage]
