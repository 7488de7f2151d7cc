"""anthropic's client for Claude in Foundry, sync and async."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import anthropic
from oracle import ENDPOINT, STRICT, check, raises, run

BASE = f"{ENDPOINT.partition('/api/projects/')[0]}/anthropic"
ASKED: dict[str, Any] = {"model": "claude", "max_tokens": 2000}
TOOLS = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}]
THINKING = {"type": "enabled", "budget_tokens": 1024}


def client_of(*, is_async: bool) -> Any:
    """A client; a strict one raises where an answer is not of the SDK's own types."""
    made = anthropic.AsyncAnthropicFoundry if is_async else anthropic.AnthropicFoundry
    return made(base_url=BASE, api_key="any", max_retries=0, _strict_response_validation=STRICT)


def said(text: str) -> list[dict[str, Any]]:
    """What the user says."""
    return [{"role": "user", "content": text}]


class Asker:
    """Calls methods of the client, and waits for what an async one gives."""

    def __init__(self, *, is_async: bool) -> None:
        self.is_async = is_async

    def __call__(self, method: str = "create", **fields: Any) -> Any:
        """What a method of messages gives; of a stream its events."""
        if self.is_async:
            return asyncio.run(self._awaited(method, fields))
        with client_of(is_async=False) as client:
            answer = getattr(client.messages, method)(**fields)
            return list(answer) if fields.get("stream") else answer

    async def _awaited(self, method: str, fields: dict[str, Any]) -> Any:
        async with client_of(is_async=True) as client:
            answer = await getattr(client.messages, method)(**fields)
            return [one async for one in answer] if fields.get("stream") else answer

    def final(self, **fields: Any) -> tuple[str, Any]:
        """Text and message of the helper for streams."""
        if self.is_async:
            return asyncio.run(self._final(fields))
        with client_of(is_async=False) as client, client.messages.stream(**fields) as stream:
            return "".join(stream.text_stream), stream.get_final_message()

    async def _final(self, fields: dict[str, Any]) -> tuple[str, Any]:
        async with client_of(is_async=True) as client, client.messages.stream(**fields) as stream:
            text = "".join([one async for one in stream.text_stream])
            return text, await stream.get_final_message()


def each(function: Callable[[Asker], None]) -> Callable[[], None]:
    """A check that is made sync and async."""

    def made() -> None:
        for is_async in (False, True):
            function(Asker(is_async=is_async))

    made.__name__, made.__doc__ = function.__name__, function.__doc__
    assert not inspect.iscoroutinefunction(function)
    return check(made)


@each
def a_message(ask: Asker) -> None:
    """Whole, with a system prompt, and its usage."""
    answer = ask(messages=said("Hello"), system="Be brief.", **ASKED)
    assert ("Hello there!", "end_turn") == (answer.content[0].text, answer.stop_reason)
    assert answer.usage.output_tokens > 0
    assert answer._request_id.startswith("req_")


@each
def a_stream(ask: Asker) -> None:
    """Its events, and the helper that puts them together."""
    events = ask(messages=said("Hello"), stream=True, **ASKED)
    kinds = [event.type for event in events]
    assert ("message_start", "message_stop") == (kinds[0], kinds[-1])
    text, message = ask.final(messages=said("Hello"), **ASKED)
    assert ("Hello there!", "Hello there!") == (text, message.content[0].text)


@each
def a_tool(ask: Asker) -> None:
    """A call, streamed too, and what comes after its result."""
    asked = {**ASKED, "tools": TOOLS}
    answer = ask(messages=said("call"), **asked)
    assert "tool_use" == answer.stop_reason
    call = answer.content[-1]
    assert {"city": "Paris"} == call.input
    _, streamed = ask.final(messages=said("call"), **asked)
    assert {"city": "Paris"} == streamed.content[-1].input
    result = [{"type": "tool_result", "tool_use_id": call.id, "content": "18 C"}]
    history = [
        *said("call"),
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": result},
    ]
    assert "It is mild." == ask(messages=history, **asked).content[0].text


@each
def thinking(ask: Asker) -> None:
    """A thought comes with its signature, and goes up again with it."""
    asked = {**ASKED, "thinking": THINKING}
    first = ask(messages=said("think"), **asked)
    assert ["thinking", "text"] == [block.type for block in first.content]
    _, streamed = ask.final(messages=said("think"), **asked)
    assert first.content[0].signature == streamed.content[0].signature
    history = [*said("think"), {"role": "assistant", "content": first.content}, *said("Hello")]
    assert "Hello there!" == ask(messages=history, **asked).content[-1].text


@each
def tokens_are_counted(ask: Asker) -> None:
    """Before anything is asked."""
    assert ask("count_tokens", model="claude", messages=said("Hello")).input_tokens > 0


@each
def errors(ask: Asker) -> None:
    """The class for each, with the id of the request."""
    kinds = {
        "filter": anthropic.BadRequestError,
        "throttle": anthropic.RateLimitError,
        "break": anthropic.InternalServerError,
    }
    for word, kind in kinds.items():
        error = raises(kind, lambda word=word: ask(messages=said(word), **ASKED))
        assert error.request_id.startswith("req_")
    raises(anthropic.NotFoundError, lambda: ask(messages=said("x"), **{**ASKED, "model": "no"}))
    raises(anthropic.BadRequestError, lambda: ask(messages=[], **ASKED))


if __name__ == "__main__":
    run()
