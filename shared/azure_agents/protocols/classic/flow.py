"""One turn with a classic agent: which thread to use, and what remains of it.

A thread is an append-only log that one run at a time may use, so nothing is posted to it twice. The
head of a thread is claimed in the store before a message is sent; a turn whose answer was lost and
cannot be found forks to a new thread with the whole history. Only a pinned thread cannot fork: the
flow waits for the turn to appear, and says so if it does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from ...errors import (
    Abandoned,
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    InvalidRequestError,
    RateLimitError,
    RunFailedError,
    ThreadBusyError,
    ThreadNotFoundError,
    TurnUnknownError,
)
from ...events import Finished
from ...messages import Message
from ...threads.anchor import Anchor, parse_anchor
from ...threads.approvals import outcomes
from ...threads.digest import system_digest
from ...threads.plan import NO_SYSTEM, Plan, plan_pinned, plan_thread
from ...threads.store import head_key
from ..commands import Emit, Flow, Sleep, StorePut, StoreTake
from ..poison import check_poison, not_poisoned
from ..recall import recall, remember, remember_calls
from ..retry import delay_before, hit_the_limit, is_unknown
from ..sending import retrying
from ..turn import Turn
from ..waiting import Patience, insist, settle, to_the_end, unknown_turn
from .codec import check_messages, finish_details, finish_reason, incomplete_reason
from .pauses import Claim, Pause
from .requests import Runs
from .submission import Submission
from .submitting import submit

_RUN = re.compile(r"\brun_\w+")


def run_turn(turn: Turn) -> Flow[None]:
    """Answer the messages of `turn`; ends with `Finished` or an error."""
    check_messages(turn.messages)  # before a run is cancelled that this call supersedes
    runs = Runs(turn)
    mode = _ThreadOfOurs(runs) if turn.pin is None else _PinnedThread(runs, turn.pin)
    is_ephemeral = turn.settings.threads == "ephemeral"
    try:
        yield from runs.add_tools_of_agent()
        anchor = yield from mode.run()
        if is_ephemeral and anchor is None:
            yield from runs.delete_thread(runs.reader.thread_id)
    except (Abandoned, AzureAgentsError) as error:
        yield from runs.begun.stop()
        if runs.pause is not None:
            yield from runs.pause.give_back()
        if is_ephemeral:
            delete = partial(runs.delete_thread, runs.reader.thread_id)
            yield from to_the_end(partial(insist, delete))
        told = error if isinstance(error, AzureAgentsError) else None
        runs.begun.tell_left(told)
        if told is not None:
            runs.add_facts(told)
        raise
    runs.begun.tell_left(None)
    yield Emit([_finished(runs, anchor)])


def _finished(runs: Runs, anchor: Anchor | None) -> Finished:
    reader, run = runs.reader, runs.reader.run
    return Finished(
        reason=finish_reason(run),
        status=run.get("status") or "",
        thread_id=reader.thread_id,
        run_id=reader.run_id,
        message_id=reader.message_id,
        model=run.get("model") or None,
        anchor=anchor.encode() if anchor is not None else None,
        incomplete_reason=incomplete_reason(run),
        details=finish_details(run),
        approval_outcomes=outcomes(runs.turn.messages, runs.sent),
    )


def _is_paused(runs: Runs) -> bool:
    return runs.reader.run.get("status") == "requires_action"


def _anchor_at(runs: Runs, digest: str) -> Anchor:
    """The anchor of the answer just read."""
    reader, turn = runs.reader, runs.turn
    pending = (system_digest(turn.messages) or NO_SYSTEM) if _is_paused(runs) else ""
    anchor = Anchor(turn.scope, digest, reader.thread_id or "", reader.run_id or "", pending)
    return anchor.sealed(turn.anchor_key)


def _is_busy(error: AzureAgentsError) -> bool:
    """Another run is active on the thread (both sentences quoted in public issue threads)."""
    if not isinstance(error, BadRequestError):
        return False
    text = error.message
    return "already has an active run" in text or ("while a run" in text and "is active" in text)


class _ThreadOfOurs:
    """Policy ``auto``: continue where the store lets us, else a new thread."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._turn = runs.turn
        self._is_ephemeral = self._turn.settings.threads == "ephemeral"
        self._submission: Submission | None = None

    def run(self) -> Flow[Anchor | None]:
        scope, key = self._turn.scope, self._turn.anchor_key
        messages = yield from recall(self._turn, ("thread_",), with_system=False)
        plan = plan_thread(messages, scope, key, prefix="thread_", with_system=False)
        if plan.cancels is not None:
            yield from self._cancel_superseded(plan.cancels)
        answered = plan.anchor is not None and (yield from self._continue(plan, plan.anchor))
        if not answered:
            yield from retrying(partial(self._runs.start, plan.whole), self._turn, when=is_unknown)
        # A run that was lost and forked away from may have turned up since: it is not wanted.
        yield from self._runs.begun.stop(keep=self._runs.reader.run_id)
        if self._is_anothers and plan.anchor is not None and self._submission is not None:
            yield from self._runs.begun.stop_abandoned(plan.anchor.thread, self._submission)
        if not answered and self._is_ephemeral and not self._is_anothers:
            left = plan.cancels or plan.anchor
            yield from self._runs.delete_thread(left.thread if left else None)
        return (yield from self._keep(plan))

    def _continue(self, plan: Plan, anchor: Anchor) -> Flow[bool]:
        """Go on where the anchor is; whether that was possible."""
        if plan.submits:
            return (yield from self._submit(anchor, plan.suffix))
        claimed = yield StoreTake(head_key(self._turn.project_key, anchor.thread), anchor.head)
        return bool(claimed) and (yield from self._append(anchor.thread, plan.suffix))

    def _submit(self, anchor: Anchor, outputs: Sequence[Message]) -> Flow[bool]:
        pause = self._pause_of(anchor)
        submission = self._submission = Submission.of(outputs, pause)
        if not (yield from pause.take()):
            return False
        try:
            yield from submit(self._runs, anchor.thread, submission)
        except (BadRequestError, ConflictError, ThreadNotFoundError):
            # Expired, cancelled or answered already; or decisions on some requests only.
            if submission.has_decisions and pause.claim is Claim.OURS:
                yield from self._runs.begun.cancel_passed_over(anchor.thread, pause)
            return False
        except TurnUnknownError:
            if submission.has_decisions:
                raise
            return False  # results may be told again, where another run reads them
        except RateLimitError as limited:
            delay = delay_before(1, limited, self._turn.policy, self._turn.operation)
            if delay is None or not hit_the_limit(limited):
                raise
            yield Sleep(delay, instead=limited)
            return False  # the run took the results and failed: they are told to another
        self._runs.sent = outputs
        return True

    def _pause_of(self, anchor: Anchor) -> Pause:
        self._runs.pause = Pause(self._turn, anchor.head, anchor.digest)
        return self._runs.pause

    @property
    def _is_anothers(self) -> bool:
        """Another turn goes on where this one would have: its thread is not ours to delete."""
        pause = self._runs.pause
        return pause is not None and pause.claim is Claim.ANOTHERS

    def _append(self, thread: str, messages: Sequence[Message]) -> Flow[bool]:
        try:
            yield from self._runs.run_on(thread, messages)
        except ThreadNotFoundError:
            return False
        except AzureAgentsError as error:
            if not _is_busy(error) and not is_unknown(error):
                raise
            return False
        return True

    def _keep(self, plan: Plan) -> Flow[Anchor | None]:
        """Give the head back to the store: only after a turn that is known to be whole."""
        reader = self._runs.reader
        status = reader.run.get("status")
        if status == "completed":
            key = head_key(self._turn.project_key, reader.thread_id or "")
            yield StorePut(key, reader.run_id or "")
        if status not in ("completed", "requires_action") or (
            self._is_ephemeral and not _is_paused(self._runs)
        ):
            return None
        plan.transcript.add(reader.answer)
        anchor = _anchor_at(self._runs, plan.transcript.digest())
        if anchor.pending:
            yield from Pause(self._turn, anchor.head, anchor.digest).enter()
            yield from remember_calls(self._turn, reader.answer.tool_calls, anchor.encode())
        yield from remember(self._turn, anchor.digest, anchor.encode())
        return anchor

    def _cancel_superseded(self, anchor: Anchor) -> Flow[None]:
        """Stop the run, unless another turn answers it: the thread is not used again."""
        pause = self._pause_of(anchor)
        if (yield from pause.take()):
            yield from self._runs.begun.cancel_passed_over(anchor.thread, pause)


class _PinnedThread:
    """The caller's thread: it holds everything up to the last assistant message of the call."""

    def __init__(self, runs: Runs, thread: str) -> None:
        self._runs = runs
        self._turn = runs.turn
        self._thread = thread

    def run(self) -> Flow[Anchor | None]:
        fresh = plan_pinned(self._turn.messages)
        outputs = [m for m in fresh if m.role == "tool" or m.is_approval]
        rest = [m for m in fresh if m not in outputs and m.role != "system"]
        if outputs and rest:
            raise InvalidRequestError(
                "tool results and new messages cannot go to a pinned thread in one call: "
                "send the results first, then the messages",
                thread_id=self._thread,
            )
        if not fresh:
            raise InvalidRequestError(
                f"nothing to send to the pinned thread {self._thread!r}: it holds everything up "
                "to the last assistant message, so put a new message after that",
                thread_id=self._thread,
            )
        # Anchors of before may not continue here any more: their histories lack this turn.
        yield StorePut(head_key(self._turn.project_key, self._thread), "")
        if outputs:
            yield from self._submit(outputs)
            self._runs.sent = outputs
        else:
            yield from self._append(rest)
        if not _is_paused(self._runs):
            return None
        anchor = _anchor_at(self._runs, "")
        yield from Pause(self._turn, anchor.head, "").enter()
        return anchor

    def _submit(self, outputs: Sequence[Message]) -> Flow[None]:
        run = self._run_of_anchor() or (yield from self._waiting_run())
        self._runs.pause = pause = Pause(self._turn, run, None)
        yield from pause.take()  # the run itself refuses what another has answered
        submission = Submission.of(outputs, pause)
        try:
            yield from submit(self._runs, self._thread, submission)
        except BadRequestError:
            yield from self._runs.raise_how_it_ended(self._thread, run)
            raise

    def _run_of_anchor(self) -> str | None:
        """The paused run, where the last answer in the history names it."""
        answers = [m for m in self._turn.messages if m.role == "assistant"]
        anchor = parse_anchor(answers[-1].anchor) if answers else None
        if anchor is None or anchor.thread != self._thread or not anchor.pending:
            return None
        if not anchor.is_of(self._turn.scope, self._turn.anchor_key):
            return None
        return anchor.head

    def _waiting_run(self) -> Flow[str]:
        runs = yield from self._runs.looks.newest_runs(self._thread)
        for run in runs:
            if run.get("status") == "requires_action":
                return str(run["id"])
        raise InvalidRequestError(
            f"no run on the pinned thread {self._thread!r} waits for tool results: "
            "leave the results out, or ask anew",
            thread_id=self._thread,
        )

    def _append(self, messages: Sequence[Message]) -> Flow[None]:
        try:
            yield from self._append_when_free(messages)
        except (BadRequestError, RunFailedError) as error:
            suspects = self._runs.looks.with_media
            yield from check_poison(self._turn, self._thread, error, suspects)
            raise
        not_poisoned(self._turn, self._thread)

    def _append_when_free(self, messages: Sequence[Message]) -> Flow[None]:
        paused = self._run_of_anchor()
        patience = Patience(self._turn)
        while True:
            try:
                yield from self._runs.run_on(self._thread, messages)
            except AzureAgentsError as error:
                if _is_busy(error):
                    busy = self._busy(error)
                    if paused is not None and busy.run_id == paused:
                        yield from self._cancel_superseded(paused)
                        paused = None  # once is enough
                    yield patience.pause(busy)
                    continue
                if not is_unknown(error):
                    raise
                yield from self._wait_for_run(error)
            return

    def _cancel_superseded(self, run: str) -> Flow[None]:
        """The caller's own run waits for results, and the caller asks something else instead."""
        pause = Pause(self._turn, run, None)
        yield from pause.take()
        yield from self._runs.begun.cancel_passed_over(self._thread, pause)

    def _busy(self, error: AzureAgentsError) -> ThreadBusyError:
        named = _RUN.search(error.message)
        facts = {**error.facts, "thread_id": self._thread, "run_id": named and named[0]}
        busy = ThreadBusyError(
            f"another run is active on the pinned thread {self._thread!r}: wait for it, cancel "
            "it, or give each user a thread of their own",
            **facts,
        )
        busy.__cause__ = error
        return busy

    def _wait_for_run(self, error: AzureAgentsError) -> Flow[None]:
        """The answer was lost: nothing is posted again, so wait for the run to turn up."""
        unknown = unknown_turn(error, "the run", self._thread)

        def look() -> Flow[bool]:
            run = yield from self._runs.ours_on(self._thread)
            if run is None:
                return False
            unknown.add_facts(run_id=run)
            yield from self._runs.follow(self._thread, run)
            return True

        yield from settle(look, self._turn, unknown)
