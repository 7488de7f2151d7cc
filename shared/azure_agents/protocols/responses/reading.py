"""What becomes of a response whose answer was cut or lost: it is found, and read to its end.

Only reading requests are made here. Whether a response that is not found may be asked for again is
said by its kind: on a chain it may, in the background only where the list lacks it, and where a
tool was approved never.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count

from ...errors import (
    AzureAgentsError,
    ConnectionLostError,
    ProtocolError,
    ServiceError,
    TurnUnknownError,
)
from ...jsonio import JSON
from ..commands import Emit, Flow, Pump, Send
from ..delivery import Delivered
from ..options import OPERATION
from ..retry import is_unknown, may_pass
from ..sending import send
from ..turn import Turn
from ..waiting import settle, unless_it_fails
from .lookups import RESPONSES, Looks
from .reader import ResponseReader

# A response is in the list of responses as soon as it begins (a guess, as in the emulator); so one
# that is not there after so many seconds does not come any more.
_LISTED_WITHIN = 15.0

_TOLD, _GONE = "told", "gone"  # what a look for a background response may come to


class LostTurnError(AzureAgentsError):
    """The turn was posted to a conversation and is not found there; never leaves the flows."""


class ResponseReading:
    """The answers of one turn, from whatever source.

    Args:
        turn: The turn.
        is_background: Whether its responses go on without their connection.

    Attributes:
        reader: The source of the answer that is being read, or was read last.
    """

    def __init__(self, turn: Turn, *, is_background: bool = False) -> None:
        self.turn = turn
        self.delivered = Delivered()
        self.looks = Looks(turn)
        self.reader = ResponseReader(self.delivered)
        self._thread: str | None = None  # the conversation that was appended to last
        self._lost_id: str | None = None  # the last response that was begun and given up
        self._is_background = is_background

    def new_reader(self) -> ResponseReader:
        """For the next attempt; what is known of the last one is not forgotten."""
        self._lost_id = self.reader.response_id or self._lost_id
        self.reader = ResponseReader(self.delivered, seal=self.turn.seal)
        return self.reader

    # --- finding out ----------------------------------------------------------------------------

    def _is_known(self, reader: ResponseReader) -> Flow[bool]:
        """Whether the response's id is known, or can be found: only background ones are listed."""
        if reader.response_id is None and self._is_background:
            for found in (yield from self.looks.ours())[:1]:
                yield Emit(reader.announce(found))
        return reader.response_id is not None

    def go_on(self, reader: ResponseReader, error: AzureAgentsError) -> Flow[None]:
        """The stream was cut: the stored answer goes on where it stopped.

        If there is none, or the cut ended it, `error` is raised: a chain may simply ask again.
        """
        stored = yield from self.looks.ended(reader.response_id or "")
        if stored is None or stored.get("status") in ("failed", "cancelled"):
            raise error
        yield from self.take(reader, stored)

    def take_up(
        self, reader: ResponseReader, parent: str | None, error: AzureAgentsError
    ) -> Flow[None]:
        """A background response goes on without its connection: it is read on where it stopped.

        If there is none in the list, `error` is raised: it may be asked for again. Where nobody can
        say whether there is one, it may not: its tools would run twice.

        Raises:
            TurnUnknownError: It cannot be looked up.
        """
        unknown = self._unknown_background(error, parent)
        look = partial(self._look_in_background, reader, parent, count())
        found = yield from unless_it_fails(look)
        if found is None:
            found = yield from settle(look, self.turn, unknown, _LISTED_WITHIN)
        if found == _GONE:
            raise error

    def _look_in_background(
        self, reader: ResponseReader, parent: str | None, looks: Iterator[int]
    ) -> Flow[str | None]:
        """`_TOLD` to its end, `_GONE`, or None: to be looked for again, since lists lag behind."""
        if reader.response_id is None:
            try:
                found = yield from self.looks.ours_behind(parent)
            except ProtocolError:
                return None  # a list that cannot be read has not been looked at
            except ServiceError as refused:
                if may_pass(refused):
                    raise
                return _GONE  # the listing is Azure's own; without it nothing is found
            if found is None:
                return _GONE if next(looks) else None
            yield Emit(reader.announce(found))
        if (yield from self._resume(reader)):
            return _TOLD
        stored = yield from self.looks.ended(reader.response_id or "")
        if stored is None or stored.get("status") in ("failed", "cancelled"):
            return _GONE
        yield from self.take(reader, stored)
        return _TOLD

    def _unknown_background(self, lost: AzureAgentsError, place: str | None) -> TurnUnknownError:
        unknown = TurnUnknownError(
            "a background response was asked for, and whether it was begun cannot be looked up; it "
            "may be running, so it was not asked for again: look for the response with the "
            f"metadata {OPERATION}={self.turn.operation!r}, or ask again",
            request_id=lost.request_id,
            thread_id=place,
            response_id=self.reader.response_id,
        )
        unknown.__cause__ = lost
        return unknown

    def _resume(self, reader: ResponseReader) -> Flow[bool]:
        """Read on behind the last event; whether that led to the end."""
        try:
            yield from self.read_on(reader, reader.response_id or "")
        except AzureAgentsError as error:
            if not is_unknown(error) and not isinstance(error, ServiceError):
                raise
        return reader.is_done

    def read_on(self, reader: ResponseReader, response_id: str) -> Flow[None]:
        """Stream a background response from behind the last event to its end.

        Raises:
            ConnectionLostError: The stream did not come that far.
        """
        query = [("stream", "true")]
        if reader.sequence_number is not None:
            query.append(("starting_after", str(reader.sequence_number)))
        route = self.turn.route(f"{RESPONSES}/{response_id}", *query)
        request = Send("GET", route, stream=True)
        reader.reconnect()
        yield from send(request, self.turn, "resume the response", response_id=response_id)
        yield Pump(reader)
        if not reader.is_done:
            raise ConnectionLostError(
                "the stream ended before the answer did", response_id=response_id
            )

    def take(self, reader: ResponseReader, stored: JSON) -> Flow[None]:
        """Tell what of a stored response is still untold."""
        again = ResponseReader(self.delivered, seal=self.turn.seal)
        was_announced = reader.response_id is not None
        events = again.announce(stored)
        reader.response = again.response  # whatever is wrong with it, it is this one
        events += again.read(stored)
        yield Emit(events[1:] if was_announced else events)  # `Started` is said once
        reader.response, reader.failure, reader.is_done = again.response, again.failure, True

    def settle_approval(
        self, reader: ResponseReader, parent: str | None, unknown: TurnUnknownError
    ) -> Flow[None]:
        """Follow the response that took an approval to its end; `unknown` if it does not turn up.

        The list may lag behind, so it is looked at for a while.
        """

        def look() -> Flow[bool]:
            try:
                return (yield from self._catch_up(reader, parent))
            except ProtocolError:
                if reader.is_done:
                    raise  # of the answer, not of the list
                return False

        yield from settle(look, self.turn, unknown, _LISTED_WITHIN)

    def _catch_up(self, reader: ResponseReader, parent: str | None) -> Flow[bool]:
        """Read what is stored of a lost response to its end; whether it was found."""
        if reader.response_id is None:
            found = yield from self.looks.ours_behind(parent)
            if found is None:
                return False
            yield Emit(reader.announce(found))
        if self._is_background and (yield from self._resume(reader)):
            return True
        stored = yield from self.looks.ended(reader.response_id or "")
        if stored is not None:
            yield from self.take(reader, stored)
        return stored is not None

    def unknown_approval(self, lost: AzureAgentsError, place: str | None) -> TurnUnknownError:
        """Nobody can say whether an approval reached the agent; `place` is where it was sent."""
        where = f" to {place!r}" if place else ""
        unknown = TurnUnknownError(
            f"an approval was sent{where}, its answer was lost and is not found: the tool may have "
            "run. It was not sent again: look at what the tool should have done, or for the "
            f"response with the metadata {OPERATION}={self.turn.operation!r}, before you approve "
            "again",
            request_id=lost.request_id,
            thread_id=place,
            response_id=self.reader.response_id,
        )
        unknown.__cause__ = lost
        return unknown

    def find(self, reader: ResponseReader, thread: str, error: AzureAgentsError) -> Flow[None]:
        """Look once for the turn on a conversation, and follow it to its end.

        Raises:
            LostTurnError: It is not there, or cannot be looked for; `error` is the cause.
        """
        try:
            stored = yield from unless_it_fails(partial(self._find, reader, thread))
        except (ServiceError, ProtocolError):
            stored = None  # a look that is refused, or unreadable, says nothing of the turn
        if stored is None:
            raise LostTurnError("the turn is not on the conversation") from error
        yield from self.take(reader, stored)
        checked(reader)

    def _find(self, reader: ResponseReader, thread: str) -> Flow[JSON | None]:
        if (yield from self._is_known(reader)):
            return (yield from self.looks.ended(reader.response_id or ""))
        return (yield from self.looks.ours_on(thread))

    def add_facts(self, error: AzureAgentsError) -> None:
        """What is known of the turn belongs on every error that ends it."""
        error.add_facts(
            agent=self.turn.settings.agent.requested,
            thread_id=self.reader.conversation_id or self._thread or self.turn.pin,
            response_id=self.reader.response_id or self._lost_id,
            partial_text=self.delivered.text or None,
        )


def checked(reader: ResponseReader) -> ResponseReader:
    """The reader, unless the turn failed."""
    if reader.failure is not None:
        raise reader.failure
    return reader
