"""What a row asks: a text, a list of messages, or the user's texts of one conversation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequestError, ProtocolError
from ..jsonio import JSON, loads
from .rows import Row

KINDS = ("input", "messages", "turns")
_NAMED = 12  # columns that an error lists


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of a run are read.

    Attributes:
        column: Where the question stands.
        kind: What it is: ``input``, ``messages`` or ``turns``.
    """

    column: str
    kind: str

    @classmethod
    def of(cls, first: Row, column: str | None) -> Reading:
        """Decide by the first row.

        Args:
            first: The first row.
            column: The column that the user named; None: the one of the usual name.

        Raises:
            InvalidRequestError: There is no such column, or more than one.
        """
        if column is not None:
            return cls(column, column if column in KINDS else "input")
        found = [name for name in KINDS if name in first.data]
        if len(found) == 1:
            return cls(found[0], found[0])
        what = f"has {' and '.join(map(repr, found))}" if found else _lacks(first.data, KINDS)
        raise InvalidRequestError(
            f"{first.place}: the row {what}: name the column to ask with --column (column=)"
        )

    def steps(self, row: Row) -> list[list[JSON]]:
        """The messages of the row, those of one turn of the user after the other.

        Args:
            row: The row.

        Raises:
            InvalidRequestError: It does not ask what the first row asks, or asks nothing.
        """
        if self.column not in row.data:
            raise InvalidRequestError(f"{row.place}: the row {_lacks(row.data, (self.column,))}")
        self._check_mixed(row)
        value = row.data[self.column]
        if self.kind == "input":
            return [[_user(_text(value, f"{row.place}: {self.column!r}"))]]
        return _listed(self.kind, value, f"{row.place}: {self.column!r}")

    def _check_mixed(self, row: Row) -> None:
        # A row of another kind would be asked something else than it says.
        others = [name for name in KINDS if name in row.data and name != self.column]
        if others and self.column in KINDS:
            raise InvalidRequestError(
                f"{row.place}: the row has {others[0]!r} beside {self.column!r}: "
                "all rows must ask in the same way"
            )


def _listed(kind: str, value: Any, where: str) -> list[list[JSON]]:
    if isinstance(value, str):  # a field of a CSV file
        try:
            value = loads(value)
        except ProtocolError as error:
            raise InvalidRequestError(f"{where} must be a JSON list") from error
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InvalidRequestError(f"{where} must be a list that is not empty")
    if kind == "turns":
        return [[_user(_text(one, f"{where}[{at}]"))] for at, one in enumerate(value)]
    return [[_message(one, f"{where}[{at}]") for at, one in enumerate(value)]]


def _message(value: Any, where: str) -> JSON:
    if not isinstance(value, Mapping) or not isinstance(value.get("role"), str):
        raise InvalidRequestError(f'{where} must be a message: {{"role": …, "content": …}}')
    # Parquet gives every message of a column each field that one of them has.
    return {name: field for name, field in value.items() if field is not None}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequestError(f"{where} must be a text, got {type(value).__name__}")
    if not value.strip():
        raise InvalidRequestError(f"{where} is empty: take the row out, or fill it in")
    return value


def _user(text: str) -> JSON:
    return {"role": "user", "content": text}


def _lacks(data: Mapping[str, Any], wanted: Iterable[str]) -> str:
    has = ", ".join(map(repr, list(data)[:_NAMED])) or "none"
    return f"has no column {' or '.join(map(repr, wanted))} (its columns: {has})"
