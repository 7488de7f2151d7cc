"""Local files: where uploads come from and where downloads go.

A file that cannot be uploaded is refused before anything is sent. A download is written beside its
place and takes its name only when it is whole; a name that the service chose never replaces a file.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TypeAlias, Union

from ..errors import InvalidRequestError
from .references import safe_name

MAX_UPLOAD = 512 * 1024 * 1024  # what the service takes, by its documentation
MAX_SIZE = 512 * 1024 * 1024  # most bytes that are loaded unless a caller allows more
PIECE = 256 * 1024


class LocalFile:
    """A file to upload, checked and ready to be read any number of times.

    Args:
        name: What the service shall call it.
        size: How many bytes it has.
        start: Opens it, or rewinds it, and gives the stream.
        owned: Whether to close the stream after reading.
    """

    def __init__(
        self, name: str, size: int, start: Callable[[], BinaryIO], *, owned: bool = True
    ) -> None:
        self.name = name
        self.size = size
        self._start = start
        self._owned = owned

    def pieces(self) -> Iterator[bytes]:
        """Read the file from its start, piece by piece.

        Raises:
            InvalidRequestError: It can no longer be read, or has changed.
        """
        try:
            stream = self._start()
            try:
                yield from self._pieces_of(stream)
            finally:
                if self._owned:
                    stream.close()
        except OSError as exc:
            raise InvalidRequestError(f"file {self.name!r} cannot be read: {exc}") from exc

    def _pieces_of(self, stream: BinaryIO) -> Iterator[bytes]:
        left = self.size
        while left and (piece := stream.read(min(PIECE, left))):
            left -= len(piece)
            yield piece
        if left or stream.read(1):
            raise InvalidRequestError(
                f"file {self.name!r} changed while it was uploaded: it had {self.size} bytes"
            )


FileSource: TypeAlias = Union[str, "os.PathLike[str]", bytes, BinaryIO, LocalFile]
"""A path, bytes, a binary stream, or a file that was checked before."""


def open_source(source: FileSource, name: str | None = None) -> LocalFile:
    """Check a file before it is uploaded.

    Args:
        source: A path, bytes, or a binary stream (read from where it stands).
        name: What the service shall call it; by default the name of the file.

    Raises:
        InvalidRequestError: There is no such file, it is empty or too large, or has no name.
    """
    if isinstance(source, LocalFile):
        return source
    if isinstance(source, bytes):
        file = _from_bytes(source, name)
    elif isinstance(source, str | os.PathLike):
        file = _from_path(Path(source), name)
    elif callable(getattr(source, "read", None)):
        file = _from_stream(source, name)
    else:
        raise InvalidRequestError(
            f"cannot upload a {type(source).__name__}: pass a path, bytes or a binary stream"
        )
    _check_name(file.name)
    if file.size == 0:
        raise InvalidRequestError(f"file {file.name!r} is empty: the service takes no empty files")
    if file.size > MAX_UPLOAD:
        raise InvalidRequestError(
            f"file {file.name!r} has {file.size} bytes, and the service takes at most "
            f"{MAX_UPLOAD} (512 MB): split it"
        )
    return file


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name.strip():
        raise InvalidRequestError("the upload has no file name: pass name='report.pdf'")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(
            f"file name {name!r} cannot be sent as UTF-8: pass another as name="
        ) from None


def _from_bytes(data: bytes, name: str | None) -> LocalFile:
    return LocalFile(name or "", len(data), lambda: io.BytesIO(data))


def _from_path(path: Path, name: str | None) -> LocalFile:
    try:
        status = path.stat()
    except (OSError, ValueError) as exc:
        raise InvalidRequestError(f"there is no file {str(path)!r}: {exc}") from exc
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if path.is_dir() else "no regular file"
        raise InvalidRequestError(f"{str(path)!r} is {kind}: pass the path of a file")
    return LocalFile(name or path.name, status.st_size, lambda: path.open("rb"))


def _from_stream(stream: BinaryIO, name: str | None) -> LocalFile:
    known = getattr(stream, "name", None)
    name = name or (Path(known).name if isinstance(known, str) else "")
    if isinstance(stream, io.TextIOBase):
        raise InvalidRequestError("cannot upload a text stream: open the file with mode 'rb'")
    if not _is_seekable(stream):
        # After a lost answer the upload is sent again, and this stream cannot be read again.
        return _from_bytes(_read_bounded(stream), name)
    here = stream.tell()
    size = stream.seek(0, os.SEEK_END) - here
    stream.seek(here)

    def start() -> BinaryIO:
        stream.seek(here)
        return stream

    return LocalFile(name, size, start, owned=False)


def _is_seekable(stream: BinaryIO) -> bool:
    seekable = getattr(stream, "seekable", None)
    return bool(seekable is not None and seekable())


def _read_bounded(stream: BinaryIO) -> bytes:
    pieces, left = [], MAX_UPLOAD + 1
    while left > 0 and (piece := stream.read(min(PIECE, left))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


# --- downloads ----------------------------------------------------------------------------------


class Sink(Protocol):
    """Receives the bytes of a download."""

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`, and drop what stands behind it: a new attempt begins at 0."""


class MemorySink:
    """Keeps a download in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`, and drop what stands behind it: a new attempt begins at 0."""
        del self.data[offset:]
        self.data += data


class FileSink:
    """Writes a download to disk; used as a context manager, it leaves a whole file or none.

    Args:
        target: A file, which is replaced, or a folder, where a free name is taken.

    Raises:
        InvalidRequestError: The folder does not exist.
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self._target = Path(target)
        self._is_folder = self._target.is_dir()
        self._folder = self._target if self._is_folder else self._target.parent
        is_meant = os.fspath(target).endswith(("/", os.sep))
        if not self._folder.is_dir() or (is_meant and not self._is_folder):
            raise InvalidRequestError(f"there is no folder for {str(self._target)!r}: create it")
        self._part = self._folder / f".{token_hex(8)}.part"

    def __enter__(self) -> Self:
        self._file = self._part.open("xb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`, and drop what stands behind it.

        Args:
            offset: Where in the file, in bytes from its beginning.
            data: The bytes.
        """
        if self._file.tell() != offset:
            self._file.seek(offset)
            self._file.truncate()
        self._file.write(data)

    def commit(self, name: str) -> Path:
        """Give the whole file its name: `name`, cleaned, where the target is a folder.

        Args:
            name: The file's name in a folder; not used where the target is a file.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()  # Windows renames closed files only
        place = self._free(safe_name(name)) if self._is_folder else self._target
        self._part.replace(place)
        return place

    def _free(self, name: str) -> Path:
        # An empty file takes the name at once: two downloads of `report.csv` into one folder at the
        # same moment must not both find the name free.
        plain = Path(name)
        for number in count(1):
            place = self._folder / name
            with suppress(FileExistsError):
                place.open("xb").close()
                return place
            name = f"{plain.stem} ({number}){plain.suffix}"
        raise AssertionError  # `count` does not end
