"""One turn with a v2 agent, over the Responses API.

On a chain (`previous_response_id`) a second POST after a lost answer only makes an unused
sibling, so attempts may be repeated freely. A conversation is an append-only log: there, nothing
is posted twice - a turn whose answer was lost is looked for once and then followed, or the
history forks to a new conversation. Only a pinned conversation cannot fork: the flow waits for
the turn to appear and says so if it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ...commands import Emit, Flow, Pump, Send, Sleep, StoreGet, StorePut, StoreTake
from ...errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    InvalidRequestError,
    ThreadBusyError,
    ThreadNotFoundError,
    TurnUnknownError,
)
from ...events import Finished
from ...jsonio import JSON, dumps
from ...messages import Message
from ...retry import is_unknown, may_pass, was_not_applied
from ...threads.anchor import Anchor
from ...threads.digest import TranscriptDigest, system_digest
from ...threads.plan import plan_chain, plan_pinned, plan_thread
from ...threads.store import head_key, system_key
from ..delivery import Delivered
from ..metadata import OPERATION, encode_metadata
from ..steps import fetch, poll, read_object, retrying, send, waits
from ..turn import Turn
from .codec import (
    answer_message,
    encode_agent,
    encode_input,
    finish_reason,
    incomplete_reason,
)
from .options import encode_options
from .reader import ResponseReader

_RESPONSES = "/openai/v1/responses"
_CONVERSATIONS = "/openai/v1/conversations"
_LOOK_BACK = "20"  # items; a turn of ours is among the newest


class _LostError(AzureAgentsError):
    """The turn was posted to a conversation and is not found there; never leaves this module."""


def run_turn(turn: Turn) -> Flow[None]:
    """Answer the messages of `turn`; ends with `Finished` or an error."""
    yield from _ResponsesTurn(turn).run()


class _ResponsesTurn:
    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._delivered = Delivered()
        self._fields: dict[str, Any] = {
            "agent_reference": encode_agent(turn.settings.agent),
            "metadata": encode_metadata(turn.request.options, turn.operation),
            **encode_options(turn.request.options),
        }

    def run(self) -> Flow[None]:
        pin = self._turn.pin
        if pin is None:
            modes = {
                "auto": self._chain,
                "conversation": self._conversation,
                "ephemeral": self._ephemeral,
            }
            yield from modes[self._turn.settings.threads]()
        elif pin.startswith("conv_"):
            yield from self._pinned_conversation(pin)
        else:
            yield from self._pinned_response(pin)

    # --- chain ----------------------------------------------------------------------------------

    def _chain(self) -> Flow[None]:
        plan = plan_chain(self._turn.messages, self._turn.scope)
        if plan.anchor is None:
            reader = yield from self._respond(plan.whole)
        else:
            reader = yield from self._continue(plan.anchor.thread, plan.suffix, plan.whole)
        yield from self._finish(reader, reader.response_id, plan.transcript)

    def _continue(
        self, previous: str, suffix: Sequence[Message], whole: Sequence[Message]
    ) -> Flow[ResponseReader]:
        try:
            return (yield from self._respond(suffix, previous_response_id=previous))
        except ThreadNotFoundError:  # older than the service keeps it, or deleted: not an error
            return (yield from self._respond(whole))

    def _ephemeral(self) -> Flow[None]:
        whole = plan_chain(self._turn.messages, "").whole
        reader = yield from self._respond(whole, store=False)
        yield from self._finish(reader, reader.response_id)

    def _pinned_response(self, pin: str) -> Flow[None]:
        messages = yield from self._for_pin(pin)
        reader = yield from self._respond(messages, previous_response_id=pin)
        yield from self._remember_systems(reader.response_id or pin)
        yield from self._finish(reader, reader.response_id)

    def _respond(self, messages: Sequence[Message], **fields: Any) -> Flow[ResponseReader]:
        """Ask where a second POST is harmless: until an answer is whole, or the policy ends it."""
        body = self._body(messages, stream=self._turn.deltas, **fields)

        def attempt() -> Flow[ResponseReader]:
            reader = ResponseReader(self._delivered)
            try:
                yield from self._ask(reader, body)
            except AzureAgentsError as error:
                is_cut = reader.response_id is not None and is_unknown(error)
                if not is_cut or not fields.get("store", True):
                    raise
                yield from self._follow(reader, error)
            if reader.failure is not None:
                raise reader.failure
            return reader

        return (yield from retrying(attempt, self._turn, when=may_pass))

    def _follow(self, reader: ResponseReader, error: AzureAgentsError) -> Flow[None]:
        """The stream was cut: the stored answer goes on where it stopped.

        If there is none, or the cut ended it, `error` is raised: a chain may simply ask again.
        """
        stored = yield from self._stored(reader.response_id or "")
        if stored is None or stored.get("status") in ("failed", "cancelled"):
            raise error
        again = ResponseReader(self._delivered)
        yield Emit(again.read(stored)[1:])  # `Started` was said before
        reader.response, reader.failure, reader.is_done = again.response, again.failure, True

    def _stored(self, response_id: str) -> Flow[JSON | None]:
        """The stored response once it is over; None if the service does not know it."""
        path = f"{_RESPONSES}/{response_id}"
        look = partial(fetch, path, self._turn, "look for the response")
        try:
            return (yield from poll(look, active=("queued", "in_progress")))
        except ThreadNotFoundError:
            return None

    # --- conversation ---------------------------------------------------------------------------

    def _conversation(self) -> Flow[None]:
        scope = self._turn.scope
        plan = plan_thread(self._turn.messages, scope, prefix="conv_", with_system=True)
        thread = plan.anchor.thread if plan.anchor is not None else ""
        reader = None
        if plan.anchor and (yield StoreTake(head_key(scope, thread), plan.anchor.head)):
            reader = yield from self._try_append(thread, plan.suffix)
        if reader is None:
            thread, reader = yield from self._fork(plan.whole)
        if reader.response.get("status") == "completed":
            yield StorePut(head_key(scope, thread), reader.response_id or "")
        yield from self._finish(reader, thread, plan.transcript)

    def _try_append(self, thread: str, messages: Sequence[Message]) -> Flow[ResponseReader | None]:
        try:
            return (yield from self._append(thread, messages))
        except (ThreadNotFoundError, ThreadBusyError, _LostError):
            return None

    def _fork(self, whole: Sequence[Message]) -> Flow[tuple[str, ResponseReader]]:
        def attempt() -> Flow[tuple[str, ResponseReader]]:
            thread = yield from self._create_conversation()
            try:
                return thread, (yield from self._append(thread, whole))
            except _LostError as lost:
                raise lost.__cause__ or lost from None

        return (yield from retrying(attempt, self._turn, when=is_unknown))

    def _create_conversation(self) -> Flow[str]:
        def attempt() -> Flow[str]:
            body = dumps({"metadata": {OPERATION: self._turn.operation}})
            request = Send("POST", _CONVERSATIONS, body)
            reply = yield from send(request, self._turn, "create a conversation")
            return str(read_object(reply)["id"])

        return (yield from retrying(attempt, self._turn, when=may_pass))

    def _append(self, thread: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        """Post one turn to a conversation, once; a lost answer is looked for, never re-posted."""
        body = self._body(messages, stream=True, conversation=thread)
        reader = ResponseReader(self._delivered)

        def attempt() -> Flow[None]:
            yield from self._ask(reader, body, thread_id=thread)

        try:
            yield from retrying(attempt, self._turn, when=was_not_applied)
        except AzureAgentsError as error:
            if _is_busy(error):
                raise _busy(error, thread) from error
            if not is_unknown(error):
                raise
            yield from self._find(reader, thread, error)
        if reader.failure is not None:
            raise reader.failure
        return reader

    def _find(self, reader: ResponseReader, thread: str, error: AzureAgentsError) -> Flow[None]:
        found = reader.response_id or (yield from self._ours_on(thread))
        stored = None if found is None else (yield from self._stored(found))
        if stored is None:
            raise _LostError("the turn is not on the conversation") from error
        again = ResponseReader(self._delivered)
        events = again.read(stored)
        yield Emit(events[1:] if reader.response_id else events)
        reader.response, reader.failure, reader.is_done = again.response, again.failure, True

    def _ours_on(self, thread: str) -> Flow[str | None]:
        """The response on the conversation that carries this turn's operation key."""
        query = (("order", "desc"), ("limit", _LOOK_BACK))
        path = f"{_CONVERSATIONS}/{thread}/items"
        page = yield from fetch(path, self._turn, "look for the turn", query)
        ids = dict.fromkeys(item.get("response_id") for item in page.get("data") or ())
        for response_id in [i for i in ids if i][:3]:
            stored = yield from self._stored(response_id)
            if stored and (stored.get("metadata") or {}).get(OPERATION) == self._turn.operation:
                return str(response_id)
        return None

    def _pinned_conversation(self, pin: str) -> Flow[None]:
        messages = yield from self._for_pin(pin)
        reader = yield from self._append_or_wait(pin, messages)
        yield from self._remember_systems(pin)
        yield from self._finish(reader, pin)

    def _append_or_wait(self, pin: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        """As `_append`, but nothing can fork: wait while busy, and for a turn that was lost."""
        for pause in waits():
            try:
                return (yield from self._append(pin, messages))
            except ThreadBusyError as busy:
                yield Sleep(pause, instead=busy)
            except _LostError as lost:
                return (yield from self._wait_for_turn(pin, lost))
        raise AssertionError  # pragma: no cover - `waits` never ends

    def _wait_for_turn(self, pin: str, lost: _LostError) -> Flow[ResponseReader]:
        unknown = TurnUnknownError(
            "the answer was lost and the turn has not appeared on the pinned conversation; "
            "it may still: look there before you ask again",
            thread_id=pin,
        )
        unknown.__cause__ = lost.__cause__
        reader = ResponseReader(self._delivered)
        for pause in waits(first=0.5):
            yield Sleep(pause, instead=unknown)
            try:
                yield from self._find(reader, pin, unknown)
            except _LostError:
                continue
            if reader.failure is not None:
                raise reader.failure
            break
        return reader

    # --- pins -----------------------------------------------------------------------------------

    def _for_pin(self, pin: str) -> Flow[list[Message]]:
        """What a pinned thread has not got: the newest messages, and new system messages."""
        messages = self._turn.messages
        fresh = [m for m in plan_pinned(messages) if m.role != "system"]
        sent = yield StoreGet(system_key(self._turn.scope, pin))
        if system_digest(messages) not in ("", sent):
            fresh = [m for m in messages if m.role == "system" and not m.is_empty] + fresh
        if not fresh:
            raise InvalidRequestError(
                f"nothing to send to the pinned thread {pin!r}: it holds everything up to the "
                "last assistant message, so put a new message after that",
                thread_id=pin,
            )
        return fresh

    def _remember_systems(self, handle: str) -> Flow[None]:
        digest = system_digest(self._turn.messages)
        sent = yield StoreGet(system_key(self._turn.scope, self._turn.pin or ""))
        if digest or sent:
            yield StorePut(system_key(self._turn.scope, handle), digest or sent)

    # --- shared ---------------------------------------------------------------------------------

    def _body(self, messages: Sequence[Message], **fields: Any) -> bytes:
        if not fields["stream"]:
            del fields["stream"]
        return dumps({**self._fields, "input": encode_input(messages), **fields})

    def _ask(self, reader: ResponseReader, body: bytes, **facts: str | None) -> Flow[None]:
        """One POST, read to its end."""
        streams = self._turn.deltas or bool(facts)
        request = Send("POST", _RESPONSES, body, stream=streams)
        reply = yield from send(request, self._turn, "ask the agent", **facts)
        if reply.is_open:
            yield Pump(reader)
        else:
            yield Emit(reader.read(read_object(reply)))
        if not reader.is_done:
            raise ConnectionLostError(
                "the stream ended before the answer did", response_id=reader.response_id
            )

    def _finish(
        self,
        reader: ResponseReader,
        handle: str | None,
        transcript: TranscriptDigest | None = None,
    ) -> Flow[None]:
        response = reader.response
        anchor = None
        if transcript is not None and handle and response.get("status") == "completed":
            transcript.add(answer_message(response))
            head = "" if handle == reader.response_id else reader.response_id or ""
            anchor = Anchor(self._turn.scope, transcript.digest(), handle, head).encode()
        yield Emit([replace(_finished(response), thread_id=handle, anchor=anchor)])


def _is_busy(error: AzureAgentsError) -> bool:
    # Seen on OpenAI's own platform; that Foundry says the same is a guess.
    return isinstance(error, BadRequestError) and error.code == "conversation_locked"


def _busy(error: AzureAgentsError, thread: str) -> ThreadBusyError:
    return ThreadBusyError(
        f"another turn is active on conversation {thread!r}: wait for it, or give each user a "
        "conversation of their own",
        **{**error.facts, "thread_id": thread},
    )


def _finished(response: Any) -> Finished:
    items = response.get("output") or ()
    messages = [item.get("id") for item in items if item.get("type") == "message"]
    filters = response.get("content_filters")
    return Finished(
        reason=finish_reason(response),
        status=response.get("status") or "",
        response_id=response.get("id"),
        message_id=messages[-1] if messages else None,
        model=response.get("model") or None,
        incomplete_reason=incomplete_reason(response),
        details={"content_filters": filters} if filters else {},
    )
