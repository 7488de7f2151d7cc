"""The core's messages into LlamaIndex's: the way back of `_messages`. Pure.

What the server keeps of a thread becomes a chat history that any LLM of LlamaIndex can be given,
and that `_messages` reads as the same messages again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llama_index.core.base.llms.types import (
    ChatMessage,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
)

from azure_agents import ApprovalReply, Message
from azure_agents.content.approvals import asked_by
from azure_agents.content.media import base64_text
from azure_agents.messages import Media, Text

from ._messages import FILE_ID, approval_entries
from ._tools import blocks_of, written


def said(messages: Iterable[Message]) -> list[ChatMessage]:
    """Turn what the server keeps into a chat history, which has no system messages."""
    return [_chat_message(message) for message in messages if message.role != "system"]


def _chat_message(message: Message) -> ChatMessage:
    kwargs = asked_by(message.asks)
    made = ChatMessage(
        role=MessageRole(message.role),
        blocks=[*_blocks(message), *blocks_of(message.tool_calls)],
        additional_kwargs=kwargs,
    )
    replies = [part for part in message.parts if isinstance(part, ApprovalReply)]
    if replies:
        made.additional_kwargs |= approval_entries(replies)
    if message.tool_calls:
        made.additional_kwargs["tool_calls"] = written(message.tool_calls)
    if message.tool_call_id is not None:
        made.additional_kwargs["tool_call_id"] = message.tool_call_id
    return made


def _blocks(message: Message) -> Iterator[ContentBlock]:
    # The texts of a message are one: `ChatMessage.content` would put line breaks between them.
    text = ""
    for part in message.parts:
        if isinstance(part, Text):
            text += part.text
        elif isinstance(part, Media):
            yield from _text_block(text)
            text = ""
            yield _media_block(part)
    yield from _text_block(text)


def _text_block(text: str) -> list[TextBlock]:
    return [TextBlock(text=text)] if text else []


def _media_block(media: Media) -> ContentBlock:
    # Base64 is taken as it is; plain bytes would be guessed at.
    data = None if media.data is None else base64_text(media.data).encode()
    url = FILE_ID + media.file_id if media.file_id is not None else media.url
    if media.kind == "image":
        return ImageBlock(image=data, url=url, image_mimetype=media.mime_type, detail=media.detail)
    return DocumentBlock(data=data, url=url, title=media.name, document_mimetype=media.mime_type)
