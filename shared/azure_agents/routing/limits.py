"""What a deployment allows, and in which windows that is counted. Pure.

| limit | counted in |
|---|---|
| ``rpm`` | any 60 s, exactly; from 60 on also ``rpm / 6``, rounded up, in any 10 s, as Azure does |
| ``tpm``, ``itpm``, ``otpm`` | any 60 s, in slices of 1 s |
| ``rpd``, ``tpd`` | any 24 h, in slices of 10 min |

Starts of a minute are kept one by one. In slices only sums are kept: a slice that lies in a window
with a part of it counts whole, so no limit is exceeded, and what is free again is noticed at most
one slice late. All times are whole microseconds: sums of fractions would round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import ceil
from operator import itemgetter
from typing import Any, Literal, NamedTuple, TypeAlias

from ..errors import ConfigError
from ..naming import shown

Kind: TypeAlias = Literal["requests", "tokens", "input", "output"]

SECOND = 1_000_000  # microseconds
_MINUTE = 60
_DAY = 24 * 60 * 60
_TENS_FROM = 60  # rpm from which on Azure also counts in windows of ten seconds
_SIXTH = 6
# Slices of a window; a day has few, since all of them are read for each request.
_OF_A_MINUTE = 60
_OF_A_DAY = 144


class Amounts(NamedTuple):
    """What one request uses.

    Attributes:
        input: Tokens that go up.
        output: Tokens that come back.
    """

    input: int = 0
    output: int = 0

    def of(self, kind: Kind) -> int:
        """The amount of one kind."""
        return AMOUNT_OF[kind](self)


def _one(_: Amounts) -> int:
    return 1


# The amount of each kind.
AMOUNT_OF: Mapping[Kind, Callable[[Amounts], int]] = {
    "tokens": sum,
    "requests": _one,
    "input": itemgetter(0),
    "output": itemgetter(1),
}


@dataclass(frozen=True, slots=True)
class Starts:
    """At most `most` requests begin in any `length` microseconds."""

    length: int
    most: int


@dataclass(frozen=True, slots=True)
class Slices:
    """At most `most` of a kind in any ``width * number`` microseconds.

    Attributes:
        name: The limit, as users call it.
        kind: What is counted.
        width: Microseconds of a slice.
        number: How many slices a window has.
        most: The limit.
    """

    name: str
    kind: Kind
    width: int
    number: int
    most: int

    def asked(self, amounts: Amounts) -> int:
        """What a request reserves: at most the whole window, or it could never begin.

        Args:
            amounts: What it will use, as far as known.
        """
        return min(amounts.of(self.kind), self.most)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a deployment allows; None: it has no such limit.

    Attributes:
        rpm: Requests a minute.
        tpm: Tokens a minute, of the prompt and the answer together.
        itpm: Tokens of prompts a minute.
        otpm: Tokens of answers a minute.
        rpd: Requests a day.
        tpd: Tokens a day.
    """

    rpm: int | None = None
    tpm: int | None = None
    itpm: int | None = None
    otpm: int | None = None
    rpd: int | None = None
    tpd: int | None = None

    def starts(self, minute: float = _MINUTE) -> tuple[Starts, ...]:
        """The windows of requests that are counted one by one, the longest first.

        Args:
            minute: Seconds of a minute; tests have short ones.
        """
        if self.rpm is None:
            return ()
        length = int(minute * SECOND)
        whole = Starts(length, self.rpm)
        if self.rpm < _TENS_FROM:
            return (whole,)
        return whole, Starts(length // _SIXTH, ceil(self.rpm / _SIXTH))

    def slices(self, minute: float = _MINUTE) -> tuple[Slices, ...]:
        """The windows that are counted in slices.

        Args:
            minute: Seconds of a minute; tests have short ones.
        """
        long = int(minute * SECOND) // _OF_A_MINUTE, _OF_A_MINUTE
        day = int(minute * SECOND) * (_DAY // _MINUTE) // _OF_A_DAY, _OF_A_DAY
        rows: tuple[tuple[str, Kind, tuple[int, int], int | None], ...] = (
            ("tpm", "tokens", long, self.tpm),
            ("itpm", "input", long, self.itpm),
            ("otpm", "output", long, self.otpm),
            ("rpd", "requests", day, self.rpd),
            ("tpd", "tokens", day, self.tpd),
        )
        return tuple(
            Slices(name, kind, width, number, most)
            for name, kind, (width, number), most in rows
            if most is not None
        )

    @property
    def counts_tokens(self) -> bool:
        """Whether any limit is one of tokens."""
        return any(one is not None for one in (self.tpm, self.itpm, self.otpm, self.tpd))


LIMITS = tuple(one.name for one in fields(Limits))


def read_limits(given: Mapping[str, Any], of: str) -> Limits:
    """Read the limits of a deployment.

    Args:
        given: Its settings; only those that are limits are read.
        of: What they are the settings of, for errors.

    Raises:
        ConfigError: A limit is no whole number, or smaller than 1.
    """
    return Limits(**{name: _limit(name, given[name], of) for name in LIMITS if name in given})


def _limit(name: str, value: Any, of: str) -> int | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and value >= 1 and float(value).is_integer():
        return int(value)
    raise ConfigError(
        f"{of}: {name} must be a whole number, 1 or more, got {shown(value)}: leave it out for no "
        "limit"
    )
