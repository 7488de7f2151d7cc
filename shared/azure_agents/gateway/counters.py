"""What one process counts of its calls: plain numbers, read by the metrics and the status page.

Writing stands on the way of every call, so it only adds. Sums, percentiles and sentences are made
when somebody reads. Labels are names of the config file or of this package, never what a client
wrote, so their number is bounded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass, field
from time import monotonic, time

from ..errors import AzureAgentsError
from ..routing.deployments import Deployment
from .passage import Ended, Tried

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)  # seconds
ANSWERED, LEFT = "ok", "left"  # outcomes of attempts, beside the kinds of errors
SLOT = 10.0  # seconds
SLOTS = 60  # what is recent: ten minutes
_FINE = tuple(0.0005 * 1.2**power for power in range(80))  # seconds, up to a quarter of an hour
_MOST_FAILURES = 50


class Histogram:
    """Seconds in the buckets of `BOUNDS`.

    Attributes:
        counts: By bucket, the last one without a bound.
        total: Sum of all seconds.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class Slot:
    """Ten seconds.

    Attributes:
        at: Its number, counted from the start of the clock.
        calls: How many ended in it.
        failed: Those of them that failed.
        seconds: Of those that did not fail, by fine bucket.
    """

    at: int
    calls: int = 0
    failed: int = 0
    seconds: Counter[int] = field(default_factory=Counter)


class Recent:
    """What ended in the last ten minutes, in slots.

    Args:
        clock: Gives seconds, to be replaced in tests.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._slots: deque[Slot] = deque(maxlen=SLOTS)
        self._slot: Slot | None = None  # the last one
        self._ends = 0.0

    def add(self, seconds: float, *, failed: bool) -> None:
        """Count one that ends now.

        Args:
            seconds: How long it took.
            failed: Whether it failed; how long that took is not counted.
        """
        now, slot = self._clock(), self._slot
        if slot is None or now >= self._ends:
            slot = self._begin(int(now / SLOT))
        slot.calls += 1
        if failed:
            slot.failed += 1
        else:
            slot.seconds[bisect_left(_FINE, seconds)] += 1

    def _begin(self, at: int) -> Slot:
        slot = self._slot = Slot(at)
        self._slots.append(slot)
        self._ends = (at + 1) * SLOT
        return slot

    def slots(self, number: int = SLOTS) -> Iterator[Slot]:
        """The last slots, the newest last, those without a call as well.

        Args:
            number: How many.
        """
        newest = int(self._clock() / SLOT)
        known = {slot.at: slot for slot in self._slots}
        return (known.get(at) or Slot(at) for at in range(newest - number + 1, newest + 1))

    def seconds(self) -> Counter[int]:
        """How long all of them took that did not fail, by fine bucket."""
        return sum((slot.seconds for slot in self.slots()), Counter())


def percentile(seconds: Counter[int], part: float) -> float | None:
    """Seconds within which a part of the answers came, within a tenth; None: there were none.

    Args:
        seconds: By fine bucket.
        part: Between 0 and 1.
    """
    wanted, seen = part * seconds.total(), 0
    for bucket in sorted(seconds):
        seen += seconds[bucket]
        if seen >= wanted:
            # The middle of its bucket, in the scale of the buckets.
            middle: float = _FINE[min(bucket, len(_FINE) - 1)] / 1.2**0.5
            return middle
    return None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that failed, for the status page; the same again counts up.

    Attributes:
        at: When it did last, in seconds since 1970.
        model: The label of the model.
        deployment: The id of the deployment; "": none was asked.
        error: What went wrong, the last time.
        times: How often it did.
    """

    at: float
    model: str
    deployment: str
    error: AzureAgentsError
    times: int = 1


class Counters:
    """The numbers of one process.

    Args:
        clock: Gives seconds, to be replaced in tests.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.calls: Counter[tuple[str, str, str]] = Counter()  # operation, model, status
        self.seconds: dict[tuple[str, str], Histogram] = defaultdict(Histogram)
        self.first: dict[tuple[str, str], Histogram] = defaultdict(Histogram)
        self.tokens: Counter[tuple[str, str]] = Counter()  # model, direction
        self.cost: dict[tuple[str, str], float] = defaultdict(float)  # model, key
        self.unpriced: Counter[str] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()  # model, kind
        self.refused: Counter[str] = Counter()  # status
        self.attempts: Counter[tuple[str, str, str]] = Counter()  # model, deployment, outcome
        self.upstream: dict[tuple[str, str], Histogram] = defaultdict(Histogram)
        self.running = 0  # requests
        self.streams = 0  # those of them that are streams of models
        self.reloads: Counter[str] = Counter()  # outcome
        self.wrong_since: float | None = None  # the config file, in seconds since 1970
        self.recent = Recent(clock)
        self.recent_of: dict[str, Recent] = {}  # by deployment
        self._failures: dict[Hashable, Failure] = {}  # the newest last
        self.begun_at = time()

    def note(self, ended: Ended, cost: float | None) -> None:
        """Count a call.

        Args:
            ended: How it ended.
            cost: US dollars; None: not known.
        """
        operation, model = ended.asked.operation, ended.group
        self.calls[operation, model, str(ended.status)] += 1
        self.seconds[operation, model].add(ended.seconds)
        self.recent.add(ended.seconds, failed=ended.status >= 400 or ended.error is not None)
        if ended.first is not None:
            self.first[operation, model].add(ended.first)
        if ended.error is not None:
            self._failed(ended, ended.error, model)
        if ended.meter is not None:
            self._used(ended, model, cost)

    def _used(self, ended: Ended, model: str, cost: float | None) -> None:
        amounts = None if ended.meter is None else ended.meter.used()
        if amounts is not None:
            self.tokens[model, "input"] += amounts.input
            self.tokens[model, "output"] += amounts.output
        if cost is None:
            self.unpriced[model] += 1
        else:
            self.cost[model, ended.caller] += cost

    def _failed(self, ended: Ended, error: AzureAgentsError, model: str) -> None:
        self.errors[model, type(error).__name__] += 1
        if error is not ended.last_failure:  # else it is there, by `tried`
            self._failure(model, ended.deployment, error)

    def tried(self, tried: Tried) -> None:
        """Count an attempt.

        Args:
            tried: How it ended.
        """
        one, error = tried.deployment, tried.error
        outcome = ANSWERED if error is None else type(error).__name__
        self.attempts[one.name, one.id, LEFT if tried.is_left else outcome] += 1
        if tried.is_left:
            return
        self._recent(one).add(tried.seconds, failed=error is not None)
        if error is None:
            self.upstream[one.name, one.id].add(tried.seconds)
        else:
            self._failure(one.name, one.id, error)

    def read(self, outcome: str) -> None:
        """Count a reading of the config file.

        Args:
            outcome: ``ok`` or ``wrong``.
        """
        self.reloads[outcome] += 1
        self.wrong_since = None if outcome == "ok" else self.wrong_since or time()

    def _failure(self, model: str, deployment: str, error: AzureAgentsError) -> None:
        key = (model, deployment, type(error), error.status)
        before = self._failures.pop(key, None)
        times = 1 if before is None else before.times + 1
        self._failures[key] = Failure(time(), model, deployment, error, times)
        if len(self._failures) > _MOST_FAILURES:
            del self._failures[next(iter(self._failures))]

    @property
    def failures(self) -> list[Failure]:
        """What failed lately, the newest first."""
        return [*reversed(self._failures.values())]

    def _recent(self, one: Deployment) -> Recent:
        found = self.recent_of.get(one.id)
        if found is None:
            found = self.recent_of[one.id] = Recent(self._clock)
        return found

    def keep(self, ids: Collection[str]) -> None:
        """Forget deployments that no config names any longer.

        Args:
            ids: Of those that there are.
        """
        for key in [key for key in self.attempts if key[1] not in ids]:
            del self.attempts[key]
        for pair in [pair for pair in self.upstream if pair[1] not in ids]:
            del self.upstream[pair]
        for id in self.recent_of.keys() - ids:
            del self.recent_of[id]
