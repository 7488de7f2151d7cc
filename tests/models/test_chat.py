"""`completion` for deployments, end to end over httpx: what goes up, what comes back."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from azure_agents import acompletion, completion
from azure_agents.errors import (
    AuthenticationError,
    AzureAgentsError,
    ConnectionLostError,
    ContentFilteredError,
    InvalidRequestError,
    RateLimitError,
    StreamInterruptedError,
)

HELLO = [{"role": "user", "content": "Hello"}]
WHERE = {"api_base": "https://r.openai.azure.com", "api_key": "a-key"}
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    "novelty": {"of": "tomorrow"},
}
# As recorded: the first chunk has no choices, annotations come behind the finish, the usage last.
CHUNKS: list[dict[str, Any]] = [
    {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
    {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hé"}, "finish_reason": None}]},
    {"id": "c", "choices": [{"index": 0, "delta": {"content": "llo"}, "finish_reason": None}]},
    {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "", "choices": [{"index": 0, "content_filter_results": {}, "finish_reason": None}]},
    {"id": "c", "choices": [], "usage": {"total_tokens": 3}},
]
Handler = Callable[[httpx.Request], httpx.Response]


def sse(chunks: list[dict[str, Any]], end: bytes = b"data: [DONE]\n\n") -> bytes:
    """Chunks as the service sends them."""
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + end


def in_pieces(data: bytes, size: int = 7) -> Iterator[bytes]:
    """Pieces that cut through lines and characters."""
    return (data[start : start + size] for start in range(0, len(data), size))


def streaming(data: bytes) -> httpx.Response:
    """A stream; the body is made anew for each answer."""
    return httpx.Response(
        200, content=in_pieces(data), headers={"content-type": "text/event-stream"}
    )


class Service:
    """Answers in turn, and keeps what it was sent."""

    def __init__(self, *answers: Handler | httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, httpx.Response) else answer(request)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What went up."""
        return [json.loads(request.content) for request in self.requests]

    def ask(self, model: str = "azure/dep", **more: Any) -> Any:
        """One call."""
        transport = httpx.MockTransport(self)
        given: dict[str, Any] = {"messages": HELLO, **WHERE, "transport": transport, **more}
        return completion(model, **given)


class NoWaits:
    """A clock that counts waits and does not wait."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def time(self) -> float:
        return sum(self.waited)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    async def asleep(self, seconds: float) -> None:
        self.waited.append(seconds)


def test_an_answer_is_attributes_and_items_with_unknown_fields_kept() -> None:
    """What the service adds tomorrow is there tomorrow."""
    service = Service(httpx.Response(200, json=ANSWER, headers={"x-request-id": "r-1"}))
    answer = service.ask(api_version="2024-10-21", seed=7)
    assert "Hi" == answer.choices[0].message.content == answer["choices"][0]["message"]["content"]
    assert "tomorrow" == answer.novelty.of
    assert ANSWER == answer.model_dump() == dict(answer.items())
    assert "r-1" == answer._hidden_params["headers"]["x-request-id"]
    assert "/openai/deployments/dep/chat/completions" == service.requests[0].url.path
    assert [{"model": "dep", "messages": HELLO, "seed": 7}] == service.bodies


def test_what_a_chat_may_leave_out_is_none_as_an_attribute() -> None:
    """People write ``if message.tool_calls``; as an item it is missing, as it was on the wire."""
    message = Service(httpx.Response(200, json=ANSWER)).ask().choices[0].message
    assert (None, None, None) == (message.tool_calls, message.refusal, message.get("tool_calls"))
    assert {"role", "content"} == message.keys()
    with pytest.raises(AttributeError, match="no field 'contnet'; its fields: role, content"):
        _ = message.contnet


def test_a_message_of_an_answer_goes_up_again_as_it_came() -> None:
    """Histories are made of dictionaries and of earlier answers."""
    service = Service(httpx.Response(200, json=ANSWER))
    message = service.ask().choices[0].message
    given = {**WHERE, "transport": httpx.MockTransport(service)}
    completion("azure/dep", [*HELLO, message, *HELLO], **given)
    assert {"role": "assistant", "content": "Hi"} == service.bodies[-1]["messages"][1]


def read(service: Service, *, is_async: bool, **more: Any) -> list[Any]:
    """The chunks of a stream, by either function."""
    if not is_async:
        return list(service.ask(stream=True, **more))

    async def run() -> list[Any]:
        given = {**WHERE, "async_transport": httpx.MockTransport(handle), **more}
        stream: Any = await acompletion("azure/dep", HELLO, stream=True, **given)
        return [chunk async for chunk in stream]

    async def handle(request: httpx.Request) -> httpx.Response:
        answer = service(request)
        body = answer.read()

        async def pieces() -> Any:
            for piece in in_pieces(body):
                yield piece

        return httpx.Response(answer.status_code, content=pieces(), headers=answer.headers)

    return asyncio.run(run())


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("with_usage", [False, True])
def test_every_chunk_has_a_choice_with_a_delta(*, is_async: bool, with_usage: bool) -> None:
    """People write ``chunk.choices[0].delta.content``; only the usage asked for has no choice."""
    more = {"stream_options": {"include_usage": True}} if with_usage else {}
    chunks = read(Service(lambda _: streaming(sse(CHUNKS))), is_async=is_async, **more)
    told = chunks[:-1] if with_usage else chunks
    assert "Héllo" == "".join(chunk.choices[0].delta.get("content") or "" for chunk in told)
    assert [{"prompt_index": 0}] == chunks[0]["prompt_filter_results"]
    assert ["stop"] == [
        c.choices[0].get("finish_reason") for c in told if c.choices[0].get("finish_reason")
    ]
    assert with_usage == (chunks[-1].get("usage") is not None and not chunks[-1].choices)


FAILURES = [
    (httpx.Response(429, json={"error": {"code": "429"}}, headers={"retry-after-ms": "1500"}), 1.5),
    (httpx.Response(500, text="<html>oops</html>"), None),
    (httpx.Response(503), None),
    (httpx.Response(408), None),
    (httpx.Response(409), None),
]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_what_may_pass_is_tried_again(*, is_streamed: bool) -> None:
    """As patiently as the service asks, and never more often than `max_retries`."""
    for failure, least in FAILURES:
        clock = NoWaits()
        good = streaming(sse(CHUNKS)) if is_streamed else httpx.Response(200, json=ANSWER)
        service = Service(failure, good)
        answer = service.ask(stream=is_streamed, clock=clock)
        assert list(answer)
        assert 2 == len(service.requests), failure
        assert (least or 0) <= clock.waited[0]


def test_max_retries_counts_further_requests() -> None:
    """``max_retries=n`` is n + 1 requests in all."""
    for retries in (0, 1, 3):
        service = Service(lambda _: httpx.Response(429, json={"error": {"message": "slow down"}}))
        with pytest.raises(RateLimitError):
            service.ask(max_retries=retries, clock=NoWaits())
        assert retries + 1 == len(service.requests)


def test_a_failure_before_the_first_content_is_tried_again_unseen() -> None:
    """An error as the first event of a 200 is that error; the caller gets one stream."""
    broken = sse([CHUNKS[0], {"error": {"message": "overloaded", "code": "server_error"}}], b"")
    service = Service(lambda _: streaming(broken), lambda _: streaming(sse(CHUNKS)))
    chunks = list(service.ask(stream=True, clock=NoWaits()))
    assert 2 == len(service.requests)
    assert "Héllo" == "".join(chunk.choices[0].delta.get("content") or "" for chunk in chunks)


def test_a_stream_cut_after_content_is_an_error_that_keeps_the_part() -> None:
    """Nothing is asked twice once a caller has read of it."""
    service = Service(lambda _: streaming(sse(CHUNKS[:3], b"")))
    seen = []
    with pytest.raises(StreamInterruptedError) as caught:
        seen.extend(service.ask(stream=True, clock=NoWaits()))
    assert "Hé" == caught.value.partial_text
    assert 1 == len(service.requests)


def test_a_stream_that_never_says_anything_is_an_error() -> None:
    """A clean end without a finish is no answer."""
    service = Service(lambda _: streaming(b"data: [DONE]\n\n"))
    with pytest.raises(ConnectionLostError, match="without a finish reason"):
        list(service.ask(stream=True, max_retries=0))


def test_a_filtered_prompt_is_an_error_with_its_filters() -> None:
    """As recorded of the service."""
    results = {"violence": {"filtered": True, "severity": "medium"}}
    body = {
        "error": {
            "message": "The response was filtered",
            "param": "prompt",
            "code": "content_filter",
            "innererror": {"content_filter_result": results},
        }
    }
    with pytest.raises(ContentFilteredError) as caught:
        Service(httpx.Response(400, json=body)).ask()
    assert results == caught.value.content_filter


def test_reasoning_models_get_the_names_that_they_take() -> None:
    """``max_tokens`` is renamed; what an o-series refuses is refused before anything is sent."""
    service = Service(httpx.Response(200, json=ANSWER))
    for model in ("azure/o3-mini", "azure/my-gpt-5", "azure/gpt5_series/x"):
        service.ask(model, max_tokens=5)
        assert 5 == service.bodies[-1]["max_completion_tokens"]
    sent = len(service.requests)
    with pytest.raises(InvalidRequestError, match="temperature"):
        service.ask("azure/o3-mini", temperature=0.2)
    assert sent == len(service.requests)
    with pytest.warns(UserWarning, match="temperature dropped"):
        service.ask("azure/o3-mini", temperature=0.2, drop_params=True)
    assert "temperature" not in service.bodies[-1]


def test_a_refused_parameter_is_left_out_once_where_the_caller_allows_it() -> None:
    """Which gpt-5 takes a temperature changes by the month: the service's word counts."""
    refusal = {"error": {"code": "unsupported_value", "param": "temperature", "message": "no"}}
    service = Service(
        lambda _: httpx.Response(400, json=refusal), lambda _: httpx.Response(200, json=ANSWER)
    )
    with pytest.warns(UserWarning, match="temperature dropped"):
        service.ask("azure/gpt-5-mini", temperature=0.2, drop_params=True, max_retries=0)
    assert [True, False] == ["temperature" in body for body in service.bodies]


def test_a_redirect_is_not_followed_with_a_credential() -> None:
    """A key goes to its own origin only."""
    service = Service(httpx.Response(307, headers={"location": "https://evil.example/x"}))
    with pytest.raises(Exception, match="redirect"):
        service.ask(max_retries=0)
    assert ["r.openai.azure.com"] == [request.url.host for request in service.requests]


def test_what_only_agents_have_is_refused_before_anything_is_sent() -> None:
    """A thread id that went up as a field of the body would be a conversation that never was."""
    service = Service(httpx.Response(200, json=ANSWER))
    with pytest.raises(InvalidRequestError, match="thread_id= is for agents"):
        service.ask(thread_id="thread_1")
    assert [] == service.requests


REFUSALS = [
    (
        "The chatCompletion operation does not work with the specified model, gpt-5-codex.",
        "'azure/responses/<deployment>' carries a chat over the responses operation; a model that",
    ),
    (
        "The completion operation does not work with the specified model, gpt-35-turbo.",
        "a chat model is 'azure/<deployment>'",
    ),
    (
        "Function tools with reasoning_effort are not supported for x in /v1/chat/completions.",
        "'azure/responses/<deployment>' carries a chat",
    ),
    (
        "This model is only supported in v1/responses and not in v1/chat/completions.",
        "'azure/responses/<deployment>' carries a chat",
    ),
    ("Encrypted content is not supported with this model.", "pass base_model="),
    (
        "The encrypted content could not be verified. Reason: it could not be decrypted.",
        "leave provider_specific_fields out",
    ),
]


@pytest.mark.parametrize(("sentence", "hint"), REFUSALS)
@pytest.mark.parametrize("status", [400, 404])
def test_a_refusal_of_the_operation_names_the_prefix_that_serves_it(
    sentence: str, hint: str, status: int
) -> None:
    """In the service's words, as they are quoted in public issues."""
    error = {"message": sentence, "code": "OperationNotSupported"}
    with pytest.raises(AzureAgentsError, match=f"{re.escape(sentence)} - .*{re.escape(hint)}"):
        Service(httpx.Response(status, json={"error": error})).ask()


def test_an_error_under_200_has_the_advice_of_its_service() -> None:
    """OpenAI knows no scopes of Entra ID."""
    told = {"error": {"code": "401", "message": "no such key"}}
    network = httpx.MockTransport(lambda _: httpx.Response(200, json=told))
    with pytest.raises(AuthenticationError, match="no such key") as caught:
        completion("openai/gpt-4o", HELLO, api_key="sk-a", transport=network)
    assert "cognitiveservices" not in str(caught.value)
