"""How the parts of an answer become the texts that callers have: one rule for every door. Pure.

An agent answers in several texts, and callers have one: texts follow each other, and the places of
citations count from the start of the whole. Reasoning comes in summaries, which stand apart as
paragraphs do. Refusals have a field of their own, where their place in the text would be lost; but
the digest of the answer has it, so it is kept beside them, unless they end the answer as they
mostly do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from ..events import Citation, ReasoningDelta, RefusalDelta, TextDelta
from ..fold import Block, ReasoningBlock, RefusalBlock, TextBlock

PARAGRAPH = "\n\n"

_Part: TypeAlias = tuple[str, int]  # item, part


# --- whole answers ------------------------------------------------------------------------------


def text_of(blocks: Iterable[Block]) -> str:
    """Join the texts of an answer, without its refusals."""
    return "".join(block.text for block in blocks if isinstance(block, TextBlock))


def refusal_of(blocks: Iterable[Block]) -> str:
    """Join the refusals of an answer; "" if it has none."""
    return "".join(block.text for block in blocks if isinstance(block, RefusalBlock))


def reasoning_of(blocks: Iterable[Block]) -> str:
    """Join the reasoning summaries of an answer, with a blank line between them."""
    return PARAGRAPH.join(block.text for block in blocks if isinstance(block, ReasoningBlock))


class Cited(NamedTuple):
    """A citation and its place.

    Attributes:
        citation: The source; its indices count from the start of `block`.
        block: The text that cites it.
        begin: Where that text begins in the joined one.
    """

    citation: Citation
    block: TextBlock
    begin: int


def cited(blocks: Iterable[Block], *, counts_refusals: bool = False) -> Iterator[Cited]:
    """Find every citation of an answer, in order.

    Args:
        blocks: The answer.
        counts_refusals: Whether the joined text holds refusals as well.
    """
    begin = 0
    for block in blocks:
        if isinstance(block, TextBlock):
            yield from (Cited(citation, block, begin) for citation in block.citations)
        if isinstance(block, TextBlock) or (counts_refusals and isinstance(block, RefusalBlock)):
            begin += len(block.text)


def span_of(citation: Citation, begin: int) -> dict[str, int]:
    """Give `start_index` and `end_index` in the joined text, as far as they are known.

    Args:
        citation: Its indices count from the start of its own text.
        begin: Where that text begins in the joined one.
    """
    ends = {"start_index": citation.start, "end_index": citation.end}
    return {name: begin + index for name, index in ends.items() if index is not None}


def refusal_places(blocks: Iterable[Block]) -> list[list[int]] | None:
    """Give place in the joined text and length of each refusal; None if all stand at its end."""
    places = _RefusalPlaces()
    for block in blocks:
        if isinstance(block, TextBlock):
            places.add_text(block.text)
        elif isinstance(block, RefusalBlock):
            places.add_refusal(block.text)
    return places.result()


# --- streamed answers ---------------------------------------------------------------------------


class JoinedText:
    """Joins the texts of a streamed answer, as the functions above join those of a whole one."""

    def __init__(self) -> None:
        self._begins: dict[_Part, int] = {}  # where each text begins
        self._summary: _Part | None = None
        self._places = _RefusalPlaces()

    @property
    def length(self) -> int:
        """Characters of text so far, without refusals and reasoning."""
        return self._places.length

    def add(self, event: TextDelta | RefusalDelta | ReasoningDelta) -> str:
        """Take the next delta; returns the piece by which its text grows."""
        match event:
            case TextDelta(text):
                self._begins.setdefault((event.item, event.part), self.length)
                self._places.add_text(text)
                return text
            case RefusalDelta(text):
                self._places.add_refusal(text)
                return text
            case ReasoningDelta(text):
                before, self._summary = self._summary, (event.item, event.part)
                return text if before in (None, self._summary) else PARAGRAPH + text

    def begin_of(self, citation: Citation) -> int:
        """Say where the text of a citation begins, which may itself be still to come."""
        return self._begins.setdefault((citation.item, citation.part), self.length)

    def refusal_places(self) -> list[list[int]] | None:
        """Give the places of refusals, as the function `refusal_places` does."""
        return self._places.result()


class _RefusalPlaces:
    """Notes where refusals stand between the texts of an answer."""

    def __init__(self) -> None:
        self.length = 0  # of the text so far
        self._places: list[list[int]] = []

    def add_text(self, text: str) -> None:
        self.length += len(text)

    def add_refusal(self, text: str) -> None:
        if self._places and self._places[-1][0] == self.length:
            self._places[-1][1] += len(text)
        else:
            self._places.append([self.length, len(text)])

    def result(self) -> list[list[int]] | None:
        is_early = any(at < self.length for at, _ in self._places)
        return self._places if is_early else None


# --- answers that come back ---------------------------------------------------------------------


def with_refusals(text: str, refusal: str, places: object) -> str:
    """Put refusals back into the text of an answer; without places, they follow the text.

    Args:
        text: The joined text.
        refusal: The joined refusals.
        places: What `refusal_places` gave; anything else counts as none.
    """
    pieces: list[str] = []
    done = 0
    for at, words in placed_refusals(text, refusal, places):
        pieces += [text[done:at], words]
        done = at
    return "".join([*pieces, text[done:]])


def placed_refusals(text: str, refusal: str, places: object) -> list[tuple[int, str]]:
    """Give each refusal of an answer with its place in the text; see `with_refusals`."""
    found: list[tuple[int, str]] = []
    rest = refusal
    for at, length in _valid_places(places):
        found.append((at, rest[:length]))
        rest = rest[length:]
    return [(at, words) for at, words in (*found, (len(text), rest)) if words]


def _valid_places(given: object) -> list[tuple[int, int]]:
    # A history comes from anywhere: places in another form are as good as none.
    try:
        return sorted((max(0, at), max(0, length)) for at, length in given or ())  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return []
