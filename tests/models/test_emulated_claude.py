"""`completion` against Claude in the emulator: whole and streamed, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from azure_agents import acompletion, completion
from azure_agents.emulator import Emulator, Failed, Fault, Parts, Reasoning, ToolCalls
from azure_agents.errors import AzureAgentsError, RateLimitError, StreamInterruptedError

HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
NAME, MODEL = "claude-haiku-4-5", "claude-haiku-4-5-20251001"
WAYS = ["sync", "sync stream", "async", "async stream"]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids."""
    with Emulator(seed=7) as emulator:
        yield emulator


def ask(foundry: Emulator, way: str, messages: Any = HELLO, **more: Any) -> Any:
    """One call; a stream comes back as the list of its chunks."""
    streams = way.endswith("stream")
    given = {"stream": streams, **foundry.deployment_connection(), **more}
    if way.startswith("sync"):
        answer: Any = completion(f"azure_ai/{NAME}", messages, **given)
        return list(answer) if streams else answer

    async def run() -> Any:
        answer: Any = await acompletion(f"azure_ai/{NAME}", messages, **given)
        return [chunk async for chunk in answer] if streams else answer

    return asyncio.run(run())


def text_of(answer: Any) -> str:
    """What an answer says, whole or in chunks."""
    if isinstance(answer, list):
        return "".join(chunk.choices[0].delta.get("content") or "" for chunk in answer)
    return str(answer.choices[0].message.content)


@pytest.mark.parametrize("way", WAYS)
def test_claude_answers(foundry: Emulator, way: str) -> None:
    """The system message goes up as the system prompt."""
    foundry.deploy(NAME, "Grüße!", model=MODEL)
    assert "Grüße!" == text_of(ask(foundry, way))
    seen = foundry.seen[-1]
    assert ("Be brief.", "Hello") == (seen.instructions, seen.last_user_text)
    assert "/anthropic/v1/messages" == foundry.requests[-1].path


@pytest.mark.parametrize("way", WAYS)
def test_a_token_asks_claude(foundry: Emulator, way: str) -> None:
    """As it asks other deployments."""
    foundry.deploy(NAME, "hi", model=MODEL)
    is_async = way.startswith("async")
    credential = foundry.async_credential if is_async else foundry.credential
    assert "hi" == text_of(ask(foundry, way, api_key=None, credential=credential))


def called_in(answer: Any) -> dict[str, Any]:
    """The message of an answer that calls tools, whole or in chunks."""
    if not isinstance(answer, list):
        return dict(answer.choices[0].message.model_dump())
    calls: dict[int, dict[str, Any]] = {}
    for one in (one for chunk in answer for one in chunk.choices[0].delta.get("tool_calls") or ()):
        call = calls.setdefault(one["index"], {"type": "function", "function": {"arguments": ""}})
        call["id"] = one.get("id") or call["id"]
        call["function"]["name"] = one["function"].get("name") or call["function"]["name"]
        call["function"]["arguments"] += one["function"].get("arguments") or ""
    return {"role": "assistant", "tool_calls": list(calls.values())}


@pytest.mark.parametrize("way", WAYS)
def test_parallel_calls_come_to_an_answer(foundry: Emulator, way: str) -> None:
    """Their results go up in one turn, as Claude demands; a call without arguments is one too."""
    calls = ToolCalls(("get_weather", {"city": "Köln"}), ("get_weather", {}))
    foundry.deploy(NAME, [calls, "Both are mild."], model=MODEL)
    message = called_in(ask(foundry, way, tools=TOOLS))
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "18 C"}
        for call in message["tool_calls"]
    ]
    final = ask(foundry, way, [*HELLO, message, *results], tools=TOOLS)
    assert "Both are mild." == text_of(final)
    seen = foundry.seen[-1].messages
    assert ["user", "assistant", "tool", "tool"] == [one.role for one in seen]
    assert ['{"city":"Köln"}', "{}"] == [call.arguments for call in seen[1].tool_calls]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_thoughts_go_up_again_with_their_signatures(foundry: Emulator, way: str) -> None:
    """The emulator refuses a thought that it did not sign."""
    thinks = Parts(Reasoning("A hard one.", 9), ToolCalls(("get_weather", {"city": "Köln"})))
    foundry.deploy(NAME, [thinks, Parts(Reasoning("Easy.", 3), "Mild.")], model=MODEL)
    asked = {"tools": TOOLS, "reasoning_effort": "low"}
    message = ask(foundry, way, **asked).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18 C"}
    assert "Mild." == text_of(ask(foundry, way, [*HELLO, message, result], **asked))
    assert "A hard one." in str(foundry.requests[-1].body["messages"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("code", "kind"),
    [("rate_limit_exceeded", RateLimitError), ("overloaded_error", AzureAgentsError)],
)
def test_failures_are_typed(foundry: Emulator, way: str, code: str, kind: type[Exception]) -> None:
    """The same error, streamed or not, with the id of the request."""
    foundry.deploy(NAME, Failed(code), model=MODEL)
    with pytest.raises(kind) as caught:
        ask(foundry, way, max_retries=0)
    assert caught.value.request_id  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS)
def test_overload_is_waited_for(foundry: Emulator, way: str) -> None:
    """It passes, and so does a lost connection."""
    foundry.deploy(NAME, [Failed("overloaded_error"), "hi"], model=MODEL)
    foundry.faults.add(Fault("reset_before"))
    assert "hi" == text_of(ask(foundry, way))
    assert 3 == len(foundry.requests)


@pytest.mark.parametrize("way", ["sync stream", "async stream"])
@pytest.mark.parametrize("ends_in", ["cut", "error"])
def test_a_stream_that_breaks_keeps_what_came(foundry: Emulator, way: str, ends_in: str) -> None:
    """Whether the connection broke, or Claude said so itself."""
    if ends_in == "cut":
        foundry.deploy(NAME, "one two three four", model=MODEL)
        foundry.faults.add(Fault("cut", after_events=5))
    else:
        foundry.deploy(NAME, Failed("overloaded_error", text="one two"), model=MODEL)
    with pytest.raises(StreamInterruptedError) as caught:
        ask(foundry, way)
    assert "one two" == caught.value.partial_text
