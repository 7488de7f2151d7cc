"""What can be done with responses: ask, follow one that was cut, look for one that was lost.

On a chain a second POST after a lost answer only makes an unused sibling, so attempts may be
repeated freely (`respond`) - unless it approves a tool: where one runs, a twin is no unused sibling
(`approve`). A conversation is an append-only log: there, nothing is posted twice (`append`). A
background response outlives its connection: it is resumed where its stream stopped, and stopped
when nobody waits for it any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ...commands import Emit, Flow, Pump, Send
from ...errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    DeadlineError,
    ProtocolError,
    ServiceError,
    ThreadBusyError,
    TurnUnknownError,
)
from ...jsonio import JSON, dumps
from ...messages import ApprovalReply, Message
from ...own_endpoint import check_at_project
from ...retry import is_unknown, may_pass, was_not_applied
from ..delivery import Delivered
from ..metadata import OPERATION
from ..steps import (
    ask_to_stop,
    insist,
    read_object,
    retrying,
    send,
    settle,
    to_the_end,
    unless_it_fails,
)
from ..turn import Turn
from .addressing import name_of, place_of, who_is_asked
from .codec import encode_input
from .looks import ACTIVE, CONVERSATIONS, RESPONSES, Looks
from .options import encode_options
from .reader import ResponseReader

# A response is in the list of responses as soon as it begins (a guess, as in the emulator); so one
# that is not there after so many seconds does not come any more.
_LISTED_WITHIN = 15.0


class LostTurnError(AzureAgentsError):
    """The turn was posted to a conversation and is not found there; never leaves the flows."""


class ResponseCalls:
    """The requests of one turn.

    Args:
        turn: The turn.

    Attributes:
        reader: The source of the answer that is being read, or was read last.
        sent: The messages that went out last.
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.delivered = Delivered()
        self.looks = Looks(turn)
        self._thread: str | None = None  # the conversation that was appended to last
        self._lost_id: str | None = None  # the last response that was begun and given up
        self._left: list[str | None] = []  # responses that could not be stopped
        self._begun: list[ResponseReader] = []  # of background responses, which go on by themselves
        options = encode_options(turn.request.options)
        self._is_background = bool(options.get("background"))
        if turn.own is not None and self._is_background:
            check_at_project(turn.settings.endpoint, "background=True")
        self._fields: dict[str, Any] = {**who_is_asked(turn), **name_of(turn), **options}
        self.reader = ResponseReader(self.delivered)
        self.sent: Sequence[Message] = ()

    # --- asking ---------------------------------------------------------------------------------

    def respond(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Ask where a second POST is harmless: until an answer is whole, or the policy ends it.

        Messages that approve a tool are sent as `approve` does.
        """
        if approves(messages):
            return (yield from self.approve(messages, **fields))
        body = self._body(messages, stream=self.turn.deltas, **fields)

        def attempt() -> Flow[ResponseReader]:
            reader = self._new_reader()
            try:
                yield from self._ask(reader, body, streams=self.turn.deltas)
            except AzureAgentsError as error:
                if not is_unknown(error) or not fields.get("store", True) or self.turn.own:
                    raise
                if not (yield from self._is_known(reader)):
                    raise
                yield from self._go_on(reader, error)
            return _checked(reader)

        return (yield from retrying(attempt, self.turn, when=may_pass))

    def approve(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Ask with a decision that lets a tool run: sent again only where it was not applied.

        Raises:
            TurnUnknownError: The answer was lost, and the response is not found.
        """
        body = self._body(messages, stream=self.turn.deltas, **fields)
        parent = fields.get("previous_response_id")

        def attempt() -> Flow[ResponseReader]:
            reader = self._new_reader()
            yield from self._ask(reader, body, streams=self.turn.deltas)
            return reader

        try:
            reader = yield from retrying(attempt, self.turn, when=was_not_applied)
            return _checked(reader)
        except AzureAgentsError as error:
            if not is_unknown(error):
                raise
            unknown = self.unknown_approval(error, parent)
        if not fields.get("store", True):  # nothing is kept that could be found
            raise unknown
        yield from self._settle(self.reader, parent, unknown)
        return _checked(self.reader)

    def _new_reader(self) -> ResponseReader:
        """For the next attempt; what is known of the last one is not forgotten."""
        self._lost_id = self.reader.response_id or self._lost_id
        self.reader = ResponseReader(self.delivered, seal=self.turn.seal)
        return self.reader

    def say(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Post where nothing can be looked up and a second POST would double: once."""
        body = self._body(messages, stream=self.turn.deltas, **fields)
        reader = self.reader = ResponseReader(self.delivered)
        attempt = partial(self._ask, reader, body, streams=self.turn.deltas)
        yield from retrying(attempt, self.turn, when=was_not_applied)
        return _checked(reader)

    def append(self, thread: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        """Post one turn to a conversation, once; a lost answer is looked for, never re-posted.

        Raises:
            LostTurnError: The turn is not there.
            ThreadBusyError: Another turn is active on the conversation.
        """
        self._thread = thread
        body = self._body(messages, stream=True, conversation=thread)
        reader = self._new_reader()
        attempt = partial(self._ask, reader, body, streams=True, thread_id=thread)
        try:
            yield from retrying(attempt, self.turn, when=was_not_applied)
        except AzureAgentsError as error:
            if _is_busy(error):
                raise _busy(error, thread) from error
            if not is_unknown(error):
                raise
            yield from self.find(reader, thread, error)
        return _checked(reader)

    def _body(self, messages: Sequence[Message], **fields: Any) -> bytes:
        self.sent = messages
        if not fields["stream"]:
            del fields["stream"]
        return dumps({**self._fields, "input": encode_input(messages), **fields})

    def _ask(
        self, reader: ResponseReader, body: bytes, *, streams: bool, **facts: str | None
    ) -> Flow[None]:
        """One POST, read to its end."""
        path, query = place_of(self.turn)
        request = Send("POST", path, body, query, stream=streams)
        if self._is_background:
            self._begun.append(reader)
        try:
            reply = yield from send(request, self.turn, "ask the agent", **facts)
        except AzureAgentsError as error:
            if not is_unknown(error) and not isinstance(error, DeadlineError):
                self._begun = [begun for begun in self._begun if begun is not reader]
            raise
        if reply.is_open:
            yield Pump(reader)
        else:
            yield Emit(reader.read(read_object(reply)))
        if not reader.is_done and not reply.is_open and self._is_background:
            stored = yield from self.looks.ended(reader.response_id or "")
            yield Emit(reader.read(stored or {}))
        if not reader.is_done:
            raise ConnectionLostError(
                "the stream ended before the answer did", response_id=reader.response_id
            )

    def create_conversation(self) -> Flow[str]:
        """A new, empty conversation."""
        body = dumps({"metadata": {OPERATION: self.turn.operation}})
        request = Send("POST", CONVERSATIONS, body)
        attempt = partial(send, request, self.turn, "create a conversation")
        reply = yield from retrying(attempt, self.turn, when=may_pass)
        return str(read_object(reply)["id"])

    # --- finding out ----------------------------------------------------------------------------

    def _is_known(self, reader: ResponseReader) -> Flow[bool]:
        """Whether the response's id is known, or can be found: only background ones are listed."""
        if reader.response_id is None and self._is_background:
            for found in (yield from self.looks.ours())[:1]:
                yield Emit(reader.announce(found))
        return reader.response_id is not None

    def _go_on(self, reader: ResponseReader, error: AzureAgentsError) -> Flow[None]:
        """The stream was cut: the stored answer goes on where it stopped.

        If there is none, or the cut ended it, `error` is raised: a chain may simply ask again.
        """
        if self._is_background and (yield from self._resume(reader)):
            return
        stored = yield from self.looks.ended(reader.response_id or "")
        if stored is None or stored.get("status") in ("failed", "cancelled"):
            raise error
        yield from self.take(reader, stored)

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
        request = Send("GET", f"{RESPONSES}/{response_id}", query=tuple(query), stream=True)
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

    def _settle(
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
        except ServiceError:  # the look is refused, which says nothing of the turn
            stored = None
        if stored is None:
            raise LostTurnError("the turn is not on the conversation") from error
        yield from self.take(reader, stored)
        _checked(reader)

    def _find(self, reader: ResponseReader, thread: str) -> Flow[JSON | None]:
        if (yield from self._is_known(reader)):
            return (yield from self.looks.ended(reader.response_id or ""))
        return (yield from self.looks.ours_on(thread))

    # --- the end --------------------------------------------------------------------------------

    def stop(self) -> Flow[None]:
        """Cancel what goes on by itself and nobody waits for any more, as well as possible."""
        yield from to_the_end(self._stop_all)

    def _stop_all(self) -> Flow[None]:
        while self._begun:
            reader = self._begun[0]
            goes_on = not reader.is_done or reader.response.get("status") in ACTIVE
            if goes_on and not (yield from insist(partial(self._stop, reader.response_id))):
                self._left.append(reader.response_id)
            self._begun = self._begun[1:]

    def _stop(self, response_id: str | None) -> Flow[None]:
        ids = [response_id] if response_id is not None else []
        if response_id is None:
            found = yield from self.looks.ours()
            ids = [ours["id"] for ours in found if ours.get("status") in ACTIVE]
        for id in ids:
            yield from ask_to_stop(Send("POST", f"{RESPONSES}/{id}/cancel"), self.turn)

    def add_facts(self, error: AzureAgentsError) -> None:
        """What is known of the turn belongs on every error that ends it."""
        for left in self._left:
            named = f"the response {left!r}" if left else "a response that this turn may have begun"
            error.add_facts(response_id=left)
            error.say_more(f"{named} could not be stopped and may go on")
        error.add_facts(
            agent=self.turn.settings.agent.requested,
            thread_id=self.reader.conversation_id or self._thread or self.turn.pin,
            response_id=self.reader.response_id or self._lost_id,
            partial_text=self.delivered.text or None,
        )


def approves(messages: Sequence[Message]) -> bool:
    """Whether the messages let a tool run that asked before."""
    return any(
        isinstance(part, ApprovalReply) and part.approve for m in messages for part in m.parts
    )


def _checked(reader: ResponseReader) -> ResponseReader:
    if reader.failure is not None:
        raise reader.failure
    return reader


def _is_busy(error: AzureAgentsError) -> bool:
    # Seen on OpenAI's own platform; that Foundry says the same is a guess.
    return isinstance(error, BadRequestError) and error.code == "conversation_locked"


def _busy(error: AzureAgentsError, thread: str) -> ThreadBusyError:
    return ThreadBusyError(
        f"another turn is active on conversation {thread!r}: wait for it, or give each user a "
        "conversation of their own",
        **{**error.facts, "thread_id": thread},
    )
