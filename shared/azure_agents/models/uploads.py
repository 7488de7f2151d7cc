"""What callers hand in as a file, as a file with a name that the service can read.

The service reads a file's format from the end of its name, so each has one: its own, else one that
its first bytes tell, else an error. Nothing else is added, and a name with an ending stays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import BinaryIO, TypeAlias

from ..errors import InvalidRequestError
from ..files.disk import LocalFile, local_file
from ..naming import shown

Content: TypeAlias = bytes | BinaryIO | os.PathLike[str]
Named: TypeAlias = tuple[str | None, Content] | tuple[str | None, Content, str | None]
FileInput: TypeAlias = Content | str | Named
"""A path, bytes, an open binary file, or ``(name, content)``, ``(name, content, media type)``."""

# Where in a file what stands, and the ending that says the same.
_SOUNDS = (
    (0, b"ID3", ".mp3"),
    (0, b"\xff\xfb", ".mp3"),
    (0, b"\xff\xf3", ".mp3"),
    (0, b"\xff\xf2", ".mp3"),
    (8, b"WAVE", ".wav"),
    (0, b"fLaC", ".flac"),
    (0, b"OggS", ".ogg"),
    (4, b"ftyp", ".m4a"),
    (0, b"\x1aE\xdf\xa3", ".webm"),
)
_PICTURES = (
    (0, b"\x89PNG\r\n", ".png"),
    (0, b"\xff\xd8\xff", ".jpg"),
    (8, b"WEBP", ".webp"),
    (0, b"GIF8", ".gif"),
)
FORMATS: Mapping[str, tuple[tuple[int, bytes, str], ...]] = {
    "audio": _SOUNDS,
    "image": _PICTURES,
    "file": (*_PICTURES, (0, b"%PDF-", ".pdf")),
    "lines": ((0, b"", ".jsonl"),),  # what batches and fine-tuning take, whatever it begins with
}
_LONGEST = 16  # bytes


def read_upload(source: object, kind: str, field: str = "file") -> LocalFile:
    """Check a file before it is uploaded.

    Args:
        source: A `FileInput`.
        kind: ``audio``, ``image``, ``lines`` or ``file``: which endings its bytes may tell.
        field: The argument it was, for errors.

    Raises:
        InvalidRequestError: There is no such file, it cannot be read or is empty, or nothing tells
            its format.
    """
    name, content, type = _unpacked(source, field)
    file = local_file(content, name)  # type: ignore[arg-type]  # checked there
    _check_not_empty(file, content, field)
    ended = _with_ending(file, kind, field)
    _check_sendable(ended.name, field)
    return ended if type is None else ended.named(ended.name, type)


def _unpacked(source: object, field: str) -> tuple[str | None, object, str | None]:
    if not isinstance(source, tuple):
        return None, source, None
    name, content, *more = source if len(source) in {2, 3} else (0, 0)
    type = more[0] if more else None
    if all(one is None or isinstance(one, str) for one in (name, type)):
        return name, content, type
    raise InvalidRequestError(
        f"{field} is a tuple that is not understood: pass (name, content) or "
        f"(name, content, media type), got {shown(source)}"
    )


def _check_not_empty(file: LocalFile, content: object, field: str) -> None:
    if file.size:
        return
    stands = getattr(content, "tell", None)
    hint = " from where it stands: go to its start with seek(0)" if stands and stands() else ""
    raise InvalidRequestError(
        f"{field} {file.name!r} is empty{hint}: the service takes no empty files"
    )


def _with_ending(file: LocalFile, kind: str, field: str) -> LocalFile:
    if PurePath(file.name).suffix:
        return file
    start = file.beginning(_LONGEST)
    for offset, mark, ending in FORMATS[kind]:
        if start[offset : offset + len(mark)] == mark:
            return file.named(f"{file.name or field}{ending}")
    if file.name and kind == "file":
        return file
    raise InvalidRequestError(
        f"{field} {file.name!r} has no name with an ending, by which the service knows its format: "
        f"pass (name, content), such as {_EXAMPLES[kind]}"
    )


_EXAMPLES = {
    "audio": "('speech.mp3', data)",
    "image": "('photo.png', data)",
    "file": "('report.pdf', data)",
    "lines": "('lines.jsonl', data)",
}


def _check_sendable(text: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(
            f"{field}: the name {text!r} cannot be sent as UTF-8: pass (another name, content)"
        ) from None
