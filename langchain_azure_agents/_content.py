"""Content of LangChain messages, in every dialect it comes in, as parts of the core.

LangChain itself turns OpenAI's audio and file blocks and its own old ("v0") blocks into standard
ones before a model sees them; `image_url`, the Responses API's ``input_…`` blocks and Anthropic's
``source`` blocks arrive as they are. No URL is fetched: the service does that.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias, cast

from azure_agents.errors import InvalidRequestError
from azure_agents.messages import ApprovalReply, Media, Part, Text
from azure_agents.naming import shown

Content: TypeAlias = str | list[str | dict[Any, Any]]
_Block: TypeAlias = Mapping[str, Any]
_Kind: TypeAlias = Literal["image", "file"]

# The type name in front of an approval reply, in our words and in the service's.
APPROVAL_REPLIES = ("approval_reply", "mcp_approval_response")

# What an answer holds besides text and refusals, in LangChain's words, OpenAI's and Anthropic's
# (a fallback may have answered): not sent again. Tool calls are read from `tool_calls`.
AGENT_OUTPUT = frozenset(
    {
        "audio",
        "code_interpreter_call",
        "computer_call",
        "custom_tool_call",
        "file",
        "file_search_call",
        "function_call",
        "image",
        "image_generation_call",
        "image_url",
        "invalid_tool_call",
        "local_shell_call",
        "mcp_approval_request",
        "mcp_call",
        "mcp_list_tools",
        "non_standard",
        "reasoning",
        "redacted_thinking",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "server_tool_use",
        "thinking",
        "tool_call",
        "tool_call_chunk",
        "tool_use",
        "video",
        "web_search_call",
        "web_search_tool_result",
    }
)

_TEXTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_NEVER = ("audio", "input_audio", "video", "input_video")
_DATA_URL = re.compile(r"data:(?P<mime>[^;,]*)(?:;[^,]*)?;base64,(?P<data>.*)", re.DOTALL)


def input_parts(content: Content, role: str) -> tuple[Part, ...]:
    """Map the content of a user, system or tool message.

    Raises:
        InvalidRequestError: A block that an agent cannot be told.
    """
    return tuple(part for block in _blocks(content) if (part := _input(block, role)) is not None)


def answer_parts(content: Content) -> tuple[Part, ...]:
    """Map the content of an assistant message; the agent's own work is left out.

    Raises:
        InvalidRequestError: A block of a type that nobody knows.
    """
    return tuple(part for block in _blocks(content) if (part := _output(block)) is not None)


def _blocks(content: Content) -> Iterable[str | dict[Any, Any]]:
    return [content] if isinstance(content, str) else content


def _input(block: str | _Block, role: str) -> Part | None:
    if isinstance(block, str):
        return Text(block) if block else None
    kind = block.get("type")
    if kind in _TEXTS:
        return _text(block)
    if kind in _NEVER:
        raise InvalidRequestError(
            f"a {role} message holds a content block of type {kind!r}: agents take text, images "
            "and files; transcribe it first"
        )
    read = _READERS.get(cast("str", kind))
    if read is None:
        raise _unknown(kind, role)
    return read(block)


def _output(block: str | _Block) -> Part | None:
    if isinstance(block, str):
        return Text(block) if block else None
    kind = block.get("type")
    if kind in _TEXTS:
        return _text(block)
    if kind in AGENT_OUTPUT:
        return None
    raise _unknown(kind, "assistant")


def _unknown(kind: object, role: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"a content block of type {shown(kind)} in a message with role {role!r} cannot be sent to "
        "an agent: use blocks of type 'text', 'image', 'file' or 'image_url'"
    )


def _text(block: _Block) -> Text | None:
    text = block.get(_TEXTS[block["type"]]) or ""
    if not isinstance(text, str):
        raise InvalidRequestError(f"the text of a content block is no string: {shown(text)}")
    return Text(text) if text else None


def _standard(block: _Block) -> Part:
    kind = cast("_Kind", block["type"])
    if isinstance(source := block.get("source"), Mapping):  # Anthropic's dialect
        return _from_source(kind, source, block.get("title"))
    if isinstance(file := block.get("file"), Mapping):  # OpenAI's, if nobody translated it
        return _openai_file(file)
    extras = block.get("extras") or {}
    return _media(
        kind,
        url=block.get("url"),
        data=block.get("base64", block.get("data")),
        file_id=block.get("file_id"),
        mime_type=block.get("mime_type"),
        name=block.get("filename") or block.get("name") or extras.get("filename"),
        detail=block.get("detail") or extras.get("detail"),
    )


def _image_url(block: _Block) -> Part:
    image = block.get("image_url")
    if isinstance(image, Mapping):
        return _media("image", url=image.get("url"), detail=image.get("detail"))
    return _media("image", url=image, file_id=block.get("file_id"), detail=block.get("detail"))


def _openai_file(block: _Block) -> Part:
    return _media(
        "file",
        url=block.get("file_url"),
        data=block.get("file_data"),
        file_id=block.get("file_id"),
        name=block.get("filename"),
    )


def _plain_text(block: _Block) -> Part:
    if isinstance(text := block.get("text"), str):
        return Text(text)
    return _standard({"mime_type": "text/plain", **block, "type": "file"})


def _document(block: _Block) -> Part:
    return _from_source("file", block.get("source") or {}, block.get("title"))


def _from_source(kind: _Kind, source: _Block, name: str | None) -> Part:
    if source.get("type") == "text":
        return Text(str(source.get("data", "")))
    return _media(
        kind,
        url=source.get("url"),
        data=source.get("data"),
        file_id=source.get("file_id"),
        mime_type=source.get("media_type"),
        name=name,
    )


def _approval(block: _Block) -> Part:
    value = block.get("value") if block["type"] == "non_standard" else block
    if not isinstance(value, Mapping) or value.get("type") not in APPROVAL_REPLIES:
        inner = value.get("type") if isinstance(value, Mapping) else None
        raise _unknown(f"non_standard ({inner})", "user")
    request_id = value.get("request_id") or value.get("approval_request_id")
    if not isinstance(request_id, str):
        raise InvalidRequestError("an approval reply lacks its 'request_id': copy the request's id")
    # Only `True` approves: no truthy text, number or object does.
    return ApprovalReply(request_id, approve=value.get("approve") is True, reason=_reason(value))


def _reason(value: _Block) -> str | None:
    reason = value.get("reason")
    return reason if isinstance(reason, str) else None


_READERS: dict[str, Callable[[_Block], Part]] = {
    "document": _document,
    "file": _standard,
    "image": _standard,
    "image_url": _image_url,
    "input_file": _openai_file,
    "input_image": _image_url,
    "non_standard": _approval,
    "text-plain": _plain_text,
    **dict.fromkeys(APPROVAL_REPLIES, _approval),
}


def _media(
    kind: _Kind,
    *,
    url: object = None,
    data: object = None,
    file_id: object = None,
    mime_type: str | None = None,
    name: str | None = None,
    detail: str | None = None,
) -> Media:
    for text in (data, url):  # a data URL may stand in either place
        if isinstance(text, str) and (match := _DATA_URL.fullmatch(text)):
            data, url, mime_type = match["data"], None, mime_type or match["mime"] or None
            break
    given = {"url": url, "data": data, "file_id": file_id}
    values = {key: value for key, value in given.items() if value}
    if len(values) != 1 or not isinstance(next(iter(values.values())), str | bytes):
        raise InvalidRequestError(
            f"a block of type {kind!r} needs exactly one text of url, base64 and file_id, got "
            f"{', '.join(values) or 'none of them'}"
        )
    return Media(
        kind,
        url=cast("str | None", values.get("url")),
        data=_decoded(kind, values["data"]) if "data" in values else None,
        file_id=cast("str | None", values.get("file_id")),
        mime_type=mime_type,
        name=name,
        detail=detail,
    )


def _decoded(kind: str, data: object) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return base64.b64decode("".join(str(data).split()), validate=True)
    except (binascii.Error, ValueError):
        # `from None`: a file may be secret, and the cause would repeat it.
        raise InvalidRequestError(
            f"the data of a {kind} block is not base64: encode the bytes with base64.b64encode"
        ) from None
