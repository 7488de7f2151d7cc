"""Texts, images and files of chat messages as parts of input items. Pure; no URL is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...content.media import data_url
from ...errors import InvalidRequestError
from ...jsonio import JSON, known_fields
from ...naming import shown
from ..chat_parts import file_in

_TEXT = ("text", "input_text", "output_text")
_BREAKPOINT = "prompt_cache_breakpoint"  # OpenAI's mark of the prompt cache, on any part
_ADDRESSES = ("https://", "http://", "data:")


def said(content: object, where: str) -> str | list[JSON]:
    """Map what anybody but the assistant says: a text, or parts.

    A part of a type that chat does not have goes up as it is.

    Args:
        content: A text, a list of parts, or None.
        where: How an error names the message.

    Raises:
        InvalidRequestError: A part is malformed, or the operation has no place for it.
    """
    if content is None or isinstance(content, str):
        return content or ""
    return [_input_part(*one) for one in _each(content, where)]


def answered(content: object, where: str) -> list[JSON]:
    """Map what the assistant said.

    Args:
        content: As for `said`.
        where: As for `said`.

    Raises:
        InvalidRequestError: A part is malformed.
    """
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [output_text(content)]
    parts = [_output_part(*one) for one in _each(content, where)]
    return [part for part in parts if part.get("text") != ""]


def output_text(text: str) -> JSON:
    """Make a part of the assistant's text."""
    return {"type": "output_text", "text": text}


def _each(content: object, where: str) -> list[tuple[Mapping[str, Any], str]]:
    if not isinstance(content, list | tuple):
        raise InvalidRequestError(
            f"the content of {where} must be a text or a list of parts, got {shown(content)}"
        )
    return [_checked(part, f"{where}, part {at}") for at, part in enumerate(content)]


def _checked(part: object, where: str) -> tuple[Mapping[str, Any], str]:
    if isinstance(part, str):
        return {"type": "text", "text": part}, where
    if isinstance(part, Mapping) and isinstance(part.get("type"), str):
        return part, where
    raise InvalidRequestError(f"{where} must be a dictionary with a type, got {shown(part)}")


def _output_part(part: Mapping[str, Any], where: str) -> JSON:
    if part["type"] in _TEXT:
        return output_text(_text(part, "text", where))
    if part["type"] == "refusal":
        return {"type": "refusal", "refusal": _text(part, "refusal", where)}
    raise InvalidRequestError(
        f"{where} is of type {shown(part['type'])}: of an assistant's message, texts and refusals "
        "go up"
    )


def _input_part(part: Mapping[str, Any], where: str) -> JSON:
    kind = part["type"]
    mark = known_fields(**{_BREAKPOINT: part.get(_BREAKPOINT)})
    if kind in _TEXT:
        return {"type": "input_text", "text": _text(part, "text", where), **mark}
    if kind == "image_url":
        return {**_image(part.get("image_url"), where), **mark}
    if kind == "file":
        return {**_file(part.get("file"), where), **mark}
    if kind == "input_audio":
        raise InvalidRequestError(
            f"{where} is audio, which the responses operation does not take: send its text, or "
            "call an audio model as 'azure/<deployment>'"
        )
    return dict(part)


def _text(part: Mapping[str, Any], name: str, where: str) -> str:
    value = part.get(name)
    if isinstance(value, str):
        return value
    raise InvalidRequestError(f"the text of {where} must be a string, got {shown(value)}")


def _image(image: object, where: str) -> JSON:
    given = image if isinstance(image, Mapping) else {"url": image}
    url = given.get("url")
    if not isinstance(url, str) or not url.startswith(_ADDRESSES):
        raise InvalidRequestError(
            f"{where}: {shown(url)} is no address of an image: use 'https://…' or "
            "'data:image/png;base64,…'"
        )
    return {"type": "input_image", "image_url": url, "detail": given.get("detail") or "auto"}


def _file(file: object, where: str) -> JSON:
    found = file_in(file, where)
    if found.data is None:
        return {"type": "input_file", **known_fields(file_id=found.file_id, file_url=found.url)}
    written = data_url(found.data, found.mime_type or "application/pdf")
    return {"type": "input_file", "filename": found.name or "file", "file_data": written}
