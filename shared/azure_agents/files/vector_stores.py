"""Vector stores of a project, for callers: an agent's file search searches in them.

`AgentClient.vector_stores` and `AsyncAgentClient.vector_stores` give these objects; nothing is sent
before a method is called.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..drivers.aio import AsyncDriver
from ..drivers.sync import SyncDriver
from ..errors import InvalidRequestError
from ..protocols.turn import Turn
from . import vector_store_flows as flows
from .async_files import AsyncFiles
from .disk import LocalFile, open_source
from .file_flows import StoredFile
from .files import Files
from .searching import Passage, Search, search_stores
from .vector_store_flows import FileCounts, VectorStore

__all__ = ["AsyncVectorStores", "FileCounts", "StoreFile", "VectorStore", "VectorStores"]

StoreFile: TypeAlias = str | os.PathLike[str] | StoredFile
"""A file to search: an uploaded one, its id, or a path, which is uploaded first."""

READY_SECONDS = 600.0
_ID = re.compile(r"(?:assistant|file)-[A-Za-z0-9_-]{8,}")


def checked_files(files: Sequence[StoreFile]) -> list[flows.Added | LocalFile]:
    """Find the files that are to be searched, before the first is uploaded.

    Args:
        files: The caller's list.

    Raises:
        InvalidRequestError: It is no list, or a file is missing, empty or too large.
    """
    if isinstance(files, str | os.PathLike | StoredFile):
        raise InvalidRequestError(f"files={files!r} must be a list: pass [{files!r}]")
    return [_check(file) for file in files]


def _check(file: StoreFile) -> flows.Added | LocalFile:
    if isinstance(file, StoredFile):
        return file.id, file.name
    if isinstance(file, str) and _ID.fullmatch(file):
        return file, None
    return open_source(file)


def _added(file: StoredFile) -> flows.Added:
    return file.id, file.name


class VectorStores:
    """Vector stores of a project, from any number of threads; made by `AgentClient.vector_stores`.

    Args:
        files: Uploads files that are given as a path.
        turns: Makes the turn of an operation.
        drivers: Makes a driver with a deadline in seconds, or with none.
    """

    def __init__(
        self,
        files: Files,
        turns: Callable[[], Turn],
        drivers: Callable[[float | None], SyncDriver],
    ) -> None:
        self._files = files
        self._turns = turns
        self._drivers = drivers

    def create(
        self,
        name: str,
        files: Sequence[StoreFile] = (),
        *,
        expires_after_days: int | None = None,
        wait: bool = True,
        timeout: float | None = READY_SECONDS,
    ) -> VectorStore:
        """Make a vector store and put files into it.

        Args:
            name: Name of the store; several stores may have the same.
            files: Uploaded files, their ids, or paths. A string that looks like an id
                (``assistant-…``, ``file-…``) is one; pass a `Path` for a file of such a name.
            expires_after_days: Days without use after which the service deletes it.
            wait: Return when everything can be searched.
            timeout: Seconds for making, filling and waiting; uploads take their own time.

        Raises:
            BadRequestError: The service refused a file, or cannot read it; the message names it.
                The store stays.
            DeadlineError: It was not ready in time.
            AzureAgentsError: See `azure_agents.errors`.
        """
        added = self._uploaded(files)
        flow = flows.create_store(self._turns(), name, added, expires_after_days, wait=wait)
        return self._drivers(timeout).result(flow)

    def add(
        self,
        store_id: str,
        files: Sequence[StoreFile],
        *,
        wait: bool = True,
        timeout: float | None = READY_SECONDS,
    ) -> VectorStore:
        """Put files into a vector store; errors as for `create`.

        Args:
            store_id: ``vs_…`` of the store.
            files: Uploaded files, their ids, or paths, as for `create`.
            wait: Return when everything can be searched.
            timeout: Seconds for adding and waiting; uploads take their own time. None: no limit.
        """
        added = self._uploaded(files)
        flow = flows.add_files(self._turns(), store_id, added, wait=wait)
        return self._drivers(timeout).result(flow)

    def _uploaded(self, files: Sequence[StoreFile]) -> builtins.list[flows.Added]:
        return [
            _added(self._files.upload(file)) if isinstance(file, LocalFile) else file
            for file in checked_files(files)
        ]

    def wait_until_ready(self, store_id: str, timeout: float | None = READY_SECONDS) -> VectorStore:
        """Wait until everything in a vector store can be searched.

        Args:
            store_id: ``vs_…`` of the store.
            timeout: Seconds to wait at most (default 600); None: no limit.

        Raises:
            ServiceError: It has expired, or files of it failed; the message names them.
            DeadlineError: It was not ready in time.
        """
        return self._drivers(timeout).result(flows.wait_for_store(self._turns(), store_id))

    def get(self, store_id: str) -> VectorStore:
        """Get a vector store as it is now.

        Args:
            store_id: ``vs_…`` of the store.
        """
        return self._quick().result(flows.get_store(self._turns(), store_id))

    def list(self) -> builtins.list[VectorStore]:
        """List all vector stores of the project."""
        return self._quick().result(flows.list_stores(self._turns()))

    def search(
        self,
        query: str,
        store_ids: Sequence[str] = (),
        *,
        max_results: int = 10,
        min_score: float | None = None,
    ) -> builtins.list[Passage]:
        """Search in vector stores, without asking an agent; the best of all first.

        Args:
            query: Words or a question.
            store_ids: ``vs_…`` of the stores; by default those of the client's agent.
            max_results: Passages at most, 1 to 50.
            min_score: Passages that fit less well are left out (0 to 1); None: none are.

        Raises:
            InvalidRequestError: No store was named, and the agent has none.
            NotFoundError: There is no such store.
        """
        search = Search(query, max_results, min_score)
        return self._quick().result(search_stores(self._turns(), search, store_ids))

    def delete(self, store_id: str) -> None:
        """Delete a vector store; its files stay.

        Args:
            store_id: ``vs_…`` of the store.
        """
        self._quick().result(flows.delete_store(self._turns(), store_id))

    def remove(self, store_id: str, file_id: str) -> None:
        """Take a file out of a vector store; the file itself stays.

        Args:
            store_id: ``vs_…`` of the store.
            file_id: ``assistant-…`` or ``file-…`` of the file.
        """
        self._quick().result(flows.remove_file(self._turns(), store_id, file_id))

    def _quick(self) -> SyncDriver:
        return self._drivers(self._turns().settings.timeouts.turn)


class AsyncVectorStores:
    """Vector stores of a project, for tasks; made by `AsyncAgentClient.vector_stores`.

    Args:
        files: Uploads files that are given as a path.
        turns: Makes the turn of an operation.
        drivers: Makes a driver with a deadline in seconds, or with none.
    """

    def __init__(
        self,
        files: AsyncFiles,
        turns: Callable[[], Turn],
        drivers: Callable[[float | None], AsyncDriver],
    ) -> None:
        self._files = files
        self._turns = turns
        self._drivers = drivers

    async def create(
        self,
        name: str,
        files: Sequence[StoreFile] = (),
        *,
        expires_after_days: int | None = None,
        wait: bool = True,
        timeout: float | None = READY_SECONDS,
    ) -> VectorStore:
        """Make a vector store and put files into it; as `VectorStores.create`.

        Args:
            name: Name of the store; several stores may have the same.
            files: Uploaded files, their ids, or paths. A string that looks like an id
                (``assistant-…``, ``file-…``) is one; pass a `Path` for a file of such a name.
            expires_after_days: Days without use after which the service deletes it.
            wait: Return when everything can be searched.
            timeout: Seconds for making, filling and waiting; uploads take their own time.
        """
        added = await self._uploaded(files)
        flow = flows.create_store(self._turns(), name, added, expires_after_days, wait=wait)
        return await self._drivers(timeout).result(flow)

    async def add(
        self,
        store_id: str,
        files: Sequence[StoreFile],
        *,
        wait: bool = True,
        timeout: float | None = READY_SECONDS,
    ) -> VectorStore:
        """Put files into a vector store; errors as for `VectorStores.create`.

        Args:
            store_id: ``vs_…`` of the store.
            files: Uploaded files, their ids, or paths, as for `create`.
            wait: Return when everything can be searched.
            timeout: Seconds for adding and waiting; uploads take their own time. None: no limit.
        """
        added = await self._uploaded(files)
        flow = flows.add_files(self._turns(), store_id, added, wait=wait)
        return await self._drivers(timeout).result(flow)

    async def _uploaded(self, files: Sequence[StoreFile]) -> builtins.list[flows.Added]:
        return [
            _added(await self._files.upload(file)) if isinstance(file, LocalFile) else file
            for file in await asyncio.to_thread(checked_files, files)
        ]

    async def wait_until_ready(
        self, store_id: str, timeout: float | None = READY_SECONDS
    ) -> VectorStore:
        """Wait until everything can be searched; as `VectorStores.wait_until_ready`.

        Args:
            store_id: ``vs_…`` of the store.
            timeout: Seconds to wait at most (default 600); None: no limit.
        """
        return await self._drivers(timeout).result(flows.wait_for_store(self._turns(), store_id))

    async def get(self, store_id: str) -> VectorStore:
        """Get a vector store as it is now.

        Args:
            store_id: ``vs_…`` of the store.
        """
        return await self._quick().result(flows.get_store(self._turns(), store_id))

    async def list(self) -> builtins.list[VectorStore]:
        """List all vector stores of the project."""
        return await self._quick().result(flows.list_stores(self._turns()))

    async def search(
        self,
        query: str,
        store_ids: Sequence[str] = (),
        *,
        max_results: int = 10,
        min_score: float | None = None,
    ) -> builtins.list[Passage]:
        """Search in vector stores, without asking an agent; the best of all first.

        Args:
            query: Words or a question.
            store_ids: ``vs_…`` of the stores; by default those of the client's agent.
            max_results: Passages at most, 1 to 50.
            min_score: Passages that fit less well are left out (0 to 1); None: none are.

        Raises:
            InvalidRequestError: No store was named, and the agent has none.
            NotFoundError: There is no such store.
        """
        search = Search(query, max_results, min_score)
        return await self._quick().result(search_stores(self._turns(), search, store_ids))

    async def delete(self, store_id: str) -> None:
        """Delete a vector store; its files stay.

        Args:
            store_id: ``vs_…`` of the store.
        """
        await self._quick().result(flows.delete_store(self._turns(), store_id))

    async def remove(self, store_id: str, file_id: str) -> None:
        """Take a file out of a vector store; the file itself stays.

        Args:
            store_id: ``vs_…`` of the store.
            file_id: ``assistant-…`` or ``file-…`` of the file.
        """
        await self._quick().result(flows.remove_file(self._turns(), store_id, file_id))

    def _quick(self) -> AsyncDriver:
        return self._drivers(self._turns().settings.timeouts.turn)
