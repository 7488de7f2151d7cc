"""One turn with a v2 agent: what the agent is to remember, and what is kept for the next turn.

Theory of operation
===================

The caller brings the whole history with every turn. Each answer in it carries an *anchor*, which
names the response, or the conversation, that holds it. Where the turn goes is decided in this order
(`_Policies.run`):

    session        The memory of a hosted agent: what follows the last answer is sent, once.
    own endpoint   The whole history is sent: what such an endpoint keeps is not known.
    pin            `thread_id=` of the call or the client: a ``resp_…`` is continued as a chain, a
                   ``conv_…`` as a conversation. What follows the last answer is sent.
    auto           A chain (the default): the newest anchor that the history agrees with names the
                   response to continue, and only what follows is sent.
    conversation   As a chain, but the *head* of the conversation (its last response) is claimed in
                   the store first, since only one turn may go on from it.
    ephemeral      The whole history is sent, and the service stores nothing.

A chain branches for free: two turns may go on from the same response. A conversation only grows. If
its head is taken, or it is gone or busy, or the answer is lost and the turn is not found on it, the
turn *forks* to a new conversation with the whole history. A pinned conversation belongs to the
caller and cannot be left: the flow waits while it is busy, and waits for a turn whose answer was
lost. If that does not appear in time, `TurnUnknownError` says so, and nothing was sent twice.

What is sent in each case, and what happens when an answer is lost: `requests`.
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
    NotFoundError,
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
from ...threads.plan import (
    RESPONSE_PREFIXES,
    messages_for_ephemeral,
    messages_for_pin,
    plan_chain,
    plan_thread,
)
from ...threads.store import head_key, system_key
from ..commands import Emit, Flow, Sleep, StoreGet, StorePut, StoreTake
from ..poison import check_poison, clear_poison
from ..recall import recall, remember
from ..retry import began_and_hit_rate_limit, delay_before, may_have_been_applied
from ..sending import retrying
from ..turn import Turn
from ..waiting import Patience, turn_unknown_error, wait_until_found
from .codec import answer_message, finish_details, finish_reason, incomplete_reason
from .definition import check_tools, without_default_sampling
from .object_turn import run_object_turn
from .reader import ResponseReader
from .recovery import LostTurnError
from .requests import ResponseRequests, approves


def run_turn(turn: Turn) -> Flow[None]:
    """Answer the messages of `turn`; ends with `Finished` or an error."""
    yield from run_object_turn(turn, _run_plain)


def _run_plain(turn: Turn) -> Flow[None]:
    requests = ResponseRequests((yield from without_default_sampling(turn)))
    yield from check_tools(turn)
    try:
        yield from _Policies(requests).run()
    except (Abandoned, AzureAgentsError) as error:
        yield from requests.cleanup.stop()
        if isinstance(error, AzureAgentsError):
            requests.add_facts(error)
        raise


class _Policies:
    """The ways in which a turn may use the server's memory."""

    def __init__(self, requests: ResponseRequests) -> None:
        self._requests = requests
        self._turn = requests.turn

    def run(self) -> Flow[None]:
        pin, session = self._turn.pin, self._turn.settings.agent_session_id
        if session is not None:
            yield from self._session(session)
        elif pin is None and self._turn.own_endpoint is not None:
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
            reader = yield from self._requests.respond(plan.whole)
        else:
            reader = yield from self._continue(plan.anchor.thread, plan.suffix, plan.whole)
        yield from self._remember_systems(reader.response_id or "")  # for a later pin of it
        yield from self._finish(reader, reader.response_id, plan.transcript)

    def _continue(
        self, previous: str, suffix: Sequence[Message], whole: Sequence[Message]
    ) -> Flow[ResponseReader]:
        try:
            return (yield from self._requests.respond(suffix, previous_response_id=previous))
        except (BadRequestError, NotFoundError) as refused:
            # It is older than the service keeps it, or deleted, perhaps where a proxy emptied the
            # refusal too: not an error. Or the request that is decided on is on another branch.
            is_gone = isinstance(refused, ThreadNotFoundError) or refused.is_unexplained
            if not is_gone and not _decides(suffix):
                raise
            return (yield from self._requests.respond(whole))

    def _whole(self) -> Flow[None]:
        """Send all to an agent's own endpoint: that it keeps anything is not known."""
        if self._turn.settings.threads == "ephemeral":
            yield from self._ephemeral()
            return
        reader = yield from self._requests.respond(plan_chain(self._turn.messages, "").whole)
        yield from self._finish(reader, reader.response_id)

    def _session(self, session: str) -> Flow[None]:
        """Send what follows the last answer to the session of a hosted agent, once."""
        messages = yield from self._for_pin(session)
        reader = yield from self._post_when_free(session, messages)
        yield from self._remember_systems(session)
        yield from self._finish(reader, reader.response_id)

    def _post_when_free(self, session: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        patience = Patience(self._turn)
        while True:
            try:
                return (yield from self._requests.post_once(messages, agent_session_id=session))
            except ConflictError as busy:  # not recorded: that a busy session says so is a guess
                yield patience.pause(_busy_session(busy, session))
            except AzureAgentsError as error:
                if not may_have_been_applied(error):
                    raise
                raise _session_turn_unknown_error(error, session) from error

    def _ephemeral(self) -> Flow[None]:
        turn = self._turn
        plan = partial(messages_for_ephemeral, turn.messages, turn.scope, turn.anchor_key)
        messages = plan(sends=turn.settings.ephemeral_approvals)
        try:
            reader = yield from self._requests.respond(messages, store=False)
        except BadRequestError:
            if not _decides(messages):
                raise
            # That the service takes a request as input was not recorded. Then the decision is put
            # into words.
            reader = yield from self._requests.respond(plan(sends=False), store=False)
        yield from self._finish(reader, reader.response_id)

    def _pinned_response(self, pin: str) -> Flow[None]:
        messages = yield from self._for_pin(pin)
        reader = yield from self._requests.respond(messages, previous_response_id=pin)
        yield from self._remember_systems(reader.response_id or pin)
        yield from self._finish(reader, reader.response_id)

    # --- conversation ---------------------------------------------------------------------------

    def _conversation(self) -> Flow[None]:
        project, scope, key = self._turn.project_key, self._turn.scope, self._turn.anchor_key
        messages = yield from recall(self._turn, ("conv_",), with_system=True)
        plan = plan_thread(messages, scope, key, prefix="conv_", with_system=True)
        thread = plan.anchor.thread if plan.anchor is not None else ""
        reader = None
        head = plan.anchor and StoreTake(head_key(project, thread), plan.anchor.head)
        if head and ((yield head) or self._turn.is_repeated):  # then an earlier process took it
            reader = yield from self._try_append(thread, plan.suffix)
        if reader is None:
            thread, reader = yield from self._fork(plan.whole)
        # Only a whole turn gives the head back: after any other one, the next turn forks.
        if reader.response.get("status") == "completed":
            yield StorePut(head_key(project, thread), reader.response_id or "")
        yield from self._remember_systems(thread)  # for a later pin of this conversation
        yield from self._finish(reader, thread, plan.transcript)

    def _try_append(self, thread: str, messages: Sequence[Message]) -> Flow[ResponseReader | None]:
        try:
            return (yield from self._requests.append(thread, messages))
        except LostTurnError as lost:
            if not approves(messages):
                return None
            limits = self._turn.settings.timeouts
            longest = limits.turn or limits.read
            return (yield from self._wait_for_turn(thread, lost, messages, longest))
        except (ThreadNotFoundError, ThreadBusyError):
            return None
        except RateLimitError as limited:
            if not began_and_hit_rate_limit(limited) or approves(messages):
                raise
            delay = delay_before(1, limited, self._turn.retry_policy, self._turn.operation)
            if delay is None:
                raise
            yield Sleep(delay, instead=limited)
            return None  # whether the failed turn left its messages there is not known
        except (BadRequestError, NotFoundError) as refused:
            has_begun = self._requests.last_reader.response_id is not None
            may_leave = refused.is_unexplained or _decides(messages)
            if not may_leave or (has_begun and approves(messages)):
                raise
            return None  # the request was made elsewhere: in a new conversation words stand for it

    def _fork(self, whole: Sequence[Message]) -> Flow[tuple[str, ResponseReader]]:
        def attempt() -> Flow[tuple[str, ResponseReader]]:
            thread = yield from self._requests.create_conversation()
            try:
                return thread, (yield from self._requests.append(thread, whole))
            except LostTurnError as lost:
                raise _cause_of(lost) from None

        return (yield from retrying(attempt, self._turn, when=_may_fork_again))

    def _pinned_conversation(self, pin: str) -> Flow[None]:
        messages = yield from self._for_pin(pin)
        # Earlier anchors may not continue here any more: their histories lack this turn.
        yield StorePut(head_key(self._turn.project_key, pin), "")
        try:
            reader = yield from self._append_or_wait(pin, messages)
        except PoisonedThreadError:
            raise
        except (BadRequestError, RunFailedError) as error:
            yield from check_poison(self._turn, pin, error, self._requests.lookups.with_media)
            raise
        clear_poison(self._turn, pin)
        yield from self._remember_systems(pin)
        yield from self._finish(reader, pin)

    def _append_or_wait(self, pin: str, messages: Sequence[Message]) -> Flow[ResponseReader]:
        """Append to a conversation that cannot be left; wait if it is busy or the turn is lost."""
        patience = Patience(self._turn)
        while True:
            try:
                return (yield from self._requests.append(pin, messages))
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
        """Wait for a turn that must not be sent again: its items appear when its response ends."""
        cause = _cause_of(lost)
        unknown = turn_unknown_error(cause, "the turn", thread)
        if approves(messages):
            unknown = self._requests.approval_unknown_error(cause, thread)
        reader = self._requests.last_reader

        def look() -> Flow[bool]:
            try:
                yield from self._requests.find_turn(reader, thread, unknown)
            except LostTurnError:
                return False
            return True

        yield from wait_until_found(look, self._turn, unknown, longest)
        return reader

    # --- pins -----------------------------------------------------------------------------------

    def _for_pin(self, pin: str) -> Flow[list[Message]]:
        """Return what a pinned thread lacks: newest messages, and system messages that are new."""
        messages = self._turn.messages
        fresh = [m for m in messages_for_pin(messages) if m.role != "system"]
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
        yield from self._requests.cleanup.stop()  # what was given up on the way
        response = reader.response
        anchor = None
        if transcript is not None and handle and response.get("status") == "completed":
            transcript.add(answer_message(response))
            # A chain may branch anywhere, so only the anchor of a conversation needs a head.
            head = "" if handle == reader.response_id else reader.response_id or ""
            digest = transcript.digest()
            made = Anchor(self._turn.scope, digest, handle, head)
            anchor = made.sealed(self._turn.anchor_key).encode()
            yield from remember(self._turn, digest, anchor)
        decisions = outcomes(self._turn.messages, self._requests.sent)
        finished = finished_of(response)
        yield Emit(
            [replace(finished, thread_id=handle, anchor=anchor, approval_outcomes=decisions)]
        )


def _cause_of(lost: LostTurnError) -> AzureAgentsError:
    """Return the error that lost the answer."""
    return lost.__cause__ if isinstance(lost.__cause__, AzureAgentsError) else lost


def _busy_session(error: ConflictError, session: str) -> ThreadBusyError:
    return ThreadBusyError(
        f"another turn is active in the session {session!r}: wait for it, or give each user a "
        f"session of their own. The service says: {error.message}",
        **error.facts,
    )


def _session_turn_unknown_error(lost: AzureAgentsError, session: str) -> TurnUnknownError:
    return TurnUnknownError(
        f"the answer was lost, and what became of the turn in the session {session!r} cannot be "
        f"looked up: ask the agent what it knows before you ask again ({lost.message})",
        **lost.facts,
    )


def _may_fork_again(error: AzureAgentsError) -> bool:
    return may_have_been_applied(error) or began_and_hit_rate_limit(error)


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
    """Make the event that ends a turn from its response."""
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
