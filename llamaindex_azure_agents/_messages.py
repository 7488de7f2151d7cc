"""LlamaIndex messages into the core's. Pure, but for local files a block points to.

Every block is taken over, has a stated reason to be left out, or is an error: nothing vanishes.
No URL is fetched (LlamaIndex's own ``resolve_…`` methods would), the service does that.
"""

from __future__ import annotations

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

from azure_agents import ApprovalReply, Message, Text
from azure_agents.content.approvals import asks_of, outcomes_of, reply_of
from azure_agents.content.computer import ACKNOWLEDGED, CALLS, answer_of, calls_kept
from azure_agents.content.media import media
from azure_agents.content.notices import left_out
from azure_agents.content.parts import newest_of
from azure_agents.content.wording import placeholder
from azure_agents.errors import InvalidRequestError
from azure_agents.messages import Part, Role, with_speaker

from ._tools import ANCHOR, calls_of

_APPROVALS = "foundry_approvals"
FILE_ID = "foundry-file:"  # ImageBlock(url="foundry-file:assistant-abc"): blocks have no file id
_UNTITLED = "input_document"  # LlamaIndex's name for documents without one

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
# The calls of an answer have their own place in a message.
_NOT_CONTENT = (ToolCallBlock, CachePoint)
_SENT_AS_JSON = (ToolCallBlock, ThinkingBlock, CitationBlock)


def to_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Map a whole history.

    Raises:
        InvalidRequestError: A message, role or block that no agent can be sent.
    """
    newest = newest_of(map(_is_answer, messages))
    return tuple(_to_message(each, at, is_old=at < newest) for at, each in enumerate(messages))


def _is_answer(message: object) -> bool:
    return isinstance(message, ChatMessage) and _ROLES[message.role] == "assistant"


def _to_message(message: ChatMessage, index: int, *, is_old: bool) -> Message:
    where = f"message {index}"
    if not isinstance(message, ChatMessage):
        raise InvalidRequestError(f"{where} is a {type(message).__name__}: use ChatMessage")
    role, kwargs = _ROLES[message.role], message.additional_kwargs
    if role == "assistant":
        anchor = kwargs.get(ANCHOR)
        return Message(
            role,
            tuple(_answer_parts(message)),
            (*calls_of(message), *calls_kept(kwargs.get(CALLS))),
            anchor=anchor if isinstance(anchor, str) else None,
            asks=asks_of(kwargs),
            outcomes=outcomes_of(kwargs),
        )
    if role == "tool":
        return Message(
            role,
            tuple(_result_parts(message)),
            tool_call_id=_tool_call_id(kwargs, where),
            is_error=kwargs.get("is_error") is True,
            computer=answer_of(kwargs.get("type"), kwargs.get(ACKNOWLEDGED), where),
        )
    content = (part for block in message.blocks for part in _parts_of(block, where, is_old=is_old))
    parts = (*content, *_approvals(kwargs.get(_APPROVALS), where))
    # OpenAI's LlamaIndex class has the name of who speaks there, too.
    return Message(role, with_speaker(kwargs.get("name"), parts, where))


def _tool_call_id(kwargs: Mapping[str, Any], where: str) -> str:
    found = (kwargs.get(name) for name in ("tool_call_id", "call_id", "name"))
    call_id = next((each for each in found if each is not None), None)
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
    return (reply_of(entry["id"], entry.get("approve"), entry.get("reason")) for entry in entries)


def approval_entries(replies: Iterable[ApprovalReply]) -> dict[str, Any]:
    """Make the `additional_kwargs` of a message that answers approval requests."""
    entries = [
        {"id": reply.request_id, "approve": reply.approve, "reason": reply.reason}
        for reply in replies
    ]
    return {_APPROVALS: entries}


def _is_approval(entry: object) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("id"), str)


def _answer_parts(message: ChatMessage) -> Iterable[Part]:
    # The text of an answer, whoever gave it; the agent's own work is not sent again.
    is_ours = ANCHOR in message.additional_kwargs
    for block in message.blocks:
        if isinstance(block, TextBlock):
            yield Text(block.text)
        elif isinstance(block, CitableBlock):
            yield from _parts_of(block, "the answer", is_old=True)
        elif not is_ours and not isinstance(block, _NOT_CONTENT):
            left_out(f"a block of type {block.block_type!r}")


def _result_parts(message: ChatMessage) -> Iterable[Part]:
    # A tool returns anything at all: what cannot be sent is described.
    for block in message.blocks:
        if isinstance(block, _SENT_AS_JSON):
            yield Text(block.model_dump_json())
        else:
            yield from _parts_of(block, "the result", is_old=True)


def _parts_of(block: object, where: str, *, is_old: bool) -> Iterable[Part]:
    # What cannot be sent is refused; in a message that was answered before it is described, or the
    # conversation would refuse every turn from then on.
    try:
        return tuple(_block_parts(block, where))
    except InvalidRequestError:
        if not is_old:
            raise
        return (Text(placeholder(getattr(block, "block_type", type(block).__name__))),)


def _block_parts(block: object, where: str) -> Iterable[Part]:
    read = _READERS.get(type(block))
    if read is None:
        kind = getattr(block, "block_type", type(block).__name__)
        raise InvalidRequestError(
            f"{where} has a block of type {kind!r}, which Foundry agents do not take: "
            "give text, images or documents"
        )
    return read(block, where)


def _no_parts(_block_parts: CachePoint, _where: str) -> Iterable[Part]:
    return ()  # to other services; no content


def _text_parts(block: TextBlock, _where: str) -> Iterable[Part]:
    return (Text(block.text),)


def _image_parts(block: ImageBlock, where: str) -> Iterable[Part]:
    url = str(block.url) if block.url else None
    source = _media_source(block, block.image, url, where)
    yield media("image", where, mime_type=block.image_mimetype, detail=block.detail, **source)


def _document_parts(block: DocumentBlock, where: str) -> Iterable[Part]:
    source = _media_source(block, block.data, block.url, where)
    # LlamaIndex knows types that begin with magic bytes; texts have none.
    mime_type = block.document_mimetype or guess_type(source["name"] or "")[0]
    yield media("file", where, mime_type=mime_type, **source)


def _citable_parts(block: CitableBlock, where: str) -> Iterable[Part]:
    yield Text(f"{block.title} ({block.source})\n")
    for inner in block.content:
        yield from _block_parts(inner, where)


_Reader: TypeAlias = Callable[[Any, str], Iterable[Part]]
_READERS: dict[type, _Reader] = {
    CachePoint: _no_parts,
    TextBlock: _text_parts,
    ImageBlock: _image_parts,
    DocumentBlock: _document_parts,
    CitableBlock: _citable_parts,
}


def _media_source(
    block: ImageBlock | DocumentBlock, content: bytes | IOBase | None, url: str | None, where: str
) -> dict[str, Any]:
    name = _file_name(block)
    if content is not None:
        return {"data": _block_content(content), "name": name}
    if block.path is not None:
        return {"data": _file_content(Path(block.path), where), "name": name}
    if not url:
        raise InvalidRequestError(
            f"{where} has an empty {block.block_type} block: give data, a path or a URL"
        )
    if url.startswith(FILE_ID):
        return {"file_id": url.removeprefix(FILE_ID), "name": None if name == _UNTITLED else name}
    return {"url": url, "name": name}


def _file_name(block: ImageBlock | DocumentBlock) -> str | None:
    title = block.title if isinstance(block, DocumentBlock) else None
    if title and title != _UNTITLED:
        return title
    return Path(block.path).name if block.path is not None else title


def _block_content(content: bytes | IOBase) -> bytes | str:
    if isinstance(content, bytes):
        return content.decode("latin-1")  # blocks keep their bytes as base64
    content.seek(0)
    return bytes(content.read())


def _file_content(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InvalidRequestError(f"{where}: cannot read {str(path)!r}: {exc.strerror}") from exc


def as_messages(message: str | ChatMessage | None) -> tuple[ChatMessage, ...]:
    """Turn a ``user_msg`` of LlamaIndex (None, a message, or its text) into messages."""
    if message is None:
        return ()
    return (ChatMessage(message) if isinstance(message, str) else message,)
