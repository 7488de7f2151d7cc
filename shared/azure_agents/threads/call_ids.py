"""Call ids that are not unique: some models give several calls the same one, or none.

(Public reports of Kimi, MiMo and Mistral; Gemini's ids are empty behind OpenAI's format; LlamaIndex
gives calls without an id the tool's name.) The service wants each result to name its call. So such
calls get ids of their own, and results answer them in order. Only what is sent is changed, never a
digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..messages import Message, ToolCall


def with_distinct_ids(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages, their call ids made distinct within each message, none empty."""
    if not any(map(_has_unclear_ids, messages)):
        return messages
    found: list[Message] = []
    waiting: list[tuple[str, str]] = []  # calls that no result answered: given id, own id
    for at, message in enumerate(messages):
        renamed = message
        if message.tool_calls:
            renamed = replace(message, tool_calls=_numbered(message.tool_calls, f"call_{at}"))
            pairs = zip(message.tool_calls, renamed.tool_calls, strict=True)
            waiting = [(given.id, call.id) for given, call in pairs]
        elif message.role == "tool" and (answered := _open_call(message.tool_call_id, waiting)):
            waiting.remove(answered)
            renamed = replace(message, tool_call_id=answered[1])
        found.append(renamed)
    return found


def _has_unclear_ids(message: Message) -> bool:
    ids = {call.id for call in message.tool_calls}
    repeats = len(ids) < len(message.tool_calls)
    return repeats or "" in ids or (message.role == "tool" and not message.tool_call_id)


def _open_call(id: str | None, waiting: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the oldest open call that a result answers; without an id, the oldest of all."""
    return next((pair for pair in waiting if not id or pair[0] == id), None)


def _numbered(calls: Sequence[ToolCall], nameless: str) -> tuple[ToolCall, ...]:
    counts: dict[str, int] = {}
    numbered: list[ToolCall] = []
    for call in calls:
        id = call.id or nameless
        number = counts[id] = counts.get(id, 0) + 1
        numbered.append(replace(call, id=id if number == 1 else f"{id}_{number}"))
    return tuple(numbered)
