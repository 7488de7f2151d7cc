"""How the parts of an answer become the texts that callers have: one rule for every door. Pure.

Reasoning comes in summaries, and callers have one text: they stand apart as paragraphs do. Refusals
have a field of their own, where callers lose the place at which they were said; but the digest of
the answer has it, so it is told beside them, unless they end the answer as they mostly do.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..events import ReasoningDelta
from ..fold import Block, ReasoningBlock, RefusalBlock, TextBlock

PARAGRAPH = "\n\n"


def reasoning_of(blocks: Iterable[Block]) -> str:
    """All reasoning summaries of an answer as one text."""
    return PARAGRAPH.join(block.text for block in blocks if isinstance(block, ReasoningBlock))


class Paragraphs:
    """Makes the deltas of one text out of those of several reasoning summaries."""

    def __init__(self) -> None:
        self._part: tuple[str, int] | None = None

    def next(self, event: ReasoningDelta) -> str:
        """The next piece of the text."""
        before, self._part = self._part, (event.item, event.part)
        return event.text if before in (None, self._part) else PARAGRAPH + event.text


class RefusalPlaces:
    """Notes where refusals stand between the texts of an answer."""

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self._length = 0  # of the text so far
        self._places: list[list[int]] = []
        for block in blocks:
            if isinstance(block, TextBlock):
                self.text(block.text)
            elif isinstance(block, RefusalBlock):
                self.refusal(block.text)

    def text(self, text: str) -> None:
        """A piece of text comes."""
        self._length += len(text)

    def refusal(self, text: str) -> None:
        """A piece of a refusal comes."""
        if self._places and self._places[-1][0] == self._length:
            self._places[-1][1] += len(text)
        else:
            self._places.append([self._length, len(text)])

    def told(self) -> list[list[int]] | None:
        """Place in the text and length of each refusal; None if all stand at its end."""
        is_early = any(at < self._length for at, _ in self._places)
        return self._places if is_early else None


def with_refusals(text: str, refusal: str, places: object) -> str:
    """The whole of an answer again: what `RefusalPlaces` told, or else text and then refusal."""
    pieces: list[str] = []
    done = 0
    for at, said in placed_refusals(text, refusal, places):
        pieces += [text[done:at], said]
        done = at
    return "".join([*pieces, text[done:]])


def placed_refusals(text: str, refusal: str, places: object) -> list[tuple[int, str]]:
    """Each refusal of an answer with its place in the text."""
    found: list[tuple[int, str]] = []
    rest = refusal
    for at, length in _as_places(places):
        found.append((at, rest[:length]))
        rest = rest[length:]
    return [(at, said) for at, said in (*found, (len(text), rest)) if said]


def _as_places(given: object) -> list[tuple[int, int]]:
    """The places, as they were told; nothing if somebody changed their form."""
    try:
        return sorted((max(0, at), max(0, length)) for at, length in given or ())  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return []
