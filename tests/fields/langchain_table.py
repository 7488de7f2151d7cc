"""Every field of LangChain's messages and content blocks, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from .fates import B64_MARK, KIND, MARK, Table, label, left_out, refused, sent, told

NOTE = label({"x": MARK})
CALL = {"name": MARK, "args": {}, "id": "c", "type": "tool_call"}
BAD_CALL = {"name": MARK, "args": "{", "id": "c", "error": "e", "type": "invalid_tool_call"}
CHUNK_CALL = {"name": MARK, "args": "{}", "id": "c", "index": 0, "type": "tool_call_chunk"}
USAGE = label({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
OURS_TO_ALL = {
    "content": sent(),
    "additional_kwargs": NOTE,
    "response_metadata": NOTE,
    "type": KIND,
    "id": label(),
}
ANSWER = {
    **OURS_TO_ALL,
    "name": label(),
    "tool_calls": sent([CALL]),
    "invalid_tool_calls": sent([BAD_CALL]),
    "usage_metadata": USAGE,
}
HI = {"content": "hi"}
RESULT = {"content": "", "tool_call_id": "c"}


def only(cls: Callable[..., Any]) -> Callable[..., list[Any]]:
    """Make a history of one message."""
    return lambda **fields: [cls(**fields)]


def says(cls: Callable[..., Any], kind: str) -> Callable[..., list[Any]]:
    """Make a history of one message with one block."""
    return lambda **fields: [cls(content=[{"type": kind, **fields}])]


MESSAGES = {
    "HumanMessage": Table(only(HumanMessage), HI, {**OURS_TO_ALL, "name": told()}),
    "SystemMessage": Table(only(SystemMessage), HI, {**OURS_TO_ALL, "name": told()}),
    "ChatMessage": Table(
        only(ChatMessage), {**HI, "role": "user"}, {**OURS_TO_ALL, "name": told(), "role": KIND}
    ),
    "AIMessage": Table(only(AIMessage), HI, ANSWER),
    "AIMessageChunk": Table(
        only(AIMessageChunk),
        HI,
        {**ANSWER, "tool_call_chunks": sent([CHUNK_CALL]), "chunk_position": label("last")},
    ),
    "ToolMessage": Table(
        only(ToolMessage),
        RESULT,
        {
            **OURS_TO_ALL,
            "name": label(),
            "tool_call_id": sent(),
            "artifact": label(),  # LangChain: "not sent to the model"
            "status": sent("error", "[the tool failed]"),
        },
    ),
    "FunctionMessage": Table(
        only(FunctionMessage), {**HI, "name": "f"}, {**OURS_TO_ALL, "name": sent()}
    ),
    "RemoveMessage": Table(
        lambda **fields: [RemoveMessage(**{"id": "m", **fields})],
        {},
        dict.fromkeys(OURS_TO_ALL | {"name": KIND}, KIND) | {"id": refused()},
    ),
}

BLOCK = {"type": KIND, "id": label(), "index": label(7), "extras": NOTE}
WITH_DATA = {"base64": B64_MARK}


def media(kind: str) -> Table:
    """A block of an image or a file."""
    fates = {
        **BLOCK,
        "file_id": sent(beside={}),
        "url": sent("https://x.test/MARK", beside={}),
        "base64": sent(B64_MARK, B64_MARK, beside={"mime_type": "image/png"}),
        "mime_type": sent("image/MARK", beside=WITH_DATA),
    }
    return Table(says(HumanMessage, kind), {"file_id": "f"}, fates)


def never(kind: str, *fields: str) -> Table:
    """A block that no user can send."""
    fates = dict.fromkeys(fields, refused()) | {"type": KIND}
    return Table(says(HumanMessage, kind), {}, fates)


def work(kind: str, *fields: str) -> Table:
    """A block of an answer that is another model's own work."""
    fates = dict.fromkeys(fields, left_out()) | {"type": KIND}
    return Table(says(AIMessage, kind), {}, fates)


_MEDIA_FIELDS = ("id", "file_id", "mime_type", "index", "url", "base64", "extras")
_CALLED = {"id": "c", "name": "f", "args": {}}
_BAD = {"id": "c", "name": "f", "args": "{", "error": "e"}
BLOCKS = {
    "TextContentBlock": Table(
        says(HumanMessage, "text"),
        {"text": "hi"},
        {**BLOCK, "text": sent(), "annotations": label([{"type": "citation", "url": MARK}])},
    ),
    "Citation": Table(
        lambda **fields: [AIMessage([{"type": "text", "text": "hi", "annotations": [fields]}])],
        {"type": "citation"},
        dict.fromkeys(("id", "url", "title", "start_index", "end_index", "cited_text"), label())
        | {"type": KIND, "extras": NOTE},
    ),
    "NonStandardAnnotation": Table(
        lambda **fields: [AIMessage([{"type": "text", "text": "hi", "annotations": [fields]}])],
        {"type": "non_standard_annotation"},
        {"type": KIND, "id": label(), "value": NOTE},
    ),
    "ToolCall": Table(
        says(AIMessage, "tool_call"),
        _CALLED,
        {**BLOCK, "id": sent(), "name": sent(), "args": sent({"x": MARK})},
    ),
    "ToolCallChunk": Table(  # repeats `tool_call_chunks`
        says(AIMessage, "tool_call_chunk"),
        {},
        {**BLOCK, "name": label(), "args": label()},
    ),
    "InvalidToolCall": Table(
        says(AIMessage, "invalid_tool_call"),
        _BAD,
        {**BLOCK, "id": sent(), "name": sent(), "args": sent(), "error": label()},
    ),
    "ServerToolCall": work("server_tool_call", "id", "name", "args", "index", "extras"),
    "ServerToolCallChunk": work("server_tool_call_chunk", "name", "args", "id", "index", "extras"),
    "ServerToolResult": work(
        "server_tool_result", "id", "tool_call_id", "status", "output", "index", "extras"
    ),
    "ReasoningContentBlock": work("reasoning", "id", "reasoning", "index", "extras"),
    "RefusalContentBlock": Table(
        says(AIMessage, "refusal"), {"refusal": "no"}, {**BLOCK, "refusal": sent()}
    ),
    "ImageContentBlock": media("image"),
    "FileContentBlock": media("file"),
    "VideoContentBlock": never("video", *_MEDIA_FIELDS),
    "AudioContentBlock": never("audio", *_MEDIA_FIELDS),
    "PlainTextContentBlock": Table(
        says(HumanMessage, "text-plain"),
        {"text": "hi"},
        {
            **BLOCK,
            "text": sent(),
            "title": told(),
            "context": told(),
            "file_id": sent(beside={}),
            "url": sent("https://x.test/MARK", beside={}),
            "base64": sent(B64_MARK, B64_MARK, beside={}),
            "mime_type": sent("text/MARK", beside=WITH_DATA),
        },
    ),
    "NonStandardContentBlock": never("non_standard", "id", "value", "index"),
}

TABLES: dict[str, Table] = {**MESSAGES, **BLOCKS}

# Arguments of calls: LangChain's own, besides the options that `docs/langchain.md` names.
ARGUMENTS: dict[str, dict[str, str]] = {
    "invoke": {"input": "sent", "config": "label", "stop": "sent", "kwargs": "sent"},
    "stream": {"input": "sent", "config": "label", "stop": "sent", "kwargs": "sent"},
    "batch": {
        "inputs": "sent",
        "config": "label",
        "return_exceptions": "label",
        "kwargs": "sent",
    },
    "bind_tools": {"tools": "sent", "tool_choice": "sent", "kwargs": "sent"},
    "with_structured_output": {"schema": "sent", "include_raw": "label", "kwargs": "sent"},
}
