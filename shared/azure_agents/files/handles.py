"""A file of an answer, loaded when it is asked for.

A handle is a reference and the `Files` to load it with. Pickled, it is the reference alone: no
credential leaves the process, and `files.handle(handle)` makes it work again. Content that the
answer itself brought (an image as base64) needs no request.
"""

from __future__ import annotations

import asyncio
import binascii
import builtins
import os
from base64 import b64decode
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from ..errors import InvalidRequestError, ProtocolError
from ..events import Citation, MediaOutput
from ..naming import check_id
from .disk import MAX_SIZE, FileSink
from .progress import OnProgress
from .references import FileReference, refer, reference

Target: TypeAlias = str | os.PathLike[str]


class Loader(Protocol):
    """Loads files by id: the part of `Files` that a handle uses."""

    def content(self, id: str, container_id: str | None = None, *, max_size: int) -> bytes:
        """Load a file into memory.

        Args:
            id: The file.
            container_id: Its container, for what code interpreter wrote (v2).
            max_size: Most bytes to load.
        """

    def save(
        self,
        id: str,
        path: Target,
        *,
        container_id: str | None = None,
        name: str | None = None,
        progress: OnProgress | None = None,
        max_size: int,
    ) -> Path:
        """Load a file to disk.

        Args:
            id: The file.
            path: A file, which is replaced; or a folder, where it gets a free name.
            container_id: Its container, for what code interpreter wrote (v2).
            name: Its name in a folder; None: the service's.
            progress: Called with the bytes done and the bytes in all (None: unknown).
            max_size: Most bytes to load.
        """


class AsyncLoader(Protocol):
    """Loads files by id: the part of `AsyncFiles` that a handle uses."""

    async def content(self, id: str, container_id: str | None = None, *, max_size: int) -> bytes:
        """Load a file into memory.

        Args:
            id: The file.
            container_id: Its container, for what code interpreter wrote (v2).
            max_size: Most bytes to load.
        """

    async def save(
        self,
        id: str,
        path: Target,
        *,
        container_id: str | None = None,
        name: str | None = None,
        progress: OnProgress | None = None,
        max_size: int,
    ) -> Path:
        """Load a file to disk.

        Args:
            id: The file.
            path: A file, which is replaced; or a folder, where it gets a free name.
            container_id: Its container, for what code interpreter wrote (v2).
            name: Its name in a folder; None: the service's.
            progress: Called with the bytes done and the bytes in all (None: unknown).
            max_size: Most bytes to load.
        """


L = TypeVar("L")


class _Handle(Generic[L]):
    def __init__(self, reference: FileReference, files: L | None = None) -> None:
        self._reference = reference
        self._files = files

    @property
    def reference(self) -> FileReference:
        """What is known of the file without loading it."""
        return self._reference

    @property
    def name(self) -> str:
        """The file's name, safe to write to disk."""
        return self._reference.name

    @property
    def mime_type(self) -> str:
        """The media type, for instance ``image/png``."""
        return self._reference.mime_type

    @property
    def file_id(self) -> str | None:
        """The id at the service; None for content that the answer itself brought."""
        return self._reference.file_id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other._reference == self._reference

    def __hash__(self) -> int:
        return hash(self._reference)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._reference,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} ({self.mime_type})>"

    def _inline_content(self, max_size: int) -> bytes | None:
        # None: the answer brought an id only, and the content must be loaded.
        text = self._reference.data
        if text is None:
            return None
        try:
            data = b64decode(text, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise ProtocolError(f"the content of {self.name!r} is not base64: {exc}") from exc
        if len(data) > max_size:
            raise InvalidRequestError(
                f"file {self.name!r} is larger than max_size={max_size} bytes: allow more"
            )
        return data

    def _loader(self) -> tuple[L, str, str | None]:
        # With the ids of the file and of its container, as the loader takes them.
        known = self._reference
        if known.file_id is None:
            raise InvalidRequestError(
                f"{self.name!r} is at {known.url!r}, and this client loads from the project only: "
                "open the address yourself"
            )
        if self._files is None:
            raise InvalidRequestError(
                f"the handle on {self.name!r} has no client (it was pickled): use "
                "agents.files.handle(handle)"
            )
        return self._files, known.file_id, known.container_id


class FileHandle(_Handle[Loader]):
    """A file of an answer; `AsyncFileHandle` is its twin.

    Args:
        reference: What is known of it.
        files: Loads the content; None: only content that the answer itself brought can be had.
    """

    def bytes(self, *, max_size: int = MAX_SIZE) -> builtins.bytes:
        """Load the content.

        Args:
            max_size: Most bytes to load; a larger file is an error. The default is 512 MiB.
        """
        data = self._inline_content(max_size)
        if data is not None:
            return data
        files, file_id, container_id = self._loader()
        return files.content(file_id, container_id, max_size=max_size)

    def save(
        self, path: Target, *, progress: OnProgress | None = None, max_size: int = MAX_SIZE
    ) -> Path:
        """Write the content to disk.

        Args:
            path: A file, which is replaced; or a folder, where it gets a free name.
            progress: Called with the bytes done and the bytes in all (None: unknown).
            max_size: Most bytes to load.

        Returns:
            The path of the file.
        """
        data = self._inline_content(max_size)
        if data is not None:
            return _write(data, path, self.name, progress)
        files, file_id, container_id = self._loader()
        return files.save(
            file_id,
            path,
            container_id=container_id,
            name=self.name,
            progress=progress,
            max_size=max_size,
        )


class AsyncFileHandle(_Handle[AsyncLoader]):
    """A file of an answer, for event loops; arguments as `FileHandle`.

    Args:
        reference: What is known of it.
        files: Loads the content; None: only content that the answer itself brought can be had.
    """

    async def bytes(self, *, max_size: int = MAX_SIZE) -> builtins.bytes:
        """Load the content.

        Args:
            max_size: Most bytes to load; a larger file is an error. The default is 512 MiB.
        """
        data = self._inline_content(max_size)
        if data is not None:
            return data
        files, file_id, container_id = self._loader()
        return await files.content(file_id, container_id, max_size=max_size)

    async def save(
        self, path: Target, *, progress: OnProgress | None = None, max_size: int = MAX_SIZE
    ) -> Path:
        """Write the content to disk; as `FileHandle.save`.

        Args:
            path: A file, which is replaced; or a folder, where it gets a free name.
            progress: Called with the bytes done and the bytes in all (None: unknown).
            max_size: Most bytes to load.
        """
        data = self._inline_content(max_size)
        if data is not None:
            return await asyncio.to_thread(_write, data, path, self.name, progress)
        files, file_id, container_id = self._loader()
        return await files.save(
            file_id,
            path,
            container_id=container_id,
            name=self.name,
            progress=progress,
            max_size=max_size,
        )


Referable: TypeAlias = FileHandle | AsyncFileHandle | FileReference | MediaOutput | Citation | str


def refer_to(
    file: Referable, container_id: str | None = None, name: str | None = None
) -> FileReference:
    """Make the reference of a handle.

    Args:
        file: A handle, a reference, an event of an answer, or the id of a file.
        container_id: Its container, if `file` is an id.
        name: Its name, if `file` is an id.

    Raises:
        InvalidRequestError: It is a citation of a source, not a file that can be loaded.
    """
    match file:
        case _Handle():
            return file.reference
        case FileReference():
            return file
        case MediaOutput() | Citation():
            found = refer(file)
            if found is None:
                raise InvalidRequestError(f"nothing to load: the agent did not make {file!r:.200}")
            return found
        case _:
            return reference(check_id(file), container_id=container_id, name=name)


def _write(data: bytes, path: Target, name: str, progress: OnProgress | None) -> Path:
    with FileSink(path) as sink:
        sink.write(0, data)
        if progress is not None:
            progress(len(data), len(data))
        return sink.commit(name)
