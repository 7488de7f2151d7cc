"""Counts what a deployment was asked for, in the windows of its limits. Pure: time is an argument.

`Tally` is the one rule of when a request may begin, and how long it must wait else. The scripts of
`redis_script` follow the same rule; a test runs both side by side. Times are microseconds.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from .limits import AMOUNT_OF, SECOND, Amounts, Limits, Slices, Starts


class Place(NamedTuple):
    """A place that a request was given.

    Attributes:
        at: When.
        amounts: What was reserved.
    """

    at: int
    amounts: Amounts


class Load(NamedTuple):
    """How much of a deployment is in use; the smaller one is asked first.

    Attributes:
        share: The largest share of a limit that is used; 0.0 without limits.
        tokens: Tokens of the last minute.
        begun: Requests of the last minute.
    """

    share: float = 0.0
    tokens: int = 0
    begun: int = 0


class Used(NamedTuple):
    """What is used of one window.

    Attributes:
        limit: The limit, as users call it.
        used: How many.
        most: How many there may be.
        seconds: How long the window is.
    """

    limit: str
    used: int
    most: int
    seconds: float


_MOST_OF_OTHERS = 20_000  # starts in a minute that are believed; each one is kept
_SPARE_STARTS = 1_024  # that have left and are still there
_SLICES = 60  # of the last minute
_SPARE = 2  # slices that a window may keep too many: it shares two of them with its neighbours


class Tally:
    """What one deployment was asked for.

    Args:
        limits: Of the deployment.
        minute: Seconds of a minute; tests have short ones.
        is_compared: With others, by what was begun and used; else only its limits are counted.
    """

    def __init__(self, limits: Limits, minute: float = 60.0, *, is_compared: bool = True) -> None:
        self._starts = _Log(limits.starts(minute))
        self._limited = [_Sums(window) for window in limits.slices(minute)]
        self._of_tokens = [one for one in self._limited if one.window.kind != "requests"]
        self._recent = _Recent(int(minute * SECOND) // _SLICES) if is_compared else None
        self._is_limited = limits != Limits()

    def wait(self, amounts: Amounts, now: int) -> int:
        """Microseconds until a request may begin; 0: now.

        Args:
            amounts: What it will use, as far as known.
            now: The time.
        """
        longest = self._starts.wait(now)
        for one in self._limited:
            longest = max(longest, one.wait(amounts, now))
        return longest

    def begin(self, amounts: Amounts, now: int) -> Place:
        """Count a request that begins now.

        Args:
            amounts: As for `wait`.
            now: The time.
        """
        self._starts.add(now)
        for one in self._limited:
            one.add(now, min(one.amount(amounts), one.most))
        if self._recent is not None:
            self._recent.add(now, 1, sum(amounts))
        return Place(now, amounts)

    def take_back(self, place: Place) -> None:
        """Count a request no longer: it was not sent after all."""
        at, amounts = place
        self._starts.remove(at)
        for one in self._limited:
            one.add(at, -min(one.amount(amounts), one.most))
        if self._recent is not None:
            self._recent.add(at, -1, -sum(amounts))

    def move(self, place: Place, now: int) -> Place:
        """Count a request as begun now: it had to wait for something after it got its place.

        Args:
            place: Of the request.
            now: The time.
        """
        self.take_back(place)
        return self.begin(place.amounts, now)

    def settle(self, place: Place, used: Amounts) -> None:
        """Put what a request really used in the place of what was reserved.

        Args:
            place: Of the request.
            used: Tokens, as the answer tells.
        """
        at, amounts = place
        for one in self._of_tokens:
            one.add(at, one.amount(used) - min(one.amount(amounts), one.most))
        if self._recent is not None:
            self._recent.add(at, 0, sum(used) - sum(amounts))

    def learn(self, left: Mapping[str, int], now: int) -> None:
        """Count what others used of the deployment, as its service tells.

        Args:
            left: What is left of the service's minute, of ``requests`` and of ``tokens``.
            now: The time.
        """
        if not self._is_limited:
            return
        if "requests" in left:
            self._starts.leave(left["requests"], now)
        for one in self._limited:
            if one.window.name == "tpm" and "tokens" in left:
                one.leave(left["tokens"], now)

    def load(self, now: int) -> Load:
        """How much of the deployment is in use.

        Args:
            now: The time.
        """
        shares = (one.share(now) for one in self._limited)
        share = max(self._starts.share(now), *shares, 0.0)
        begun, used = (0, 0) if self._recent is None else self._recent.totals(now)
        return Load(share, used, begun)

    def counted(self, now: int) -> dict[str, int]:
        """What is counted now, by the name of the limit.

        Args:
            now: The time.
        """
        sums = {one.window.name: one.total(now) for one in self._limited}
        load = self.load(now)
        return {**self._starts.counted(now), **sums, "begun": load.begun, "used": load.tokens}

    def windows(self, now: int) -> list[Used]:
        """What is used of each window that has a limit.

        Args:
            now: The time.
        """
        sums = (one.used(now) for one in self._limited)
        return [*self._starts.used(now), *sums]


class _Log:
    """Starts, one by one, the oldest first: those of the longest window, as many as it allows."""

    __slots__ = ("_first", "_least", "_most", "_starts", "_windows")

    def __init__(self, windows: tuple[Starts, ...]) -> None:
        self._windows = windows
        self._most = windows[0].most if windows else 0
        self._least = min((one.most for one in windows), default=1)
        self._starts = array("q")  # a list of numbers would take five times the memory
        self._first = 0  # what stands before it has left

    def wait(self, now: int) -> int:
        # The next start must be a window later than the one that is `most` starts before it.
        number, longest = len(self._starts) - self._first, 0
        if number < self._least:
            return 0
        for one in self._windows:
            if number >= one.most:
                longest = max(longest, self._starts[-one.most] + one.length - now)
        return longest

    def add(self, now: int) -> None:
        if not self._most:
            return
        starts, first = self._starts, self._first
        starts.append(now)
        oldest = now - self._windows[0].length
        while len(starts) - first > self._most or starts[first] <= oldest:
            first += 1
        if first >= _SPARE_STARTS:
            del starts[:first]
            first = 0
        self._first = first

    def remove(self, at: int) -> None:
        # Near the end: it was added a moment ago.
        for place in range(len(self._starts) - 1, self._first - 1, -1):
            if self._starts[place] == at:
                del self._starts[place]
                return

    def leave(self, left: int, now: int) -> None:
        for window in self._windows[:1]:
            missing = window.most - left - self._in(window, now)
            # More than that is no use by others: the limit of the entry is not the service's.
            for _ in range(missing if missing <= _MOST_OF_OTHERS else 0):
                self.add(now)

    def share(self, now: int) -> float:
        return max((self._in(one, now) / one.most for one in self._windows), default=0.0)

    def counted(self, now: int) -> dict[str, int]:
        return {"rpm": self._in(self._windows[0], now)} if self._windows else {}

    def used(self, now: int) -> Iterator[Used]:
        for one in self._windows:
            yield Used("rpm", self._in(one, now), one.most, one.length / SECOND)

    def _in(self, window: Starts, now: int) -> int:
        return len(self._starts) - bisect_right(self._starts, now - window.length, self._first)


class _Sums:
    """Sums of the slices of a window.

    Attributes:
        window: The window.
        most: Its limit.
        amount: Gives the amount of its kind of what a request uses.
    """

    __slots__ = ("_first", "_number", "_of", "_total", "_width", "amount", "most", "window")

    def __init__(self, window: Slices) -> None:
        self.window = window
        self.amount = AMOUNT_OF[window.kind]
        self.most = window.most
        self._width, self._number = window.width, window.number
        self._of: dict[int, int] = {}
        self._total = 0
        self._first = 0  # no slice before it is kept

    def wait(self, amounts: Amounts, now: int) -> int:
        # A request reserves at most the whole window, or it could never begin.
        asked = min(self.amount(amounts), self.most)
        if self._total + asked <= self.most:  # also without what has left the window since
            return 0
        over = self.total(now) + asked - self.most
        return 0 if over <= 0 else self._when_free(over) - now

    def _when_free(self, over: int) -> int:
        slices = sorted(self._of)
        sums = accumulate(self._of[one] for one in slices)
        last = next((one for one, freed in zip(slices, sums, strict=True) if freed >= over), 0)
        return (last + self._number + 1) * self._width

    def add(self, at: int, amount: int) -> None:
        slice = at // self._width
        before = self._of.get(slice)
        if before is None:
            self._begin(slice, at)
            before = 0
        amount = max(amount, -before)
        self._of[slice] = before + amount
        self._total += amount

    def _begin(self, slice: int, at: int) -> None:
        self._first = min(self._first, slice)
        if len(self._of) >= self._number + _SPARE:
            self.total(at)

    def leave(self, left: int, now: int) -> None:
        missing = self.most - left - self.total(now)
        if missing > 0:
            self.add(now, missing)

    def total(self, now: int) -> int:
        oldest = now // self._width - self._number
        if oldest > self._first:
            for slice in [one for one in self._of if one < oldest]:
                self._total -= self._of.pop(slice)
            self._first = oldest
        return self._total

    def share(self, now: int) -> float:
        return self.total(now) / self.most

    def used(self, now: int) -> Used:
        window = self.window
        seconds = window.width * window.number / SECOND
        return Used(window.name, self.total(now), window.most, seconds)


class _Recent:
    """What began in the last minute, and the tokens of that, whatever the limits are."""

    __slots__ = ("_of", "_width")

    def __init__(self, width: int) -> None:
        self._width = width
        self._of: dict[int, list[int]] = {}  # by slice: what began, and the tokens of that

    def add(self, at: int, begun: int, used: int) -> None:
        slice = at // self._width
        one = self._of.get(slice)
        if one is None:
            one = self._of[slice] = [0, 0]
            self._forget(at)
        one[0] += begun
        one[1] += used

    def totals(self, now: int) -> tuple[int, int]:
        self._forget(now)
        begun, used = zip((0, 0), *self._of.values(), strict=True)
        return sum(begun), max(0, sum(used))

    def _forget(self, now: int) -> None:
        oldest = now // self._width - _SLICES
        for slice in [one for one in self._of if one < oldest]:
            del self._of[slice]
