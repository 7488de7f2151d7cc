"""Hand results and decisions to a run that waits, and find out what became of them if need be.

A run takes what it waits for once and refuses everything after that, so results may be sent again.
But that it has gone on does not say *whose* results it took: this is proved (`fates`) before its
answer is delivered as the answer of this turn. A decision that lets a tool of the server run is
sent once.
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
from ..retry import began_and_hit_rate_limit, is_transient, may_have_been_applied, was_not_applied
from ..sending import retrying
from ..waiting import Patience, wait_until_found
from .fates import Fate, look_up_fate
from .pauses import Submission
from .reader import RunReader
from .recovery import SETTLING
from .requests import RunRequests


def submit(requests: RunRequests, thread: str, submission: Submission) -> Flow[RunReader]:
    """Hand a submission to its run and read the run to its end or next pause.

    Raises:
        BadRequestError: The run refuses it.
        ConflictError: The run went on with what another turn submitted.
        TurnUnknownError: It cannot be known whether the run took it, and it must not be sent again.
    """
    attempt = partial(_attempt, requests, thread, submission)
    again = was_not_applied if submission.approves else _may_go_again
    return (yield from retrying(attempt, requests.turn, when=again))


def _may_go_again(error: AzureAgentsError) -> bool:
    # A run that failed at the model's rate limit took the outputs and waits no more.
    return is_transient(error) and not began_and_hit_rate_limit(error)


def _attempt(requests: RunRequests, thread: str, submission: Submission) -> Flow[RunReader]:
    reader = requests.new_reader(thread)
    path = f"/threads/{thread}/runs/{submission.run}/submit_tool_outputs"
    body = dumps({**submission.fields, "stream": True})
    request = Send("POST", requests.turn.route(path), body, stream=True)
    submission.pause.mark_answered()
    try:
        yield from requests.stream(reader, request, submission)
        return reader.checked()
    except AzureAgentsError as error:
        # A refusal after a lost answer may be the refusal of a second copy: look what became of
        # the first one.
        is_late = submission.was_lost and isinstance(error, BadRequestError)
        if not may_have_been_applied(error) and not is_late:
            if not submission.was_lost and _left_it_waiting(reader, error):
                submission.pause.mark_unanswered()
            raise
        submission.was_lost = True
        if reader.run_id is None:
            yield from _prove(requests, thread, submission, error)
        return (yield from _follow(requests, reader, submission))


def _follow(requests: RunRequests, reader: RunReader, submission: Submission) -> Flow[RunReader]:
    """Follow the run that took the submission; after an approval, until the time is over."""
    patience = Patience(requests.turn)
    while True:
        try:
            return (yield from requests.follow(reader, submission.run, submission))
        except ConnectionLostError as lost:
            if not submission.approves:
                raise  # sent again, a run that took the results refuses, and is followed
            unknown = _submission_unknown_error(reader.thread_id or "", submission)
            unknown.__cause__ = lost
            yield patience.pause(unknown)


def _left_it_waiting(reader: RunReader, error: AzureAgentsError) -> bool:
    """Whether a request provably changed nothing at the run (a 400 says that it waits no more)."""
    is_answer = isinstance(error, BadRequestError | NotFoundError | DeadlineError)
    return reader.run_id is None and not is_answer


def _prove(
    requests: RunRequests, thread: str, submission: Submission, error: AzureAgentsError
) -> Flow[None]:
    """Return if the run took this very submission.

    Raises:
        AzureAgentsError: `error`, if it was not taken; else what is known.
    """
    fate = yield from _fate(requests, thread, submission, error)
    if fate is Fate.TAKEN:
        return
    if fate is Fate.ANOTHERS:
        requests.cleanup.mark_over(submission.run)
        raise ConflictError(
            f"the run {submission.run!r} on {thread!r} went on with other results than these, and "
            "did not take them: read the thread, and ask again",
            thread_id=thread,
            run_id=submission.run,
        ) from error
    if fate is Fate.UNKNOWN or submission.approves:
        raise _submission_unknown_error(thread, submission) from error
    raise error


def _fate(
    requests: RunRequests, thread: str, submission: Submission, error: AzureAgentsError
) -> Flow[Fate]:
    look = partial(look_up_fate, submission, thread, requests.lookups)
    if submission.approves:
        return (yield from _settled_fate(requests, thread, submission, error))
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


def _settled_fate(
    requests: RunRequests, thread: str, submission: Submission, error: AzureAgentsError
) -> Flow[Fate]:
    """Look until the run has gone on: an approval on its way may still arrive."""

    def has_gone_on() -> Flow[Fate | None]:
        fate = yield from look_up_fate(submission, thread, requests.lookups)
        return None if fate is Fate.WAITS else fate

    unknown = _submission_unknown_error(thread, submission)
    unknown.__cause__ = error
    return (yield from wait_until_found(has_gone_on, requests.turn, unknown))


def _submission_unknown_error(thread: str, submission: Submission) -> TurnUnknownError:
    what = "decision" if submission.has_decisions else "results"
    return TurnUnknownError(
        f"the answer to the {what} was lost, and the run {submission.run!r} on {thread!r} does not "
        "show whether it took them; nothing was sent again: look at the run before you ask again",
        thread_id=thread,
        run_id=submission.run,
    )
