"""Runs that are killed at any step, inside this process: from then on nothing more gets out.

A step is a request before it is sent, a request whose answer does not arrive, a write of the
journal, a write of the output, a part of one. After the last step every further one fails, so that
no clean-up reaches the service or the disk, as after `kill -9`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from azure_agents.bulk import journal, outputs
from azure_agents.bulk.api import Bulk, Settings


class Killed(Exception):  # noqa: N818 - what happened, not an error
    """The process has ended."""


class Killer:
    """Counts steps, and lets none happen after the last one."""

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.steps = 0

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self.last is not None and self.steps >= self.last

    def step(self) -> None:
        """Take a step; maybe the last one."""
        if self.is_dead:
            raise Killed
        self.steps += 1
        if self.is_dead:
            raise Killed


class DyingTransport:
    """Sends requests until the process ends: before a request, or before its answer is there."""

    def __init__(self, inner: Any, killer: Killer) -> None:
        self._inner, self._killer = inner, killer

    async def handle_async_request(self, request: Any) -> Any:
        """Send."""
        self._killer.step()
        response = await self._inner.handle_async_request(request)
        self._killer.step()
        return response

    async def aclose(self) -> None:
        """Nothing is kept."""


async def run_until_killed(
    killer: Killer, model: str, rows: Any, out: Path, connection: dict[str, Any], **settings: Any
) -> bool:
    """Run; True if it came to its end."""
    arguments = dict(connection)
    arguments["async_transport"] = DyingTransport(connection["async_transport"], killer)
    arguments |= settings.pop("arguments", {})
    run = None
    with _dying(killer):
        try:
            run = Bulk(model, rows, Settings(out=out, arguments=arguments, **settings))
            async for _ in run.results():
                pass
        except Killed:
            return False
        finally:
            if run is not None:
                run.close()
    return not killer.is_dead


def _dying(killer: Killer) -> Any:
    commit, write = journal.Journal.write, outputs._write

    def dying_commit(self: Any, changes: Any) -> None:
        killer.step()
        commit(self, changes)
        killer.step()

    def dying_write(file: Any, data: bytes) -> None:
        killer.step()
        try:
            killer.step()
        except Killed:
            file.write(data[: len(data) // 2])  # a torn line
            raise
        write(file, data)
        killer.step()

    return _Patched((journal.Journal, "write", dying_commit), (outputs, "_write", dying_write))


class _Patched:
    def __init__(self, *changes: tuple[Any, str, Callable[..., Any]]) -> None:
        self._patches = [patch.object(*change) for change in changes]

    def __enter__(self) -> None:
        for one in self._patches:
            one.start()

    def __exit__(self, *_: object) -> None:
        for one in self._patches:
            one.stop()
