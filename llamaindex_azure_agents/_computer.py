"""Answers to computer calls: a screenshot after each action."""

from __future__ import annotations

from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole

from azure_agents.content.computer import Screenshot, Screenshots


def _message_of(shot: Screenshot) -> ChatMessage:
    if isinstance(shot.image, bytes):
        shown = ImageBlock(image=shot.image, image_mimetype=shot.mime_type)
    else:
        shown = ImageBlock(url=shot.url)
    kwargs = {"tool_call_id": shot.call_id, **shot.fields}
    return ChatMessage(role=MessageRole.TOOL, blocks=[shown], additional_kwargs=kwargs)


screenshot = Screenshots(_message_of).screenshot
