"""Checks a whole input before anything is sent, and decides which of its rows are asked.

The input is read once, row by row, in flat memory; its digest goes into the journal. So a run that
goes on later knows that the rows are the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError
from ..jsonio import dumps
from ..routing.limits import Amounts
from ..routing.tokens import estimate
from .columns import Columns
from .questions import Reading
from .rows import Row, read_rows

_SEED = 20_26  # of samples: the same rows each time


@dataclass(slots=True)
class Input:
    """An input that was read once and is in order.

    Attributes:
        reading: How its rows are read.
        columns: How they are written.
        names: All columns that a row has, in order.
        total: How many rows there are.
        digest: Of all rows.
        before: Digest of the rows up to `known`.
        tokens: What the questions will use, as far as known.
        turns: Turns of the user in all rows.
    """

    reading: Reading
    columns: Columns
    names: dict[str, None] = field(default_factory=dict)
    total: int = 0
    digest: str = ""
    before: str | None = None
    tokens: Amounts = field(default_factory=Amounts)
    turns: int = 0


def check_input(
    source: Path | Iterable[Any], column: str | None, format: str, known: int | None = None
) -> Input:
    """Read the whole input.

    Args:
        source: What `read_rows` takes.
        column: The column that is asked; None: by its usual name.
        format: One of `azure_agents.bulk.columns.FORMATS`.
        known: How many rows an earlier run knew; None: there was none.

    Raises:
        InvalidRequestError: A row is wrong; says where it stands.
        ConfigError: The file cannot be read.
    """
    found: Input | None = None
    digest = blake2b(digest_size=16)
    for row in read_rows(source):
        if found is None:
            reading = Reading.of(row, column)
            found = Input(reading, Columns(format, reading.column))
        if row.number == known:
            found.before = digest.hexdigest()
        _check(row, found)
        digest.update(_encoded(row))
    if found is None:
        raise InvalidRequestError("there are no rows: nothing to ask")
    found.digest = digest.hexdigest()
    if found.total == known:
        found.before = found.digest
    return found


def _check(row: Row, found: Input) -> None:
    steps = found.reading.steps(row)
    found.columns.check(row.data, row.place)
    found.names.update(dict.fromkeys(row.data))
    found.total += 1
    found.turns += len(steps)
    used = estimate("chat", {"messages": steps})
    found.tokens = Amounts(found.tokens.input + used.input, found.tokens.output + used.output)


def _encoded(row: Row) -> bytes:
    try:
        return dumps(row.data) + b"\n"
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{row.place}: {error.message}") from error


class Chosen:
    """The rows that are asked: all, the first ones, or a sample that is the same each time.

    Args:
        total: How many rows there are.
        limit: Only so many of the first; None: all.
        sample: Only so many, from anywhere; None: all.

    Raises:
        InvalidRequestError: Both are given, or one is less than 1.
    """

    def __init__(self, total: int, limit: int | None, sample: int | None) -> None:
        for name, value in (("limit", limit), ("sample", sample)):
            if value is not None and value < 1:
                raise InvalidRequestError(f"{name}={value}: give 1 or more, or leave it out")
        if limit is not None and sample is not None:
            raise InvalidRequestError("limit and sample both choose rows: give one of them")
        self._most = total if limit is None else min(limit, total)
        self._picked: frozenset[int] | None = None
        if sample is not None and sample < total:
            picked = random.Random(_SEED).sample(range(total), sample)  # noqa: S311 - no secret
            self._picked = frozenset(picked)

    def __contains__(self, number: int) -> bool:
        return number < self._most if self._picked is None else number in self._picked

    def __len__(self) -> int:
        return self._most if self._picked is None else len(self._picked)
