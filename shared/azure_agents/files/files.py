"""Files of a project, for callers: upload, list, load, save, and what an answer brought along.

`AgentClient.files` and `AsyncAgentClient.files` give these objects; they are cheap, and nothing is
sent before a method is called. Uploads and downloads have no deadline of their own, only every
single wait in them is bounded: a large file takes as long as it takes.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import sys
from collections.abc import Callable
from contextlib import aclosing, closing
from functools import partial
from pathlib import Path
from typing import TextIO

from ..drivers.aio import AsyncDriver
from ..drivers.sync import SyncDriver
from ..fold import Completion
from ..messages import Media
from ..protocols.commands import Flow
from ..protocols.turn import Turn
from . import file_flows as flows
from .disk import (
    MAX_SIZE,
    FileSink,
    FileSource,
    LocalFile,
    MemorySink,
    OnProgress,
    Sink,
    open_source,
)
from .file_flows import Arriving, StoredFile
from .handles import AsyncFileHandle, FileHandle, Referable, refer_to
from .references import IMAGE_TYPES, FileReference, Kind, references_in, type_of

__all__ = [
    "MAX_SIZE",
    "AsyncFileHandle",
    "AsyncFiles",
    "FileHandle",
    "FileReference",
    "FileSource",
    "Files",
    "OnProgress",
    "StoredFile",
    "text_progress",
]

_PURPOSE = "assistants"  # recorded for both generations; Microsoft's samples use it for images, too
_MEGABYTE = 1_000_000


def text_progress(label: str = "", *, stream: TextIO | None = None) -> OnProgress:
    """Make a progress display of one line of text.

    Args:
        label: What is loaded.
        stream: Where to write; by default standard error.
    """
    shown = ""

    def show(done: int, total: int | None) -> None:
        nonlocal shown
        share = f" of {total / _MEGABYTE:.1f} MB ({100 * done // total} %)" if total else " MB"
        line = f"{label}{' ' if label else ''}{done / _MEGABYTE:.1f}{share}"
        if line != shown:
            out = stream or sys.stderr
            out.write(f"\r{line}" + ("\n" if done == total else ""))
            out.flush()
        shown = line

    return show


def _silent(done: int, total: int | None) -> None:
    pass


class _Files:
    """What both shells share."""

    def __init__(self, turns: Callable[[], Turn]) -> None:
        self._turns = turns

    def _seconds(self) -> float | None:
        return self._turns().settings.timeouts.turn

    def _uploading(
        self, file: LocalFile, purpose: str, progress: OnProgress | None
    ) -> Flow[StoredFile]:
        report = progress or _silent
        return flows.upload(self._turns(), file, purpose, lambda done: report(done, file.size))


def _media(file: LocalFile, stored: StoredFile, kind: Kind | None, detail: str | None) -> Media:
    shown = kind or ("image" if type_of(file.name) in IMAGE_TYPES else "file")
    return Media(shown, file_id=stored.id, name=file.name, detail=detail)


class Files(_Files):
    """Files of a project, from any number of threads; made by `AgentClient.files`.

    Args:
        turns: Makes the turn of an operation.
        drivers: Makes a driver with a deadline in seconds, or with none.
    """

    def __init__(
        self, turns: Callable[[], Turn], drivers: Callable[[float | None], SyncDriver]
    ) -> None:
        super().__init__(turns)
        self._drivers = drivers

    def upload(
        self,
        source: FileSource,
        *,
        name: str | None = None,
        purpose: str = _PURPOSE,
        progress: OnProgress | None = None,
    ) -> StoredFile:
        """Upload a file.

        It is read while it is sent and never held as a whole (but for a stream that cannot be
        rewound). After a lost answer it is sent again; the twin that the service may then keep is
        in nobody's way.

        Args:
            source: A path, bytes, or a binary stream.
            name: What the service shall call it; needed for bytes.
            purpose: What the service shall do with it.
            progress: Told how far it is.

        Raises:
            InvalidRequestError: There is nothing that could be uploaded; nothing was sent.
            AzureAgentsError: See `azure_agents.errors`.
        """
        file = open_source(source, name)
        return self._drivers(None).result(self._uploading(file, purpose, progress))

    def attach(
        self,
        source: FileSource,
        *,
        name: str | None = None,
        kind: Kind | None = None,
        detail: str | None = None,
        purpose: str = _PURPOSE,
        progress: OnProgress | None = None,
    ) -> Media:
        """Upload a file and give it as a part of a message.

        Args:
            source: As for `upload`, as are `name`, `purpose` and `progress`.
            name: What the service shall call it.
            kind: What the agent shall take it for; by default what its name tells.
            detail: Image detail (``low``, ``high``, ``auto``).
            purpose: What the service shall do with it.
            progress: Told how far it is.
        """
        file = open_source(source, name)
        stored = self.upload(file, purpose=purpose, progress=progress)
        return _media(file, stored, kind, detail)

    def list(self, *, purpose: str | None = None) -> builtins.list[StoredFile]:
        """All files of the project, or those of one purpose.

        Args:
            purpose: Only files of this purpose, such as ``assistants``; None: all.
        """
        return self._drivers(self._seconds()).result(flows.list_files(self._turns(), purpose))

    def get(self, id: str) -> StoredFile:
        """Look at a file.

        Args:
            id: ``assistant-…`` or ``file-…`` of an uploaded file.
        """
        return self._drivers(self._seconds()).result(flows.get_file(self._turns(), id))

    def delete(self, id: str) -> None:
        """Delete a file.

        Args:
            id: ``assistant-…`` or ``file-…`` of an uploaded file.

        Raises:
            NotFoundError: There is no such file.
        """
        self._drivers(self._seconds()).result(flows.delete_file(self._turns(), id))

    def content(
        self, id: str, container_id: str | None = None, *, max_size: int = MAX_SIZE
    ) -> bytes:
        """Load a file into memory.

        Args:
            id: The file.
            container_id: Its container, for what code interpreter wrote (v2).
            max_size: Most bytes to load.
        """
        sink = MemorySink()
        self._load(id, container_id, sink, max_size, None)
        return bytes(sink.data)

    def save(
        self,
        id: str,
        path: str | os.PathLike[str],
        *,
        container_id: str | None = None,
        name: str | None = None,
        progress: OnProgress | None = None,
        max_size: int = MAX_SIZE,
    ) -> Path:
        """Load a file to disk, piece by piece.

        Args:
            id: The file.
            path: A file, which is replaced once the new one is whole; or a folder, where the file
                gets a free name.
            container_id: Its container, for what code interpreter wrote (v2).
            name: Its name in a folder; by default the service's, cleaned.
            progress: Told how far it is.
            max_size: Most bytes to load.

        Returns:
            Where it is.
        """
        with FileSink(path) as sink:
            arriving = self._load(id, container_id, sink, max_size, progress)
            return sink.commit(name or arriving.filename or id)

    def _load(
        self,
        id: str,
        container_id: str | None,
        sink: Sink,
        max_size: int,
        progress: OnProgress | None,
    ) -> Arriving:
        arriving, report = Arriving(id, max_size), progress or _silent
        flow = flows.download(self._turns(), id, container_id, arriving)
        with closing(self._drivers(None).events(flow)) as beats:
            for _ in beats:
                sink.write(*arriving.take())
                report(arriving.received, arriving.total)
        sink.write(*arriving.take())
        report(arriving.received, arriving.total or arriving.received)
        return arriving

    def of(self, completion: Completion) -> builtins.list[FileHandle]:
        """The images and files that an answer brought along; nothing is loaded yet.

        Args:
            completion: A whole answer, of `complete` or folded from its events.
        """
        return [FileHandle(found, self) for found in references_in(completion)]

    def handle(
        self, file: Referable, *, container_id: str | None = None, name: str | None = None
    ) -> FileHandle:
        """A handle on one file; also makes one that was pickled work again.

        Args:
            file: A handle, a reference, an event of an answer, or the id of a file.
            container_id: Its container, if `file` is an id.
            name: Its name, if `file` is an id.
        """
        return FileHandle(refer_to(file, container_id, name), self)


class AsyncFiles(_Files):
    """Files of a project, from any number of tasks; made by `AsyncAgentClient.files`.

    The disk is read and written in threads; `progress` is called on the event loop.

    Args:
        turns: Makes the turn of an operation.
        drivers: Makes a driver with a deadline in seconds, or with none.
    """

    def __init__(
        self, turns: Callable[[], Turn], drivers: Callable[[float | None], AsyncDriver]
    ) -> None:
        super().__init__(turns)
        self._drivers = drivers

    async def upload(
        self,
        source: FileSource,
        *,
        name: str | None = None,
        purpose: str = _PURPOSE,
        progress: OnProgress | None = None,
    ) -> StoredFile:
        """Upload a file; as `Files.upload`.

        Args:
            source: A path, bytes, or a binary stream.
            name: What the service shall call it; needed for bytes.
            purpose: What the service shall do with it.
            progress: Told how far it is.
        """
        file = await asyncio.to_thread(open_source, source, name)
        return await self._drivers(None).result(self._uploading(file, purpose, progress))

    async def attach(
        self,
        source: FileSource,
        *,
        name: str | None = None,
        kind: Kind | None = None,
        detail: str | None = None,
        purpose: str = _PURPOSE,
        progress: OnProgress | None = None,
    ) -> Media:
        """Upload a file and give it as a part of a message; as `Files.attach`.

        Args:
            source: As for `upload`, as are `name`, `purpose` and `progress`.
            name: What the service shall call it.
            kind: What the agent shall take it for; by default what its name tells.
            detail: Image detail (``low``, ``high``, ``auto``).
            purpose: What the service shall do with it.
            progress: Told how far it is.
        """
        file = await asyncio.to_thread(open_source, source, name)
        stored = await self.upload(file, purpose=purpose, progress=progress)
        return _media(file, stored, kind, detail)

    async def list(self, *, purpose: str | None = None) -> builtins.list[StoredFile]:
        """All files of the project, or those of one purpose.

        Args:
            purpose: Only files of this purpose, such as ``assistants``; None: all.
        """
        flow = flows.list_files(self._turns(), purpose)
        return await self._drivers(self._seconds()).result(flow)

    async def get(self, id: str) -> StoredFile:
        """Look at a file.

        Args:
            id: ``assistant-…`` or ``file-…`` of an uploaded file.
        """
        return await self._drivers(self._seconds()).result(flows.get_file(self._turns(), id))

    async def delete(self, id: str) -> None:
        """Delete a file; as `Files.delete`.

        Args:
            id: ``assistant-…`` or ``file-…`` of an uploaded file.
        """
        await self._drivers(self._seconds()).result(flows.delete_file(self._turns(), id))

    async def content(
        self, id: str, container_id: str | None = None, *, max_size: int = MAX_SIZE
    ) -> bytes:
        """Load a file into memory; as `Files.content`.

        Args:
            id: The file.
            container_id: Its container, for what code interpreter wrote (v2).
            max_size: Most bytes to load.
        """
        sink = MemorySink()
        await self._load(id, container_id, sink, max_size, None)
        return bytes(sink.data)

    async def save(
        self,
        id: str,
        path: str | os.PathLike[str],
        *,
        container_id: str | None = None,
        name: str | None = None,
        progress: OnProgress | None = None,
        max_size: int = MAX_SIZE,
    ) -> Path:
        """Load a file to disk, piece by piece; as `Files.save`.

        Args:
            id: The file.
            path: A file, which is replaced once the new one is whole; or a folder, where the file
                gets a free name.
            container_id: Its container, for what code interpreter wrote (v2).
            name: Its name in a folder; by default the service's, cleaned.
            progress: Told how far it is.
            max_size: Most bytes to load.
        """
        with FileSink(path) as sink:
            arriving = await self._load(id, container_id, sink, max_size, progress)
            found = name or arriving.filename or id
            return await asyncio.to_thread(sink.commit, found)

    async def _load(
        self,
        id: str,
        container_id: str | None,
        sink: Sink,
        max_size: int,
        progress: OnProgress | None,
    ) -> Arriving:
        arriving, report = Arriving(id, max_size), progress or _silent
        flow = flows.download(self._turns(), id, container_id, arriving)
        async with aclosing(self._drivers(None).events(flow)) as beats:
            async for _ in beats:
                await asyncio.to_thread(partial(sink.write, *arriving.take()))
                report(arriving.received, arriving.total)
        await asyncio.to_thread(partial(sink.write, *arriving.take()))
        report(arriving.received, arriving.total or arriving.received)
        return arriving

    def of(self, completion: Completion) -> builtins.list[AsyncFileHandle]:
        """The images and files that an answer brought along; nothing is loaded yet.

        Args:
            completion: A whole answer, of `complete` or folded from its events.
        """
        return [AsyncFileHandle(found, self) for found in references_in(completion)]

    def handle(
        self, file: Referable, *, container_id: str | None = None, name: str | None = None
    ) -> AsyncFileHandle:
        """A handle on one file; as `Files.handle`.

        Args:
            file: A handle, a reference, an event of an answer, or the id of a file.
            container_id: Its container, if `file` is an id.
            name: Its name, if `file` is an id.
        """
        return AsyncFileHandle(refer_to(file, container_id, name), self)
