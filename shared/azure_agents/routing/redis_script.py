"""The scripts that Redis runs, and their arguments: the rule of `windows`, shared. Pure.

Each script is atomic and touches the keys of one deployment only: the braces in them put them into
one slot of a cluster. Redis's own clock counts, since those of machines differ. What is kept ends
by itself when its last window has passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1
from typing import TypeAlias

from .limits import Amounts, Slices, Starts

Argument: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Script:
    """A script, and the digest by which Redis knows it once it has run it."""

    text: str

    @property
    def digest(self) -> str:
        """What ``EVALSHA`` takes."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Eval:
    """What Redis is asked."""

    script: Script
    keys: tuple[str, ...]
    args: tuple[Argument, ...]


# KEYS: the time the service asked for, starts (newest first), slices. ARGV: the time ("": Redis's),
# the number of windows of starts, length and most of each, then of each key of slices: width,
# number, most (-1: none), amount.
BEGIN = Script("""
local cooling = redis.call('PTTL', KEYS[1])
if cooling > 0 then return {0, cooling * 1000, redis.call('GET', KEYS[1])} end
local now = tonumber(ARGV[1])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end
local place, wait, kept, longest = 3, 0, 0, 0
local have = redis.call('LLEN', KEYS[2])
for _ = 1, tonumber(ARGV[2]) do
    local length, most = tonumber(ARGV[place]), tonumber(ARGV[place + 1])
    place = place + 2
    kept, longest = math.max(kept, most), math.max(longest, length)
    if have >= most then
        local start = tonumber(redis.call('LINDEX', KEYS[2], most - 1))
        wait = math.max(wait, start + length - now)
    end
end
if wait > 0 then return {0, wait, 'starts'} end
local first = place
for key = 3, #KEYS do
    local width, number = tonumber(ARGV[place]), tonumber(ARGV[place + 1])
    local most, amount = tonumber(ARGV[place + 2]), tonumber(ARGV[place + 3])
    place = place + 4
    local oldest, total, slices = math.floor(now / width) - number, 0, {}
    local all = redis.call('HGETALL', KEYS[key])
    for at = 1, #all, 2 do
        local slice, sum = tonumber(all[at]), tonumber(all[at + 1])
        if slice < oldest then
            redis.call('HDEL', KEYS[key], all[at])
        else
            total = total + sum
            slices[#slices + 1] = {slice, sum}
        end
    end
    local over, last = total + amount - most, 0
    if most >= 0 and over > 0 then
        table.sort(slices, function(one, other) return one[1] < other[1] end)
        for _, one in ipairs(slices) do
            over, last = over - one[2], one[1]
            if over <= 0 then break end
        end
        wait = math.max(wait, (last + number + 1) * width - now)
    end
end
if wait > 0 then return {0, wait, 'slices'} end
if kept > 0 then
    redis.call('LPUSH', KEYS[2], now)
    redis.call('LTRIM', KEYS[2], 0, kept - 1)
    redis.call('PEXPIRE', KEYS[2], math.ceil(longest / 1000) + 1000)
end
for key = 3, #KEYS do
    local width, number = tonumber(ARGV[first]), tonumber(ARGV[first + 1])
    redis.call('HINCRBY', KEYS[key], math.floor(now / width), ARGV[first + 3])
    redis.call('PEXPIRE', KEYS[key], math.ceil((number + 2) * width / 1000))
    first = first + 4
end
return {1, now, ''}
""")

# KEYS: slices. ARGV: when the request began, then of each key: width, number, correction.
SETTLE = Script("""
local place = 2
for key = 1, #KEYS do
    local width, number = tonumber(ARGV[place]), tonumber(ARGV[place + 1])
    local slice = math.floor(tonumber(ARGV[1]) / width)
    if redis.call('HINCRBY', KEYS[key], slice, ARGV[place + 2]) < 0 then
        redis.call('HSET', KEYS[key], slice, 0)
    end
    redis.call('PEXPIRE', KEYS[key], math.ceil((number + 2) * width / 1000))
    place = place + 3
end
return 1
""")

# KEYS: the time the service asked for. ARGV: milliseconds from now. The later of two counts.
COOL = Script("""
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], 'cooling', 'PX', ARGV[1])
end
return 1
""")


class SharedWindows:
    """The windows of one deployment as the scripts take them.

    Args:
        prefix: First part of all keys.
        id: The deployment.
        starts: Windows of requests that are counted one by one.
        slices: Windows that are counted in slices.
    """

    def __init__(
        self, prefix: str, id: str, starts: tuple[Starts, ...], slices: tuple[Slices, ...]
    ) -> None:
        # A brace in an id would end the tag that keeps a deployment's keys together.
        tag = f"{prefix}:{{{id.replace('{', '(').replace('}', ')')}}}"
        self._cooling, self._starts = f"{tag}:cooling", f"{tag}:starts"
        self._windows = tuple(value for one in starts for value in (one.length, one.most))
        self._number = len(starts)
        self._slices = slices
        self._tokens = tuple(one for one in slices if one.kind != "requests")
        self._tag = tag

    @property
    def counts_tokens(self) -> bool:
        """Whether there is anything to settle."""
        return bool(self._tokens)

    def begin(self, amounts: Amounts, now: int | None = None) -> Eval:
        """Ask for a place.

        Args:
            amounts: What the request will use, as far as known.
            now: In microseconds; None: Redis's own time.
        """
        rows = ((one.width, one.number, one.most, one.asked(amounts)) for one in self._slices)
        time: Argument = "" if now is None else now
        args = (time, self._number, *self._windows, *_flat(rows))
        return Eval(BEGIN, (self._cooling, self._starts, *self._keys(self._slices)), args)

    def settle(self, at: int, reserved: Amounts, used: Amounts) -> Eval:
        """Put what was used in the place of what was reserved.

        Args:
            at: When the request began, by Redis's clock.
            reserved: As for `begin`.
            used: As the answer tells.
        """
        rows = (
            (one.width, one.number, used.of(one.kind) - one.asked(reserved)) for one in self._tokens
        )
        return Eval(SETTLE, self._keys(self._tokens), (at, *_flat(rows)))

    def cool(self, seconds: float) -> Eval:
        """Let no process ask the deployment for a while.

        Args:
            seconds: How long, from now.
        """
        return Eval(COOL, (self._cooling,), (max(1, round(seconds * 1000)),))

    def _keys(self, slices: tuple[Slices, ...]) -> tuple[str, ...]:
        return tuple(f"{self._tag}:{one.name}" for one in slices)


def _flat(rows: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(value for row in rows for value in row)
