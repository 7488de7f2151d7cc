"""Server-side tools as both generations tell of them: what was asked, what came back, what it made.

A `Tool` reads the object that a service sends of one call. The tables that say which tool is read
how stand beside the codecs (`responses.items`, `classic.step_tools`); the words for the kinds of
tools are the same in both. Nothing is evaluated: what is no JSON stays the text that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..content.media import split_data_url
from ..errors import ProtocolError
from ..events import MediaOutput, ServerToolCall, ServerToolResult
from ..jsonio import JSON, loads

Asked: TypeAlias = Callable[[JSON], JSON]
Told: TypeAlias = Callable[[JSON], Any]
Made: TypeAlias = Callable[[str, JSON], Iterable[MediaOutput]]

_FAILED = frozenset({"failed", "incomplete", "cancelled", "expired"})
_IMAGES = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
}


def fields(*names: str, **renamed: str) -> Asked:
    """Reads the fields that are there; `renamed` maps our name to the service's."""
    wanted = {**{name: name for name in names}, **renamed}

    def read(data: JSON) -> JSON:
        found = {ours: data.get(theirs) for ours, theirs in wanted.items()}
        return {name: value for name, value in found.items() if value not in (None, "", [], {})}

    return read


def one(*names: str) -> Told:
    """Reads the first of these fields that has a value."""

    def read(data: JSON) -> Any:
        return next((data[name] for name in names if data.get(name) is not None), None)

    return read


def arguments(data: JSON) -> JSON:
    """The field ``arguments``, mostly a JSON text; what is no JSON object is kept as ``input``."""
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
    """How a call of one kind of tool is read.

    Attributes:
        name: Kind of tool.
        asked: Reads its arguments.
        told: Reads its output.
        details: Reads what else tells one call from another.
        made: Reads the images and files it made.
        answers_itself: Whether the object of the call is its result, too, once it has ended.
        early: Whether a call that only begins has its arguments already.
    """

    name: str
    asked: Asked = _nothing
    told: Told = _output
    details: Asked = _nothing
    made: Made = _no_media
    answers_itself: bool = True
    early: bool = False

    def call(self, id: str, data: JSON) -> ServerToolCall:
        """The call."""
        return ServerToolCall(id, self.name, self.asked(data), self.details(data))

    def begun(self, id: str, data: JSON) -> ServerToolCall | None:
        """The call as it begins, if its arguments are whole: JSON is, once it can be read."""
        if self.early or (self.asked is arguments and _is_whole(data.get("arguments"))):
            return self.call(id, data)
        return None

    def result(self, id: str, data: JSON, status: object = None) -> ServerToolResult:
        """The result; an error of the tool is the output where there is no other."""
        output, error = self.told(data), data.get("error")
        return ServerToolResult(
            id, self.name, outcome(status, error), error if output is None else output
        )

    def events(
        self, id: str, data: JSON, status: object = None
    ) -> Iterable[ServerToolCall | ServerToolResult | MediaOutput]:
        """Everything that the object of an ended call says."""
        yield self.call(id, data)
        if self.answers_itself or self.told(data) is not None:
            yield self.result(id, data, status)
        yield from self.made(id, data)


def outcome(status: object, error: object = None) -> Literal["success", "error"]:
    """How a call ended. A finished answer with a tool still ``searching`` is recorded: success."""
    return "error" if error or (isinstance(status, str) and status in _FAILED) else "success"


def image_at(id: str, url: object, **more: Any) -> Iterable[MediaOutput]:
    """An image by its URL; a data URL is its content."""
    if not isinstance(url, str) or not url:
        return
    inline = split_data_url(url)
    if inline is None:
        yield MediaOutput(id, "image", url=url, **more)
    else:
        yield MediaOutput(id, "image", data=inline.data, mime_type=inline.mime_type or None, **more)


def image_type(suffix: object) -> str | None:
    """The media type of an image format, or of no image: None."""
    return _IMAGES.get(suffix.lower()) if isinstance(suffix, str) else None


def file_made(
    id: str, file_id: object, filename: object = None, container_id: object = None
) -> Iterable[MediaOutput]:
    """A file that the text of an answer refers to as made by the agent."""
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
    """The picture that a computer tool took."""
    output = data.get("output")
    if isinstance(output, dict):
        if isinstance(output.get("file_id"), str):
            yield MediaOutput(id, "image", file_id=output["file_id"])
        else:
            yield from image_at(id, output.get("image_url"))


def without_picture(data: JSON) -> Any:
    """The output of a computer tool; the picture itself is an event of its own."""
    output = data.get("output")
    if not isinstance(output, dict):
        return output
    return {name: value for name, value in output.items() if name != "image_url"}
