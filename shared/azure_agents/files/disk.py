"""Local files: where uploads come from and where downloads go.

A file that cannot be uploaded is refused before anything is sent. A download is written beside its
place and takes its name only when it is whole; a name that the service chose never replaces a file.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Generator, Iterator
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
        type: Its media type; None: what its name says.
    """

    def __init__(
        self,
        name: str,
        size: int,
        start: Callable[[], BinaryIO],
        *,
        owned: bool = True,
        type: str | None = None,
    ) -> None:
        self.name = name
        self.size = size
        self.type = type
        self._start = start
        self._owned = owned

    def pieces(self) -> Generator[bytes, None, None]:
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
        except (OSError, ValueError) as exc:  # ValueError: somebody closed it
            raise InvalidRequestError(f"file {self.name!r} cannot be read: {exc}") from exc

    def beginning(self, size: int) -> bytes:
        """Read its first bytes.

        Args:
            size: How many, at most `PIECE`.

        Raises:
            InvalidRequestError: It cannot be read, or is shorter than it was.
        """
        pieces = self.pieces()
        try:
            return next(pieces, b"")[:size]
        finally:
            pieces.close()

    def named(self, name: str, type: str | None = None) -> LocalFile:
        """Give the same file under another name.

        Args:
            name: What the service shall call it.
            type: Its media type; None: as before.
        """
        return LocalFile(name, self.size, self._start, owned=self._owned, type=type or self.type)

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
    file = local_file(source, name)
    _check_name(file.name)
    if file.size == 0:
        raise InvalidRequestError(f"file {file.name!r} is empty: the service takes no empty files")
    if file.size > MAX_UPLOAD:
        raise _too_large(file.name, file.size)
    return file


def local_file(source: FileSource, name: str | None = None) -> LocalFile:
    """Make a file of whatever a caller has, which may be empty, nameless or of any size.

    Args:
        source: A path, bytes, or a binary stream (read from where it stands).
        name: What the service shall call it; by default the name of the file, or none.

    Raises:
        InvalidRequestError: There is no such file, or it cannot be read as bytes.
    """
    if isinstance(source, LocalFile):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), name)
    if isinstance(source, str | os.PathLike):
        if not os.fspath(source):
            raise InvalidRequestError("the path is empty: pass the path of a file, or its bytes")
        return _from_path(Path(source), name)
    if callable(getattr(source, "read", None)):
        return _from_stream(source, name)
    raise InvalidRequestError(
        f"cannot upload a {type(source).__name__}: pass a path, bytes or a binary stream"
    )


def _too_large(name: str, size: int) -> InvalidRequestError:
    return InvalidRequestError(
        f"file {name!r} has {size} bytes, and the service takes at most {MAX_UPLOAD} (512 MB): "
        "split it"
    )


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
        raise InvalidRequestError(f"there is no file {str(path)!r} ({_reason(exc)})") from exc
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if path.is_dir() else "no regular file"
        raise InvalidRequestError(f"{str(path)!r} is {kind}: pass the path of a file")
    return LocalFile(name or path.name, status.st_size, lambda: path.open("rb"))


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _from_stream(stream: BinaryIO, name: str | None) -> LocalFile:
    name = name or _name_of(stream)
    if isinstance(stream, io.TextIOBase):
        raise InvalidRequestError("cannot upload a text stream: open the file with mode 'rb'")
    if getattr(stream, "closed", False):
        raise InvalidRequestError(
            f"the file {name!r} is closed: pass it while it is open, or pass its path"
        )
    if not _is_seekable(stream):
        # After a lost answer the upload is sent again, and this stream cannot be read again.
        return _from_bytes(_read_bounded(stream, name), name)
    here = stream.tell()
    size = stream.seek(0, os.SEEK_END) - here
    stream.seek(here)

    def start() -> BinaryIO:
        stream.seek(here)
        return stream

    return LocalFile(name, size, start, owned=False)


def _name_of(stream: BinaryIO) -> str:
    # Uploads of web frameworks have a `filename`; their `name` is that of the form's field.
    for known in (getattr(stream, "filename", None), getattr(stream, "name", None)):
        if isinstance(known, str) and known:
            return Path(known).name
    return ""


def _is_seekable(stream: BinaryIO) -> bool:
    seekable = getattr(stream, "seekable", None)
    return bool(seekable is not None and seekable())


def _read_bounded(stream: BinaryIO, name: str) -> bytes:
    pieces, left = [], MAX_UPLOAD + 1
    while left > 0 and (piece := stream.read(min(PIECE, left))):
        _check_bytes(piece, name)
        pieces.append(piece)
        left -= len(piece)
    if left <= 0:
        raise _too_large(name, MAX_UPLOAD + 1)
    return b"".join(pieces)


def _check_bytes(piece: object, name: str) -> None:
    if isinstance(piece, bytes | bytearray | memoryview):
        return
    close = getattr(piece, "close", None)
    if close is not None:  # a coroutine that nobody awaits would warn
        close()
    raise InvalidRequestError(
        f"file {name!r} is read as {type(piece).__name__}, not as bytes: pass the binary file "
        "behind it, such as upload.file"
    )


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
        InvalidRequestError: The folder does not exist, or this is no path.
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        if not isinstance(target, str | os.PathLike):
            raise InvalidRequestError(
                f"cannot write to a {type(target).__name__}: pass the path of a file or a folder"
            )
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
