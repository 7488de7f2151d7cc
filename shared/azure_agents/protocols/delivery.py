"""Delivery: what the caller has of an answer, and what each further source adds to it.

The service may give one answer several times. A stream is cut after half a sentence, and the stored
answer is read instead; a stream repeats in its final object all that its deltas said; a request is
sent again after its answer was lost, and the agent writes another one. The caller must get the
answer once, without a gap and without a repetition, and what the caller has read cannot be taken
back. So each source passes its events through an `Attempt`, and all attempts of a turn share one
`Delivered`. Each event meets one of three ends:

- *swallowed*: the caller has it.
- *passed on*: all of it, or the new part of a text, under the ids that were delivered first.
- *refused*: it contradicts what was delivered. The turn ends in a `StreamInterruptedError` with the
  text so far; another answer behind the beginning of this one would be nobody's answer.

`matching` says which block or thing an event is about; here is what becomes of it. Texts are
compared by position: each attempt counts how much of a block it has given, and what lies behind the
end of the delivered text is new. Arguments of a function call are such a text, too, with the number
of the call in place of a block. Things come whole, so they are new or known.

A source must not end early either: `Attempt.check_complete` refuses one that is over and
lacks something that was delivered before it began.

One answer from four sources: a stream that is cut (`stream`), the stored answer (`stored`), a
stream of a newly generated answer, whose ids differ (`again`), and one that contradicts what was
delivered (`another`). `tests/core/test_delivery_table.py` plays this table:

    source   event in                         event out                text delivered
    -------  -------------------------------  -----------------------  ---------------
    stream   text msg_1 "Hello"               the same                 "Hello"
    stream   text msg_1 ", w"                 the same                 "Hello, w"
    stream   image file_1                     the same                 "Hello, w"
    stream   call 0 call_1 add {"a"           the same                 "Hello, w"
    stored   text msg_1 "Hello, world"        text msg_1 "orld"        "Hello, world"
    stored   image file_1                     nothing                  "Hello, world"
    stored   image file_2                     the same                 "Hello, world"
    stored   call 0 call_1 add {"a":1}        rest 0 :1}               "Hello, world"
    again    text msg_7 "Hello, "             nothing                  "Hello, world"
    again    text msg_7 "world!"              text msg_1 "!"           "Hello, world!"
    again    text msg_8 "Bye."                the same                 "Hello, world!Bye."
    again    image file_8                     nothing                  "Hello, world!Bye."
    again    image file_9                     nothing                  "Hello, world!Bye."
    again    call 0 call_1 add {"a":1}        nothing                  "Hello, world!Bye."
    another  text msg_9 "Howdy"               StreamInterruptedError   "Hello, world!Bye."

In `again`, ``file_8`` stands for ``file_1`` and ``file_9`` for ``file_2``: things of
another answer take the place of the first one's, one by one, so nobody is shown two images for one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeAlias

from ..errors import StreamInterruptedError
from ..events import (
    ApprovalRequest,
    Citation,
    Event,
    ReasoningDelta,
    RefusalDelta,
    ServerToolResult,
    TextDelta,
    ToolCallDelta,
)
from .event_checks import check_text
from .matching import Blocks, Identities, Kind, Name, Thing, Things

_Delta: TypeAlias = TextDelta | RefusalDelta | ReasoningDelta
_Place: TypeAlias = tuple[type, int]  # kind of block, and its number among those of its kind


@dataclass(slots=True)
class _Channel:
    """A text as far as it was delivered."""

    pieces: list[str] = field(default_factory=list, kw_only=True)
    length: int = field(default=0, kw_only=True)

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)

    def text(self) -> str:
        # Joined only when somebody asks, since joining at every delta would be quadratic.
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""


@dataclass(slots=True)
class _Block(_Channel):
    """One block of text, under the ids it was first delivered with."""

    item: str
    part: int


@dataclass(slots=True)
class _Call(_Channel):
    """The arguments of one call, under the id and name it was first delivered with."""

    id: str
    name: str


class Delivered:
    """Everything the caller has got in this turn, over all attempts."""

    def __init__(self) -> None:
        self.channels: dict[type, list[_Block]] = {}
        self.calls: dict[int, _Call] = {}  # by the index of the call
        self.things: dict[Kind, dict[Name, object]] = {}  # name -> the answer it came with

    @property
    def text(self) -> str:
        """Answer text delivered so far."""
        return "".join(channel.text() for channel in self.channels.get(TextDelta, ()))

    def lengths(self) -> dict[_Place, int]:
        """Return how much of each answer text and of each call's arguments was delivered."""
        # Reasoning is not owed: a stored answer need not repeat the summary that was streamed.
        lengths: dict[_Place, int] = {
            (kind, ordinal): channel.length
            for kind in (TextDelta, RefusalDelta)
            for ordinal, channel in enumerate(self.channels.get(kind, ()))
        }
        for index, call in self.calls.items():
            lengths[ToolCallDelta, index] = call.length
        return lengths


@dataclass(slots=True)
class _Source:
    """State that a stream shares with the final objects that repeat it."""

    owed: dict[_Place, int]  # delivered before it began: it has to repeat all of this
    blocks: Blocks = field(default_factory=Blocks)
    things: Things = field(default_factory=Things)


class Attempt:
    """One source of the answer, joined to what was delivered before.

    Args:
        delivered: Shared by all attempts of a turn.
        repeats: The stream whose final objects this source is. It has the same ids, and only
            completes what was delivered: where its text differs it is ignored. A call that
            differs is never ignored: a tool would run on arguments the agent did not give.
        is_numbered: The stream's events are, so none was delivered twice or out of order. Without
            numbers, a difference from the final text means that an event came twice or out of
            order.

    """

    def __init__(
        self, delivered: Delivered, *, repeats: Attempt | None = None, is_numbered: bool = True
    ) -> None:
        self._delivered = delivered
        self._repeats = repeats
        self._source = repeats.source if repeats else _Source(delivered.lengths())
        # Differences are ignored only in text that this stream itself delivered. After a cut
        # another source delivered some, and a difference there means another answer.
        self._ignores_differing_text = repeats is not None and not self._source.owed and is_numbered
        self._may_not_be_shorter = repeats is not None and not is_numbered
        self._positions: dict[_Place, int] = {}  # how much of each block this attempt gave
        self._identities = Identities(self._source.blocks, self._source.things)

    @property
    def source(self) -> _Source:
        """The state that this attempt shares with those that repeat it."""
        return self._source

    def belongs_to(self, answer_id: str | None) -> None:
        """Note which response or run this is: its things keep their names in every source.

        Args:
            answer_id: Id of the response or run; None: not known yet.
        """
        if answer_id is not None:
            self._source.things.answer = answer_id

    def take(self, event: Event) -> Event | None:
        """Return the part of `event` that is new, or None.

        Raises:
            StreamInterruptedError: The source contradicts what was delivered.
            ProtocolError: A field holds something of another type.
        """
        if isinstance(event, TextDelta | RefusalDelta | ReasoningDelta):
            return self._take_delta(event)
        if isinstance(event, ToolCallDelta):
            return self._take_call(event)
        if isinstance(event, Thing):
            return self._take_thing(event)
        return event

    def take_all(self, events: Iterable[Event]) -> list[Event]:
        """Return the new parts of several events."""
        return [event for event in map(self.take, events) if event is not None]

    def check_complete(self) -> None:
        """Verify that this complete source contains everything delivered before it began.

        Raises:
            StreamInterruptedError: The answer is shorter than what was delivered.
        """
        if not all(self.covers(place, length) for place, length in self._source.owed.items()):
            self._refuse_contradiction()
        for place, length in self._delivered.lengths().items():
            may_not_be_shorter = self._may_not_be_shorter or place[0] is ToolCallDelta
            # Deltas that came twice made the delivered text longer than the final one. With
            # arguments that is never let pass: '{"a":1}{"a":1}' would reach the tool.
            if may_not_be_shorter and self._positions.get(place, length) < length:
                self._refuse_contradiction()

    def covers(self, place: _Place, length: int) -> bool:
        """Whether this source, or the stream it repeats, gave so much of a block."""
        position = self._positions.get(place)
        if position is not None and position >= length:
            return True
        return self._repeats is not None and self._repeats.covers(place, length)

    # --- texts ----------------------------------------------------------------------------------

    def _take_delta(self, event: _Delta) -> Event | None:
        if event.text == "":  # would count as a block, which the stored answer does not have
            return None
        kind = type(event)
        ordinal = self._source.blocks.number(kind, event.item, event.part)
        channels = self._delivered.channels.setdefault(kind, [])
        if ordinal == len(channels):
            channels.append(_Block(event.item, event.part))
        channel = channels[ordinal]
        fresh = self._advance((kind, ordinal), channel, event.text)
        if not fresh:
            return None
        if fresh == event.text and (channel.item, channel.part) == (event.item, event.part):
            return event
        return kind(fresh, channel.item, channel.part)

    def _advance(self, place: _Place, channel: _Channel, text: str) -> str:
        """Return the part of `text` that goes beyond the channel; the channel takes it."""
        check_text(text)
        start = self._positions.get(place, 0)
        self._positions[place] = start + len(text)
        overlap = channel.length - start
        if overlap > 0:
            known = channel.text()[start : start + len(text)]
            if not text.startswith(known):
                if self._ignores_differing_text and place[0] is not ToolCallDelta:
                    return ""
                self._refuse_contradiction()
            text = text[overlap:]
        if text:
            channel.add(text)
        return text

    def _refuse_contradiction(self) -> NoReturn:
        raise StreamInterruptedError(
            "another version of the answer differs from what was delivered (the stream was "
            "cut, or repeated itself): ask again",
            partial_text=self._delivered.text,
        )

    # --- function calls -------------------------------------------------------------------------

    def _take_call(self, event: ToolCallDelta) -> Event | None:
        check_text(event.id, event.name)
        call = self._delivered.calls.get(event.index)
        if call is None:
            call = self._delivered.calls[event.index] = _Call(event.id, event.name)
            self._advance((ToolCallDelta, event.index), call, event.arguments)
            return event
        # Another id is another answer's call. The caller may be running the first one already, and
        # its result would be refused where this answer goes on.
        if event.id and (event.id, event.name) != (call.id, call.name):
            self._refuse_contradiction()
        fresh = self._advance((ToolCallDelta, event.index), call, event.arguments)
        return replace(event, arguments=fresh, id="", name="") if fresh else None

    # --- things ---------------------------------------------------------------------------------

    def _take_thing(self, event: Thing) -> Event | None:
        kind, name = self._identities.identify(event)
        things = self._source.things
        if things.has(kind, name):
            return None
        delivered = self._delivered.things.setdefault(kind, {})
        known = name if name in delivered else self._replaced(event, kind)
        things.record(kind, name, name if known is None else known)
        if known is not None:
            return None
        delivered[name] = things.answer
        return self._under_first_ids(event)

    def _replaced(self, event: Thing, kind: Kind) -> Name | None:
        """Return the delivered thing in whose place this one was generated, if any."""
        if isinstance(event, Citation | ServerToolResult):
            return None  # the text and the call they belong to say which they are
        found = self._source.things.find_replaced(kind, self._delivered.things[kind])
        if found is not None and isinstance(event, ApprovalRequest):
            self._refuse_contradiction()  # an approval of the other answer would be refused
        return found

    def _under_first_ids(self, event: Thing) -> Event:
        """Return the event under the ids of the call or text that it belongs to, as delivered."""
        if isinstance(event, ServerToolResult):
            call = self._source.things.call_id(event)
            return event if call == event.id else replace(event, id=call)
        return self._in_first_block(event) if isinstance(event, Citation) else event

    def _in_first_block(self, event: Citation) -> Citation:
        ordinal = self._source.blocks.find_text(event.item, event.part)
        if ordinal is None:
            return event
        channel = self._delivered.channels[TextDelta][ordinal]
        if (channel.item, channel.part) == (event.item, event.part):
            return event
        return replace(event, item=channel.item, part=channel.part)
