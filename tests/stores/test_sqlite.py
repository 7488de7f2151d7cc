"""What is particular to the store in a file."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from azure_agents.errors import ConfigError, StoreUnavailableError
from azure_agents.threads import sqlite
from azure_agents.threads.sqlite import SQLiteThreadStore
from azure_agents.threads.store import CLOSED


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "threads.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteThreadStore]:
    """An empty store."""
    made = SQLiteThreadStore(path)
    yield made
    made.close()


def test_only_its_owner_may_read_it(store: SQLiteThreadStore, path: Path) -> None:
    """The file and the two that SQLite keeps beside it."""
    store.put("key", "head")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert {"threads.db": 0o600, "threads.db-shm": 0o600, "threads.db-wal": 0o600} == modes


def test_what_is_committed_survives_a_power_failure(store: SQLiteThreadStore) -> None:
    """A take that was undone would bring an old head back: every commit reaches the disk."""
    with store._database() as database:
        settings = [
            database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "user_version")
        ]
    assert ["wal", 2, 1] == settings


def _other_application(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE notes (text)")


def _newer_format(path: Path) -> None:
    SQLiteThreadStore(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 2")


WRONG_FILES = [
    (lambda path: path.write_bytes(b"no database at all" * 99), "file is not a database"),
    (lambda path: path.mkdir(), "unable to open database file"),
    (_other_application, "the database of another application"),
    (_newer_format, "its format is 2 and this release writes 1: delete the file"),
    (lambda path: shutil.rmtree(path.parent), "No such file or directory"),
]


@pytest.mark.parametrize(("spoil", "reason"), WRONG_FILES)
def test_a_file_that_cannot_be_used_is_refused_at_once(
    path: Path, spoil: object, reason: str
) -> None:
    """The error names the file, the reason and what to give instead."""
    assert callable(spoil)
    spoil(path)
    with pytest.raises(ConfigError, match=reason) as caught:
        SQLiteThreadStore(path)
    assert repr(str(path)) in str(caught.value)


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_no_file_is_no_store_between_processes(path: str) -> None:
    """What one process holds has a store of its own."""
    with pytest.raises(ConfigError, match="use MemoryThreadStore"):
        SQLiteThreadStore(path)


def test_many_may_make_the_same_file_at_once(path: Path) -> None:
    """Whoever comes second finds it made, or waits."""
    made: list[SQLiteThreadStore] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        made.append(SQLiteThreadStore(path))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, store in enumerate(made):
        store.put(f"key {number}", "head")
    assert ["head"] * 8 == [made[0].get(f"key {number}") for number in range(8)]
    for store in made:
        store.close()


def test_a_fork_takes_no_connection_along(store: SQLiteThreadStore, path: Path) -> None:
    """Parent and child go on with connections of their own, also when threads are at work."""
    store.put("for the child", "head")
    store.put("for the parent", "head")
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            store.put("busy", "head")

    thread = threading.Thread(target=work)
    thread.start()
    child = os.fork()
    if child == 0:
        os._exit(0 if store._connection is None and store.take("for the child", "head") else 1)
    stop.set()
    _, status = os.waitpid(child, 0)
    thread.join()
    assert 0 == status
    assert not store.take("for the child", "head")
    assert store.take("for the parent", "head")
    with closing(sqlite3.connect(path)) as database:
        assert ("ok",) == database.execute("PRAGMA integrity_check").fetchone()


def test_a_fork_that_python_does_not_see_is_noticed(
    store: SQLiteThreadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of another process is neither used nor closed."""
    store.put("key", "head")
    inherited = store._connection
    monkeypatch.setattr(sqlite.os, "getpid", lambda: -1)
    assert "head" == store.get("key")
    assert store._connection is not inherited
    assert sqlite._INHERITED.pop() is inherited
    store._close()
    monkeypatch.undo()
    assert inherited is not None
    inherited.close()


@pytest.mark.parametrize("replace", [False, True])
def test_a_file_that_was_taken_away_is_not_written_to(
    store: SQLiteThreadStore, path: Path, *, replace: bool
) -> None:
    """Else two processes would keep two truths, one of them without a name."""
    store.put("key", "head")
    for file in path.parent.iterdir():
        file.unlink()
    if replace:
        with closing(SQLiteThreadStore(path)) as other:
            other.put("key", "new head")
    assert ("new head" if replace else None) == store.get("key")
    store.put("other", "head")
    with closing(SQLiteThreadStore(path)) as other:
        assert "head" == other.get("other")


def test_reading_counts_as_use(
    path: Path, monkeypatch: pytest.MonkeyPatch, store: SQLiteThreadStore
) -> None:
    """To the minute: the entry that was read stays, the one that was not leaves."""
    with closing(SQLiteThreadStore(path, size=2)) as small:
        small.put("read", "head")
        small.put("forgotten", "head")
        later = sqlite.time() + 100
        monkeypatch.setattr(sqlite, "time", lambda: later)
        small.get("read")
        small.put("new", "head")
    assert ["head", None, "head"] == [store.get(key) for key in ("read", "forgotten", "new")]


def test_expired_entries_leave_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a process opens it, since few live long enough to do it later."""
    with closing(SQLiteThreadStore(path, ttl=10)) as store:
        store.put("key", "head")
    later = sqlite.time() + 20
    monkeypatch.setattr(sqlite, "time", lambda: later)
    SQLiteThreadStore(path).close()
    with closing(sqlite3.connect(path)) as database:
        assert (0,) == database.execute("SELECT count(*) FROM entries").fetchone()


def test_a_locked_file_is_an_outage_and_no_error(
    store: SQLiteThreadStore,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is remembered until it is free, and the log says so once each way."""
    store.close()
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.05)
    store.put("key", "head")
    with caplog.at_level("INFO"), closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        assert (False, False) == (store.take("key", "head"), store.take("key", "head"))
        store.put("other", "head")
        store.put("tool:x:call_1", "")  # an empty result: lost like any other
        with pytest.raises(StoreUnavailableError, match="'thread_1'"):
            store.put("head:x:thread_1", CLOSED)
        database.execute("COMMIT")
        assert store.take("key", "head")
    assert [
        f"{store!r} does not answer (OperationalError): conversations fork until it does",
        f"{store!r} answers again",
    ] == caplog.messages


def test_a_value_that_could_not_be_replaced_is_not_read_back(
    store: SQLiteThreadStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the store is older than what this process knows."""
    store.close()
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.05)
    store.put("key", "old")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        store.put("key", "lost")
    assert store.get("key") is None
    store.put("key", "new")
    assert "new" == store.get("key")


def test_a_spoilt_file_is_an_outage_until_it_is_replaced(
    store: SQLiteThreadStore, path: Path
) -> None:
    """Deleting it is the cure."""
    store.put("key", "head")
    for file in path.parent.iterdir():
        file.unlink()
    path.write_bytes(b"no database at all" * 99)
    assert (None, False) == (store.get("key"), store.take("key", "head"))
    path.unlink()
    store.put("key", "new head")
    assert "new head" == store.get("key")


def test_it_can_be_sent_to_another_process(store: SQLiteThreadStore) -> None:
    """A pickled model takes its store along: the same file."""
    store.put("key", "head")
    with closing(pickle.loads(pickle.dumps(store))) as copy:  # noqa: S301 - our own pickle
        assert copy.take("key", "head")
    assert store.get("key") is None
