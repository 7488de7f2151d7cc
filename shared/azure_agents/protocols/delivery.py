"""What the caller has already got, and how another source of the same answer is joined to it.

Text already delivered binds. A turn may be told by several sources: a stream that is cut, the
stored answer, a stream that was generated again, the final object that repeats every delta. Each
source passes its events through an `Attempt`; what was delivered before is swallowed, what is new
goes on, and a source that contradicts what was delivered is a `StreamInterruptedError`. Blocks are
matched by their order, since a second attempt has other ids; the first ids stay. Things (calls of
server-side tools, images, citations …) are matched by name; only an answer that was generated again
has other names, and there each stands for the next one of its kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias, cast

from ..errors import ProtocolError, StreamInterruptedError
from ..events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    Event,
    MediaOutput,
    Other,
    ReasoningDelta,
    RefusalDelta,
    ServerToolCall,
    ServerToolResult,
    TextDelta,
    ToolCallDelta,
)

_Delta: TypeAlias = TextDelta | RefusalDelta | ReasoningDelta
_Place: TypeAlias = tuple[type, int]  # kind of block, and its number among those of its kind
_Thing: TypeAlias = (
    Citation
    | ServerToolCall
    | ServerToolResult
    | MediaOutput
    | ApprovalRequest
    | ConsentRequest
    | Other
)
_Kind: TypeAlias = tuple[Hashable, ...]  # things of one kind may stand for each other
_Name: TypeAlias = Hashable  # what tells two of a kind apart


@dataclass(slots=True)
class _Channel:
    """One block of text (or one call's arguments) as far as it was delivered."""

    item: str
    part: int
    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)

    def text(self) -> str:
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""


class Delivered:
    """Everything the caller has got in this turn, over all attempts."""

    def __init__(self) -> None:
        self.channels: dict[type, list[_Channel]] = {}
        self.calls: dict[int, tuple[str, _Channel]] = {}
        self.things: dict[_Kind, dict[_Name, object]] = {}  # name -> the answer it came with

    @property
    def text(self) -> str:
        """Answer text delivered so far."""
        return "".join(channel.text() for channel in self.channels.get(TextDelta, ()))

    def lengths(self) -> dict[_Place, int]:
        """How much of each answer text and of each call's arguments was delivered."""
        told: dict[_Place, int] = {
            (kind, ordinal): channel.length
            for kind in (TextDelta, RefusalDelta)
            for ordinal, channel in enumerate(self.channels.get(kind, ()))
        }
        for index, (_, call) in self.calls.items():
            told[ToolCallDelta, index] = call.length
        return told


@dataclass(slots=True)
class _Source:
    """What a stream and the final objects that repeat it have in common."""

    owed: dict[_Place, int]
    answer: object = field(default_factory=object)
    order: dict[tuple[type, str, int], int] = field(default_factory=dict)
    blocks: Counter[type] = field(default_factory=Counter)  # of `order`, by their kind
    names: dict[_Kind, dict[_Name, _Name]] = field(default_factory=dict)  # here -> as delivered
    others: dict[_Kind, Iterator[_Name]] = field(default_factory=dict)  # not yet stood for
    early: set[tuple[str, int]] = field(default_factory=set)  # texts that were cited before told


class Attempt:
    """One source of the answer, joined to what was delivered before.

    Args:
        delivered: Shared by all attempts of a turn.
        repeats: The stream whose final objects this source is. It has the same ids, and only
            completes what was delivered: where its text differs it is ignored. A call that
            differs is never ignored: a tool would run on arguments the agent did not give.
        is_numbered: The stream's events are, so none was delivered twice or out of order. Where
            they are not, a text that differs from the final one can be nothing else.

    """

    def __init__(
        self, delivered: Delivered, *, repeats: Attempt | None = None, is_numbered: bool = True
    ) -> None:
        self._delivered = delivered
        self._repeats = repeats
        self._source = repeats.source if repeats else _Source(delivered.lengths())
        self._lenient = repeats is not None and not self._source.owed and is_numbered
        self._is_exact = repeats is not None and not is_numbered
        self._positions: dict[_Place, int] = {}
        self._nameless: Counter[_Kind] = Counter()

    @property
    def source(self) -> _Source:
        """What this attempt shares with those that repeat it."""
        return self._source

    def tells_of(self, answer: str | None) -> None:
        """The id of the response or run is known: its things keep their names in every source."""
        if answer is not None:
            self._source.answer = answer

    def take(self, event: Event) -> Event | None:
        """The part of `event` that is new, or None.

        Raises:
            StreamInterruptedError: The source contradicts what was delivered.
        """
        if isinstance(event, TextDelta | RefusalDelta | ReasoningDelta):
            return self._take_delta(event)
        if isinstance(event, ToolCallDelta):
            return self._take_call(event)
        if isinstance(event, _Thing):
            return self._take_thing(event)
        return event

    def take_all(self, events: Iterable[Event]) -> list[Event]:
        """The new parts of several events."""
        return [event for event in map(self.take, events) if event is not None]

    def settle(self) -> None:
        """The source has told its whole answer: what other sources told must be in it.

        Raises:
            StreamInterruptedError: The answer is shorter than what was delivered.
        """
        if not all(self.has_told(place, length) for place, length in self._source.owed.items()):
            self._contradicted()
        for place, length in self._delivered.lengths().items():
            is_exact = self._is_exact or place[0] is ToolCallDelta
            if is_exact and self._positions.get(place, length) < length:
                self._contradicted()  # deltas that came twice

    def has_told(self, place: _Place, length: int) -> bool:
        """Whether this source, or the stream it repeats, told so much of a block."""
        told = self._positions.get(place)
        if told is not None and told >= length:
            return True
        return self._repeats is not None and self._repeats.has_told(place, length)

    def _take_delta(self, event: _Delta) -> Event | None:
        if event.text == "":  # would count as a block, which the stored answer does not have
            return None
        kind = type(event)
        ordinal = self._ordinal(kind, event.item, event.part)
        channels = self._delivered.channels.setdefault(kind, [])
        if ordinal == len(channels):
            channels.append(_Channel(event.item, event.part))
        channel = channels[ordinal]
        fresh = self._advance((kind, ordinal), channel, event.text)
        if not fresh:
            return None
        if fresh == event.text and (channel.item, channel.part) == (event.item, event.part):
            return event
        return kind(fresh, channel.item, channel.part)

    def _ordinal(self, kind: type, item: str, part: int) -> int:
        order = self._source.order
        key = (kind, item, part)
        ordinal = order.get(key)
        if ordinal is None:
            ordinal = order[key] = self._source.blocks[kind]
            self._source.blocks[kind] += 1
        return ordinal

    def _advance(self, key: _Place, channel: _Channel, text: str) -> str:
        """The part of `text` that goes beyond the channel; the channel takes it."""
        _check_text(text)
        start = self._positions.get(key, 0)
        self._positions[key] = start + len(text)
        overlap = channel.length - start
        if overlap > 0:
            known = channel.text()[start : start + len(text)]
            if not text.startswith(known):
                self._contradicted(ignore=self._lenient and key[0] is not ToolCallDelta)
                return ""
            text = text[overlap:]
        if text:
            channel.add(text)
        return text

    def _contradicted(self, *, ignore: bool = False) -> None:
        if not ignore:
            raise StreamInterruptedError(
                "the answer as it is stored differs from the text already delivered (the stream "
                "was cut, or repeated itself): ask again",
                partial_text=self._delivered.text,
            )

    def _take_call(self, event: ToolCallDelta) -> Event | None:
        _check_text(event.id, event.name)
        known = self._delivered.calls.get(event.index)
        if known is None:
            channel = _Channel(event.name, event.index)
            self._delivered.calls[event.index] = (event.id, channel)
            self._advance((ToolCallDelta, event.index), channel, event.arguments)
            return event
        call_id, channel = known
        if event.id and (event.id, event.name) != (call_id, channel.item):
            self._contradicted()
        fresh = self._advance((ToolCallDelta, event.index), channel, event.arguments)
        return replace(event, arguments=fresh, id="", name="") if fresh else None

    def _take_thing(self, event: _Thing) -> Event | None:
        kind, name = self._named(event)
        names = self._source.names.setdefault(kind, {})
        if name in names:
            return None
        known = self._delivered.things.setdefault(kind, {})
        delivered = name if name in known else self._counterpart(event, kind)
        if delivered is None:
            known[name] = self._source.answer
        names[name] = name if delivered is None else delivered
        return self._placed(event) if delivered is None else None

    def _named(self, event: _Thing) -> tuple[_Kind, _Name]:
        """What `event` may stand for, and its name."""
        match event:
            case Citation():
                _check_place(event.start, event.end)
                _check_facts(event.marker, event.url, event.title, event.file_id, event.filename)
                _check_facts(event.container_id, event.quote)
                span = (event.start, event.end, event.url, event.file_id)
                kind: _Kind = (Citation, event.kind, self._place_of(event), span)
                return kind, self._number(kind)
            case ServerToolCall():
                return (ServerToolCall, event.name), event.id
            case ServerToolResult():
                return (ServerToolResult, event.name), self._call_of(event)
            case MediaOutput():
                _check_facts(event.file_id, event.url, event.data, event.filename)
                _check_facts(event.container_id, event.mime_type)
                return (MediaOutput, event.kind), event.file_id or event.url or event.data
            case ConsentRequest():
                return (ConsentRequest,), event.link
            case ApprovalRequest():
                return (ApprovalRequest,), event.id
            case Other():
                return (Other, event.kind), event.data.get("id") or self._number(event.kind)

    def _number(self, kind: Hashable) -> int:
        """The name of what has none: its number in this telling."""
        self._nameless[(kind,)] += 1
        return self._nameless[(kind,)]

    def _call_of(self, event: ServerToolResult) -> str:
        """The call of a result under the id by which it was delivered."""
        names = self._source.names.get((ServerToolCall, event.name), {})
        return cast("str", names.get(event.id, event.id))

    def _counterpart(self, event: _Thing, kind: _Kind) -> _Name | None:
        """The next thing of an answer that this one was generated in place of."""
        if isinstance(event, Citation | ServerToolResult):
            return None  # the text and the call they belong to say which they are
        names, things = self._source.names[kind], self._delivered.things[kind]
        others = self._source.others.get(kind)
        if others is None:  # each is passed once: looking again from the start would be quadratic
            others = self._source.others[kind] = iter(list(things))
        answer = self._source.answer
        found = next((n for n in others if things[n] != answer and n not in names), None)
        if found is not None and isinstance(event, ApprovalRequest):
            self._contradicted()  # an approval of the other answer would be refused
        return found

    def _placed(self, event: _Thing) -> Event:
        """The event under the ids that were delivered first."""
        if isinstance(event, ServerToolResult):
            call = self._call_of(event)
            return event if call == event.id else replace(event, id=call)
        return self._first_place(event) if isinstance(event, Citation) else event

    def _place_of(self, event: Citation) -> Hashable:
        """Number of the cited text; where the first citation came before it, its id."""
        place = (event.item, event.part)
        ordinal = self._source.order.get((TextDelta, *place))
        if ordinal is None:
            self._source.early.add(place)
        return place if place in self._source.early else ordinal

    def _first_place(self, event: Citation) -> Citation:
        """The citation in the block whose text was delivered first."""
        ordinal = self._source.order.get((TextDelta, event.item, event.part))
        if ordinal is None:
            return event
        channel = self._delivered.channels[TextDelta][ordinal]
        if (channel.item, channel.part) == (event.item, event.part):
            return event
        return replace(event, item=channel.item, part=channel.part)


def _check_place(*indices: object) -> None:
    for index in indices:
        if index is not None and type(index) is not int:
            raise ProtocolError(f"expected a place in a text, got {str(index)[:80]!r}")


def _check_facts(*facts: object) -> None:
    _check_text(*(fact for fact in facts if fact is not None))


def _check_text(*values: object) -> None:
    """Everything both protocols deliver passes here: events hold what their types say."""
    for value in values:
        if not isinstance(value, str):
            raise ProtocolError(f"expected text, got {str(value)[:80]!r}")
