"""What of a run that was found again is still untold: it may have paused, once or often, before."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...jsonio import JSON
from ...messages import Message
from ...threads.anchor import parse_anchor
from .codec import message_text


def told_by(run: str, messages: Sequence[Message]) -> str:
    """What a paused run has told; each of its pauses made an answer of its own."""
    answers = [m for m in messages if m.role == "assistant"]
    anchors = [parse_anchor(m.anchor) for m in answers]
    told = [m.text for m, a in zip(answers, anchors, strict=True) if a and a.head == run]
    return "".join(told or [m.text for m in answers[-1:]])


def after(told: str, messages: list[JSON]) -> list[JSON]:
    """The messages of a run that came after it had told `told` and paused."""
    wanted, length = _squeezed(told), 0
    for index, message in enumerate(messages):
        if length == len(wanted):
            return messages[index:]
        piece = _squeezed(message_text(message))
        if not wanted.startswith(piece, length):
            return messages
        length += len(piece)
    return [] if length == len(wanted) else messages


def _squeezed(text: str) -> str:
    """A text without white space, which frameworks strip from the ends of each answer."""
    return "".join(text.split())


def has_server_tools(run: JSON) -> bool:
    """Whether the run may have used tools of the server, so its steps have things to tell."""
    return any(tool.get("type") != "function" for tool in run.get("tools") or ())


def has_words(run: JSON) -> bool:
    """Whether a run that completed has said something: it was paid for."""
    usage = run.get("usage") or {}
    return run.get("status") == "completed" and bool(usage.get("completion_tokens"))


def since(answered: Collection[str], steps: list[JSON]) -> list[JSON]:
    """The steps of a run from the one on that it had paused in."""
    for index in reversed(range(len(steps))):
        calls = (steps[index].get("step_details") or {}).get("tool_calls") or ()
        if any(call.get("id") in answered for call in calls):
            return steps[index:]
    return steps
