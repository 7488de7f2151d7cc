"""The columns of an answer beside those of its row, and the names that other tools have for them.

| format | for |
|---|---|
| ``rows`` | everybody: the row's columns as they are, then ours |
| ``azure-ai-evaluation`` | ``evaluate(data=…)``: ``query``, ``response`` |
| ``ragas`` | ``EvaluationDataset``: ``user_input``, ``response`` |
| ``pandas`` | ``read_json(lines=True)``: usage in columns of numbers |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InvalidRequestError
from ..jsonio import JSON

OURS = (
    "answer",
    "thread_id",
    "response_id",
    "usage",
    "cost",
    "citations",
    "finish_reason",
    "seconds",
)
USAGE = ("prompt_tokens", "completion_tokens", "total_tokens")
# Under which names a format has the question and the answer.
_RENAMED = {
    "rows": {},
    "azure-ai-evaluation": {"answer": "response"},
    "ragas": {"answer": "response"},
    "pandas": {},
}
_QUESTION = {"azure-ai-evaluation": "query", "ragas": "user_input"}
FORMATS = tuple(_RENAMED)


class Columns:
    """How rows are written.

    Args:
        format: One of `FORMATS`.
        question: The column that is asked.
    """

    def __init__(self, format: str, question: str) -> None:
        if format not in _RENAMED:
            raise InvalidRequestError(f"format={format!r}: use one of {', '.join(FORMATS)}")
        self._format = format
        self._names = dict(_RENAMED[format])
        self._question = (question, _QUESTION.get(format, question))

    def ours(self) -> tuple[str, ...]:
        """Names of the columns that are added to a row's own."""
        names = (name for name in OURS if name != "usage" or self._format != "pandas")
        added = USAGE if self._format == "pandas" else ()
        return (*(self._names.get(name, name) for name in names), *added)

    def own(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Names under which a row's own columns are written.

        Args:
            columns: Of the row.
        """
        question, renamed = self._question
        return tuple(renamed if name == question else name for name in columns)

    def check(self, columns: Iterable[str], where: str) -> None:
        """Refuse rows with a column that the answer needs.

        Args:
            columns: Of the row.
            where: Its place, for the error.

        Raises:
            InvalidRequestError: Two columns would have one name.
        """
        own = self.own(columns)
        clash = next((name for name in own if name in self.ours() or own.count(name) > 1), None)
        if clash is not None:
            raise InvalidRequestError(
                f"{where}: the row has a column {clash!r}, which the answer is written to: "
                "rename it, for instance to 'reference'"
            )

    def flat(self, row: Mapping[str, Any], ours: JSON) -> JSON:
        """Put a row and its answer side by side.

        Args:
            row: The row's own columns.
            ours: Values by the names of `OURS`.
        """
        mine = dict(zip(self.own(row), row.values(), strict=True))
        answer = {self._names.get(name, name): ours.get(name) for name in OURS}
        if self._format == "pandas":
            usage = answer.pop("usage") or {}
            answer |= {name: usage.get(name) for name in USAGE}
        return {**mine, **answer}
