"""One turn with a classic agent: which thread to use, and what is kept of it for the next turn.

Theory of operation
===================

The caller brings the whole history with every turn. Each answer in it carries an *anchor*, which
names the thread and the run that made the answer. From these the plan (`threads.plan`) says one of
three things:

    continue   The history up to an answer is what its thread holds. The *head* of the thread (the
               id of its last run) is claimed in the store: only one turn may go on from it. Then
               only the messages after that answer are sent.
    submit     The newest answer is a pause, and its results or decisions are there. The pause is
               taken in the store (`pauses`), and they are submitted to the run that waits.
    start      Anything else: a new thread with the whole history.

If the claim fails, or the thread is gone or busy, or the answer is lost and its run is not found,
the turn *forks*: it starts on a new thread. Nothing is lost by that, since the caller has the
history; the old thread is left as it is. A turn that ends well puts its run into the store as the
new head, and its answer carries a new anchor.

A pinned thread (`thread_id=` of the call or the client) belongs to the caller. It holds everything
up to the last answer of the call, so only what follows is sent, and it cannot be left: the flow
waits while another run is active, and waits for a run whose answer was lost. If it does not appear
in time, `TurnUnknownError` says so, and nothing was sent twice.

What is sent in each case, and what happens when an answer is lost: `requests`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ...errors import (
    Abandoned,
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    RunFailedError,
    ThreadBusyError,
    ThreadNotFoundError,
    TurnUnknownError,
)
from ...messages import Message
from ...threads.anchor import Anchor, parse_anchor
from ...threads.approvals import outcomes
from ...threads.digest import system_digest
from ...threads.plan import NO_SYSTEM, Plan, messages_for_pin, plan_thread
from ...threads.store import head_key
from ..commands import Emit, Flow, Sleep, StorePut, StoreTake
from ..poison import check_poison, clear_poison
from ..recall import recall, remember, remember_calls
from ..retry import began_and_hit_rate_limit, delay_before, may_have_been_applied
from ..sending import retrying
from ..turn import Turn
from ..waiting import Patience, complete_cleanup, try_cleanup, turn_unknown_error, wait_until_found
from .busy import is_busy, run_named
from .codec import check_messages, encode_outputs
from .pauses import Claim, Pause, Submission
from .reader import RunReader
from .requests import RunRequests
from .submit import submit


def run_turn(turn: Turn) -> Flow[None]:
    """Answer the messages of `turn`; ends with `Finished` or an error."""
    check_messages(turn.messages)  # before a run is cancelled that this call supersedes
    requests = RunRequests(turn)
    thread = _AutoThread(requests) if turn.pin is None else _PinnedThread(requests, turn.pin)
    is_ephemeral = turn.settings.threads == "ephemeral"
    try:
        yield from requests.add_tools_of_agent()
        reader, anchor = yield from thread.run()
        if is_ephemeral and anchor is None:
            yield from requests.threads.delete(reader.thread_id)
    except (Abandoned, AzureAgentsError) as error:
        yield from _clean_up(requests, thread.pause, deletes=is_ephemeral)
        raised = error if isinstance(error, AzureAgentsError) else None
        requests.cleanup.report_left(raised)
        if raised is not None:
            requests.add_facts(raised)
        raise
    requests.cleanup.report_left(None)
    yield Emit([reader.finished(anchor, outcomes(turn.messages, thread.submitted))])


def _clean_up(requests: RunRequests, pause: Pause | None, *, deletes: bool) -> Flow[None]:
    """Leave nothing behind that goes on, waits or is stored after a turn that failed."""
    yield from requests.cleanup.stop()
    if pause is not None:
        yield from pause.give_back()
    if deletes:
        delete = partial(requests.threads.delete, requests.last_reader.thread_id)
        yield from complete_cleanup(partial(try_cleanup, delete))


def _anchor_at(turn: Turn, reader: RunReader, digest: str) -> Anchor:
    """Make the anchor of the answer that was read."""
    paused_under = (system_digest(turn.messages) or NO_SYSTEM) if reader.is_paused else ""
    anchor = Anchor(turn.scope, digest, reader.thread_id or "", reader.run_id or "", paused_under)
    return anchor.sealed(turn.anchor_key)


class _AutoThread:
    """A thread that the flow chooses: that of the history if the store lets it, else a new one.

    Attributes:
        pause: The pause that this turn answers, or passes over.
        submitted: The messages that a paused run took.
    """

    def __init__(self, requests: RunRequests) -> None:
        self._requests = requests
        self._turn = requests.turn
        self._is_ephemeral = self._turn.settings.threads == "ephemeral"
        self._submission: Submission | None = None
        self.pause: Pause | None = None
        self.submitted: Sequence[Message] = ()

    def run(self) -> Flow[tuple[RunReader, Anchor | None]]:
        scope, key = self._turn.scope, self._turn.anchor_key
        messages = yield from recall(self._turn, ("thread_",), with_system=False)
        plan = plan_thread(messages, scope, key, prefix="thread_", with_system=False)
        if plan.superseded is not None:
            yield from self._cancel_superseded(plan.superseded)
        reader = None
        if plan.anchor is not None:
            reader = yield from self._continue(plan, plan.anchor)
        has_forked = reader is None
        if reader is None and plan.anchor is not None and self._turn.is_repeated:
            reader = yield from self._requests.find_forked()
        if reader is None:
            start = partial(self._requests.start, plan.whole)
            reader = yield from retrying(start, self._turn, when=may_have_been_applied)
        # A run that was lost and forked away from may have turned up since: it is not wanted.
        yield from self._requests.cleanup.stop(keep=reader.run_id)
        if has_forked:
            yield from self._leave(plan)
        return reader, (yield from self._keep(plan, reader))

    def _leave(self, plan: Plan) -> Flow[None]:
        """Clean up the thread that the turn forked from."""
        if self._is_anothers:
            if plan.anchor is not None and self._submission is not None:
                yield from self._requests.cleanup.stop_abandoned(
                    plan.anchor.thread, self._submission
                )
        elif self._is_ephemeral:
            left = plan.superseded or plan.anchor
            yield from self._requests.threads.delete(left.thread if left else None)

    def _continue(self, plan: Plan, anchor: Anchor) -> Flow[RunReader | None]:
        """Go on where the anchor is; None if that is not possible."""
        if plan.is_submission:
            return (yield from self._submit(anchor, plan.suffix))
        head = head_key(self._turn.project_key, anchor.thread)
        taken = yield StoreTake(head, anchor.head)
        if not taken and not self._turn.is_repeated:  # an earlier process took it for this turn
            return None
        return (yield from self._append(anchor.thread, plan.suffix))

    def _submit(self, anchor: Anchor, outputs: Sequence[Message]) -> Flow[RunReader | None]:
        pause = self._pause_of(anchor)
        submission = self._submission = Submission(pause, encode_outputs(outputs))
        if not (yield from pause.take()):
            return None
        try:
            reader = yield from submit(self._requests, anchor.thread, submission)
        except (BadRequestError, ConflictError, NotFoundError):
            # Expired, cancelled or answered already; or decisions on some requests only.
            if submission.has_decisions and pause.claim is Claim.OURS:
                yield from self._requests.cleanup.cancel_superseded(anchor.thread, pause)
            return None
        except TurnUnknownError:
            if submission.has_decisions:
                raise
            return None  # results may be sent again, to a new thread where another run reads them
        except RateLimitError as limited:
            delay = delay_before(1, limited, self._turn.retry_policy, self._turn.operation)
            if delay is None or not began_and_hit_rate_limit(limited):
                raise
            yield Sleep(delay, instead=limited)
            return None  # the run took the results and failed: a new thread gets them
        self.submitted = outputs
        return reader

    def _pause_of(self, anchor: Anchor) -> Pause:
        self.pause = Pause(self._turn, anchor.head, anchor.digest)
        return self.pause

    @property
    def _is_anothers(self) -> bool:
        """Whether another turn goes on from this pause: its thread is not ours to delete."""
        return self.pause is not None and self.pause.claim is Claim.ANOTHERS

    def _append(self, thread: str, messages: Sequence[Message]) -> Flow[RunReader | None]:
        try:
            return (yield from self._requests.run_on(thread, messages))
        except ThreadNotFoundError:
            return None
        except AzureAgentsError as error:
            # A refusal without a reason may say that the thread is gone: a proxy emptied it.
            if not (error.is_unexplained or is_busy(error) or may_have_been_applied(error)):
                raise
            return None

    def _keep(self, plan: Plan, reader: RunReader) -> Flow[Anchor | None]:
        """Put the new head into the store, and make the anchor of the answer.

        Only a turn that is known to be whole gives the head back: from any other, the next turn
        forks.
        """
        status = reader.run.get("status")
        if status == "completed":
            key = head_key(self._turn.project_key, reader.thread_id or "")
            yield StorePut(key, reader.run_id or "")
        if status not in ("completed", "requires_action") or (
            self._is_ephemeral and not reader.is_paused
        ):
            return None
        plan.transcript.add(reader.answer)
        anchor = _anchor_at(self._turn, reader, plan.transcript.digest())
        if anchor.paused_under:
            yield from Pause(self._turn, anchor.head, anchor.digest).enter()
            yield from remember_calls(self._turn, reader.answer.tool_calls, anchor.encode())
        yield from remember(self._turn, anchor.digest, anchor.encode())
        return anchor

    def _cancel_superseded(self, anchor: Anchor) -> Flow[None]:
        """Stop the paused run, unless another turn answers it; its thread is not used again."""
        pause = self._pause_of(anchor)
        if (yield from pause.take()):
            yield from self._requests.cleanup.cancel_superseded(anchor.thread, pause)


class _PinnedThread:
    """The caller's thread: it holds everything up to the last assistant message of the call.

    Attributes:
        pause: The pause that this turn answers.
        submitted: The messages that a paused run took.
    """

    def __init__(self, requests: RunRequests, thread: str) -> None:
        self._requests = requests
        self._turn = requests.turn
        self._thread = thread
        self.pause: Pause | None = None
        self.submitted: Sequence[Message] = ()

    def run(self) -> Flow[tuple[RunReader, Anchor | None]]:
        fresh = messages_for_pin(self._turn.messages)
        outputs = [m for m in fresh if m.role == "tool" or m.is_approval]
        rest = [m for m in fresh if m not in outputs and m.role != "system"]
        self._check(fresh, outputs, rest)
        # Earlier anchors may not continue here any more: their histories lack this turn.
        yield StorePut(head_key(self._turn.project_key, self._thread), "")
        if outputs:
            reader = yield from self._submit(outputs)
            self.submitted = outputs
        else:
            reader = yield from self._append(rest)
        if not reader.is_paused:
            return reader, None
        anchor = _anchor_at(self._turn, reader, "")
        yield from Pause(self._turn, anchor.head, "").enter()
        return reader, anchor

    def _check(
        self, fresh: Sequence[Message], outputs: Sequence[Message], rest: Sequence[Message]
    ) -> None:
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

    def _submit(self, outputs: Sequence[Message]) -> Flow[RunReader]:
        run = self._run_of_anchor() or (yield from self._waiting_run())
        self.pause = pause = Pause(self._turn, run, None)
        yield from pause.take()  # the run itself refuses what another has answered
        submission = Submission(pause, encode_outputs(outputs))
        try:
            return (yield from submit(self._requests, self._thread, submission))
        except BadRequestError:
            yield from self._requests.raise_end_of(self._thread, run)
            raise

    def _run_of_anchor(self) -> str | None:
        """Return the paused run, where the last answer in the history names it."""
        answers = [m for m in self._turn.messages if m.role == "assistant"]
        anchor = parse_anchor(answers[-1].anchor) if answers else None
        if anchor is None or anchor.thread != self._thread or not anchor.paused_under:
            return None
        if not anchor.is_of(self._turn.scope, self._turn.anchor_key):
            return None
        return anchor.head

    def _waiting_run(self) -> Flow[str]:
        runs = yield from self._requests.lookups.newest_runs(self._thread)
        for run in runs:
            if run.get("status") == "requires_action":
                return str(run["id"])
        raise InvalidRequestError(
            f"no run on the pinned thread {self._thread!r} waits for tool results: "
            "leave the results out, or ask again",
            thread_id=self._thread,
        )

    def _append(self, messages: Sequence[Message]) -> Flow[RunReader]:
        try:
            reader = yield from self._append_when_free(messages)
        except (BadRequestError, RunFailedError) as error:
            suspects = self._requests.lookups.with_media
            yield from check_poison(self._turn, self._thread, error, suspects)
            raise
        clear_poison(self._turn, self._thread)
        return reader

    def _append_when_free(self, messages: Sequence[Message]) -> Flow[RunReader]:
        paused = self._run_of_anchor()
        patience = Patience(self._turn)
        while True:
            try:
                return (yield from self._requests.run_on(self._thread, messages))
            except AzureAgentsError as error:
                if may_have_been_applied(error):
                    return (yield from self._wait_for_run(error))
                if not is_busy(error):
                    raise
                busy = self._busy(error, run_named(error))
                if paused is not None and busy.run_id == paused:
                    yield from self._cancel_superseded(paused)
                    paused = None  # once is enough
                yield patience.pause(busy)

    def _cancel_superseded(self, run: str) -> Flow[None]:
        """Stop the caller's own run, which waits for results: the caller asks something else."""
        pause = Pause(self._turn, run, None)
        yield from pause.take()
        yield from self._requests.cleanup.cancel_superseded(self._thread, pause)

    def _busy(self, error: AzureAgentsError, run: str | None) -> ThreadBusyError:
        facts = {**error.facts, "thread_id": self._thread, "run_id": run}
        busy = ThreadBusyError(
            f"another run is active on the pinned thread {self._thread!r}: wait for it, cancel "
            "it, or give each user a thread of their own",
            **facts,
        )
        busy.__cause__ = error
        return busy

    def _wait_for_run(self, lost: AzureAgentsError) -> Flow[RunReader]:
        """Wait for the run to turn up whose answer was lost: nothing is posted again.

        Raises:
            ThreadBusyError: Another run holds the thread, which takes one at a time: the lost
                request was refused, and the caller learns which run to cancel.
            TurnUnknownError: None does.
        """
        unknown = turn_unknown_error(lost, "the run", self._thread)
        reader = self._requests.last_reader
        holder: str | None = None

        def look() -> Flow[RunReader | None]:
            nonlocal holder
            holder = None  # as long as nothing is seen: the look may fail
            run, holder = yield from self._requests.lookups.our_run_or_holder(self._thread)
            if run is None:
                return None
            unknown.add_facts(run_id=run)
            reader.thread_id = self._thread
            return (yield from self._requests.follow(reader, run))

        try:
            return (yield from wait_until_found(look, self._turn, unknown))
        except TurnUnknownError:
            if holder is None:
                raise
            raise self._busy(lost, holder) from lost
