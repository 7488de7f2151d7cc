"""Reads files of questions row by row: JSONL, CSV, Parquet. What is wrong is told by file and line.

A file is never held in memory: it is read once to be checked, and again to be asked.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from math import isfinite
from pathlib import Path
from typing import Any

from ..errors import ConfigError, InvalidRequestError, ProtocolError
from ..jsonio import JSON, loads

_LONGEST_FIELD = 2**27  # characters of a field of a CSV file; Python's own limit is 128 Ki
_SHOWN = 80  # characters of a line that an error repeats
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        number: From 0, in the order of the file.
        place: Where it stands, for errors: ``questions.jsonl, line 7``.
        data: Its columns.
    """

    number: int
    place: str
    data: JSON


def read_rows(source: Path | Iterable[Any]) -> Iterator[Row]:
    """Read rows one after the other.

    Args:
        source: A file, by its ending ``.jsonl``, ``.csv`` or ``.parquet``; or rows themselves:
            dictionaries, or texts to be asked.

    Raises:
        InvalidRequestError: A row cannot be read; says where it stands.
        ConfigError: The file cannot be read, or is of no known kind.
    """
    if not isinstance(source, Path):
        yield from _given(source)
        return
    reader = _READERS.get(source.suffix.lower())
    if reader is None:
        raise ConfigError(
            f"{source.name!r} ends with {source.suffix!r}: give a file that ends with "
            f"{', '.join(_READERS)}"
        )
    try:
        numbers = count()
        for line, data in reader(source):
            yield Row(next(numbers), f"{source.name}, {line}", data)
    except OSError as error:
        raise ConfigError(f"cannot read {str(source)!r} ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"{source.name} is not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from error


def _given(rows: Iterable[Any]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        data = {"input": row} if isinstance(row, str) else row
        if not isinstance(data, dict):
            raise InvalidRequestError(
                f"rows[{number}] is a {type(row).__name__}: give dictionaries, or texts to be asked"
            )
        yield Row(number, f"rows[{number}]", data)


def _jsonl(path: Path) -> Iterator[tuple[str, JSON]]:
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                data = loads(raw)
            except ProtocolError as error:
                shown = raw[:_SHOWN].decode(errors="replace").strip()
                raise InvalidRequestError(
                    f"{path.name}, line {line}: not JSON: {shown!r}; give one object on each line"
                ) from error
            if not isinstance(data, dict):
                raise InvalidRequestError(
                    f"{path.name}, line {line}: a {type(data).__name__}, where an object must be"
                )
            yield f"line {line}", data


def _csv(path: Path) -> Iterator[tuple[str, JSON]]:
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        reader = csv.reader(file, delimiter=_separator(head), strict=True)
        try:
            columns = next(reader, [])
            _check_header(path, columns)
            line = reader.line_num + 1  # where the next row begins: it may have several lines
            for fields in reader:
                if fields:
                    _check_fields(f"{path.name}, line {line}", columns, fields)
                    yield f"line {line}", dict(zip(columns, fields, strict=True))
                line = reader.line_num + 1
        except csv.Error as error:
            raise InvalidRequestError(f"{path.name}, line {reader.line_num}: {error}") from error


def _separator(head: str) -> str:
    # Spreadsheets of some countries write semicolons. The first line decides.
    return max(_SEPARATORS, key=head.count)


def _check_header(path: Path, columns: list[str]) -> None:
    if not any(columns):
        raise InvalidRequestError(f"{path.name}, line 1: no names of columns")
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequestError(f"{path.name}, line 1: the column {twice!r} is there twice")


def _check_fields(place: str, columns: list[str], fields: list[str]) -> None:
    if len(fields) != len(columns):
        raise InvalidRequestError(
            f"{place}: {len(fields)} fields, and the first line names {len(columns)} columns: "
            "put texts that hold separators or line ends into quotes"
        )


def _parquet(path: Path) -> Iterator[tuple[str, JSON]]:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ConfigError(
            'reading Parquet needs pyarrow, install it with: pip install "azure-agents[bulk]"'
        ) from error
    numbers = count(1)
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for data in batch.to_pylist():
                    yield f"row {next(numbers)}", {k: plain(v) for k, v in data.items()}
    except ArrowInvalid as error:
        raise InvalidRequestError(f"{path.name} is no Parquet file: {error}") from error


def plain(value: Any) -> Any:
    """A value of Parquet in JSON: dates and decimals become text, NaN nothing.

    Args:
        value: As pyarrow gives it.
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


_READERS = {".jsonl": _jsonl, ".ndjson": _jsonl, ".csv": _csv, ".parquet": _parquet}
