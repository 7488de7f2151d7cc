"""Search in uploaded files: BM25 over the chunks of the attached stores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .reading import words_of

_SATURATION, _LENGTH = 1.5, 0.75  # the usual constants of BM25


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file."""

    file_id: str
    filename: str
    text: str
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk that a search found, and its score between 0 and 1."""

    chunk: Chunk
    score: float

    @property
    def result(self) -> dict[str, Any]:
        """The result as a `FileSearch` holds it."""
        chunk = self.chunk
        return {
            "file_id": chunk.file_id,
            "filename": chunk.filename,
            "score": self.score,
            "attributes": dict(chunk.attributes),
            "text": chunk.text,
        }


@dataclass(frozen=True, slots=True)
class Library:
    """The files that an agent may search in one turn.

    Attributes:
        chunks: Returns the chunks of the attached stores, as they are at the time of a search.
        limit: The most results of a search.
        threshold: The lowest score of a result.
    """

    chunks: Callable[[], Sequence[Chunk]]
    limit: int = 20
    threshold: float = 0.0

    def search(self, *queries: str) -> list[Found]:
        """Return the best chunks for any of the queries, best first."""
        best: dict[Chunk, float] = {}
        chunks = self.chunks()
        for query in queries:
            for found in rank(query, chunks):
                key = found.chunk
                best[key] = max(found.score, best.get(key, 0.0))
        ordered = sorted(best.items(), key=lambda pair: -pair[1])
        kept = [Found(chunk, score) for chunk, score in ordered if score >= self.threshold]
        return kept[: self.limit]


def rank(query: str, chunks: Sequence[Chunk]) -> list[Found]:
    """Score the chunks that share a word with the query, best first."""
    counted = [Counter(words_of(f"{chunk.filename} {chunk.text}")) for chunk in chunks]
    wanted = set(words_of(query))
    rarity = {word: _rarity(word, counted) for word in wanted}
    average = sum(counts.total() for counts in counted) / len(counted) if counted else 1
    scored = (
        (chunk, sum(_weight(counts, word, average) * rarity[word] for word in wanted))
        for chunk, counts in zip(chunks, counted, strict=True)
    )
    found = [Found(chunk, round(raw / (raw + 1), 6)) for chunk, raw in scored if raw > 0]
    return sorted(found, key=lambda one: -one.score)


def _rarity(word: str, counted: Iterable[Counter[str]]) -> float:
    having = [word in counts for counts in counted]
    return math.log(1 + (len(having) - sum(having) + 0.5) / (sum(having) + 0.5))


def _weight(counts: Counter[str], word: str, average: float) -> float:
    count, size = counts[word], counts.total() / (average or 1)
    return count * (_SATURATION + 1) / (count + _SATURATION * (1 - _LENGTH + _LENGTH * size))
