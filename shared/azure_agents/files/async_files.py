"""Files of a project, for event loops: the twin of `files`."""

from __future__ import annotations

import asyncio
import builtins
import os
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path

from ..drivers.aio import AsyncDriver
from ..fold import Completion
from ..messages import Media
from ..protocols.turn import Turn
from . import file_flows as flows
from .arriving import Arriving
from .disk import MAX_SIZE, FileSink, FileSource, MemorySink, Sink, open_source
from .file_flows import StoredFile
from .files import PURPOSE, BaseFiles, media_of
from .handles import AsyncFileHandle, Referable, refer_to
from .progress import OnProgress, checked_progress
from .references import Kind, references_in


class AsyncFiles(BaseFiles):
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
        purpose: str = PURPOSE,
        progress: OnProgress | None = None,
    ) -> StoredFile:
        """Upload a file; as `Files.upload`.

        Args:
            source: A path, bytes, or a binary stream.
            name: What the service shall call it; needed for bytes.
            purpose: What the service shall do with it.
            progress: Called with the bytes done and the bytes in all (None: unknown).
        """
        file = await asyncio.to_thread(open_source, source, name)
        return await self._drivers(None).result(self._upload_flow(file, purpose, progress))

    async def attach(
        self,
        source: FileSource,
        *,
        name: str | None = None,
        kind: Kind | None = None,
        detail: str | None = None,
        purpose: str = PURPOSE,
        progress: OnProgress | None = None,
    ) -> Media:
        """Upload a file and make the part of a message that names it; as `Files.attach`.

        Args:
            source: As for `upload`, as are `name`, `purpose` and `progress`.
            name: What the service shall call it.
            kind: What the agent shall take it for; by default what its name says.
            detail: Image detail (``low``, ``high``, ``auto``).
            purpose: What the service shall do with it.
            progress: Called with the bytes done and the bytes in all (None: unknown).
        """
        file = await asyncio.to_thread(open_source, source, name)
        stored = await self.upload(file, purpose=purpose, progress=progress)
        return media_of(file, stored, kind, detail)

    async def list(self, *, purpose: str | None = None) -> builtins.list[StoredFile]:
        """List the files of the project, or those of one purpose.

        Args:
            purpose: Only files of this purpose, such as ``assistants``; None: all.
        """
        flow = flows.list_files(self._turns(), purpose)
        return await self._drivers(self._turn_seconds()).result(flow)

    async def get(self, id: str) -> StoredFile:
        """Get what the service knows of a file.

        Args:
            id: ``assistant-…`` or ``file-…`` of an uploaded file.
        """
        return await self._drivers(self._turn_seconds()).result(flows.get_file(self._turns(), id))

    async def delete(self, id: str) -> None:
        """Delete a file; as `Files.delete`.

        Args:
            id: ``assistant-…`` or ``file-…`` of an uploaded file.
        """
        await self._drivers(self._turn_seconds()).result(flows.delete_file(self._turns(), id))

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
            progress: Called with the bytes done and the bytes in all (None: unknown).
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
        arriving, report = Arriving(f"file {id!r}", max_size), checked_progress(progress)
        flow = flows.download(self._turns(), id, container_id, arriving)
        async with aclosing(self._drivers(None).events(flow)) as beats:
            async for _ in beats:
                await asyncio.to_thread(partial(sink.write, *arriving.take()))
                report(arriving.received, arriving.total)
        await asyncio.to_thread(partial(sink.write, *arriving.take()))
        report(arriving.received, arriving.total or arriving.received)
        return arriving

    def of(self, completion: Completion) -> builtins.list[AsyncFileHandle]:
        """Give a handle on each image and file that an answer brought; nothing is loaded yet.

        Args:
            completion: A whole answer, of `complete` or folded from its events.
        """
        return [AsyncFileHandle(found, self) for found in references_in(completion.blocks)]

    def handle(
        self, file: Referable, *, container_id: str | None = None, name: str | None = None
    ) -> AsyncFileHandle:
        """Make a handle on one file; as `Files.handle`.

        Args:
            file: A handle, a reference, an event of an answer, or the id of a file.
            container_id: Its container, if `file` is an id.
            name: Its name, if `file` is an id.
        """
        return AsyncFileHandle(refer_to(file, container_id, name), self)
