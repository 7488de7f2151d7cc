"""One routed call, from its first attempt to its answer: a flow, without I/O.

First each deployment of the model that may be asked is asked once, the best one first; then those
of its fallbacks, in their order. When none has answered, those that failed lately are better than
nothing: each that was not asked yet is asked, then those that failed in this call once more, after
a wait, as often as `retries` allows. One that said 429 is left alone until its time has come.

The router decides about every attempt: an attempt is one request.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from ..drivers.clock import Clock
from ..errors import (
    AzureAgentsError,
    BadRequestError,
    ContentFilteredError,
    DeadlineError,
    NotFoundError,
    RateLimitError,
    ServiceError,
)
from ..models.operation_table import OPERATIONS
from ..protocols.retry import RetryPolicy, delay_before
from ..settings.timeouts import Timeouts
from .choice import Standing, order_of, soonest
from .counts import Counts, Ticket
from .deployments import Deployment
from .health import Health, Kind, judge
from .limits import SECOND, Amounts
from .redis_script import Eval

Group: TypeAlias = tuple[Deployment, ...]
_LEFT = (
    ("requests", "x-ratelimit-remaining-requests"),
    ("tokens", "x-ratelimit-remaining-tokens"),
)
_SHORTEST = 0.001  # seconds of an attempt
_TOO_LONG = ("context_length_exceeded", "maximum context length", "context window")


class Attempt(NamedTuple):
    """Ask a deployment, once.

    Attributes:
        deployment: Which one.
        timeouts: Of this attempt.
        asks_usage: A stream is to tell what it used, also if its caller did not ask for that.
    """

    deployment: Deployment
    timeouts: Timeouts
    asks_usage: bool = False


class Pause(NamedTuple):
    """Let some seconds pass."""

    seconds: float


Command: TypeAlias = Eval | Attempt | Pause
Flow: TypeAlias = Generator[Command, Any, Any]


class Job(NamedTuple):
    """What is to be done.

    Attributes:
        asked: The model that the caller named.
        operation: Name of a row of the table.
        groups: The deployments of the model, then those of each of its fallbacks.
        amounts: What a request will use, as far as known.
        timeouts: Of an attempt, unless its deployment has its own.
        most_seconds: Of the whole call; None: no limit.
        retries: How often to ask again what failed in this call.
        too_long: Groups to ask instead where the prompt is too long for the model.
        filtered: Groups to ask instead where a content filter refused the prompt.
        asks_usage: A stream whose caller did not say whether it tells its usage.
        seeks: It names something by an id that does not say where it was made, so every resource is
            asked until one knows it.
        key: Any text that differs between calls; spreads the waits.
    """

    asked: str
    operation: str
    groups: tuple[Group, ...]
    amounts: Amounts = Amounts()
    timeouts: Timeouts = Timeouts()
    most_seconds: float | None = None
    retries: int = 2
    too_long: tuple[Group, ...] = ()
    filtered: tuple[Group, ...] = ()
    asks_usage: bool = False
    seeks: bool = False
    key: str = ""


class Routed(NamedTuple):
    """An answer, and the place it was made at; the ticket is still to be settled and ended."""

    ticket: Ticket
    answer: Any


class Desk:
    """What all calls of a router share.

    Attributes:
        counts: Who has a place.
        health: Who failed.
        clock: Time, to be replaced in tests.
        silent: Deployments that refuse to tell what a stream used.
    """

    def __init__(self, counts: Counts, health: Health, clock: Clock) -> None:
        self.counts, self.health, self.clock = counts, health, clock
        self.silent: set[str] = set()

    def standing(self, deployment: Deployment, amounts: Amounts) -> Standing:
        """What is known of a deployment now."""
        return Standing(
            deployment.id,
            deployment.order,
            deployment.weight,
            self.counts.load(deployment),
            self.counts.running(deployment),
            self.counts.wait(deployment, amounts),
            self.health.busy_for(deployment),
            self.health.failed_for(deployment) > 0,
        )


def route(job: Job, desk: Desk) -> Flow:
    """Carry out a job; returns `Routed`.

    Raises:
        RateLimitError: All deployments are at their limits, or said so.
        DeadlineError: The call took too long.
        AzureAgentsError: The last one's error; or at once one that every deployment would give.
    """
    call = _Call(job, desk)
    try:
        return (yield from call.run())
    except AzureAgentsError as error:
        detour = _detour(job, error)
        if not detour:
            raise
    left = call.seconds_left()
    return (
        yield from _Call(
            job._replace(groups=detour, too_long=(), filtered=(), most_seconds=left), desk
        ).run()
    )


def _detour(job: Job, error: AzureAgentsError) -> tuple[Group, ...]:
    if isinstance(error, ContentFilteredError):
        return job.filtered
    words = f"{error.code} {error.message}".lower()
    is_too_long = isinstance(error, ServiceError) and any(word in words for word in _TOO_LONG)
    return job.too_long if is_too_long else ()


class _Call:
    def __init__(self, job: Job, desk: Desk) -> None:
        self._job = job
        self._desk = desk
        self._row = OPERATIONS[job.operation]
        self._end = None if job.most_seconds is None else desk.clock.time() + job.most_seconds
        self._errors: dict[str, tuple[Kind, AzureAgentsError]] = {}  # the last one of each
        self._attempts: dict[str, int] = {}
        self._last: AzureAgentsError | None = None

    def run(self) -> Flow:
        for group in self._job.groups:
            routed = yield from self._ask_each(group)
            if routed is not None:
                return routed
        routed = yield from self._ask_again()
        if routed is not None:
            return routed
        raise self._nothing_left()

    def seconds_left(self) -> float | None:
        return None if self._end is None else max(0.0, self._end - self._desk.clock.time())

    def _ask_each(self, group: Group) -> Flow:
        failed_for = self._desk.health.failed_for
        while True:
            fresh = [one for one in group if one.id not in self._attempts and not failed_for(one)]
            ticket = yield from self._place(fresh)
            if ticket is None:
                return None
            routed = yield from self._attempt(ticket)
            if routed is not None:
                return routed

    def _ask_again(self) -> Flow:
        """Ask those that failed; each that was not asked in this call before any is asked twice."""
        retry = 0
        while True:
            unasked = [one for one in self._all() if one.id not in self._attempts]
            ticket = yield from self._place(unasked)
            if ticket is None:
                retry += 1
                if not (yield from self._wait_before(retry)):
                    return None
                ticket = yield from self._place_of_the_least_asked()
            if ticket is None:
                return None
            routed = yield from self._attempt(ticket)
            if routed is not None:
                return routed

    def _place_of_the_least_asked(self) -> Generator[Eval, Any, Ticket | None]:
        failed = [one for one in self._all() if self._kind_of(one) == "failed"]
        for one in sorted(failed, key=lambda one: self._attempts[one.id]):
            ticket = yield from self._place([one])
            if ticket is not None:
                return ticket
        return None

    def _wait_before(self, retry: int) -> Generator[Pause, None, bool]:
        """Wait before a retry; False if there is none."""
        kinds = {kind for kind, _ in self._errors.values()}
        if "failed" not in kinds or retry > self._job.retries or self._last is None:
            return False
        policy = RetryPolicy(max_retries=self._job.retries)
        delay = delay_before(retry, self._last, policy, self._job.key)
        left = self.seconds_left()
        if delay is None or (left is not None and delay >= left):
            return False
        yield Pause(delay)
        return True

    def _place(self, group: Iterable[Deployment]) -> Generator[Eval, Any, Ticket | None]:
        """Give the call a place on the best of some deployments that has one."""
        self._check_time()
        by_id = {one.id: one for one in group}
        while by_id:
            best = self._best(list(by_id.values()))
            if best is None:
                return None
            ticket = yield from self._begin(by_id.pop(best.id))
            if ticket is not None:
                return ticket
        return None

    def _begin(self, one: Deployment) -> Generator[Eval, Any, Ticket | None]:
        counts = self._desk.counts
        if not counts.is_shared:
            return counts.begin_here(one, self._job.amounts)
        return (yield from counts.begin(one, self._job.amounts))

    def _best(self, left: Sequence[Deployment]) -> Deployment | Standing | None:
        if len(left) == 1:  # nothing to choose: `begin` knows whether it has a place
            return None if self._desk.health.busy_for(left[0]) else left[0]
        standings = [self._desk.standing(one, self._job.amounts) for one in left]
        return next(iter(order_of(standings)), None)

    def _attempt(self, ticket: Ticket) -> Flow:
        one = ticket.deployment
        timeouts, is_cut = self._timeouts(one)
        self._attempts[one.id] = self._attempts.get(one.id, 0) + 1
        try:
            answer = yield Attempt(one, timeouts, self._asks_usage(one))
        except AzureAgentsError as error:
            self._desk.counts.end(ticket)
            if isinstance(error, ServiceError):
                yield from self._desk.counts.settle(ticket, Amounts())  # it used nothing
            if not self._is_silent(one, error):
                yield from self._failed(one, error, is_cut=is_cut)
            return None
        except BaseException:
            self._desk.counts.end(ticket)
            raise
        self._desk.health.succeeded(one, ticket.place.at)
        return Routed(ticket, answer)

    def _asks_usage(self, one: Deployment) -> bool:
        counts = one.limits.counts_tokens and one.id not in self._desk.silent
        return self._job.asks_usage and counts

    def _is_silent(self, one: Deployment, error: AzureAgentsError) -> bool:
        """Whether it refused only to tell the usage: then it is asked again, without that."""
        is_it = isinstance(error, BadRequestError) and "stream_options" in (
            f"{error.param} {error.message}"
        )
        if not is_it or not self._asks_usage(one):
            return False
        self._desk.silent.add(one.id)
        del self._attempts[one.id]
        return True

    def _failed(
        self, one: Deployment, error: AzureAgentsError, *, is_cut: bool
    ) -> Generator[Eval, Any, None]:
        row = self._row
        kind = judge(error, names_model=row.names_model, may_repeat=row.may_repeat)
        if self._job.seeks and isinstance(error, NotFoundError):
            self._leave_out(one, error)
            return
        if kind == "wrong" or (is_cut and isinstance(error, DeadlineError)):
            raise error  # no fault of the deployment: of the request, or of the caller's patience
        self._errors[one.id], self._last = (kind, error), error
        seconds = self._desk.health.note(one, kind, error)
        if seconds:
            yield from self._desk.counts.cool(one, seconds)

    def _leave_out(self, one: Deployment, error: AzureAgentsError) -> None:
        """Ask no deployment of a resource that does not know the id."""
        self._last = error
        for other in self._all():
            if other.resource == one.resource:
                self._errors[other.id] = ("wrong", error)
                self._attempts.setdefault(other.id, 1)

    def _timeouts(self, one: Deployment) -> tuple[Timeouts, bool]:
        """The timeouts of an attempt, and whether the call's own end cuts them."""
        timeouts = self._job.timeouts if one.timeout is None else Timeouts.of(one.timeout)
        if one.stream_timeout is not None:
            timeouts = replace(timeouts, first_event=one.stream_timeout)
        left = self.seconds_left()
        if left is None or (timeouts.turn is not None and timeouts.turn < left):
            return timeouts, False
        left = max(left, _SHORTEST)
        return replace(timeouts, turn=left, read=min(timeouts.read, left)), True

    def _check_time(self) -> None:
        if self.seconds_left() != 0:
            return
        said = f"; the last error: {self._last.message}" if self._last else ""
        raise DeadlineError(
            f"{self._job.operation} with {self._job.asked}: no answer in "
            f"{self._job.most_seconds:g} s{said}"
        )

    def _nothing_left(self) -> AzureAgentsError:
        kinds = {self._kind_of(one) for one in self._all()}
        if self._last is not None and kinds - {"busy", None}:
            return self._last
        wait = soonest([self._refused(one) for one in self._all()])
        seconds = None if not wait else wait / SECOND
        when = "" if seconds is None else f": the first may be asked in {seconds:.3g} s"
        said = f"; the last one said: {self._last.message}" if self._last else ""
        return RateLimitError(
            f"{self._job.operation} with {self._job.asked}: all deployments are at their limits"
            f"{when}{said}",
            status=429,
            code="rate_limit_exceeded",
            retry_after=seconds,
        )

    def _refused(self, one: Deployment) -> Standing:
        standing = self._desk.standing(one, self._job.amounts)
        refused = self._desk.counts.refused_for(one)
        return standing._replace(wait=max(standing.wait, refused))

    def _kind_of(self, one: Deployment) -> Kind | None:
        found = self._errors.get(one.id)
        return None if found is None else found[0]

    def _all(self) -> Iterator[Deployment]:
        return iter({one.id: one for group in self._job.groups for one in group}.values())


def left_of(headers: Mapping[str, str]) -> dict[str, int]:
    """What the service says is left of its minute.

    Args:
        headers: Of an answer.
    """
    left: dict[str, int] = {}
    for kind, name in _LEFT:
        value = headers.get(name)
        if value is not None and value.lstrip("-").isdecimal():
            left[kind] = int(value)
    return left
