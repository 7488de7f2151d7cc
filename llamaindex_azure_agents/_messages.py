"""LlamaIndex messages into the core's. Pure, but for local files a block points to.

Every block is taken over, has a stated reason to be left out, or is an error: nothing vanishes.
No URL is fetched (LlamaIndex's own ``resolve_…`` methods would), the service does that.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import IOBase
from mimetypes import guess_type
from pathlib import Path
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import (
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from azure_agents.errors import InvalidRequestError
from azure_agents.messages import ApprovalReply, Media, Message, Part, Role, Text, said_by

from ._tools import ANCHOR, calls_of

APPROVALS = "foundry_approvals"
FILE_ID = "foundry-file:"  # ImageBlock(url="foundry-file:assistant-abc"): blocks have no file id

_ROLES: dict[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}
_NAMED = ("system", "user")  # the names of assistants and tools are labels

# An answer's calls have their own place in a message; its thinking and citations belong to the
# turn that made them and are not said again.
_ONLY_IN_ANSWERS = (ToolCallBlock, ThinkingBlock, CitationBlock)


def to_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Map a whole history.

    Raises:
        InvalidRequestError: A message, role or block that no Foundry agent can be given.
    """
    return tuple(_to_message(message, index) for index, message in enumerate(messages))


def _to_message(message: ChatMessage, index: int) -> Message:
    where = f"message {index}"
    if not isinstance(message, ChatMessage):
        raise InvalidRequestError(f"{where} is a {type(message).__name__}: use ChatMessage")
    role = _ROLES[message.role]
    kwargs = message.additional_kwargs
    anchor = kwargs.get(ANCHOR) if role == "assistant" else None
    parts = (*_parts(message, role, where), *_approvals(kwargs.get(APPROVALS), where))
    return Message(
        role=role,
        # OpenAI's LlamaIndex class has the name of who speaks there, too.
        parts=said_by(kwargs.get("name"), parts, where) if role in _NAMED else parts,
        tool_calls=calls_of(message, where) if role == "assistant" else (),
        tool_call_id=_tool_call_id(kwargs, where) if role == "tool" else None,
        is_error=role == "tool" and kwargs.get("is_error") is True,
        anchor=anchor if isinstance(anchor, str) else None,
    )


def _tool_call_id(kwargs: Mapping[str, Any], where: str) -> str:
    call_id = kwargs.get("tool_call_id") or kwargs.get("name")
    if not isinstance(call_id, str):
        raise InvalidRequestError(
            f"{where} is a tool result for no call: set additional_kwargs['tool_call_id'] to the "
            "id of the call it answers"
        )
    return call_id


def _approvals(entries: object, where: str) -> Iterable[ApprovalReply]:
    if entries is None:
        return ()
    if not isinstance(entries, Sequence) or not all(_is_approval(entry) for entry in entries):
        raise InvalidRequestError(
            f"{where} has approvals in an unknown form: make the message with approve() or reject()"
        )
    return (
        # Anything but True denies.
        ApprovalReply(entry["id"], approve=entry.get("approve") is True, reason=entry.get("reason"))
        for entry in entries
    )


def _is_approval(entry: object) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("id"), str)


def _parts(message: ChatMessage, role: Role, where: str) -> Iterable[Part]:
    # What an answer of ours shows beside its text is not part of its digest, and no service takes
    # an image from the assistant: the server has it, or a replay goes without.
    is_ours = role == "assistant" and ANCHOR in message.additional_kwargs
    for block in message.blocks:
        if isinstance(block, CachePoint):  # a hint to other services, no content
            continue
        if role == "assistant" and isinstance(block, _ONLY_IN_ANSWERS):
            continue
        if is_ours and not isinstance(block, TextBlock):
            continue
        yield from _block(block, where)


def _block(block: object, where: str) -> Iterable[Part]:
    read = _READERS.get(type(block))
    if read is None:
        kind = getattr(block, "block_type", type(block).__name__)
        raise InvalidRequestError(
            f"{where} has a block of type {kind!r}, which Foundry agents do not take: "
            "give text, images or documents"
        )
    return read(block, where)


def _text(block: TextBlock, _where: str) -> Iterable[Part]:
    return (Text(block.text),)


def _image(block: ImageBlock, where: str) -> Iterable[Part]:
    url = str(block.url) if block.url else None
    source = _source(block, block.image, url, where)
    yield Media("image", mime_type=block.image_mimetype, detail=block.detail, **source)


def _document(block: DocumentBlock, where: str) -> Iterable[Part]:
    source = _source(block, block.data, block.url, where)
    # LlamaIndex knows types that begin with magic bytes; texts have none.
    mime_type = block.document_mimetype or guess_type(source["name"] or "")[0]
    yield Media("file", mime_type=mime_type, **source)


def _citable(block: CitableBlock, where: str) -> Iterable[Part]:
    yield Text(f"{block.title} ({block.source})\n")
    for inner in block.content:
        yield from _block(inner, where)


_Reader: TypeAlias = Callable[[Any, str], Iterable[Part]]
_READERS: dict[type, _Reader] = {
    TextBlock: _text,
    ImageBlock: _image,
    DocumentBlock: _document,
    CitableBlock: _citable,
}


def _source(
    block: ImageBlock | DocumentBlock, content: bytes | IOBase | None, url: str | None, where: str
) -> dict[str, Any]:
    name = _name(block)
    if content is not None:
        return {"data": _bytes(content), "name": name}
    if block.path is not None:
        return {"data": _file(Path(block.path), where), "name": name}
    if not url:
        raise InvalidRequestError(
            f"{where} has an empty {block.block_type} block: give data, a path or a URL"
        )
    if url.startswith(FILE_ID):
        return {"file_id": url.removeprefix(FILE_ID), "name": name}
    return {"url": url, "name": name}


def _name(block: ImageBlock | DocumentBlock) -> str | None:
    title = block.title if isinstance(block, DocumentBlock) else None
    if title and title != "input_document":  # LlamaIndex's name for documents without one
        return title
    return Path(block.path).name if block.path is not None else title


def _bytes(content: bytes | IOBase) -> bytes:
    if isinstance(content, bytes):
        return b64decode(content)  # blocks keep their bytes as base64
    content.seek(0)
    return bytes(content.read())


def _file(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InvalidRequestError(f"{where}: cannot read {str(path)!r}: {exc.strerror}") from exc


def as_messages(message: str | ChatMessage | None) -> tuple[ChatMessage, ...]:
    """What LlamaIndex passes as ``user_msg``: none or one message, or its text."""
    if message is None:
        return ()
    return (ChatMessage(message) if isinstance(message, str) else message,)
