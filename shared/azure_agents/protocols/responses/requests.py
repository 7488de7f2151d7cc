"""The requests of a v2 turn that make an agent answer.

Theory of operation
===================

A v2 agent answers a POST to ``/responses`` with a *response*. What the agent remembers is named in
that request: the response before it (a *chain*: ``previous_response_id``), a *conversation*, or the
session of a hosted agent; or nothing, and then the whole history is sent.

What is sent, and when
----------------------
    `respond`   POST /responses      on a chain, or with the whole history
    `approve`   POST /responses      the same, with a decision that lets a tool run
    `append`    POST /responses      one turn of a conversation, always streamed
    `post_once` POST /responses      one turn in the session of a hosted agent
    `create_conversation`  POST /conversations

The body names the agent and carries the key of the turn (`Turn.operation`) in its metadata. An
endpoint of the agent's own takes neither: the agent is known there, and nothing can be looked up.

When the answer is lost
-----------------------
What follows depends on what a second POST would do:

    chain          It makes a sibling that is never used. The stored response is read if its
                   id is known; otherwise the request is sent again (`respond`).
    background     The response goes on by itself, and its tools would run twice. It is looked for
                   in the list of responses and read on behind its last event. It is asked for again
                   only where that list does not have it.
    approval       The approved tool would run twice. The response is looked for; if it is not
                   found, `TurnUnknownError` says so (`approve`).
    conversation   A conversation only grows: the turn would stand there twice. It is looked for on
                   the conversation; if it is not found, `LostTurnError` leaves the decision to the
                   flow, which forks, or waits on a pinned one (`append`).
    session        Nothing can be looked up: `TurnUnknownError` (`post_once`, and the flow).

What is never sent twice
------------------------
A turn of a conversation or session, and an approval that lets a tool run: they are sent again only
after a refusal that proves that they had no effect (429, or a connection that was never made).

How a turn pauses
-----------------
It does not: a response that calls functions or asks for an approval is complete. The next turn goes
on from it with the results or decisions as its input.

How it ends
-----------
Background responses that no caller waits for any more are cancelled (`cleanup`).
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
from ...settings.endpoint import check_at_project
from ..commands import Emit, Flow, Pump, Send
from ..options import OPERATION, encode_metadata
from ..retry import is_transient, may_have_been_applied, was_not_applied
from ..sending import read_object, retrying, send
from ..turn import Turn
from .codec import encode_agent, encode_input
from .lookups import CONVERSATIONS, RESPONSES
from .options import encode_options
from .reader import ResponseReader
from .recovery import ResponseRecovery

# Errors of a turn after which an approved tool may have run.
_MAY_HAVE_RUN = (TurnError, DeadlineError, StreamInterruptedError, ProtocolError)


class ResponseRequests(ResponseRecovery):
    """The requests of one turn.

    Args:
        turn: The turn.

    Attributes:
        sent: The messages that were sent last.
    """

    def __init__(self, turn: Turn) -> None:
        options = encode_options(turn.request.options)
        super().__init__(turn, is_background=bool(options.get("background")))
        if turn.own_endpoint is not None and self._is_background:
            check_at_project(turn.settings.endpoint, "background=True")
        self._fields: dict[str, Any] = {**_agent_field(turn), **_metadata_field(turn), **options}
        self.sent: Sequence[Message] = ()

    # --- asking ---------------------------------------------------------------------------------

    def respond(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Ask where a second POST is harmless; returns the reader of the whole answer.

        Messages that approve a tool are sent as `approve` does.

        Args:
            messages: The input of the request.
            fields: Its other fields, such as ``previous_response_id``.
        """
        if approves(messages):
            return (yield from self.approve(messages, **fields))
        body = self._body(messages, stream=self.turn.wants_deltas, **fields)

        def attempt() -> Flow[ResponseReader]:
            reader = self.new_reader()
            try:
                yield from self._ask(reader, body, streams=self.turn.wants_deltas)
            except AzureAgentsError as error:
                if not may_have_been_applied(error) or not self._is_kept(fields):
                    raise
                # It goes on by itself; a second one would run its tools twice.
                if self._is_background:
                    yield from self.resume_background(
                        reader, fields.get("previous_response_id"), error
                    )
                elif reader.response_id is None:
                    yield from self.find_earlier(reader, fields.get("previous_response_id"), error)
                else:
                    yield from self.read_stored(reader, error)
            return reader.checked()

        return (yield from retrying(attempt, self.turn, when=is_transient))

    def approve(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Ask with a decision that lets a tool run; it is sent again only if it had no effect.

        Raises:
            TurnUnknownError: The answer was lost, and the response is not found.
        """
        body = self._body(messages, stream=self.turn.wants_deltas, **fields)
        parent = fields.get("previous_response_id")

        def attempt() -> Flow[ResponseReader]:
            reader = self.new_reader()
            yield from self._ask(reader, body, streams=self.turn.wants_deltas)
            return reader

        try:
            reader = yield from retrying(attempt, self.turn, when=was_not_applied)
            return reader.checked()
        except AzureAgentsError as error:
            if not may_have_been_applied(error) and not self._was_begun(error):
                raise
            unknown = self.approval_unknown_error(error, parent)
        has_name = self.turn.settings.name_turns or self.last_reader.response_id is not None
        if not self._is_kept(fields) or not has_name:
            raise unknown
        yield from self.wait_for_approved(self.last_reader, parent, unknown)
        return self.last_reader.checked()

    def _was_begun(self, error: AzureAgentsError) -> bool:
        # Once the response has an id, a refusal is no refusal of the request: a lookup was refused,
        # or the response failed. Its tool may have run.
        is_refusal = isinstance(error, ServiceError) and not isinstance(error, RateLimitError)
        return is_refusal and self.last_reader.response_id is not None

    def _is_kept(self, fields: Mapping[str, Any]) -> bool:
        """Whether the service keeps the response where it can be looked up."""
        return bool(fields.get("store", True)) and self.turn.own_endpoint is None

    def post_once(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Ask where nothing can be looked up and a second POST would double the turn."""
        body = self._body(messages, stream=self.turn.wants_deltas, **fields)
        reader = self.new_reader()
        attempt = partial(self._ask, reader, body, streams=self.turn.wants_deltas)
        yield from retrying(attempt, self.turn, when=was_not_applied)
        return reader.checked()

    def append(self, thread: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        """Post one turn to a conversation; if its answer is lost, it is looked for there.

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
            if not may_have_been_applied(error):
                raise
            yield from self.find_turn(reader, thread, error)
        return reader.checked()

    def _body(self, messages: Sequence[Message], **fields: Any) -> bytes:
        self.sent = messages
        if not fields["stream"]:
            del fields["stream"]
        return dumps({**self._fields, "input": encode_input(messages), **fields})

    def _ask(
        self, reader: ResponseReader, body: bytes, *, streams: bool, **facts: str | None
    ) -> Flow[None]:
        """Send one POST and read its answer to the end."""
        request = Send("POST", self.turn.route(RESPONSES), body, stream=streams)
        if self._is_background:
            self.cleanup.note(reader)
        try:
            reply = yield from send(request, self.turn, "ask the agent", **facts)
        except AzureAgentsError as error:
            if not may_have_been_applied(error) and not isinstance(error, DeadlineError):
                self.cleanup.drop(reader)
            raise
        if reply.is_open:
            yield Pump(reader)
        else:
            yield Emit(reader.read(read_object(reply)))
        # Without a stream, the reply to a background request is a response that has just begun.
        if not reader.is_done and not reply.is_open and self._is_background:
            stored = yield from self.lookups.ended(reader.response_id or "")
            yield Emit(reader.read(stored or {}))
        if not reader.is_done:
            raise ConnectionLostError(
                "the stream ended before the answer did", response_id=reader.response_id
            )

    def create_conversation(self) -> Flow[str]:
        """Create an empty conversation; returns its id."""
        body = dumps({"metadata": {OPERATION: self.turn.operation}})
        request = Send("POST", self.turn.route(CONVERSATIONS), body)
        attempt = partial(send, request, self.turn, "create a conversation")
        reply = yield from retrying(attempt, self.turn, when=is_transient)
        return str(read_object(reply)["id"])

    def add_facts(self, error: AzureAgentsError) -> None:
        """Put what is known of the turn on the error that ends it."""
        self.cleanup.report_left(error)
        if approves(self.sent) and isinstance(error, _MAY_HAVE_RUN):
            error.say_more("the approved tool may have run: look before you ask again")
        super().add_facts(error)


def _agent_field(turn: Turn) -> dict[str, Any]:
    # An endpoint of the agent's own knows which agent it is.
    return (
        {}
        if turn.own_endpoint is not None
        else {"agent_reference": encode_agent(turn.settings.agent)}
    )


def _metadata_field(turn: Turn) -> dict[str, Any]:
    metadata = encode_metadata(turn.request.options, turn.operation)
    if turn.own_endpoint is not None or not turn.settings.name_turns:
        del metadata[OPERATION]  # nothing is looked up by it
    return {"metadata": metadata} if metadata else {}


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
