"""Every field of LlamaIndex's messages and blocks, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from .fates import KIND, MARK, Table, label, left_out, refused, sent, told


def says(cls: Callable[..., Any], role: str = "user") -> Callable[..., list[Any]]:
    """Make a history of one message with text and one block."""
    return lambda **fields: [ChatMessage(role=role, blocks=[TextBlock(text="hi"), cls(**fields)])]


def hint(**fields: Any) -> list[Any]:
    """Make a history of one message with a hint to a cache."""
    return says(CachePoint)(cache_control=fields)


PICTURE = "foundry-file:MARK"
CITED = {"cited_content": TextBlock(text="q"), "source": "s", "title": "t",
         "additional_location_info": {}}  # fmt: skip
NEVER = {"url": refused("https://x.test/v"), "path": refused(__file__), "block_type": KIND}
TABLES: dict[str, Table] = {
    "ChatMessage": Table(
        lambda **fields: [ChatMessage(**{"content": "hi", **fields})],
        {},
        {"role": KIND, "additional_kwargs": label({"x": MARK}), "blocks": KIND},
    ),
    "TextBlock": Table(says(TextBlock), {"text": "x"}, {"block_type": KIND, "text": sent()}),
    "ImageBlock": Table(
        says(ImageBlock),
        {"url": "foundry-file:f"},
        {
            "block_type": KIND,
            "image": sent(b"bWFyaw==", "bWFyaw==", beside={"image_mimetype": "image/png"}),
            "path": sent(__file__, "base64", beside={"image_mimetype": "image/png"}),
            "url": sent(PICTURE, beside={}),
            "image_mimetype": sent("image/MARK", beside={"image": b"bWFyaw=="}),
            "detail": sent(),
        },
    ),
    "DocumentBlock": Table(
        says(DocumentBlock),
        {"url": "foundry-file:f"},
        {
            "block_type": KIND,
            "data": sent(b"bWFyaw==", "bWFyaw==", beside={}),
            "path": sent(__file__, "llamaindex_table.py", beside={}),
            "url": sent(PICTURE, beside={}),
            "title": sent(beside={"data": b"bWFyaw=="}),
            "document_mimetype": sent("a/MARK", beside={"data": b"bWFyaw=="}),
        },
    ),
    "AudioBlock": Table(
        says(AudioBlock), {}, {**NEVER, "audio": refused(b"bWFyaw=="), "format": refused("wav")}
    ),
    "VideoBlock": Table(
        says(VideoBlock),
        {},
        {
            **NEVER,
            "video": refused(b"bWFyaw=="),
            "video_mimetype": refused("a/b"),
            "detail": refused("low"),
            "fps": refused(1),
        },
    ),
    "CacheControl": Table(
        hint,
        {"type": "ephemeral"},
        {"type": label(), "ttl": label()},
    ),
    "CachePoint": Table(
        says(CachePoint),
        {"cache_control": {"type": "ephemeral"}},
        {"block_type": KIND, "cache_control": label({"type": MARK})},
    ),
    "CitableBlock": Table(
        says(CitableBlock),
        {"title": "t", "source": "s", "content": "x"},
        {"block_type": KIND, "title": told(), "source": told(), "content": sent()},
    ),
    "CitationBlock": Table(
        says(CitationBlock, "assistant"),
        CITED,
        {
            "block_type": KIND,
            "cited_content": left_out(TextBlock(text=MARK)),
            "source": left_out(),
            "title": left_out(),
            "additional_location_info": left_out({"x": 1}),
        },
    ),
    "ThinkingBlock": Table(
        says(ThinkingBlock, "assistant"),
        {},
        {
            "block_type": KIND,
            "content": left_out(),
            "num_tokens": left_out(1),
            "additional_information": left_out({"x": MARK}),
        },
    ),
    "ToolCallBlock": Table(
        says(ToolCallBlock, "assistant"),
        {"tool_name": "f", "tool_kwargs": "{}"},
        {
            "block_type": KIND,
            "tool_call_id": sent(),
            "tool_name": sent(),
            "tool_kwargs": sent({"x": MARK}),
        },
    ),
}

ROLES = {
    "SYSTEM": "system",
    "DEVELOPER": "system",
    "USER": "user",
    "ASSISTANT": "assistant",
    "FUNCTION": "tool",
    "TOOL": "tool",
    "CHATBOT": "assistant",
    "MODEL": "assistant",
}

# Arguments of calls: LlamaIndex's own, besides the options that `docs/llamaindex.md` names.
ARGUMENTS: dict[str, dict[str, str]] = {
    "chat": {"messages": "sent", "kwargs": "sent"},
    "stream_chat": {"messages": "sent", "kwargs": "sent"},
    "complete": {"prompt": "sent", "formatted": "label", "kwargs": "sent"},
    "chat_with_tools": {
        "tools": "sent",
        "user_msg": "sent",
        "chat_history": "sent",
        "verbose": "label",
        "allow_parallel_tool_calls": "sent",
        "tool_required": "sent",
        "kwargs": "sent",
    },
    "predict_and_call": {
        "tools": "sent",
        "user_msg": "sent",
        "chat_history": "sent",
        "verbose": "label",
        "allow_parallel_tool_calls": "sent",
        "error_on_no_tool_call": "label",
        "error_on_tool_error": "label",
        "kwargs": "sent",
    },
    "structured_predict": {
        "output_cls": "sent",
        "prompt": "sent",
        "llm_kwargs": "sent",
        "prompt_args": "sent",
    },
}
