"""Calls of server-side tools in both generations: their arguments, output, images and files.

A `Tool` says how the object that a service sends for one call is read. The tables of tools stand
beside the codecs (`responses.items`, `classic.step_tools`) and use the same names for the same kind
of tool. Nothing is evaluated: text that is no JSON stays text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..content.media import split_data_url
from ..errors import ProtocolError
from ..events import MediaOutput, ServerToolCall, ServerToolResult
from ..jsonio import JSON, loads

ReadFields: TypeAlias = Callable[[JSON], JSON]
ReadValue: TypeAlias = Callable[[JSON], Any]
ReadMedia: TypeAlias = Callable[[str, JSON], Iterable[MediaOutput]]

_FAILED = frozenset({"failed", "incomplete", "cancelled", "expired"})
_IMAGES = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
}


def fields(*names: str, **renamed: str) -> ReadFields:
    """Make a function that reads the fields that have a value.

    Args:
        names: Fields that keep their name.
        renamed: Our name to that of the service.
    """
    wanted = {**{name: name for name in names}, **renamed}

    def read(data: JSON) -> JSON:
        found = {ours: data.get(theirs) for ours, theirs in wanted.items()}
        return {name: value for name, value in found.items() if value not in (None, "", [], {})}

    return read


def one(*names: str) -> ReadValue:
    """Make a function that reads the first of these fields that has a value."""

    def read(data: JSON) -> Any:
        return next((data[name] for name in names if data.get(name) is not None), None)

    return read


def arguments(data: JSON) -> JSON:
    """Read the field ``arguments``, mostly JSON text; anything but an object becomes ``input``."""
    given = data.get("arguments")
    value = _parsed(given) if isinstance(given, str) else given
    if isinstance(value, dict):
        return value
    return {} if value in (None, "") else {"input": value}


def _is_whole(given: object) -> bool:
    value = _parsed(given) if isinstance(given, str) else given
    return isinstance(value, dict) and value != {}


def _parsed(text: str) -> Any:
    try:
        return loads(text) if text else None
    except ProtocolError:
        return text


def _output(data: JSON) -> Any:
    return data.get("output")


def _nothing(*_: object) -> Any:
    return {}


def _no_media(*_: object) -> Iterable[MediaOutput]:
    return ()


@dataclass(frozen=True, slots=True)
class Tool:
    """Functions that read the calls of one kind of tool.

    Attributes:
        name: Kind of tool.
        read_arguments: Reads the arguments.
        read_output: Reads the output.
        read_details: Reads other fields that distinguish one call from another.
        read_media: Reads images and files that the call made.
        answers_itself: Whether the object of an ended call holds its result as well.
        early: Whether a call has its arguments as soon as it begins.
    """

    name: str
    read_arguments: ReadFields = _nothing
    read_output: ReadValue = _output
    read_details: ReadFields = _nothing
    read_media: ReadMedia = _no_media
    answers_itself: bool = True
    early: bool = False

    def call(self, id: str, data: JSON) -> ServerToolCall:
        """Read the call."""
        return ServerToolCall(id, self.name, self.read_arguments(data), self.read_details(data))

    def begun(self, id: str, data: JSON) -> ServerToolCall | None:
        """Read a call that begins; None if its arguments are not whole yet."""
        # Arguments in JSON are whole as soon as they can be parsed.
        if self.early or (self.read_arguments is arguments and _is_whole(data.get("arguments"))):
            return self.call(id, data)
        return None

    def result(self, id: str, data: JSON, status: object = None) -> ServerToolResult:
        """Read the result; an error of the tool is its output where there is no other."""
        output, error = self.read_output(data), data.get("error")
        return ServerToolResult(
            id, self.name, outcome(status, error), error if output is None else output
        )

    def events(
        self, id: str, data: JSON, status: object = None
    ) -> Iterable[ServerToolCall | ServerToolResult | MediaOutput]:
        """Yield all events of an ended call."""
        yield self.call(id, data)
        if self.answers_itself or self.read_output(data) is not None:
            yield self.result(id, data, status)
        yield from self.read_media(id, data)


def outcome(status: object, error: object = None) -> Literal["success", "error"]:
    """Return how a call ended; a finished answer whose tool is still ``searching`` is recorded."""
    return "error" if error or (isinstance(status, str) and status in _FAILED) else "success"


def image_at(id: str, url: object, **more: Any) -> Iterable[MediaOutput]:
    """Yield the image at a URL; a data URL holds its content."""
    if not isinstance(url, str) or not url:
        return
    inline = split_data_url(url)
    if inline is None:
        yield MediaOutput(id, "image", url=url, **more)
    else:
        yield MediaOutput(id, "image", data=inline.data, mime_type=inline.mime_type or None, **more)


def image_type(suffix: object) -> str | None:
    """Return the media type of an image by its file suffix; None for other suffixes."""
    return _IMAGES.get(suffix.lower()) if isinstance(suffix, str) else None


def file_made(
    id: str, file_id: object, filename: object = None, container_id: object = None
) -> Iterable[MediaOutput]:
    """Yield a file that the text of an answer refers to as made by the agent."""
    if not isinstance(file_id, str) or not file_id:
        return
    name = filename if isinstance(filename, str) else None
    mime_type = image_type((name or "").rpartition(".")[2])
    yield MediaOutput(
        id,
        "image" if mime_type else "file",
        file_id=file_id,
        container_id=container_id if isinstance(container_id, str) else None,
        mime_type=mime_type,
        filename=name,
    )


def screenshot(id: str, data: JSON) -> Iterable[MediaOutput]:
    """Yield the screenshot that a computer tool took."""
    output = data.get("output")
    if isinstance(output, dict):
        if isinstance(output.get("file_id"), str):
            yield MediaOutput(id, "image", file_id=output["file_id"])
        else:
            yield from image_at(id, output.get("image_url"))


def without_screenshot(data: JSON) -> Any:
    """Read the output of a computer tool; the screenshot is an event of its own."""
    output = data.get("output")
    if not isinstance(output, dict):
        return output
    return {name: value for name, value in output.items() if name != "image_url"}
