"""What can be done with responses: ask for one, and stop one that nobody waits for any more.

On a chain a second POST after a lost answer only makes an unused sibling, so attempts may be
repeated freely (`respond`) - unless it approves a tool: where one runs, a twin is no unused sibling
(`approve`). A conversation is an append-only log: there, nothing is posted twice (`append`). A
background response outlives its connection: it is resumed where its stream stopped, and stopped
when nobody waits for it any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ...errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    DeadlineError,
    ProtocolError,
    RateLimitError,
    ServiceError,
    StreamInterruptedError,
    ThreadBusyError,
    TurnError,
)
from ...jsonio import dumps
from ...messages import ApprovalReply, Message
from ...naming import shown
from ...settings.own_endpoint import check_at_project
from ..commands import Emit, Flow, Pump, Send
from ..options import OPERATION
from ..retry import is_unknown, may_pass, was_not_applied
from ..sending import ask_to_stop, read_object, retrying, send
from ..turn import Turn
from ..waiting import insist, to_the_end
from .addressing import name_of, who_is_asked
from .codec import encode_input
from .lookups import ACTIVE, CONVERSATIONS, RESPONSES
from .options import encode_options
from .reader import ResponseReader
from .reading import ResponseReading, checked

# How a turn may end after it let a tool run.
_MAY_HAVE_RUN = (TurnError, DeadlineError, StreamInterruptedError, ProtocolError)


class ResponseCalls(ResponseReading):
    """The requests of one turn.

    Args:
        turn: The turn.

    Attributes:
        reader: The source of the answer that is being read, or was read last.
        sent: The messages that went out last.
    """

    def __init__(self, turn: Turn) -> None:
        options = encode_options(turn.request.options)
        super().__init__(turn, is_background=bool(options.get("background")))
        self._left: list[str | None] = []  # responses that could not be stopped
        self._begun: list[ResponseReader] = []  # of background responses, which go on by themselves
        if turn.own is not None and self._is_background:
            check_at_project(turn.settings.endpoint, "background=True")
        self._fields: dict[str, Any] = {**who_is_asked(turn), **name_of(turn), **options}
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
            reader = self.new_reader()
            try:
                yield from self._ask(reader, body, streams=self.turn.deltas)
            except AzureAgentsError as error:
                if not is_unknown(error) or not self._is_kept(fields):
                    raise
                if self._is_background:
                    yield from self.take_up(reader, fields.get("previous_response_id"), error)
                elif reader.response_id is None:
                    raise
                else:
                    yield from self.go_on(reader, error)
            return checked(reader)

        return (yield from retrying(attempt, self.turn, when=may_pass))

    def approve(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Ask with a decision that lets a tool run: sent again only where it was not applied.

        Raises:
            TurnUnknownError: The answer was lost, and the response is not found.
        """
        body = self._body(messages, stream=self.turn.deltas, **fields)
        parent = fields.get("previous_response_id")

        def attempt() -> Flow[ResponseReader]:
            reader = self.new_reader()
            yield from self._ask(reader, body, streams=self.turn.deltas)
            return reader

        try:
            reader = yield from retrying(attempt, self.turn, when=was_not_applied)
            return checked(reader)
        except AzureAgentsError as error:
            if not is_unknown(error) and not self._was_begun(error):
                raise
            unknown = self.unknown_approval(error, parent)
        has_name = self.turn.settings.name_turns or self.reader.response_id is not None
        if not self._is_kept(fields) or not has_name:
            raise unknown
        yield from self.settle_approval(self.reader, parent, unknown)
        return checked(self.reader)

    def _was_begun(self, error: AzureAgentsError) -> bool:
        """Whether the service refused no more than to say how the response is getting on."""
        is_refusal = isinstance(error, ServiceError) and not isinstance(error, RateLimitError)
        return is_refusal and self.reader.response_id is not None

    def _is_kept(self, fields: Mapping[str, Any]) -> bool:
        """Whether the service keeps the response where it can be looked up."""
        return bool(fields.get("store", True)) and self.turn.own is None

    def say(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Post where nothing can be looked up and a second POST would double: once."""
        body = self._body(messages, stream=self.turn.deltas, **fields)
        reader = self.new_reader()
        attempt = partial(self._ask, reader, body, streams=self.turn.deltas)
        yield from retrying(attempt, self.turn, when=was_not_applied)
        return checked(reader)

    def append(self, thread: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        """Post one turn to a conversation, once; a lost answer is looked for, never re-posted.

        Raises:
            LostTurnError: The turn is not there.
            ThreadBusyError: Another turn is active on the conversation.
        """
        self._thread = thread
        body = self._body(messages, stream=True, conversation=thread)
        reader = self.new_reader()
        attempt = partial(self._ask, reader, body, streams=True, thread_id=thread)
        try:
            yield from retrying(attempt, self.turn, when=was_not_applied)
        except AzureAgentsError as error:
            if _is_busy(error):
                raise _busy(error, thread) from error
            if not is_unknown(error):
                raise
            yield from self.find(reader, thread, error)
        return checked(reader)

    def _body(self, messages: Sequence[Message], **fields: Any) -> bytes:
        self.sent = messages
        if not fields["stream"]:
            del fields["stream"]
        return dumps({**self._fields, "input": encode_input(messages), **fields})

    def _ask(
        self, reader: ResponseReader, body: bytes, *, streams: bool, **facts: str | None
    ) -> Flow[None]:
        """One POST, read to its end."""
        request = Send("POST", self.turn.route(RESPONSES), body, stream=streams)
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
        request = Send("POST", self.turn.route(CONVERSATIONS), body)
        attempt = partial(send, request, self.turn, "create a conversation")
        reply = yield from retrying(attempt, self.turn, when=may_pass)
        return str(read_object(reply)["id"])

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
            route = self.turn.route(f"{RESPONSES}/{id}/cancel")
            yield from ask_to_stop(Send("POST", route), self.turn)

    def add_facts(self, error: AzureAgentsError) -> None:
        """What is known of the turn belongs on every error that ends it."""
        for left in self._left:
            named = (
                f"the response {shown(left)}"
                if left
                else "a response that this turn may have begun"
            )
            error.add_facts(response_id=left)
            error.say_more(f"{named} could not be stopped and may go on")
        if approves(self.sent) and isinstance(error, _MAY_HAVE_RUN):
            error.say_more("the approved tool may have run: look before you ask again")
        super().add_facts(error)


def approves(messages: Sequence[Message]) -> bool:
    """Whether the messages let a tool run that asked before."""
    return any(
        isinstance(part, ApprovalReply) and part.approve for m in messages for part in m.parts
    )


def _is_busy(error: AzureAgentsError) -> bool:
    # Seen on OpenAI's own platform; that Foundry says the same is a guess.
    return isinstance(error, BadRequestError) and error.code == "conversation_locked"


def _busy(error: AzureAgentsError, thread: str) -> ThreadBusyError:
    return ThreadBusyError(
        f"another turn is active on conversation {thread!r}: wait for it, or give each user a "
        "conversation of their own",
        **{**error.facts, "thread_id": thread},
    )
