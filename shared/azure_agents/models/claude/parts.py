"""Texts, images and files of chat messages as blocks of Claude. Pure; no URL is fetched."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from ...content.media import Kind, media
from ...errors import InvalidRequestError
from ...jsonio import JSON
from ...messages import Media
from ...naming import shown
from ..chat_parts import file_in

_TEXT = ("text", "input_text", "output_text")
_PLAIN = "text/plain"
_PDF = "application/pdf"


def text_block(text: str) -> JSON:
    """Make a block of text."""
    return {"type": "text", "text": text}


def to_blocks(content: object, where: str) -> list[JSON]:
    """Map the content of a message.

    Args:
        content: A text, a list of parts, or None.
        where: How an error names the message.

    Returns:
        Blocks of Claude; empty texts are left out, since the service refuses them. A part of a type
        that OpenAI does not have is one of Claude's own blocks and goes up as it is.

    Raises:
        InvalidRequestError: A part is malformed, or Claude has no place for it.
    """
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [text_block(content)]
    if not isinstance(content, list | tuple):
        raise InvalidRequestError(
            f"the content of {where} must be a text or a list of parts, got {shown(content)}"
        )
    blocks = (_block(part, f"{where}, part {at}") for at, part in enumerate(content))
    return [block for block in blocks if block.get("text") != ""]


def _block(part: object, where: str) -> JSON:
    if isinstance(part, str):
        return text_block(part)
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        raise InvalidRequestError(f"{where} must be a dictionary with a type, got {shown(part)}")
    kind = part["type"]
    if kind in _TEXT:
        return _cached(text_block(_text(part.get("text"), where)), part)
    if kind == "refusal":
        return text_block(_text(part.get("refusal"), where))
    if kind == "image_url":
        return _cached(_image(part.get("image_url"), where), part)
    if kind == "file":
        return _cached(_file(part.get("file"), where), part)
    if kind == "input_audio":
        raise InvalidRequestError(f"{where} is audio, which Claude does not take: send its text")
    return dict(part)


def _text(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    raise InvalidRequestError(f"the text of {where} must be a string, got {shown(value)}")


def _cached(block: JSON, part: Mapping[str, Any]) -> JSON:
    # A mark of the prompt cache stands on the part: LiteLLM's users write it so.
    mark = part.get("cache_control")
    return block if mark is None else {**block, "cache_control": mark}


def _image(image: object, where: str) -> JSON:
    url = image.get("url") if isinstance(image, Mapping) else image
    return _image_block(media("image", where, url=url), where)


def _image_block(image: Media, where: str) -> JSON:
    if image.data is None:
        return {"type": "image", "source": _elsewhere(image, "image", where)}
    if not (image.mime_type or "").startswith("image/"):
        raise InvalidRequestError(
            f"{where} is an image of type {image.mime_type!r}: write 'data:image/png;base64,…' "
            "(also jpeg, gif or webp)"
        )
    return {"type": "image", "source": _inline(image.data, image.mime_type)}


def _file(file: object, where: str) -> JSON:
    found = file_in(file, where)
    if (found.mime_type or "").startswith("image/"):
        return _image_block(found, where)
    block: JSON = {"type": "document", "source": _document(found, where)}
    return {**block, "title": found.name} if found.name else block


def _document(file: Media, where: str) -> JSON:
    if file.data is None:
        return _elsewhere(file, "file", where)
    if (file.mime_type or "").startswith("text/"):
        try:
            return {"type": "text", "media_type": _PLAIN, "data": file.data.decode()}
        except UnicodeDecodeError:
            raise InvalidRequestError(
                f"{where} is a text that is not UTF-8: encode it so"
            ) from None
    if file.mime_type in (_PDF, None):
        return _inline(file.data, _PDF)
    raise InvalidRequestError(
        f"{where} is a file of type {file.mime_type!r}, and Claude takes PDF and text: convert it"
    )


def _inline(data: bytes, mime_type: str | None) -> JSON:
    return {"type": "base64", "media_type": mime_type, "data": b64encode(data).decode()}


def _elsewhere(found: Media, kind: Kind, where: str) -> JSON:
    if found.file_id is not None:
        return {"type": "file", "file_id": found.file_id}
    if (found.url or "").startswith(("https://", "http://")):
        return {"type": "url", "url": found.url}
    raise InvalidRequestError(
        f"{where}: {shown(found.url)} is no address of an {kind}: use 'https://…' or "
        "'data:<type>;base64,…'"
    )
