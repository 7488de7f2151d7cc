"""Ids that tell no calls apart: some models give several calls of one message the same one.

(Public reports of Kimi, MiMo and Mistral; LlamaIndex gives calls without an id the tool's name.)
The service wants each result to name its call. So the second call gets an id of its own, and
results answer such calls in order. Only what is sent is changed, never a digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..messages import Message, ToolCall


def told_apart(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages, with ids that differ within each of them."""
    if not any(_repeats(message) for message in messages):
        return messages
    found: list[Message] = []
    waiting: dict[str, list[str]] = {}  # an id -> those of the calls that no result answered yet
    for message in messages:
        told = message
        if message.tool_calls:
            told = replace(message, tool_calls=_numbered(message.tool_calls))
            waiting = {call.id: [] for call in message.tool_calls}
            for given, call in zip(message.tool_calls, told.tool_calls, strict=True):
                waiting[given.id].append(call.id)
        elif message.role == "tool" and waiting.get(message.tool_call_id or ""):
            told = replace(message, tool_call_id=waiting[message.tool_call_id or ""].pop(0))
        found.append(told)
    return found


def _repeats(message: Message) -> bool:
    return len({call.id for call in message.tool_calls}) < len(message.tool_calls)


def _numbered(calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    counts: dict[str, int] = {}
    numbered: list[ToolCall] = []
    for call in calls:
        counts[call.id] = counts.get(call.id, 0) + 1
        number = counts[call.id]
        numbered.append(call if number == 1 else replace(call, id=f"{call.id}_{number}"))
    return tuple(numbered)
