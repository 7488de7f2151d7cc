"""Multipart requests of a model: fields as OpenAI's forms have them, and files.

| value | field |
|---|---|
| text, number | ``name`` |
| True, False | ``name`` with ``true``, ``false`` |
| list | ``name[]``, once for each |
| dictionary | ``name[key]`` |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from ..errors import InvalidRequestError
from ..files.disk import LocalFile
from ..files.multipart import FilePart, Part, TextPart, content_type, form, size_of
from ..files.progress import OnProgress, checked_progress
from ..naming import shown
from .call import place_of
from .operation_table import OPERATIONS
from .requests import Request
from .settings import ModelSettings


def form_request(
    settings: ModelSettings,
    operation: str,
    fields: Mapping[str, object],
    files: Sequence[tuple[str, LocalFile]],
    progress: OnProgress | None = None,
) -> Request:
    """A request whose body is a form; its files are read while it is sent, each time anew.

    Args:
        settings: Of the call.
        operation: The name of a row of the table.
        fields: Without ``model``.
        files: Each with the field that it is.
        progress: Called with the bytes of the files that are sent, and their bytes in all.

    Raises:
        ConfigError: It is an operation of other models.
        InvalidRequestError: A field has no form.
    """
    row = OPERATIONS[operation]
    place = place_of(settings, row)
    named = {} if place.model is None else {"model": place.model}
    parts: list[Part] = [TextPart(*one) for one in _texts({**named, **fields})]
    parts += [FilePart(*one) for one in files]
    report, total = checked_progress(progress), size_of(parts)
    key = uuid4().hex
    boundary = f"azure-agents-{key}"  # nobody can guess it, so no file holds it
    return Request(
        row,
        place,
        settings.model.requested,
        form(boundary, parts, lambda done: report(done, total)),
        content_type=content_type(boundary),
        query=settings.query,
        policy=settings.policy,
        key=key,
    )


def not_streamed(function: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without `stream`; True is refused before the service bills what nobody reads.

    Args:
        function: Which does not stream.
        given: The arguments of the call.

    Raises:
        InvalidRequestError: A stream was asked for.
    """
    if given.get("stream"):
        raise InvalidRequestError(
            f"{function} does not stream in this version: leave stream= out, and the whole answer "
            "comes at once"
        )
    return {name: value for name, value in given.items() if name != "stream"}


def _texts(fields: Mapping[str, object]) -> list[tuple[str, str]]:
    try:
        return [(_text_of("a field's name", name), text) for name, text in _flat(fields)]
    except RecursionError:
        raise InvalidRequestError("a field is nested too deeply, or holds itself") from None


def _flat(fields: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        yield from _fields_of(name, value)


def _fields_of(name: str, value: object) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _fields_of(f"{name}[{key}]", one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _fields_of(f"{name}[]", one)
    else:
        yield name, _text_of(name, value)


def _text_of(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise InvalidRequestError(f"{name} cannot stand in a form: {shown(value)}")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(f"{name} cannot be sent as UTF-8: {shown(value)}") from None
    return text
