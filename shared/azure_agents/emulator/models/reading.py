"""Read the messages of a chat as what the model sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..agent.seen import SeenCall, SeenMessage, read_content

if TYPE_CHECKING:
    from ...jsonio import JSON


def read_messages(given: Iterable[JSON]) -> tuple[SeenMessage, ...]:
    """Read chat messages, which have been checked."""
    return tuple(_read_message(message) for message in given)


def _read_message(message: JSON) -> SeenMessage:
    text, media = read_content(message.get("content"))
    calls = tuple(
        SeenCall(call["id"], call["function"]["name"], call["function"].get("arguments") or "")
        for call in message.get("tool_calls") or ()
    )
    said = text or message.get("refusal") or ""
    return SeenMessage(message["role"], said, calls, message.get("tool_call_id"), media)
