"""Computer calls and screenshots in words, for where the server does not have the call.

An item of such a call cannot be made by a client as it was (it has ids of the service), and a
screenshot is taken only for a call that is there.
"""

from __future__ import annotations

from dataclasses import replace

from ..messages import Message, Text


def with_computer_in_words(message: Message) -> Message:
    """Return the message with its computer calls, or its screenshot, as text and image."""
    if message.computer is not None:
        said = Text(f"[screenshot after computer call {message.tool_call_id}]")
        return Message("user", (said, *message.parts))
    calls = [call for call in message.tool_calls if call.kind == "computer"]
    if not calls:
        return message
    words = tuple(Text(f"[computer call {call.id}: {call.arguments}]") for call in calls)
    others = tuple(call for call in message.tool_calls if call.kind != "computer")
    return replace(message, parts=(*message.parts, *words), tool_calls=others)
