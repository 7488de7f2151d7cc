"""Content blocks that are sent to the agent, in every dialect, one reader for each type. Pure.

LangChain's standard blocks, OpenAI's content parts (both of its APIs), Anthropic's and MCP's. What
kind of message may hold which of them is the business of `azure_agents.content.parts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from ..errors import InvalidRequestError
from ..messages import Part, Text
from ..naming import shown
from .approvals import reply_of
from .media import Kind, media
from .wording import as_json

Block: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = Callable[[Block, str], Part]

# The type name of an approval reply, in our words and in the service's.
APPROVAL_REPLIES = ("approval_reply", "mcp_approval_response")


def type_of(block: Block) -> str:
    """Give the type of a block; "" if it has none that is a text."""
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""


def plain(value: object) -> object:
    """Turn an object of an SDK's class into the dictionary that it dumps to; the rest stays."""
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else value


def unknown_block(kind: object, role: str, where: str) -> InvalidRequestError:
    """Make the error for a block that a message cannot hold."""
    return InvalidRequestError(
        f"{where} is of type {shown(kind)}, which a message with the role {role!r} cannot hold: "
        "use blocks of type 'text', 'image', 'file' or 'image_url'"
    )


def _standard(block: Block, where: str) -> Part:
    kind = cast("Kind", block["type"])
    if isinstance(source := block.get("source"), Mapping):  # Anthropic's dialect
        return _from_source(kind, source, block, where)
    if isinstance(file := block.get("file"), Mapping):  # OpenAI's
        return _openai_file(file, where)
    given = block.get("extras")
    extras: Block = given if isinstance(given, Mapping) else {}
    return media(
        kind,
        where,
        url=block.get("url"),
        data=block.get("base64", block.get("data")),
        file_id=block.get("file_id"),
        mime_type=block.get("mime_type") or block.get("mimeType"),  # the second is MCP's name
        name=block.get("filename") or block.get("name") or extras.get("filename"),
        detail=block.get("detail") or extras.get("detail"),
    )


def _image_url(block: Block, where: str) -> Part:
    image = block.get("image_url")
    given = image if isinstance(image, Mapping) else {**block, "url": image}
    return media(
        "image",
        where,
        url=given.get("url"),
        file_id=given.get("file_id"),
        mime_type=given.get("format"),  # LiteLLM's name
        name=given.get("filename"),
        detail=given.get("detail"),
    )


def _openai_file(file: Block, where: str) -> Part:
    return media(
        "file",
        where,
        url=file.get("file_url"),
        data=file.get("file_data"),
        file_id=file.get("file_id"),
        mime_type=file.get("format"),
        name=file.get("filename"),
    )


def _plain_text(block: Block, where: str) -> Part:
    if isinstance(text := block.get("text"), str):
        return Text(_headed(block, text))
    return _standard({"mime_type": "text/plain", **block, "type": "file"}, where)


def _document(block: Block, where: str) -> Part:
    source = block.get("source")
    return _from_source("file", source if isinstance(source, Mapping) else {}, block, where)


def _from_source(kind: Kind, source: Block, block: Block, where: str) -> Part:
    if source.get("type") == "text":
        return Text(_headed(block, str(source.get("data", ""))))
    if source.get("type") == "content":  # Anthropic's document of blocks
        return Text(_headed(block, _texts_in(source.get("content"))))
    return media(
        kind,
        where,
        url=source.get("url"),
        data=source.get("data"),
        file_id=source.get("file_id"),
        mime_type=source.get("media_type"),
        name=block.get("title"),
    )


def _search_result(block: Block, _where: str) -> Part:
    return Text(_headed(block, _texts_in(block.get("content"))))


def read_resource(block: Block, where: str) -> Part:
    """Read what an MCP tool embeds: a text, or bytes."""
    inner = block.get("resource")
    given = inner if isinstance(inner, Mapping) else block
    uri, mime_type = given.get("uri"), given.get("mimeType")
    if given.get("blob") is None:
        text = given.get("text")
        return Text(f"{uri}\n{text}" if isinstance(text, str) else as_json(given))
    kind: Kind = "image" if str(mime_type).startswith("image/") else "file"
    name = str(uri).rpartition("/")[2]
    return media(kind, where, data=given["blob"], mime_type=mime_type, name=name)


def _headed(block: Block, text: str) -> str:
    # A text below its title, source and context, where it has any.
    title, source, context = (block.get(name) for name in ("title", "source", "context"))
    named = f"{title} ({source})" if title and isinstance(source, str) else title or source
    head = [each for each in (named, context) if isinstance(each, str) and each]
    return "\n".join([*head, text])


def _texts_in(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list | tuple) else ()
    texts = [each.get("text") if isinstance(each, Mapping) else each for each in blocks]
    return "\n".join(text for text in texts if isinstance(text, str))


def _approval(block: Block, where: str) -> Part:
    value = block.get("value") if block["type"] == "non_standard" else block
    if not isinstance(value, Mapping) or value.get("type") not in APPROVAL_REPLIES:
        inner = value.get("type") if isinstance(value, Mapping) else None
        raise unknown_block(f"non_standard ({inner})", "user", where)
    request_id = value.get("approval_request_id") or value.get("request_id")
    if not isinstance(request_id, str):
        raise InvalidRequestError(
            f"{where} lacks its 'approval_request_id' (or 'request_id'): copy the request's id"
        )
    return reply_of(request_id, value.get("approve"), value.get("reason"))


READERS: dict[str, Reader] = {
    "document": _document,
    "file": _standard,
    "image": _standard,
    "image_url": _image_url,
    "input_file": _openai_file,
    "input_image": _image_url,
    "search_result": _search_result,
    "text-plain": _plain_text,
}
REPLIES: dict[str, Reader] = dict.fromkeys(("non_standard", *APPROVAL_REPLIES), _approval)
