"""The journal beside an output: what was asked, how far each row is, and what is in the output.

One SQLite file, which one process holds at a time. It decides after a crash: every line of an
output is in the journal, with its place, before it is written, and stays there until the output is
on disk. So a line that is lost or torn is written again from the journal, and none is doubled.

What a row sends is named by its number, its turn and its attempt (`operation`), so nothing has to
be noted for each request: a row that was begun is looked for by these names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, Literal
from uuid import uuid4

from ..errors import ConfigError
from ..jsonio import JSON, canonical, loads

State = Literal["begun", "done", "failed"]
_VERSION = "1"
_NOT_WHOLE = "delete it, and the output with it, or go on with a copy of both"
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
    number INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    progress TEXT,
    start INTEGER,
    size INTEGER,
    line BLOB
);
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an output.

    Attributes:
        number: Of its row.
        start: The byte where it begins.
        text: The line with its end; None: it is in the output for certain.
        size: Its bytes.
    """

    number: int
    start: int
    size: int
    text: bytes | None


@dataclass(frozen=True, slots=True)
class Begun:
    """A row that an earlier run began.

    Attributes:
        attempt: Part of the names of what it sends.
        was_sent: Its turn may have been sent.
        progress: How far it was; None: its first turn was not over.
    """

    attempt: int
    was_sent: bool
    progress: JSON | None


class Journal:
    """The journal of one output.

    Args:
        path: Where; it is made if it is not there. None: in memory, for a run without an output.

    Raises:
        ConfigError: Another run holds it, it is damaged, or it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = RLock()  # of the thread that writes, and those that run functions
        self._name = "the journal" if path is None else str(path)
        with self._told():
            self._database = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=0.2,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._told():
                self._open()
        except BaseException:
            self._database.close()
            raise
        self.run_id = self._run_id()

    def _open(self) -> None:
        run = self._database.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run("BEGIN EXCLUSIVE")
        run("COMMIT")  # in this locking mode the lock is kept
        if run("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise ConfigError(f"{self._name} is damaged: {_NOT_WHOLE}")
        self._database.executescript(_TABLES)

    def _run_id(self) -> str:
        kept = self.facts()
        if kept.get("version", _VERSION) != _VERSION:
            raise ConfigError(f"{self._name} was made by another version: {_NOT_WHOLE}")
        id = str(kept.get("run") or uuid4().hex[:16])
        self.note({"version": _VERSION, "run": id})
        return id

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise ConfigError(
                    f"another run is writing here and holds {self._name}: wait for its end, or "
                    "give --out another name"
                ) from error
            raise ConfigError(f"cannot write {self._name} ({error})") from error
        except sqlite3.DatabaseError as error:
            raise ConfigError(f"{self._name} is damaged ({error}): {_NOT_WHOLE}") from error

    # --- facts of the run -----------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """What was noted of the run, by name."""
        with self._lock:
            rows = self._database.execute("SELECT name, value FROM facts").fetchall()
        return {name: loads(value) for name, value in rows}

    def note(self, facts: Mapping[str, Any]) -> None:
        """Note facts of the run.

        Args:
            facts: JSON values by name.
        """
        rows = [(name, canonical(value)) for name, value in facts.items()]
        with self._told(), self._transaction():
            self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    # --- rows -----------------------------------------------------------------------------------

    def operation(self, number: int, turn: int, attempt: int) -> str:
        """Name a turn: the same in every process that goes on with this journal.

        Args:
            number: Of the row.
            turn: Of the row, from 0.
            attempt: From 0; another one after a turn that failed for certain.
        """
        return f"bulk-{self.run_id}-{number}-{turn}-{attempt}"

    def numbers(self, state: State) -> list[int]:
        """Numbers of the rows in a state, in their order.

        Args:
            state: ``begun``, ``done`` or ``failed``.
        """
        query = "SELECT number FROM rows WHERE state = ? ORDER BY number"
        with self._lock:
            return [number for (number,) in self._database.execute(query, (state,))]

    def count(self, state: State) -> int:
        """How many rows are in a state.

        Args:
            state: ``begun``, ``done`` or ``failed``.
        """
        query = "SELECT COUNT(*) FROM rows WHERE state = ?"
        with self._lock:
            return int(self._database.execute(query, (state,)).fetchone()[0])

    def begun(self) -> dict[int, Begun]:
        """The rows that are to be asked and are not new, by number."""
        query = (
            "SELECT number, state, attempt, progress FROM rows WHERE state IN ('begun', 'again')"
        )
        with self._lock:
            found = self._database.execute(query).fetchall()
        return {
            number: Begun(attempt, state == "begun", None if kept is None else loads(kept))
            for number, state, attempt, kept in found
        }

    def begin_again(self, numbers: Iterable[int]) -> None:
        """Begin failed rows anew: what they sent before is not looked for.

        Args:
            numbers: Of the rows.
        """
        change = (
            "UPDATE rows SET state = 'again', attempt = attempt + 1, progress = NULL, "
            "start = NULL, size = NULL, line = NULL WHERE number = ? AND state = 'failed'"
        )
        with self._told(), self._transaction():
            self._database.executemany(change, [(number,) for number in numbers])

    def lines(self, state: State) -> list[Line]:
        """The lines whose text is kept, in the order in which they stand.

        Args:
            state: ``done`` or ``failed``.
        """
        query = (
            "SELECT number, start, size, line FROM rows WHERE state = ? AND line IS NOT NULL "
            "ORDER BY start"
        )
        with self._lock:
            return [Line(*found) for found in self._database.execute(query, (state,))]

    def end(self, state: State) -> int:
        """The byte behind the last line that was noted; 0: there is none.

        Args:
            state: ``done`` or ``failed``.
        """
        query = "SELECT MAX(start + size) FROM rows WHERE state = ?"
        with self._lock:
            return self._database.execute(query, (state,)).fetchone()[0] or 0

    def write(self, changes: Iterable[Change]) -> None:
        """Note changes, all or none; they are on disk when this returns.

        Args:
            changes: In their order.
        """
        with self._told(), self._transaction():
            for one in changes:
                self._database.execute(*one.statement())

    def move(self, lines: Iterable[Line]) -> None:
        """Note that lines stand elsewhere now.

        Args:
            lines: With their new places.
        """
        rows = [(one.start, one.number) for one in lines]
        with self._told(), self._transaction():
            self._database.executemany("UPDATE rows SET start = ? WHERE number = ?", rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._database.execute("BEGIN")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    # --- what tools returned: a thread store for `ToolResults` -----------------------------------

    is_blocking = True

    def get(self, key: str) -> str | None:
        """Return the value that was kept under a key, or None.

        Args:
            key: Of the value.
        """
        query = "SELECT value FROM kept WHERE key = ?"
        with self._lock:
            found = self._database.execute(query, (key,)).fetchone()
        return None if found is None else str(found[0])

    def put(self, key: str, value: str) -> None:
        """Keep a value.

        Args:
            key: Under which.
            value: The value.
        """
        with self._told(), self._transaction():
            self._database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, value))

    def take(self, key: str, expected: str) -> bool:
        """Remove a key if its value is `expected`; return whether it was removed.

        Args:
            key: Of the value.
            expected: The value that must be there.
        """
        with self._told(), self._transaction():
            change = "DELETE FROM kept WHERE key = ? AND value = ?"
            return self._database.execute(change, (key, expected)).rowcount == 1

    def close(self) -> None:
        """Give the journal up; another run may take it."""
        self._database.close()


# --- changes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """A row may be sent from now on."""

    number: int
    attempt: int = 0

    def statement(self) -> tuple[str, tuple[Any, ...]]:
        """The change as SQL, with its values."""
        text = (
            "INSERT INTO rows (number, state, attempt) VALUES (?, 'begun', ?) "
            "ON CONFLICT DO UPDATE SET state = 'begun', attempt = excluded.attempt"
        )
        return text, (self.number, self.attempt)


@dataclass(frozen=True, slots=True)
class Leave:
    """A row was not sent after all."""

    number: int

    def statement(self) -> tuple[str, tuple[Any, ...]]:
        """The change as SQL, with its values."""
        text = "UPDATE rows SET state = 'again' WHERE number = ? AND state = 'begun'"
        return text, (self.number,)


@dataclass(frozen=True, slots=True)
class Progress:
    """A turn of a row is over, and its next one may be sent."""

    number: int
    attempt: int
    progress: JSON | None

    def statement(self) -> tuple[str, tuple[Any, ...]]:
        """The change as SQL, with its values."""
        kept = None if self.progress is None else canonical(self.progress)
        text = "UPDATE rows SET attempt = ?, progress = ? WHERE number = ?"
        return text, (self.attempt, kept, self.number)


@dataclass(frozen=True, slots=True)
class End:
    """A row is over, and this is its line."""

    state: State
    line: Line

    def statement(self) -> tuple[str, tuple[Any, ...]]:
        """The change as SQL, with its values."""
        text = (
            "UPDATE rows SET state = ?, progress = NULL, start = ?, size = ?, line = ? "
            "WHERE number = ?"
        )
        line = self.line
        return text, (self.state, line.start, line.size, line.text, line.number)


@dataclass(frozen=True, slots=True)
class Written:
    """The line of an answer is on disk: the journal need not keep it."""

    number: int

    def statement(self) -> tuple[str, tuple[Any, ...]]:
        """The change as SQL, with its values."""
        return "UPDATE rows SET line = NULL WHERE number = ?", (self.number,)


Change = Begin | Leave | Progress | End | Written
