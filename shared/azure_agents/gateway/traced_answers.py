"""What an answer said, read out of the bytes that its client got; only where a trace is to have it.

Pure, and after the end of the call: a stream is put together as a client would do it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import ProtocolError
from ..jsonio import JSON, loads
from ..protocols.sse import SSEDecoder
from ..tracing.attributes import Attributes
from ..tracing.messages import of_output


def output_of(body: bytes, *, streams: bool) -> Attributes:
    """The messages of an answer; nothing where its bytes do not hold all of it.

    Args:
        body: Its bytes.
        streams: It is a stream of events.
    """
    try:
        data = _folded(_events(body)) if streams else loads(body)
    except ProtocolError:
        return {}
    return _of_whole(data) if isinstance(data, dict) else {}


def _of_whole(data: JSON) -> Attributes:
    choices = data.get("choices")
    if isinstance(choices, list):
        reasons = [one.get("finish_reason") for one in choices]
        messages = [one.get("message") or _text(one.get("text")) for one in choices]
        return of_output(messages, next((reason for reason in reasons if reason), None))
    if isinstance(data.get("output"), list):
        return of_output(data["output"])
    if data.get("type") == "message":
        return of_output([data], data.get("stop_reason"))
    return {}


def _text(text: Any) -> JSON:
    return {"role": "assistant", "content": text}


def _events(body: bytes) -> Iterator[JSON]:
    decoder = SSEDecoder()
    for event in decoder.feed(body):
        if event.data.startswith(b"{"):
            data = loads(event.data)
            if isinstance(data, dict):
                yield data


def _folded(events: Iterable[JSON]) -> JSON:
    """What a stream amounts to: a chat's choices, or the response that its last event holds."""
    choices: dict[int, JSON] = {}
    said: list[str] = []
    for event in events:
        if isinstance(event.get("response"), dict) and "output" in event["response"]:
            whole: JSON = event["response"]
            choices, said = {}, []
            if event.get("type") != "response.created":
                return whole
        for one in event.get("choices") or ():
            _fold_choice(choices.setdefault(one.get("index", 0), {}), one)
        delta = event.get("delta")
        if isinstance(delta, dict) and isinstance(delta.get("text"), str):  # Claude's
            said.append(delta["text"])
    if said:
        return {"type": "message", "role": "assistant", "content": "".join(said)}
    return {"choices": [choices[index] for index in sorted(choices)]}


def _fold_choice(choice: JSON, piece: JSON) -> None:
    delta = piece.get("delta") or _text(piece.get("text"))
    message = choice.setdefault("message", {"role": "assistant", "content": "", "tool_calls": []})
    message["content"] += delta.get("content") or ""
    for call in delta.get("tool_calls") or ():
        _fold_call(message["tool_calls"], call)
    choice["finish_reason"] = piece.get("finish_reason") or choice.get("finish_reason")


def _fold_call(calls: list[JSON], piece: JSON) -> None:
    index = piece.get("index", 0)
    if index >= len(calls):
        calls.append({"id": piece.get("id"), "function": {"name": "", "arguments": ""}})
    known, more = calls[min(index, len(calls) - 1)]["function"], piece.get("function") or {}
    for name in known:
        known[name] += more.get(name) or ""
