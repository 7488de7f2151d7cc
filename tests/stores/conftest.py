"""The three stores behind one fixture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from azure_agents.threads.memory import MemoryThreadStore
from azure_agents.threads.redis import RedisThreadStore
from azure_agents.threads.sqlite import SQLiteThreadStore

from .servers import RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A server that tests share, and leave running."""
    server = RedisServer()
    yield server
    server.remove()


@pytest.fixture
def own_redis_server() -> Iterator[RedisServer]:
    """A server that a test may kill."""
    server = RedisServer()
    yield server
    server.remove()


@dataclass
class Backend:
    """A place for entries, and stores on it."""

    kind: str
    place: str
    make: Callable[..., Any]
    opened: list[Any] = field(default_factory=list)

    def beside(self, name: str) -> Backend:
        """Another empty place of the same kind."""
        if self.kind == "redis":
            return Backend(self.kind, self.place, partial(RedisThreadStore, prefix=name))
        return Backend(self.kind, f"{self.place}.{name}", self.make)

    def open(self, **limits: Any) -> Any:
        """Another store on the same place, as another process would make it."""
        store = self.make(self.place, **limits)
        self.opened.append(store)
        return store


def backend_of(kind: str, request: pytest.FixtureRequest) -> Backend:
    """An empty place of one kind."""
    if kind == "sqlite":
        path: Path = request.getfixturevalue("tmp_path") / "threads.db"
        return Backend(kind, str(path), SQLiteThreadStore)
    if kind == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.command("FLUSHALL")
        return Backend(kind, server.url, RedisThreadStore)
    return Backend(kind, "", lambda _, **limits: MemoryThreadStore(**limits))


def _opened(request: pytest.FixtureRequest) -> Iterator[Backend]:
    one = backend_of(request.param, request)
    yield one
    for store in one.opened:
        getattr(store, "close", bool)()


@pytest.fixture(params=["memory", "sqlite", "redis"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each of the three."""
    yield from _opened(request)


@pytest.fixture(params=["sqlite", "redis"])
def lasting(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each of those that outlive a process."""
    yield from _opened(request)


@pytest.fixture(params=["memory", "sqlite"])
def bounded(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each of those that bound the number of their entries."""
    yield from _opened(request)
