"""Files of a project, for callers: upload, list, load, save, and what an answer brought along.

`AgentClient.files` gives a `Files`, `AsyncAgentClient.files` its twin of `async_files`; they are
cheap, and nothing is sent before a method is called. Uploads and downloads have no deadline of
their own, only every single wait in them is bounded: a large file takes as long as it takes.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ..drivers.sync import SyncDriver
from ..fold import Completion
from ..messages import Media
from ..protocols.commands import Flow
from ..protocols.turn import Turn
from . import file_flows as flows
from .arriving import Arriving
from .disk import MAX_SIZE, FileSink, FileSource, LocalFile, MemorySink, Sink, open_source
from .file_flows import StoredFile
from .handles import FileHandle, Referable, refer_to
from .progress import OnProgress, checked_progress
from .references import IMAGE_TYPES, Kind, references_in, type_of

PURPOSE = "assistants"  # recorded for both generations; Microsoft's samples use it for images, too


class BaseFiles:
    """Base of `Files` and `AsyncFiles`: how an upload begins, and how long a look-up may take.

    Args:
        turns: Makes the turn of an operation.
    """

    def __init__(self, turns: Callable[[], Turn]) -> None:
        self._turns = turns

    def _turn_seconds(self) -> float | None:
        return self._turns().settings.timeouts.turn

    def _upload_flow(
        self, file: LocalFile, purpose: str, progress: OnProgress | None
    ) -> Flow[StoredFile]:
        report = checked_progress(progress)
        return flows.upload(self._turns(), file, purpose, lambda done: report(done, file.size))


def media_of(file: LocalFile, stored: StoredFile, kind: Kind | None, detail: str | None) -> Media:
    """Make the part of a message that names an uploaded file.

    Args:
        file: The file that was uploaded.
        stored: What the service made of it.
        kind: What the agent shall take it for; None: an image if its name says so.
        detail: Image detail (``low``, ``high``, ``auto``).
    """
    shown = kind or ("image" if type_of(file.name) in IMAGE_TYPES else "file")
    return Media(shown, file_id=stored.id, name=file.name, detail=detail)


class Files(BaseFiles):
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
        purpose: str = PURPOSE,
        progress: OnProgress | None = None,
    ) -> StoredFile:
        """Upload a file.

        It is read while it is sent and never held as a whole, except a stream that cannot be
        rewound. After a lost answer it is sent again; the service may then keep it twice, which
        disturbs nobody.

        Args:
            source: A path, bytes, or a binary stream.
            name: What the service shall call it; needed for bytes.
            purpose: What the service shall do with it.
            progress: Called with the bytes done and the bytes in all (None: unknown).

        Raises:
            InvalidRequestError: The file is missing, empty, too large or has no name; nothing was
                sent.
            AzureAgentsError: See `azure_agents.errors`.
        """
        file = open_source(source, name)
        return self._drivers(None).result(self._upload_flow(file, purpose, progress))

    def attach(
        self,
        source: FileSource,
        *,
        name: str | None = None,
        kind: Kind | None = None,
        detail: str | None = None,
        purpose: str = PURPOSE,
        progress: OnProgress | None = None,
    ) -> Media:
        """Upload a file and make the part of a message that names it.

        Args:
            source: As for `upload`, as are `name`, `purpose` and `progress`.
            name: What the service shall call it.
            kind: What the agent shall take it for; by default what its name says.
            detail: Image detail (``low``, ``high``, ``auto``).
            purpose: What the service shall do with it.
            progress: Called with the bytes done and the bytes in all (None: unknown).
        """
        file = open_source(source, name)
        stored = self.upload(file, purpose=purpose, progress=progress)
        return media_of(file, stored, kind, detail)

    def list(self, *, purpose: str | None = None) -> builtins.list[StoredFile]:
        """List the files of the project, or those of one purpose.

        Args:
            purpose: Only files of this purpose, such as ``assistants``; None: all.
        """
        return self._drivers(self._turn_seconds()).result(flows.list_files(self._turns(), purpose))

    def get(self, id: str) -> StoredFile:
        """Get what the service knows of a file.

        Args:
            id: ``assistant-…`` or ``file-…`` of an uploaded file.
        """
        return self._drivers(self._turn_seconds()).result(flows.get_file(self._turns(), id))

    def delete(self, id: str) -> None:
        """Delete a file.

        Args:
            id: ``assistant-…`` or ``file-…`` of an uploaded file.

        Raises:
            NotFoundError: There is no such file.
        """
        self._drivers(self._turn_seconds()).result(flows.delete_file(self._turns(), id))

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
            progress: Called with the bytes done and the bytes in all (None: unknown).
            max_size: Most bytes to load.

        Returns:
            The path of the file.
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
        arriving, report = Arriving(f"file {id!r}", max_size), checked_progress(progress)
        flow = flows.download(self._turns(), id, container_id, arriving)
        with closing(self._drivers(None).events(flow)) as beats:
            for _ in beats:
                sink.write(*arriving.take())
                report(arriving.received, arriving.total)
        sink.write(*arriving.take())
        report(arriving.received, arriving.total or arriving.received)
        return arriving

    def of(self, completion: Completion) -> builtins.list[FileHandle]:
        """Give a handle on each image and file that an answer brought; nothing is loaded yet.

        Args:
            completion: A whole answer, of `complete` or folded from its events.
        """
        return [FileHandle(found, self) for found in references_in(completion.blocks)]

    def handle(
        self, file: Referable, *, container_id: str | None = None, name: str | None = None
    ) -> FileHandle:
        """Make a handle on one file; also makes a pickled handle work again.

        Args:
            file: A handle, a reference, an event of an answer, or the id of a file.
            container_id: Its container, if `file` is an id.
            name: Its name, if `file` is an id.
        """
        return FileHandle(refer_to(file, container_id, name), self)
