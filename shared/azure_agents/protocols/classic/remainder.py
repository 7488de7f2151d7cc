"""Part of a resumed run's output that the caller has not received yet.

A run may pause once or often, and each pause ends an answer of its own. When the run is read again
by its id, the service returns the messages and steps of all those answers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...jsonio import JSON
from ...messages import Message
from ...threads.anchor import parse_anchor
from .codec import message_text


def delivered_by(run: str, messages: Sequence[Message]) -> str:
    """Join the texts that a paused run has delivered, from the answers in the history."""
    answers = [m for m in messages if m.role == "assistant"]
    anchors = [parse_anchor(m.anchor) for m in answers]
    texts = [m.text for m, a in zip(answers, anchors, strict=True) if a and a.head == run]
    # A history that lost its anchors: the newest answer is the one that the run paused in.
    return "".join(texts or [m.text for m in answers[-1:]])


def messages_after(delivered: str, messages: list[JSON]) -> list[JSON]:
    """Drop the messages whose text is `delivered`; all are kept if they do not begin with it."""
    wanted, length = _without_space(delivered), 0
    for index, message in enumerate(messages):
        if length == len(wanted):
            return messages[index:]
        piece = _without_space(message_text(message))
        if not wanted.startswith(piece, length):
            return messages
        length += len(piece)
    return [] if length == len(wanted) else messages


def _without_space(text: str) -> str:
    # Frameworks strip white space from the ends of each answer.
    return "".join(text.split())


def has_server_tools(run: JSON) -> bool:
    """Whether the run may have used tools of the server, so that its steps must be read."""
    return any(tool.get("type") != "function" for tool in run.get("tools") or ())


def has_words(run: JSON) -> bool:
    """Whether a run that completed has written anything: it was charged for."""
    usage = run.get("usage") or {}
    return run.get("status") == "completed" and bool(usage.get("completion_tokens"))


def steps_since(answered: Collection[str], steps: list[JSON]) -> list[JSON]:
    """Keep the steps from the one on in which the run paused for the `answered` calls."""
    for index in reversed(range(len(steps))):
        calls = (steps[index].get("step_details") or {}).get("tool_calls") or ()
        if any(call.get("id") in answered for call in calls):
            return steps[index:]
    return steps
