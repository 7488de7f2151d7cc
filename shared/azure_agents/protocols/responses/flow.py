"""One turn with a v2 agent: which policy, which thread, and what remains of it.

A chain (`previous_response_id`) branches for free. A conversation is append-only: its head is
claimed in the store before anything is sent, and a turn that was lost and cannot be found forks to
a new conversation. Only a pinned conversation cannot fork: the flow waits for the turn to appear
and says so if it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ...errors import (
    Abandoned,
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    InvalidRequestError,
    PoisonedThreadError,
    RateLimitError,
    RunFailedError,
    ThreadBusyError,
    ThreadNotFoundError,
    TurnUnknownError,
)
from ...events import Finished
from ...messages import Message
from ...threads.anchor import Anchor
from ...threads.approvals import decisions_in, outcomes
from ...threads.digest import TranscriptDigest, system_digest
from ...threads.plan import RESPONSES as RESPONSE_PREFIXES
from ...threads.plan import plan_chain, plan_ephemeral, plan_pinned, plan_thread
from ...threads.store import head_key, system_key
from ..commands import Emit, Flow, Sleep, StoreGet, StorePut, StoreTake
from ..poison import check_poison, not_poisoned
from ..recall import recall, remember
from ..retry import delay_before, hit_the_limit, is_unknown
from ..sending import retrying
from ..turn import Turn
from ..waiting import Patience, settle, unknown_turn
from .codec import answer_message, finish_details, finish_reason, incomplete_reason
from .declared import check_tools, without_own_values
from .objects import run_object_turn
from .reader import ResponseReader
from .reading import LostTurnError
from .requests import ResponseCalls, approves


def run_turn(turn: Turn) -> Flow[None]:
    """Answer the messages of `turn`; ends with `Finished` or an error."""
    yield from run_object_turn(turn, _run_plain)


def _run_plain(turn: Turn) -> Flow[None]:
    calls = ResponseCalls((yield from without_own_values(turn)))
    yield from check_tools(turn)
    try:
        yield from _Policies(calls).run()
    except (Abandoned, AzureAgentsError) as error:
        yield from calls.stop()
        if isinstance(error, AzureAgentsError):
            calls.add_facts(error)
        raise


class _Policies:
    """The ways a turn may use the server's memory."""

    def __init__(self, calls: ResponseCalls) -> None:
        self._calls = calls
        self._turn = calls.turn

    def run(self) -> Flow[None]:
        pin, session = self._turn.pin, self._turn.settings.agent_session_id
        if session is not None:
            yield from self._session(session)
        elif pin is None and self._turn.own is not None:
            yield from self._whole()
        elif pin is None:
            policies = {
                "auto": self._chain,
                "conversation": self._conversation,
                "ephemeral": self._ephemeral,
            }
            yield from policies[self._turn.settings.threads]()
        elif pin.startswith("conv_"):
            yield from self._pinned_conversation(pin)
        else:
            yield from self._pinned_response(pin)

    def _chain(self) -> Flow[None]:
        messages = yield from recall(self._turn, RESPONSE_PREFIXES, with_system=True)
        plan = plan_chain(messages, self._turn.scope, self._turn.anchor_key)
        if plan.anchor is None:
            reader = yield from self._calls.respond(plan.whole)
        else:
            reader = yield from self._continue(plan.anchor.thread, plan.suffix, plan.whole)
        yield from self._remember_systems(reader.response_id or "")  # for a later pin of it
        yield from self._finish(reader, reader.response_id, plan.transcript)

    def _continue(
        self, previous: str, suffix: Sequence[Message], whole: Sequence[Message]
    ) -> Flow[ResponseReader]:
        try:
            return (yield from self._calls.respond(suffix, previous_response_id=previous))
        except ThreadNotFoundError:  # older than the service keeps it, or deleted: not an error
            return (yield from self._calls.respond(whole))
        except BadRequestError:
            if not _decides(suffix):
                raise
            return (yield from self._calls.respond(whole))  # the request is on another branch

    def _whole(self) -> Flow[None]:
        """At an agent's own endpoint: that it keeps anything is not known, so all is sent."""
        if self._turn.settings.threads == "ephemeral":
            yield from self._ephemeral()
            return
        reader = yield from self._calls.respond(plan_chain(self._turn.messages, "").whole)
        yield from self._finish(reader, reader.response_id)

    def _session(self, session: str) -> Flow[None]:
        """A hosted agent's memory: what follows the last answer goes there, once, in its turn."""
        messages = yield from self._for_pin(session)
        reader = yield from self._say_when_free(session, messages)
        yield from self._remember_systems(session)
        yield from self._finish(reader, reader.response_id)

    def _say_when_free(self, session: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        patience = Patience(self._turn)
        while True:
            try:
                return (yield from self._calls.say(messages, agent_session_id=session))
            except ConflictError as busy:  # not recorded: that a busy session says so is a guess
                yield patience.pause(_is_busy(busy, session))
            except AzureAgentsError as error:
                if not is_unknown(error):
                    raise
                raise _unknown_in_session(error, session) from error

    def _ephemeral(self) -> Flow[None]:
        turn = self._turn
        plan = partial(plan_ephemeral, turn.messages, turn.scope, turn.anchor_key)
        messages = plan(sends=turn.settings.ephemeral_approvals)
        try:
            reader = yield from self._calls.respond(messages, store=False)
        except BadRequestError:
            if not _decides(messages):
                raise
            # That the service takes a request as input was not recorded: then it can only be told.
            reader = yield from self._calls.respond(plan(sends=False), store=False)
        yield from self._finish(reader, reader.response_id)

    def _pinned_response(self, pin: str) -> Flow[None]:
        messages = yield from self._for_pin(pin)
        reader = yield from self._calls.respond(messages, previous_response_id=pin)
        yield from self._remember_systems(reader.response_id or pin)
        yield from self._finish(reader, reader.response_id)

    # --- conversation ---------------------------------------------------------------------------

    def _conversation(self) -> Flow[None]:
        project = self._turn.project_key
        messages = yield from recall(self._turn, ("conv_",), with_system=True)
        scope, key = self._turn.scope, self._turn.anchor_key
        plan = plan_thread(messages, scope, key, prefix="conv_", with_system=True)
        thread = plan.anchor.thread if plan.anchor is not None else ""
        reader = None
        if plan.anchor and (yield StoreTake(head_key(project, thread), plan.anchor.head)):
            reader = yield from self._try_append(thread, plan.suffix)
        if reader is None:
            thread, reader = yield from self._fork(plan.whole)
        if reader.response.get("status") == "completed":
            yield StorePut(head_key(project, thread), reader.response_id or "")
        yield from self._remember_systems(thread)  # for a later pin of this conversation
        yield from self._finish(reader, thread, plan.transcript)

    def _try_append(self, thread: str, messages: Sequence[Message]) -> Flow[ResponseReader | None]:
        try:
            return (yield from self._calls.append(thread, messages))
        except LostTurnError as lost:
            if not approves(messages):
                return None
            limits = self._turn.settings.timeouts
            return (
                yield from self._wait_for_turn(thread, lost, messages, limits.turn or limits.read)
            )
        except (ThreadNotFoundError, ThreadBusyError):
            return None
        except RateLimitError as limited:
            if not hit_the_limit(limited) or approves(messages):
                raise
            delay = delay_before(1, limited, self._turn.policy, self._turn.operation)
            if delay is None:
                raise
            yield Sleep(delay, instead=limited)
            return None  # whether the failed turn left its messages there is not known
        except BadRequestError:
            has_begun = self._calls.reader.response_id is not None
            if not _decides(messages) or (has_begun and approves(messages)):
                raise
            return None  # the request was made elsewhere: here the approval can only be told

    def _fork(self, whole: Sequence[Message]) -> Flow[tuple[str, ResponseReader]]:
        def attempt() -> Flow[tuple[str, ResponseReader]]:
            thread = yield from self._calls.create_conversation()
            try:
                return thread, (yield from self._calls.append(thread, whole))
            except LostTurnError as lost:
                raise _cause_of(lost) from None

        return (yield from retrying(attempt, self._turn, when=_may_fork_again))

    def _pinned_conversation(self, pin: str) -> Flow[None]:
        messages = yield from self._for_pin(pin)
        # Anchors of before may not continue here any more: their histories lack this turn.
        yield StorePut(head_key(self._turn.project_key, pin), "")
        try:
            reader = yield from self._append_or_wait(pin, messages)
        except PoisonedThreadError:
            raise
        except (BadRequestError, RunFailedError) as error:
            yield from check_poison(self._turn, pin, error, self._calls.looks.with_media)
            raise
        not_poisoned(self._turn, pin)
        yield from self._remember_systems(pin)
        yield from self._finish(reader, pin)

    def _append_or_wait(self, pin: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        """As `_append`, but nothing can fork: wait while busy, and for a turn that was lost."""
        patience = Patience(self._turn)
        while True:
            try:
                return (yield from self._calls.append(pin, messages))
            except ThreadBusyError as busy:
                yield patience.pause(busy)
            except LostTurnError as lost:
                return (yield from self._wait_for_turn(pin, lost, messages))
            except BadRequestError as error:
                if "No tool output found" not in error.message:
                    raise
                raise _poisoned(error, pin) from error

    def _wait_for_turn(
        self,
        thread: str,
        lost: LostTurnError,
        messages: Sequence[Message],
        longest: float | None = None,
    ) -> Flow[ResponseReader]:
        """A turn that must not be sent again: its items appear when the response ends, or never."""
        cause = _cause_of(lost)
        unknown = unknown_turn(cause, "the turn", thread)
        if approves(messages):
            unknown = self._calls.unknown_approval(cause, thread)
        reader = self._calls.reader

        def look() -> Flow[bool]:
            try:
                yield from self._calls.find(reader, thread, unknown)
            except LostTurnError:
                return False
            return True

        yield from settle(look, self._turn, unknown, longest)
        return reader

    # --- pins -----------------------------------------------------------------------------------

    def _for_pin(self, pin: str) -> Flow[list[Message]]:
        """What a pinned thread has not got: the newest messages, and new system messages."""
        messages = self._turn.messages
        fresh = [m for m in plan_pinned(messages) if m.role != "system"]
        sent = yield StoreGet(system_key(self._turn.project_key, pin))
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
        if not digest and self._turn.pin:  # none this time: what it was sent before still holds
            digest = yield StoreGet(system_key(self._turn.project_key, self._turn.pin))
        if digest:
            yield StorePut(system_key(self._turn.project_key, handle), digest)

    # --- the end --------------------------------------------------------------------------------

    def _finish(
        self,
        reader: ResponseReader,
        handle: str | None,
        transcript: TranscriptDigest | None = None,
    ) -> Flow[None]:
        yield from self._calls.stop()  # what was given up on the way
        response = reader.response
        anchor = None
        if transcript is not None and handle and response.get("status") == "completed":
            transcript.add(answer_message(response))
            head = "" if handle == reader.response_id else reader.response_id or ""
            digest = transcript.digest()
            made = Anchor(self._turn.scope, digest, handle, head)
            anchor = made.sealed(self._turn.anchor_key).encode()
            yield from remember(self._turn, digest, anchor)
        told = outcomes(self._turn.messages, self._calls.sent)
        finished = finished_of(response)
        yield Emit([replace(finished, thread_id=handle, anchor=anchor, approval_outcomes=told)])


def _cause_of(lost: LostTurnError) -> AzureAgentsError:
    """Why the answer is not there."""
    return lost.__cause__ if isinstance(lost.__cause__, AzureAgentsError) else lost


def _is_busy(error: ConflictError, session: str) -> ThreadBusyError:
    return ThreadBusyError(
        f"another turn is active in the session {session!r}: wait for it, or give each user a "
        f"session of their own. The service says: {error.message}",
        **error.facts,
    )


def _unknown_in_session(lost: AzureAgentsError, session: str) -> TurnUnknownError:
    return TurnUnknownError(
        f"the answer was lost, and what became of the turn in the session {session!r} cannot be "
        f"looked up: ask the agent what it knows before you ask again ({lost.message})",
        **lost.facts,
    )


def _may_fork_again(error: AzureAgentsError) -> bool:
    return is_unknown(error) or hit_the_limit(error)


def _decides(messages: Sequence[Message]) -> bool:
    return bool(decisions_in(messages))


def _poisoned(error: BadRequestError, pin: str) -> PoisonedThreadError:
    facts = {**error.facts, "thread_id": pin}
    return PoisonedThreadError(
        f"the pinned conversation {pin!r} holds a function call without its result, so every other "
        "turn is refused: send the result, or go on with `AgentClient.fork_thread` (it leaves the "
        f"call out). The service says: {error.message}",
        **facts,
    )


def finished_of(response: Any) -> Finished:
    """How a response ended, with all its ids."""
    items = response.get("output") or ()
    messages = [item.get("id") for item in items if item.get("type") == "message"]
    return Finished(
        reason=finish_reason(response),
        status=response.get("status") or "",
        response_id=response.get("id"),
        message_id=messages[-1] if messages else None,
        model=response.get("model") or None,
        incomplete_reason=incomplete_reason(response),
        details=finish_details(response),
    )
