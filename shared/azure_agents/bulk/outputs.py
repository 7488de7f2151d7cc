"""The files that a run writes: answers, and rows that failed for good. Lines are never torn.

The journal knows where each line stands. At the start a file is mended by it: what a crash tore
off is written again. A file that does not fit its journal is never touched.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import BinaryIO

from ..errors import ConfigError
from ..jsonio import JSON, canonical, dumps
from .journal import Journal, Line, Written

ENDINGS = (".jsonl", ".ndjson", ".csv")
FAILED = ".failed.jsonl"
JOURNAL = ".journal"


class Answers:
    """The output of a run.

    Args:
        path: Where.
        columns: Their names in order, for CSV.
        journal: Says what stands in it.

    Raises:
        ConfigError: It does not fit the journal, or cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str], journal: Journal) -> None:
        self._columns = tuple(columns) if path.suffix.lower() == ".csv" else ()
        self._head = _csv_line(self._columns) if self._columns else b""
        self._path = path
        try:
            self._file = _opened(path)
        except OSError as error:
            raise ConfigError(f"cannot write {str(path)!r} ({error.strerror})") from error
        try:
            self.end = self._mended(journal)
        except BaseException:
            self._file.close()
            raise

    def encode(self, row: JSON) -> bytes:
        """Make the line of a row.

        Args:
            row: Its columns.
        """
        if not self._columns:
            return dumps(row) + b"\n"
        return _csv_line([_field(row.get(name)) for name in self._columns])

    def append(self, data: bytes) -> None:
        """Write behind the last line, to the disk.

        Args:
            data: Whole lines.

        Raises:
            OSError: The disk is full, or gone.
        """
        _write(self._file, data)
        self.end += len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _mended(self, journal: Journal) -> int:
        size = self._file.seek(0, os.SEEK_END)
        if not journal.end("done"):
            return self._begun(size, journal)
        end, kept = journal.end("done"), journal.lines("done")
        whole = min((one.start for one in kept), default=end)
        if not whole <= size <= end:
            raise ConfigError(
                f"{str(self._path)!r} has {size} bytes, and its journal knows of {end}: put the "
                "file back as it was, or delete both to begin anew"
            )
        self._file.truncate(whole)
        self._file.seek(whole)
        _write(self._file, b"".join(one.text or b"" for one in kept))
        # From here on they stand before lines that the journal does not keep any more.
        journal.write([Written(one.number) for one in kept])
        return end

    def _begun(self, size: int, journal: Journal) -> int:
        """Begin the file; a line of names may be there from a run that ended before any answer."""
        self._file.seek(0)
        is_ours = journal.facts().get("has_output") and self._head.startswith(self._file.read())
        if size and not is_ours:
            raise ConfigError(
                f"{str(self._path)!r} is an output of another run, or of none: give --out another "
                "name, or delete it"
            )
        journal.note({"has_output": True})
        self._file.seek(0)
        self._file.truncate(0)
        _write(self._file, self._head)
        return len(self._head)


class Failures:
    """The rows that failed for good; the journal keeps their lines, so the file can be made anew.

    Args:
        path: Where; there is no file without a failure.
        journal: Keeps the lines.
    """

    def __init__(self, path: Path, journal: Journal) -> None:
        self._path = path
        self.end = 0
        self._file: BinaryIO | None = None
        lines = []
        for one in journal.lines("failed"):
            lines.append(Line(one.number, self.end, one.size, one.text))
            self.end += one.size
        journal.move(lines)
        self._rewrite(b"".join(one.text or b"" for one in lines))

    def append(self, data: bytes) -> None:
        """Write behind the last line, to the disk.

        Args:
            data: Whole lines.
        """
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
        _write(self._file, data)
        self.end += len(data)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _rewrite(self, data: bytes) -> None:
        if not data:
            self._path.unlink(missing_ok=True)
            return
        whole = self._path.with_name(self._path.name + ".new")
        whole.write_bytes(data)
        whole.replace(self._path)


def _opened(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    return open(descriptor, "r+b", buffering=0)  # noqa: PTH123 - closed by `close`


def _write(file: BinaryIO, data: bytes) -> None:
    """Write all of it, to the disk."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]  # a disk that is nearly full takes a part
    os.fsync(file.fileno())


def _csv_line(fields: Sequence[str]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue().encode("utf-8", "replace")


def _field(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical(value)
