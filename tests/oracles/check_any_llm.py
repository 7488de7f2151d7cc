"""Our mapper for Claude beside any-llm's: requests, answers and streams, each difference wanted.

Both map the same chats; what goes up is caught by an HTTP client in place of the network, and what
comes back are the same made-up messages. `WANTED` says for every case what we do otherwise, and
why: a difference that is not there fails, and so does one that is there and no longer seen.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import any_llm
import httpx
from oracle import check, run

from azure_agents import completion

MODEL = "claude-haiku-4-5"
HI = [{"role": "user", "content": "Hi"}]
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": FUNCTION}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
CALL_2 = {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASKED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
SAID = {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, CALL_2]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "one"}
RESULT_2 = {"role": "tool", "tool_call_id": "c2", "content": "two"}
SYSTEM = {"role": "system", "content": "Be brief."}
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
LINK = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
WORDS = {"type": "text", "text": "What is it?"}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}


def _user(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


REQUESTS: dict[str, dict[str, Any]] = {
    "no limit": {"messages": HI},
    "hello": {"messages": HI},
    "system": {"messages": [SYSTEM, *HI]},
    "two systems": {"messages": [SYSTEM, SYSTEM, *HI]},
    "a system later": {"messages": [*HI, SYSTEM]},
    "limit": {"messages": HI, "max_tokens": 7},
    "temperature": {"messages": HI, "temperature": 0.5},
    "top_p": {"messages": HI, "top_p": 0.5},
    "one stop": {"messages": HI, "stop": "x"},
    "stops": {"messages": HI, "stop": ["x", "y"]},
    "tool": {"messages": HI, "tools": [TOOL]},
    "tools": {"messages": HI, "tools": [TOOL, TOOL]},
    "auto": {"messages": HI, "tools": [TOOL], "tool_choice": "auto"},
    "required": {"messages": HI, "tools": [TOOL], "tool_choice": "required"},
    "none": {"messages": HI, "tools": [TOOL], "tool_choice": "none"},
    "named": {
        "messages": HI,
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
    "one at a time": {"messages": HI, "tools": [TOOL], "parallel_tool_calls": False},
    "call": {"messages": [*HI, ASKED, RESULT], "tools": [TOOL]},
    "calls": {"messages": [*HI, SAID, RESULT, RESULT_2], "tools": [TOOL]},
    "calls and words": {"messages": [*HI, SAID, RESULT, RESULT_2, *HI], "tools": [TOOL]},
    "answer": {"messages": [*HI, {"role": "assistant", "content": "Hello"}, *HI]},
    "two users": {"messages": [*HI, *HI]},
    "parts": {"messages": _user(WORDS, WORDS)},
    "image": {"messages": _user(WORDS, PNG)},
    "image by a link": {"messages": _user(WORDS, LINK)},
    "schema": {"messages": HI, "response_format": FORMAT},
    "low effort": {"messages": HI, "reasoning_effort": "low", "max_tokens": 9000},
    "high effort": {"messages": HI, "reasoning_effort": "high", "max_tokens": 30000},
    "no effort": {"messages": HI, "reasoning_effort": "none"},
    "user": {"messages": HI, "user": "me"},
    "empty answer": {"messages": [*HI, {"role": "assistant", "content": ""}, *HI]},
}


def _message(*blocks: dict[str, Any], stop: str = "end_turn", **usage: int) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": list(blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2, **usage},
    }


TEXT = {"type": "text", "text": "Hello"}
USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
USE_2 = {"type": "tool_use", "id": "t2", "name": "f", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "sig"}
ANSWERS: dict[str, dict[str, Any]] = {
    "text": _message(TEXT),
    "two texts": _message(TEXT, TEXT),
    "nothing": _message(),
    "a call": _message(USE, stop="tool_use"),
    "words and calls": _message(TEXT, USE, USE_2, stop="tool_use"),
    "thought": _message(THOUGHT, TEXT),
    "too long": _message(TEXT, stop="max_tokens"),
    "stopped": _message(TEXT, stop="stop_sequence"),
    "refused": _message(stop="refusal"),
    "paused": _message(TEXT, stop="pause_turn"),
    "cache": _message(TEXT, cache_read_input_tokens=10, cache_creation_input_tokens=20),
}


def _events(answer: dict[str, Any]) -> bytes:
    """The events in which a message is streamed."""
    start = {**answer, "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(answer["content"]):
        empty, deltas = _begun(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}})
    events.append({"type": "message_stop"})
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


def _begun(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": one} for one in block["text"]]
    if block["type"] == "tool_use":
        written = json.dumps(block["input"])
        parts = (written[:3], written[3:])
        deltas = [{"type": "input_json_delta", "partial_json": one} for one in parts]
        return {**block, "input": {}}, deltas
    deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
    deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return {**block, "thinking": "", "signature": ""}, deltas


class Wire(httpx.MockTransport):
    """Answers with a message, whole or streamed, and keeps what it was sent."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(self._answer)
        self._message = answer
        self.body: dict[str, Any] = {}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.body = json.loads(request.content)
        if not self.body.get("stream"):
            return httpx.Response(200, json=self._message)
        kind = {"content-type": "text/event-stream"}
        return httpx.Response(200, content=_events(self._message), headers=kind)


def ours(answer: dict[str, Any], **given: Any) -> tuple[Any, dict[str, Any]]:
    """Our answer, and what went up."""
    wire = Wire(answer)
    where = {"api_base": "https://r.services.ai.azure.com/anthropic", "api_key": "k"}
    said: Any = completion(f"azure_ai/{MODEL}", transport=wire, **where, **given)
    came = [one.model_dump() for one in said] if given.get("stream") else said.model_dump()
    return came, wire.body


def theirs(answer: dict[str, Any], **given: Any) -> tuple[Any, dict[str, Any]]:
    """Any-llm's answer, and what went up."""
    wire = Wire(answer)

    async def ask() -> Any:
        async with httpx.AsyncClient(transport=wire) as client:
            provider = any_llm.AnyLLM.create("anthropic", api_key="k", http_client=client)
            said: Any = await provider.acompletion(model=MODEL, **given)
            if given.get("stream"):
                return [one.model_dump() async for one in said]
            return said.model_dump()

    return asyncio.run(ask()), wire.body


def _flat(body: Any, path: str = "") -> dict[str, Any]:
    """Every value of a body by its path; a text alone is the same as one block of text."""
    if isinstance(body, str) and path.rpartition(".")[2] in ("content", "system"):
        body = [{"type": "text", "text": body}]
    if isinstance(body, dict | list) and body:
        pairs = body.items() if isinstance(body, dict) else enumerate(body)
        return {k: v for name, one in pairs for k, v in _flat(one, f"{path}.{name}").items()}
    return {path: body}


def differences(ours: Any, theirs: Any) -> dict[str, tuple[Any, Any]]:
    """Where two differ: by path what we have, and what they have; a None counts as nothing."""
    a, b = (
        {k: v for k, v in _flat(one).items() if v not in (None, {}, [])} for one in (ours, theirs)
    )
    return {k: (a.get(k), b.get(k)) for k in sorted({*a, *b}) if a.get(k) != b.get(k)}


def core(answer: Any) -> dict[str, Any]:
    """What an answer says, whole or in chunks, in one form."""
    chunks = answer if isinstance(answer, list) else [answer]
    text, calls, finish, thought, usage = "", {}, None, "", {}
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            said = choice.get("delta") or choice.get("message") or {}
            text += said.get("content") or ""
            reasoning = said.get("reasoning_content") or said.get("reasoning") or ""
            thought += reasoning.get("content") or "" if isinstance(reasoning, dict) else reasoning
            finish = choice.get("finish_reason") or finish
            for index, call in enumerate(said.get("tool_calls") or ()):
                known = calls.setdefault(
                    str(call.get("index", index)), {"id": "", "f": "", "a": ""}
                )
                function = call.get("function") or {}
                known["id"] += call.get("id") or ""
                known["f"] += function.get("name") or ""
                known["a"] += function.get("arguments") or ""
    for call in calls.values():
        call["a"] = json.loads(call["a"] or "{}")
    tokens = {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")}
    return {"text": text, "calls": calls, "finish": finish, "thought": thought, **tokens}


# Of every case that differs: the fields, and why we do it so.
WANTED: dict[str, tuple[set[str], str]] = {
    "request: no limit": ({"max_tokens"}, "4,096 is the default that LiteLLM's page names"),
    "request: two systems": ({"system"}, "each stays a block, with a cache mark of its own"),
    "request: a system later": (
        {"messages", "system"},
        "it is said where it stands; moved to the top it would change what was said before it",
    ),
    "request: auto": ({"tool_choice"}, "what the caller did not say is not sent"),
    "request: required": ({"tool_choice"}, "as above"),
    "request: named": ({"tool_choice"}, "as above"),
    "request: calls and words": ({"messages"}, "the service wants roles that take turns"),
    "request: two users": ({"messages"}, "as above"),
    "request: empty answer": ({"messages"}, "the service refuses an empty text"),
    "request: low effort": ({"thinking"}, "efforts are the budgets of LiteLLM: 1,024"),
    "request: high effort": (
        {"error"},
        "any-llm's SDK refuses a long answer that is not streamed; here the caller's timeout holds",
    ),
    "request: no effort": ({"thinking"}, "without thinking nothing is said of it"),
    "request: user": ({"error"}, "any-llm's SDK has no such argument; ours goes to metadata"),
    "stream: words and calls": (
        {"calls"},
        "calls are counted from 0, as OpenAI counts, not blocks",
    ),
    "answer: paused": ({"finish"}, "an answer that is not finished must not look finished"),
    "stream: paused": ({"finish"}, "as above"),
}


def _caught(ask: Any, given: dict[str, Any]) -> dict[str, Any]:
    """What goes up; an error is a difference like others."""
    try:
        body: dict[str, Any] = ask(_message(TEXT), **given)[1]
    except Exception as error:  # noqa: BLE001 - of whatever class
        return {"error": type(error).__name__}
    return body


def _fields(mine: Any, other: Any) -> set[str]:
    """The outermost fields in which two differ."""
    names = {path.split(".")[1] for path in differences(mine, other)}
    return {"error"} if "error" in names else names


def check_found(kind: str, found: dict[str, set[str]]) -> None:
    """Compare what differs with what is wanted to."""
    seen = {f"{kind}: {name}": fields for name, fields in found.items() if fields}
    wanted = {name: one for name, (one, _) in WANTED.items() if name.startswith(f"{kind}: ")}
    assert wanted == seen, (wanted, seen)


@check
def requests() -> None:
    """What goes up of a chat."""
    asked = {
        name: given if name == "no limit" else {"max_tokens": 9000, **given}
        for name, given in REQUESTS.items()
    }
    check_found(
        "request",
        {name: _fields(_caught(ours, one), _caught(theirs, one)) for name, one in asked.items()},
    )


@check
def answers() -> None:
    """What an answer says: text, calls, thinking, why it ended, tokens."""
    _compare("answer", {})


@check
def streams() -> None:
    """What a stream says, put together."""
    _compare("stream", {"stream": True, "stream_options": {"include_usage": True}})


def _compare(kind: str, how: dict[str, Any]) -> None:
    given = {"messages": HI, "max_tokens": 9000, **how}
    pairs = {
        name: [core(one(answer, **given)[0]) for one in (ours, theirs)]
        for name, answer in ANSWERS.items()
    }
    check_found(kind, {name: _fields(*pair) for name, pair in pairs.items()})


if __name__ == "__main__":
    run()
