"""Threads and conversations that the service keeps, for callers: read, listed, deleted.

`AgentClient.threads` gives a `Threads`, `AsyncAgentClient.threads` its twin. Nothing is sent before
a method is called.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable

from ..drivers.aio import AsyncDriver
from ..drivers.sync import SyncDriver
from ..messages import Message
from ..protocols.histories import (
    Thread,
    checked_age,
    delete_thread,
    list_threads,
    read_history,
)
from ..protocols.turn import Turn


class Threads:
    """The threads of a project, from any thread of Python; made by `AgentClient.threads`.

    Args:
        turns: Makes the turn of an operation.
        driver: Makes a driver.
        now: The time in Unix seconds.
    """

    def __init__(
        self, turns: Callable[[], Turn], driver: Callable[[], SyncDriver], now: Callable[[], float]
    ) -> None:
        self._turns = turns
        self._driver = driver
        self._now = now

    def messages(self, thread_id: str) -> builtins.list[Message]:
        """Read what was said, the oldest first.

        Args:
            thread_id: ``conv_…`` or ``resp_…`` (v2), ``thread_…`` (classic).

        Raises:
            InvalidRequestError: It is of the other generation.
            ThreadNotFoundError: There is none.
        """
        return self._driver().result(read_history(self._turns(), thread_id))

    def list(self) -> builtins.list[Thread]:
        """List the threads (classic) or conversations (v2) of the project, newest first."""
        return self._driver().result(list_threads(self._turns()))

    def delete(self, thread_id: str) -> None:
        """Delete a thread, a conversation, or one response.

        Args:
            thread_id: As for `messages`.

        Raises:
            ThreadNotFoundError: There is none.
        """
        self._driver().result(delete_thread(self._turns(), thread_id))

    def prune(self, older_than_days: float) -> builtins.list[str]:
        """Delete the threads of the project that were made long ago; returns their ids.

        Args:
            older_than_days: How long ago, whoever made them.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; what was deleted before stays deleted.
        """
        before = self._now() - checked_age(older_than_days)
        old = [one.id for one in self.list() if one.created_at and one.created_at < before]
        for id in old:
            self.delete(id)
        return old


class AsyncThreads:
    """The threads of a project, from any event loop; made by `AsyncAgentClient.threads`.

    Args:
        turns: Makes the turn of an operation.
        driver: Makes a driver.
        now: The time in Unix seconds.
    """

    def __init__(
        self, turns: Callable[[], Turn], driver: Callable[[], AsyncDriver], now: Callable[[], float]
    ) -> None:
        self._turns = turns
        self._driver = driver
        self._now = now

    async def messages(self, thread_id: str) -> builtins.list[Message]:
        """Read what was said, the oldest first.

        Args:
            thread_id: ``conv_…`` or ``resp_…`` (v2), ``thread_…`` (classic).

        Raises:
            InvalidRequestError: It is of the other generation.
            ThreadNotFoundError: There is none.
        """
        return await self._driver().result(read_history(self._turns(), thread_id))

    async def list(self) -> builtins.list[Thread]:
        """List the threads (classic) or conversations (v2) of the project, newest first."""
        return await self._driver().result(list_threads(self._turns()))

    async def delete(self, thread_id: str) -> None:
        """Delete a thread, a conversation, or one response.

        Args:
            thread_id: As for `messages`.

        Raises:
            ThreadNotFoundError: There is none.
        """
        await self._driver().result(delete_thread(self._turns(), thread_id))

    async def prune(self, older_than_days: float) -> builtins.list[str]:
        """Delete the threads of the project that were made long ago; returns their ids.

        Args:
            older_than_days: How long ago, whoever made them.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; what was deleted before stays deleted.
        """
        before = self._now() - checked_age(older_than_days)
        listed = await self.list()
        old = [one.id for one in listed if one.created_at and one.created_at < before]
        for id in old:
            await self.delete(id)
        return old
