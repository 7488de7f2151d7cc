"""Answers to computer calls (v2): a screenshot after each action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole

from azure_agents.content.computer import ACKNOWLEDGED, OUTPUT, id_of, picture


def screenshot(
    call: Mapping[str, Any] | str,
    image: bytes | str,
    *,
    acknowledged: Iterable[Mapping[str, Any]] = (),
    mime_type: str = "image/png",
) -> ChatMessage:
    """The message that answers a computer call.

    Args:
        call: An entry of ``response.raw["computer_calls"]``, or its id.
        image: What the screen shows after the action: bytes, a data URL or an https URL.
        acknowledged: The entries of ``pending_safety_checks`` that a human or a rule let pass;
            none is acknowledged by itself.
        mime_type: Of bytes.

    Raises:
        InvalidRequestError: The call or the image is none.
    """
    url = picture(image, mime_type)
    if isinstance(image, bytes):
        shown = ImageBlock(image=image, image_mimetype=mime_type)
    else:
        shown = ImageBlock(url=url)
    answered = {"tool_call_id": id_of(call), "type": OUTPUT, ACKNOWLEDGED: list(acknowledged)}
    return ChatMessage(role=MessageRole.TOOL, blocks=[shown], additional_kwargs=answered)
