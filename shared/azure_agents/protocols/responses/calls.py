"""What can be done with responses: ask, follow one that was cut, look for one that was lost.

On a chain a second POST after a lost answer only makes an unused sibling, so attempts may be
repeated freely (`respond`). A conversation is an append-only log: there, nothing is posted twice
(`append`). A background response outlives its connection and is resumed where its stream stopped.
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
    ServiceError,
    ThreadBusyError,
    ThreadNotFoundError,
)
from ...jsonio import JSON, dumps
from ...messages import Message
from ...retry import is_unknown, may_pass, was_not_applied
from ..delivery import Delivered
from ..metadata import OPERATION, encode_metadata
from ..steps import fetch, poll, read_object, retrying, send
from ..turn import Turn
from .codec import encode_agent, encode_input
from .options import encode_options
from .reader import ResponseReader

RESPONSES = "/openai/v1/responses"
CONVERSATIONS = "/openai/v1/conversations"
ACTIVE = ("queued", "in_progress")
_LOOK_BACK = "20"  # items; a turn of ours is among the newest


class LostTurnError(AzureAgentsError):
    """The turn was posted to a conversation and is not found there; never leaves the flows."""


class ResponseCalls:
    """The requests of one turn.

    Args:
        turn: The turn.

    Attributes:
        reader: The source of the answer that is being read, or was read last.
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self._delivered = Delivered()
        options = encode_options(turn.request.options)
        self._is_background = bool(options.get("background"))
        self._fields: dict[str, Any] = {
            "agent_reference": encode_agent(turn.settings.agent),
            "metadata": encode_metadata(turn.request.options, turn.operation),
            **options,
        }
        self.reader = ResponseReader(self._delivered)

    # --- asking ---------------------------------------------------------------------------------

    def respond(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Ask where a second POST is harmless: until an answer is whole, or the policy ends it."""
        body = self._body(messages, stream=self.turn.deltas, **fields)

        def attempt() -> Flow[ResponseReader]:
            reader = self.reader = ResponseReader(self._delivered)
            try:
                yield from self._ask(reader, body, streams=self.turn.deltas)
            except AzureAgentsError as error:
                is_cut = reader.response_id is not None and is_unknown(error)
                if not is_cut or not fields.get("store", True):
                    raise
                yield from self._go_on(reader, error)
            return _checked(reader)

        return (yield from retrying(attempt, self.turn, when=may_pass))

    def append(self, thread: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        """Post one turn to a conversation, once; a lost answer is looked for, never re-posted.

        Raises:
            LostTurnError: The turn is not there.
            ThreadBusyError: Another turn is active on the conversation.
        """
        body = self._body(messages, stream=True, conversation=thread)
        reader = self.reader = ResponseReader(self._delivered)
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
        if not fields["stream"]:
            del fields["stream"]
        return dumps({**self._fields, "input": encode_input(messages), **fields})

    def _ask(
        self, reader: ResponseReader, body: bytes, *, streams: bool, **facts: str | None
    ) -> Flow[None]:
        """One POST, read to its end."""
        request = Send("POST", RESPONSES, body, stream=streams)
        reply = yield from send(request, self.turn, "ask the agent", **facts)
        if reply.is_open:
            yield Pump(reader)
        else:
            yield Emit(reader.read(read_object(reply)))
        if not reader.is_done and not reply.is_open and self._is_background:
            stored = yield from self._stored(reader.response_id or "")
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

    def _go_on(self, reader: ResponseReader, error: AzureAgentsError) -> Flow[None]:
        """The stream was cut: the stored answer goes on where it stopped.

        If there is none, or the cut ended it, `error` is raised: a chain may simply ask again.
        """
        if self._is_background and (yield from self._resume(reader)):
            return
        stored = yield from self._stored(reader.response_id or "")
        if stored is None or stored.get("status") in ("failed", "cancelled"):
            raise error
        yield from self._take(reader, stored)

    def _resume(self, reader: ResponseReader) -> Flow[bool]:
        """Read on behind the last event; whether that led to the end."""
        query = [("stream", "true")]
        if reader.sequence_number is not None:
            query.append(("starting_after", str(reader.sequence_number)))
        path = f"{RESPONSES}/{reader.response_id}"
        request = Send("GET", path, query=tuple(query), stream=True)
        reader.reconnect()
        try:
            yield from send(request, self.turn, "resume the response")
            yield Pump(reader)
        except AzureAgentsError as error:
            if not is_unknown(error) and not isinstance(error, ServiceError):
                raise
        return reader.is_done

    def _stored(self, response_id: str) -> Flow[JSON | None]:
        """The stored response once it is over; None if the service does not know it."""
        path = f"{RESPONSES}/{response_id}"
        look = partial(fetch, path, self.turn, "look for the response")
        try:
            return (yield from poll(look, active=ACTIVE))
        except ThreadNotFoundError:
            return None

    def _take(self, reader: ResponseReader, stored: JSON) -> Flow[None]:
        """Tell what of a stored response is still untold."""
        again = ResponseReader(self._delivered)
        events = again.read(stored)
        yield Emit(events[1:] if reader.response_id else events)  # `Started` is said once
        reader.response, reader.failure, reader.is_done = again.response, again.failure, True

    def find(self, reader: ResponseReader, thread: str, error: AzureAgentsError) -> Flow[None]:
        """Look once for the turn on a conversation, and follow it to its end.

        Raises:
            LostTurnError: It is not there; `error` is the cause.
        """
        known = reader.response_id
        stored = yield from (self._stored(known) if known else self._ours_on(thread))
        if stored is None:
            raise LostTurnError("the turn is not on the conversation") from error
        yield from self._take(reader, stored)
        _checked(reader)

    def _ours_on(self, thread: str) -> Flow[JSON | None]:
        """The stored response on the conversation that carries this turn's operation key."""
        query = (("order", "desc"), ("limit", _LOOK_BACK))
        path = f"{CONVERSATIONS}/{thread}/items"
        page = yield from fetch(path, self.turn, "look for the turn", query)
        ids = dict.fromkeys(item.get("response_id") for item in page.get("data") or ())
        for response_id in [i for i in ids if i][:3]:
            stored = yield from self._stored(response_id)
            if stored and (stored.get("metadata") or {}).get(OPERATION) == self.turn.operation:
                return stored
        return None

    # --- clean-up -------------------------------------------------------------------------------

    def abandon(self) -> Flow[None]:
        """The caller is gone or out of time. Only background responses go on by themselves."""
        response_id = self.reader.response_id
        if self._is_background and response_id is not None and not self.reader.is_done:
            yield Send("POST", f"{RESPONSES}/{response_id}/cancel")


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
