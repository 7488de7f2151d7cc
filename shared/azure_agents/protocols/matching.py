"""Matching: which block or thing of a source is which one of those already delivered.

A stored answer has the ids of its stream, but an answer that was generated again has new ones. So
nothing is matched by id alone:

- A *block* is one run of text: an answer text, a refusal or a reasoning summary. The n-th block of
  a kind in this source is the n-th block of that kind in every other. Within one source, and the
  final objects that repeat it, item id and part index say which deltas form one block (`Blocks`).
- A *thing* comes whole: a citation, a call of a server-side tool or its result, an image or file,
  a request for approval or consent, or an item of an unknown kind. It has a *kind* (things of
  different kinds never stand for each other) and a *name* that sets it apart from its kind: mostly
  an id, or its number where it has none (`Identities`). Two things of one kind and name are
  the same thing. Only if the answer was generated again does a new name stand for an old one: then
  each thing is the next one of its kind that the earlier answer delivered (`Things`).

What to do with a match - cut the text, keep the first ids, refuse a contradiction - is the business
of `delivery`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import TypeAlias, cast

from ..events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    MediaOutput,
    Other,
    ServerToolCall,
    ServerToolResult,
    TextDelta,
)
from .event_checks import check_offsets, check_text_or_none

Thing: TypeAlias = (
    Citation
    | ServerToolCall
    | ServerToolResult
    | MediaOutput
    | ApprovalRequest
    | ConsentRequest
    | Other
)
Kind: TypeAlias = tuple[Hashable, ...]  # things of one kind may stand for each other
Name: TypeAlias = Hashable  # what sets a thing apart from others of its kind


class Blocks:
    """Numbers the blocks of one source, kind by kind, in the order in which their texts begin."""

    def __init__(self) -> None:
        self._ordinals: dict[tuple[type, str, int], int] = {}
        self._counts: Counter[type] = Counter()
        self._cited_early: set[tuple[str, int]] = set()

    def number(self, kind: type, item: str, part: int) -> int:
        """Return the number of a block among those of its kind, from 0; a new one gets the next."""
        key = (kind, item, part)
        ordinal = self._ordinals.get(key)
        if ordinal is None:
            ordinal = self._ordinals[key] = self._counts[kind]
            self._counts[kind] += 1
        return ordinal

    def find_text(self, item: str, part: int) -> int | None:
        """Return the number of an answer text; None if it has not begun."""
        return self._ordinals.get((TextDelta, item, part))

    def cited(self, citation: Citation) -> Hashable:
        """Name the text that a citation belongs to."""
        # A citation may come before the first delta of its text, which has no number yet. Such a
        # text goes by its id from then on: if its name changed as the text begins, the final object
        # would deliver the same citation a second time.
        place = (citation.item, citation.part)
        ordinal = self.find_text(*place)
        if ordinal is None:
            self._cited_early.add(place)
        return place if place in self._cited_early else ordinal


class Things:
    """Remembers as which delivered thing each thing of one source was recognised."""

    def __init__(self) -> None:
        # Id of the response or run; a source that has not named it is an answer of its own.
        self.answer: object = object()
        self._delivered_as: dict[Kind, dict[Name, Name]] = {}
        self._candidates: dict[Kind, Iterator[Name]] = {}

    def has(self, kind: Kind, name: Name) -> bool:
        """Whether this source brought the thing before."""
        return name in self._delivered_as.get(kind, ())

    def record(self, kind: Kind, name: Name, delivered_as: Name) -> None:
        """Keep under which name a thing of this source was delivered."""
        self._delivered_as.setdefault(kind, {})[name] = delivered_as

    def find_replaced(self, kind: Kind, delivered: dict[Name, object]) -> Name | None:
        """Return the thing of another answer whose place a new thing takes; None if there is none.

        Args:
            kind: Kind of the new thing.
            delivered: Things of that kind delivered so far, each with the answer it came with.
        """
        # One iterator for each kind: every candidate is passed once. Starting anew for each thing
        # would be quadratic, and a hostile service can send very many.
        candidates = self._candidates.get(kind)
        if candidates is None:
            candidates = self._candidates[kind] = iter(list(delivered))
        taken = self._delivered_as.get(kind, {})
        answer = self.answer
        return next((n for n in candidates if delivered[n] != answer and n not in taken), None)

    def call_id(self, result: ServerToolResult) -> str:
        """Return the id under which the call of a result was delivered."""
        calls = self._delivered_as.get((ServerToolCall, result.name), {})
        return cast("str", calls.get(result.id, result.id))


class Identities:
    """Gives each thing of one attempt its kind and its name.

    Args:
        blocks: Blocks of the source, for citations.
        things: Things of the source, for results of tools.
    """

    def __init__(self, blocks: Blocks, things: Things) -> None:
        self._blocks = blocks
        self._things = things
        # Counted anew in each attempt: the third citation of a final object is the third of its
        # stream, although it is the sixth that the source brings.
        self._nameless: Counter[Hashable] = Counter()

    def identify(self, thing: Thing) -> tuple[Kind, Name]:
        """Return kind and name of a thing.

        Raises:
            ProtocolError: A field holds something of another type.
        """
        match thing:
            case Citation():
                return self._citation(thing)
            case ServerToolCall():
                return (ServerToolCall, thing.name), thing.id
            case ServerToolResult():
                return (ServerToolResult, thing.name), self._things.call_id(thing)
            case MediaOutput():
                return self._media(thing)
            case ConsentRequest():
                return (ConsentRequest,), thing.link
            case ApprovalRequest():
                return (ApprovalRequest,), thing.id
            case Other():
                return (Other, thing.kind), thing.data.get("id") or self._number(thing.kind)

    def _citation(self, thing: Citation) -> tuple[Kind, Name]:
        check_offsets(thing.start, thing.end)
        check_text_or_none(thing.marker, thing.url, thing.title, thing.file_id, thing.filename)
        check_text_or_none(thing.container_id, thing.quote)
        span = (thing.start, thing.end, thing.url, thing.file_id)
        kind: Kind = (Citation, thing.kind, self._blocks.cited(thing), span)
        return kind, self._number(kind)

    def _media(self, thing: MediaOutput) -> tuple[Kind, Name]:
        check_text_or_none(thing.file_id, thing.url, thing.data, thing.filename)
        check_text_or_none(thing.container_id, thing.mime_type)
        return (MediaOutput, thing.kind), thing.file_id or thing.url or thing.data

    def _number(self, kind: Hashable) -> int:
        self._nameless[kind] += 1
        return self._nameless[kind]
