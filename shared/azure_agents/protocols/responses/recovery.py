"""Find a response whose stream was cut or whose answer was lost, and deliver the rest of it.

Only reading requests are made here. A response is found by its id, which the first event of a
stream brings, or by the key of the turn (`Turn.operation`) in its metadata. Whether one that is not
found may be asked for again depends on its kind: on a chain it may; in the background only where
the list of responses lacks it; where a tool was approved never.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
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
from ..retry import is_transient, may_have_been_applied
from ..sending import send
from ..turn import Turn
from ..waiting import none_if_it_fails, wait_until_found
from .cleanup import ResponseCleanup
from .lookups import RESPONSES, Lookups
from .reader import ResponseReader

# A response is in the list of responses as soon as it begins (a guess, as in the emulator); so one
# that is not there after so many seconds does not come any more.
_LISTED_WITHIN = 15.0
_WHOLE = ("completed", "incomplete")


class _Background(Enum):
    """The outcomes of a look for a background response."""

    READ = auto()  # to its end
    GONE = auto()  # there is none, or it failed


class LostTurnError(AzureAgentsError):
    """The turn was posted to a conversation and is not found there; never leaves the flows."""


class ResponseRecovery:
    """The sources of one turn's answer, and how a response that was lost is read all the same.

    Args:
        turn: The turn.
        is_background: Whether its responses go on without their connection.

    Attributes:
        lookups: Its reading requests.
        cleanup: The background responses it may have begun.
        delivered: What the caller has got, from all sources.
        last_reader: The reader that was made last: what it knows belongs on every error.
    """

    def __init__(self, turn: Turn, *, is_background: bool = False) -> None:
        self.turn = turn
        self.delivered = Delivered()
        self.lookups = Lookups(turn)
        self.cleanup = ResponseCleanup(turn, self.lookups)
        self.last_reader = ResponseReader(self.delivered)
        self._thread: str | None = None  # the conversation that was appended to last
        self._lost_id: str | None = None  # the last response that was begun and given up
        self._is_background = is_background

    def new_reader(self) -> ResponseReader:
        """Make a reader for the next attempt; the id of the last attempt is kept for errors."""
        self._lost_id = self.last_reader.response_id or self._lost_id
        self.last_reader = ResponseReader(self.delivered, seal=self.turn.seal)
        return self.last_reader

    # --- a foreground response on a chain -------------------------------------------------------

    def read_stored(self, reader: ResponseReader, error: AzureAgentsError) -> Flow[None]:
        """Deliver the rest of a response whose stream was cut from the stored one.

        Raises:
            AzureAgentsError: `error`, if none is stored or the cut ended it: on a chain the caller
                may simply ask again.
        """
        stored = yield from self.lookups.ended(reader.response_id or "")
        if stored is None or stored.get("status") in ("failed", "cancelled"):
            raise error
        yield from self.deliver(reader, stored)

    def find_earlier(
        self, reader: ResponseReader, parent: str | None, error: AzureAgentsError
    ) -> Flow[None]:
        """Deliver the response that an earlier process asked for, if it came to its end.

        Raises:
            AzureAgentsError: `error`, if there is none, or no earlier process: ask again.
        """
        if not self.turn.is_repeated:
            raise error
        found = yield from none_if_it_fails(partial(self.lookups.ours_behind, parent))
        if found is None or found.get("status") not in _WHOLE:
            raise error  # one that still runs in the foreground ends with its connection
        stored = yield from self.lookups.ended(found["id"])
        if stored is None:
            raise error
        yield from self.deliver(reader, stored)

    def deliver(self, reader: ResponseReader, stored: JSON) -> Flow[None]:
        """Deliver what of a stored response the caller has not got, and end the reader with it."""
        again = ResponseReader(self.delivered, seal=self.turn.seal)
        was_announced = reader.response_id is not None
        events = again.announce(stored)
        reader.response = again.response  # whatever is wrong with it, it is this one
        events += again.read(stored)
        yield Emit(events[1:] if was_announced else events)  # `Started` is delivered once
        reader.response, reader.failure, reader.is_done = again.response, again.failure, True

    # --- a background response ------------------------------------------------------------------

    def resume_background(
        self, reader: ResponseReader, parent: str | None, error: AzureAgentsError
    ) -> Flow[None]:
        """Read a background response on from where its stream stopped.

        Args:
            reader: The source that was cut.
            parent: The response that it goes on from.
            error: What cut it; raised if the list of responses has no such response, which may then
                be asked for again.

        Raises:
            TurnUnknownError: It cannot be looked up, and may not be asked for again: its tools
                would run twice.
        """
        unknown = self._background_unknown_error(error, parent)
        look = partial(self._look_for_background, reader, parent, count())
        found = yield from none_if_it_fails(look)
        if found is None:
            found = yield from wait_until_found(look, self.turn, unknown, _LISTED_WITHIN)
        if found is _Background.GONE:
            raise error

    def _look_for_background(
        self, reader: ResponseReader, parent: str | None, looks: Iterator[int]
    ) -> Flow[_Background | None]:
        """Read the response to its end if it is found; None: look again, since lists lag behind."""
        if reader.response_id is None:
            try:
                found = yield from self.lookups.ours_behind(parent)
            except ProtocolError:
                return None  # a list that cannot be read has not been looked at
            except ServiceError as refused:
                if is_transient(refused):
                    raise
                return _Background.GONE  # the listing is Azure's own; without it nothing is found
            if found is None:
                return _Background.GONE if next(looks) else None
            yield Emit(reader.announce(found))
        if (yield from self._resume_if_possible(reader)):
            return _Background.READ
        stored = yield from self.lookups.ended(reader.response_id or "")
        if stored is None or stored.get("status") in ("failed", "cancelled"):
            return _Background.GONE
        yield from self.deliver(reader, stored)
        return _Background.READ

    def _background_unknown_error(
        self, lost: AzureAgentsError, place: str | None
    ) -> TurnUnknownError:
        unknown = TurnUnknownError(
            "a background response was asked for, and whether it was begun cannot be looked up; it "
            "may be running, so it was not asked for again: look for the response with the "
            f"metadata {OPERATION}={self.turn.operation!r}, or ask again",
            request_id=lost.request_id,
            thread_id=place,
            response_id=self.last_reader.response_id,
        )
        unknown.__cause__ = lost
        return unknown

    def _resume_if_possible(self, reader: ResponseReader) -> Flow[bool]:
        """Stream a background response on; returns whether that led to its end."""
        try:
            yield from self.resume(reader, reader.response_id or "")
        except AzureAgentsError as error:
            if not may_have_been_applied(error) and not isinstance(error, ServiceError):
                raise
        return reader.is_done

    def resume(self, reader: ResponseReader, response_id: str) -> Flow[None]:
        """Stream a background response from behind the reader's last event to its end.

        Raises:
            ConnectionLostError: The stream did not come that far.
        """
        query = [("stream", "true")]
        if reader.sequence_number is not None:
            query.append(("starting_after", str(reader.sequence_number)))
        route = self.turn.route(f"{RESPONSES}/{response_id}", *query)
        reader.reconnect()
        request = Send("GET", route, stream=True)
        yield from send(request, self.turn, "resume the response", response_id=response_id)
        yield Pump(reader)
        if not reader.is_done:
            raise ConnectionLostError(
                "the stream ended before the answer did", response_id=response_id
            )

    # --- a response that took an approval -------------------------------------------------------

    def wait_for_approved(
        self, reader: ResponseReader, parent: str | None, unknown: TurnUnknownError
    ) -> Flow[None]:
        """Read the response that took an approval to its end.

        The list of responses may lag behind, so it is read again for `_LISTED_WITHIN` seconds.

        Raises:
            TurnUnknownError: `unknown`, if the response does not turn up.
        """

        def look() -> Flow[bool]:
            try:
                return (yield from self._look_for_approved(reader, parent))
            except ProtocolError:
                if reader.is_done:
                    raise  # of the answer, not of the list
                return False

        yield from wait_until_found(look, self.turn, unknown, _LISTED_WITHIN)

    def _look_for_approved(self, reader: ResponseReader, parent: str | None) -> Flow[bool]:
        """Read the response to its end if it is found; returns whether it was."""
        if reader.response_id is None:
            found = yield from self.lookups.ours_behind(parent)
            if found is None:
                return False
            yield Emit(reader.announce(found))
        if self._is_background and (yield from self._resume_if_possible(reader)):
            return True
        stored = yield from self.lookups.ended(reader.response_id or "")
        if stored is not None:
            yield from self.deliver(reader, stored)
        return stored is not None

    def approval_unknown_error(self, lost: AzureAgentsError, place: str | None) -> TurnUnknownError:
        """Make the error for an approval that may have reached the agent.

        Args:
            lost: What lost the answer.
            place: The response or conversation that the approval was sent to.
        """
        where = f" to {place!r}" if place else ""
        unknown = TurnUnknownError(
            f"an approval was sent{where}, its answer was lost and is not found: the tool may have "
            "run. It was not sent again: look at what the tool should have done, or for the "
            f"response with the metadata {OPERATION}={self.turn.operation!r}, before you approve "
            "again",
            request_id=lost.request_id,
            thread_id=place,
            response_id=self.last_reader.response_id,
        )
        unknown.__cause__ = lost
        return unknown

    # --- a turn on a conversation ---------------------------------------------------------------

    def find_turn(self, reader: ResponseReader, thread: str, error: AzureAgentsError) -> Flow[None]:
        """Look once for the turn on a conversation, and read it to its end.

        Raises:
            LostTurnError: It is not there, or cannot be looked for; `error` is the cause.
        """
        try:
            stored = yield from none_if_it_fails(partial(self._stored_turn, reader, thread))
        except (ServiceError, ProtocolError):
            stored = None  # a lookup that is refused, or unreadable, says nothing about the turn
        if stored is None:
            raise LostTurnError("the turn is not on the conversation") from error
        yield from self.deliver(reader, stored)
        reader.checked()

    def _stored_turn(self, reader: ResponseReader, thread: str) -> Flow[JSON | None]:
        # Only background responses are listed by their metadata; the others are found by their
        # items on the conversation.
        if reader.response_id is None and self._is_background:
            for found in (yield from self.lookups.ours())[:1]:
                yield Emit(reader.announce(found))
        if reader.response_id is not None:
            return (yield from self.lookups.ended(reader.response_id))
        return (yield from self.lookups.ours_on(thread))

    def add_facts(self, error: AzureAgentsError) -> None:
        """Put what is known of the turn on the error that ends it."""
        error.add_facts(
            agent=self.turn.settings.agent.requested,
            thread_id=self.last_reader.conversation_id or self._thread or self.turn.pin,
            response_id=self.last_reader.response_id or self._lost_id,
            partial_text=self.delivered.text or None,
        )
