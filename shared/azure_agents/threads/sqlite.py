"""The thread store in a file: for all processes of one machine, and over their restarts.

Every operation is one statement and so one transaction; SQLite makes it atomic between threads
and processes, and it is executed once, while the caller waits. ``synchronous = FULL``: what was
taken stays taken, also when the power fails; a set-back file would bring old heads back. For the
same reason the file must not be restored from a copy (delete it instead: that costs a fork).

One connection per store, under a lock. SQLite's state must not live in two processes, so it is
closed before a fork and opened when it is next needed; likewise when the file was replaced.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from time import time
from typing import Any
from weakref import WeakSet

from ..errors import ConfigError
from .memory import DEFAULT_SIZE
from .outage import DegradingStore, check_limits
from .store import DEFAULT_TTL

_APPLICATION = 0x617A6167  # "azag": marks files of this store
_VERSION = 1
_PATIENCE = 2.0  # seconds to wait for another thread or process
_USED_STEP = 60.0  # seconds; reading a value writes its last use no more often than that

_CREATE = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, expires REAL NOT NULL, used REAL NOT NULL
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_GET = "SELECT value, used FROM entries WHERE key = ? AND expires > ?"
_USE = "UPDATE entries SET used = ? WHERE key = ?"
# A closed key stays closed until it expires, whatever is put into it.
_PUT = """
INSERT INTO entries (key, value, expires, used) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires,
    used = excluded.used
WHERE entries.value <> '' OR excluded.value = '' OR entries.expires <= excluded.used
"""
_TAKE = "DELETE FROM entries WHERE key = ? AND value = ? AND expires > ?"
_PRUNE = """
DELETE FROM entries WHERE expires <= ? OR key IN (
    SELECT key FROM entries ORDER BY used LIMIT max(0, (SELECT count(*) FROM entries) - ?)
)
"""


class SQLiteThreadStore(DegradingStore):
    """A `ThreadStore` for any number of processes on one machine.

    The file is made readable for its owner only. It belongs on a local disk: file locks on
    network shares are not to be trusted.

    Args:
        path: The file; it is made when it is missing, its directory is not.
        size: Number of entries from which on the least recently used leave, 1 % at a time.
        ttl: Seconds that an entry is kept.

    Raises:
        ConfigError: No such file can be opened or made.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, size: int = DEFAULT_SIZE, ttl: float = DEFAULT_TTL
    ) -> None:
        super().__init__(sqlite3.Error, OSError)
        check_limits(ttl=ttl, size=size)
        self._path = _checked(path)
        self._size = size
        self._ttl = ttl
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened_as: tuple[int, int, int] | None = None  # process, device, inode
        self._puts = 0
        self._try_to_open()
        with _OPENING:
            _STORES.add(self)

    def close(self) -> None:
        """Close the file; the store can still be used."""
        with self._lock:
            self._close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (str(self._path), self._size, self._ttl)

    # --- operations -----------------------------------------------------------------------------

    def _get(self, key: str) -> str | None:
        with self._database() as database:
            now = time()
            row = database.execute(_GET, (key, now)).fetchone()
            if row is None:
                return None
            value, used = row
            if now - used > _USED_STEP:
                database.execute(_USE, (now, key))
            return str(value)

    def _put(self, key: str, value: str) -> bool:
        with self._database() as database:
            now = time()
            done = database.execute(_PUT, (key, value, now + self._ttl, now)).rowcount == 1
            self._puts += 1
            if self._puts % max(1, self._size // 100) == 0:
                self._prune(database)
            return done

    def _take(self, key: str, expected: str) -> bool:
        with self._database() as database:
            return database.execute(_TAKE, (key, expected, time())).rowcount == 1

    def _prune(self, database: sqlite3.Connection) -> None:
        database.execute(_PRUNE, (time(), self._size))

    # --- the connection -------------------------------------------------------------------------

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        if not self._lock.acquire(timeout=_PATIENCE):
            raise sqlite3.OperationalError("other threads keep the thread store busy")
        try:
            yield self._current()
        except sqlite3.Error as error:
            if not _is_busy(error):
                self._close()
            raise
        finally:
            self._lock.release()

    def _current(self) -> sqlite3.Connection:
        """Return the connection of this process to the file that has the name now."""
        if self._connection is not None:
            if self._opened_as == self._identity():
                return self._connection
            self._close()
        self._connection = _open(self._path)
        self._opened_as = self._identity()
        self._prune(self._connection)  # also where no process lives long enough to do it
        return self._connection

    def _identity(self) -> tuple[int, int, int] | None:
        with suppress(FileNotFoundError):
            state = self._path.stat()
            return os.getpid(), state.st_dev, state.st_ino
        return None

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._opened_as is not None and self._opened_as[0] != os.getpid():
            _INHERITED.append(connection)  # a fork that Python did not see: it is the parent's
            return
        with suppress(sqlite3.Error):
            connection.close()

    def _try_to_open(self) -> None:
        try:
            with self._database():
                return
        except (sqlite3.Error, OSError) as exc:
            if _is_busy(exc):  # a matter of time, not of settings
                return
            raise ConfigError(
                f"the thread store {str(self._path)!r} cannot be opened: {exc}. Give a file of "
                "its own, in a directory that exists and may be written to"
            ) from exc

    # --- forks ----------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Wait for the operation under way and close the file."""
        self._lock.acquire()
        self._close()

    def after_fork(self) -> None:
        """Release the lock, in the parent as in the child."""
        self._lock.release()


def _checked(path: str | os.PathLike[str]) -> Path:
    text = os.fspath(path)
    if not text or text == ":memory:":
        raise ConfigError(
            f"path={text!r} is no file: give a path, or use MemoryThreadStore for one process"
        )
    return Path(text).expanduser().absolute()


def _open(path: Path) -> sqlite3.Connection:
    # Closing any descriptor of a file drops all locks that the process has on it (POSIX): only a
    # file that nobody else can have open yet is opened by us, all others by SQLite alone.
    with _OPENING:
        with suppress(FileExistsError):
            # Resolved: behind a link to nothing, SQLite would make a file that everybody may read.
            os.close(os.open(path.resolve(), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        database = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
    try:
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("BEGIN")  # else another process may make the tables between two questions
    version, application, tables = (
        database.execute(question).fetchone()[0]
        for question in (
            "PRAGMA user_version",
            "PRAGMA application_id",
            "SELECT count(*) FROM sqlite_master",
        )
    )
    database.execute("COMMIT")
    is_new = (version, application, tables) == (0, 0, 0)
    if not is_new and application != _APPLICATION:
        raise sqlite3.DatabaseError("it is the database of another application")
    if not is_new and version != _VERSION:
        raise sqlite3.DatabaseError(
            f"its format is {version} and this release writes {_VERSION}: delete the file"
        )
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    if is_new:
        database.executescript(_CREATE)


def _is_busy(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def _rebuild(path: str, size: int, ttl: float) -> SQLiteThreadStore:
    return SQLiteThreadStore(path, size=size, ttl=ttl)


_OPENING = Lock()
_STORES: WeakSet[SQLiteThreadStore] = WeakSet()
_INHERITED: list[sqlite3.Connection] = []  # kept alive: closing them here would harm the parent
_held: list[SQLiteThreadStore] = []


def _before_fork() -> None:
    with _OPENING:
        _held[:] = _STORES
    for store in _held:
        store.before_fork()
    _OPENING.acquire()


def _after_fork() -> None:
    _OPENING.release()
    for store in _held:
        store.after_fork()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
