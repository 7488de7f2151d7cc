"""Multipart forms; the bytes of their files are read only while they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ..protocols.commands import Upload
from .references import type_of

# As browsers and the SDKs do it: UTF-8 as it is, but no way out of the quotes.
_ESCAPES = {ord('"'): "%22", ord("\\"): "\\\\"} | {
    code: f"%{code:02X}" for code in (*range(32), 127)
}


class Content(Protocol):
    """A file that can be uploaded; `azure_agents.files.disk.LocalFile` is one."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    @property
    def type(self) -> str | None:
        """Its media type; None: what its name says."""

    def pieces(self) -> Iterator[bytes]:
        """Read it from its start, piece by piece."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """A field with a text.

    Attributes:
        field: Its name.
        text: Its value.
    """

    field: str
    text: str

    def lines(self) -> tuple[str, ...]:
        """Its headers, up to its value."""
        return (f'Content-Disposition: form-data; name="{_quoted(self.field)}"', "", "")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A field with a file.

    Attributes:
        field: Its name.
        content: The file.
    """

    field: str
    content: Content

    def lines(self) -> tuple[str, ...]:
        """Its headers, up to its bytes."""
        names = f'name="{_quoted(self.field)}"; filename="{_quoted(self.content.name)}"'
        kind = self.content.type or type_of(self.content.name)
        return (
            f"Content-Disposition: form-data; {names}",
            f"Content-Type: {kind.translate(_ESCAPES)}",
            "",
            "",
        )


Part: TypeAlias = TextPart | FilePart


def form(boundary: str, parts: Sequence[Part], sent: Callable[[int], None]) -> Upload:
    """Make the body of an upload; its fields stand in the order that is given.

    Args:
        boundary: Must occur in no file: a text that nobody can guess.
        parts: Texts and files.
        sent: Called with the bytes of all files that have been sent so far.
    """
    heads = [_head(boundary, part) for part in parts]
    tail = f"--{boundary}--\r\n".encode()
    starts, at = [], 0
    for head, part in zip(heads, parts, strict=True):
        starts.append(at + len(head))
        at += len(head) + _size(part) + 2

    def read() -> Iterator[bytes]:
        for head, part in zip(heads, parts, strict=True):
            yield head
            if isinstance(part, FilePart):
                yield from part.content.pieces()
            yield b"\r\n"
        yield tail

    files = [
        (start, part.content.size)
        for start, part in zip(starts, parts, strict=True)
        if isinstance(part, FilePart)
    ]

    def report(done: int) -> None:
        # `done` counts all of the form; callers count bytes of their files.
        sent(sum(min(max(done - start, 0), size) for start, size in files))

    return Upload(at + len(tail), read, report)


def _head(boundary: str, part: Part) -> bytes:
    lines = "\r\n".join((f"--{boundary}", *part.lines()))
    return f"{lines}{part.text if isinstance(part, TextPart) else ''}".encode()


def _size(part: Part) -> int:
    """Bytes that stand behind the head of a part: a text is in its head."""
    return part.content.size if isinstance(part, FilePart) else 0


def size_of(parts: Sequence[Part]) -> int:
    """The bytes of all files of a form.

    Args:
        parts: Texts and files.
    """
    return sum(map(_size, parts))


def _quoted(name: str) -> str:
    return name.translate(_ESCAPES)


def content_type(boundary: str) -> str:
    """Give the media type of the form, with its boundary."""
    return f"multipart/form-data; boundary={boundary}"
