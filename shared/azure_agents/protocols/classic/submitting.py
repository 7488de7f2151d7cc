"""Hand results and decisions to a run that waits, and find out what became of them if need be.

A run takes what it waits for once and refuses everything after, so results may be sent again. But
that it has gone on does not say *whose* results it took: this must be proved before its answer is
told (`submission`). A decision that lets a tool of the server run is sent once.
"""

from __future__ import annotations

from functools import partial

from ...errors import (
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    ConnectionLostError,
    DeadlineError,
    NotFoundError,
    TurnUnknownError,
)
from ...jsonio import dumps
from ..commands import Flow, Send, Sleep
from ..retry import hit_the_limit, is_unknown, may_pass, was_not_applied
from ..sending import retrying
from ..waiting import Patience, settle
from .requests import SETTLING, Runs
from .submission import Fate, Submission


def submit(runs: Runs, thread: str, submission: Submission) -> Flow[None]:
    """Hand a submission to its run, and read on.

    Raises:
        BadRequestError: The run refuses it.
        ConflictError: The run went on with what somebody else submitted.
        TurnUnknownError: Nobody can say whether the run took it, and it must not be said again.
    """
    attempt = partial(_attempt, runs, thread, submission)
    again = was_not_applied if submission.approves else _may_go_again
    yield from retrying(attempt, runs.turn, when=again)


def _may_go_again(error: AzureAgentsError) -> bool:
    # A run that failed at the model's rate limit took the outputs and waits no more.
    return may_pass(error) and not hit_the_limit(error)


def _attempt(runs: Runs, thread: str, submission: Submission) -> Flow[None]:
    route = runs.turn.route(f"/threads/{thread}/runs/{submission.run}/submit_tool_outputs")
    body = dumps({**submission.given, "stream": True})
    runs.read_anew(thread, submission)
    submission.pause.use()
    try:
        yield from runs.read_run(Send("POST", route, body, stream=True), submission)
        runs.raise_failure()
    except AzureAgentsError as error:
        is_late = submission.was_lost and isinstance(error, BadRequestError)
        if not is_unknown(error) and not is_late:
            if not submission.was_lost and _left_it_waiting(runs, error):
                submission.pause.was_refused()
            raise
        submission.was_lost = True
        if runs.reader.run_id is None:
            yield from _prove(runs, thread, submission, error)
        yield from _follow(runs, thread, submission)


def _follow(runs: Runs, thread: str, submission: Submission) -> Flow[None]:
    """Follow the run; what a tool may have done for is read until the time is over."""
    patience = Patience(runs.turn)
    while True:
        try:
            return (yield from runs.follow(thread, submission.run))
        except ConnectionLostError as lost:
            if not submission.approves:
                raise  # sent again, a run that took the results refuses, and is followed
            unknown = _unknown(thread, submission)
            unknown.__cause__ = lost
            yield patience.pause(unknown)


def _left_it_waiting(runs: Runs, error: AzureAgentsError) -> bool:
    """Whether a request provably changed nothing at the run (a 400 says that it waits no more)."""
    is_answer = isinstance(error, BadRequestError | NotFoundError | DeadlineError)
    return runs.reader.run_id is None and not is_answer


def _prove(runs: Runs, thread: str, submission: Submission, error: AzureAgentsError) -> Flow[None]:
    """Go on if the run took this very submission.

    Raises:
        AzureAgentsError: `error`, if it was not taken; else what is known.
    """
    fate = yield from _look(runs, thread, submission, error)
    if fate is Fate.TAKEN:
        return
    if fate is Fate.ANOTHERS:
        runs.begun.is_over(submission.run)
        raise ConflictError(
            f"the run {submission.run!r} on {thread!r} went on with other results than these, and "
            "did not take them: read the thread, and ask anew",
            thread_id=thread,
            run_id=submission.run,
        ) from error
    if fate is Fate.UNKNOWN or submission.approves:
        raise _unknown(thread, submission) from error
    raise error


def _look(runs: Runs, thread: str, submission: Submission, error: AzureAgentsError) -> Flow[Fate]:
    look = partial(submission.fate, thread, runs.looks)
    if submission.approves:

        def has_gone_on() -> Flow[Fate | None]:
            fate = yield from look()
            return None if fate is Fate.WAITS else fate

        unknown = _unknown(thread, submission)
        unknown.__cause__ = error
        return (yield from settle(has_gone_on, runs.turn, unknown)) or Fate.UNKNOWN
    # A run that refuses does not wait, and one that went on has the results in its steps: soon.
    refused = isinstance(error, BadRequestError)
    passing = (Fate.WAITS if refused else None, None if submission.has_decisions else Fate.UNKNOWN)
    fate = yield from look()
    for pause in SETTLING:
        if fate not in passing:
            break
        yield Sleep(pause)
        fate = yield from look()
    return fate


def _unknown(thread: str, submission: Submission) -> TurnUnknownError:
    what = "decision" if submission.has_decisions else "results"
    return TurnUnknownError(
        f"the answer to the {what} was lost, and the run {submission.run!r} on {thread!r} does not "
        "say whether it took them; nothing was sent again: look at the run before you ask again",
        thread_id=thread,
        run_id=submission.run,
    )
