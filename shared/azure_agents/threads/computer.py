"""Computer calls and screenshots where the call is not on the server: told, as nothing else fits.

An item of such a call cannot be made by a client as it was (it has ids of the service), and a
screenshot is taken only for a call that is there.
"""

from __future__ import annotations

from dataclasses import replace

from ..messages import Message, Text


def with_computer_told(message: Message) -> Message:
    """The message with its computer calls, or its screenshot, as text and image."""
    if message.computer is not None:
        said = Text(f"[screenshot after computer call {message.tool_call_id}]")
        return Message("user", (said, *message.parts))
    calls = [call for call in message.tool_calls if call.kind == "computer"]
    if not calls:
        return message
    told = tuple(Text(f"[computer call {call.id}: {call.arguments}]") for call in calls)
    others = tuple(call for call in message.tool_calls if call.kind != "computer")
    return replace(message, parts=(*message.parts, *told), tool_calls=others)
