"""What Redis is asked about spending, and how its answers are read. Pure.

Every process writes its own totals, never additions. So a command whose answer was lost may be sent
again, what was counted while Redis was away is in the next one, and a Redis that comes back empty
is filled again. What all spent is the sum over the processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...routing.redis_script import Argument, Eval, Script

# One budget in one period. KEYS: a hash by process of "version used held deadline": billionths of a
# dollar, and milliseconds after which the process is believed to have died with what it held.
# ARGV: process, version, used, held with what is asked, asked, most, lease, time to live (0: none).
# An older version changes nothing: commands of one process may overtake each other.
RESERVE = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local asked, most = tonumber(ARGV[5]), tonumber(ARGV[6])
local mine = redis.call('HGET', KEYS[1], ARGV[1])
local newest = not mine or tonumber(string.match(mine, '^%d+')) < tonumber(ARGV[2])
local function write(held)
    local values = string.format('%s %s %.0f %.0f', ARGV[2], ARGV[3], held, now + ARGV[7])
    redis.call('HSET', KEYS[1], ARGV[1], values)
end
if newest then write(tonumber(ARGV[4])) end
local total, own = 0, 0
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
    local used, held, deadline = string.match(all[at + 1], '^%d+ (%d+) (%d+) (%d+)$')
    local sum = tonumber(used)
    if tonumber(deadline) > now then sum = sum + tonumber(held) end
    total = total + sum
    if all[at] == ARGV[1] then own = sum end
end
local fits = asked < 0 or (total - asked < most and total <= most)
if not fits then
    if newest then write(tonumber(ARGV[4]) - asked) end
end
if tonumber(ARGV[8]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[8]) end
return {fits and 1 or 0, string.format('%.0f', total - own)}
""")

# A process that ends well leaves no field of its own. KEYS: as above. ARGV: process.
LEAVE = Script("""
local mine = redis.call('HGET', KEYS[1], ARGV[1])
if not mine then return 0 end
local used = tonumber(string.match(mine, '^%d+ (%d+)'))
local past = redis.call('HGET', KEYS[1], 'past')
if past then used = used + tonumber(string.match(past, '^%d+ (%d+)')) end
redis.call('HSET', KEYS[1], 'past', string.format('0 %.0f 0 0', used))
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
""")

# Rows of one day. KEYS: a hash. ARGV: process, time to live, then fields and values. Returns 1 if
# nothing was known of this process: it is new, or Redis has lost what it knew.
WRITE = Script("""
local is_new = redis.call('HSETNX', KEYS[1], ARGV[1], '')
for at = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return is_new
""")

# KEYS: the days, all in one slot. Returns their hashes.
READ = Script("""
local days = {}
for at = 1, #KEYS do days[at] = redis.call('HGETALL', KEYS[at]) end
return days
""")

DAY = 24 * 60 * 60 * 1000  # milliseconds
KEPT_DAYS = 62
_LEASE = 60_000
RENEW = 20.0  # seconds after which a process tells again that it lives, while it holds something
Fields = tuple[str, str]  # the key and the model of a row
_NUMBERS = ("calls", "unpriced", "input_tokens", "output_tokens", "cost")


@dataclass(frozen=True, slots=True)
class State:
    """What a process used of a budget in one period, and holds, in billionths of a dollar.

    Attributes:
        version: Larger with every change.
        used: By calls that have ended.
        held: By calls that run, with what is asked.
        most: The budget.
        days: How long to keep it; 0: for ever.
    """

    version: int
    used: int
    held: int
    most: int
    days: int


def reserve(key: str, process: str, state: State, asked: int | None) -> Eval:
    """Tell what a process used and holds, and ask whether a part of that still fits.

    Args:
        key: Of the budget and period.
        process: Of this process.
        state: Its.
        asked: The part of what it holds that is asked; None: nothing is.
    """
    part = -1 if asked is None else asked
    told = (process, state.version, state.used, state.held, part, state.most)
    return Eval(RESERVE, (key,), (*told, _LEASE, state.days * DAY))


def leave(key: str, process: str) -> Eval:
    """Let a process leave a budget; what it used stays.

    Args:
        key: As for `reserve`.
        process: As for `reserve`.
    """
    return Eval(LEAVE, (key,), (process,))


def write(key: str, process: str, rows: Mapping[Fields, Mapping[str, Any]]) -> Eval:
    """Write rows of a day.

    Args:
        key: Of the day.
        process: Of this process.
        rows: The totals of this process.
    """
    args: list[Argument] = [process, KEPT_DAYS * DAY]
    for fields, row in rows.items():
        args += [json.dumps([process, *fields]), json.dumps([row[name] for name in _NUMBERS])]
    return Eval(WRITE, (key,), tuple(args))


def read(keys: tuple[str, ...]) -> Eval:
    """Read days.

    Args:
        keys: Theirs.
    """
    return Eval(READ, keys, ())


def rows_of(day: str, values: Iterable[bytes]) -> list[dict[str, Any]]:
    """The rows of a day, each of one process.

    Args:
        day: As ``2026-12-01``.
        values: Fields and values, as Redis gives them.
    """
    flat = [value.decode() for value in values]
    rows = []
    for field, value in zip(flat[::2], flat[1::2], strict=True):
        if value:
            _, key, model = json.loads(field)
            numbers = dict(zip(_NUMBERS, json.loads(value), strict=True))
            rows.append({"day": day, "key": key, "model": model, **numbers})
    return rows
