"""Budgets and spend of several gateways in one Redis: exact, bounded, and nothing lost."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from azure_agents.gateway.config.objects import GatewayKey
from azure_agents.gateway.ledger import Ledger
from azure_agents.gateway.spend.budgets import Budgets, Held
from azure_agents.gateway.spend.link import Shared
from azure_agents.gateway.spend.rows import SharedRows
from azure_agents.routing.engine import Engine
from azure_agents.routing.redis_link import RedisLink

from ..stores.servers import RedisServer

KEY = GatewayKey("app", "", budget=1.0)
BOUNDED = 3.0  # seconds, as for the router
REST = 0.2


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis that a test may break."""
    server = RedisServer()
    yield server
    server.thaw()
    server.remove()


@dataclass
class Process:
    """What a gateway's process has of it."""

    shared: Shared
    budgets: Budgets
    ledger: Ledger
    rows: SharedRows

    async def calls(self, dollars: float, cost: float) -> bool:
        """One call; whether it was let through."""
        held = await self.budgets.hold(KEY, dollars)
        if held is not None:
            await self.budgets.settle(held, cost)
        return held is not None


def process(redis: RedisServer) -> Process:
    """A new one."""
    engine = SimpleNamespace(
        link=RedisLink(redis.url, rest=REST), settings=SimpleNamespace(prefix="test")
    )
    shared, ledger = Shared(lambda: cast(Engine, engine)), Ledger()
    return Process(shared, Budgets(shared), ledger, SharedRows(ledger, shared))


async def is_used_up(one: Process, dollars: float) -> bool:
    """Whether exactly so much of the budget is used, as a new process sees it."""
    left = round(1.0 - dollars, 9)
    more, exactly = await one.budgets.hold(KEY, left + 1e-9), await one.budgets.hold(KEY, left)
    for held in (more, exactly):
        if held is not None:
            one.budgets.release(held)
    return more is None and (exactly is not None or not left)


@pytest.mark.parametrize("_", range(5))
async def test_a_budget_is_exact_in_parallel(redis: RedisServer, _: int) -> None:
    """Ten of twenty calls fit, whichever process they come to."""
    pair = [process(redis), process(redis)]
    found = await asyncio.gather(*(pair[at % 2].budgets.hold(KEY, 0.1) for at in range(20)))
    held = [(at, one) for at, one in enumerate(found) if one is not None]
    assert 10 == len(held)
    await asyncio.gather(*(pair[at % 2].budgets.settle(one, 0.05) for at, one in held))
    assert await is_used_up(process(redis), 0.5)


@pytest.mark.parametrize("seed", range(5))
async def test_a_budget_is_exact_in_any_order(redis: RedisServer, seed: int) -> None:
    """Random reservations and settlements of three processes against a plain sum."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    trio = [process(redis) for _ in range(3)]
    used, running = 0, list[tuple[Process, Held, int]]()
    for _ in range(150):
        one, asked = chance.choice(trio), chance.randrange(1, 60)
        if running and chance.random() < 0.5:
            one, held, asked = running.pop(chance.randrange(len(running)))
            cost = chance.randrange(asked + 1)
            await one.budgets.settle(held, cost / 1000)
            used += cost
            continue
        before = used + sum(part for _, _, part in running)
        found = await one.budgets.hold(KEY, asked / 1000)
        assert (before < 1000 and before + asked <= 1000) == (found is not None)
        if found is not None:
            running.append((one, found, asked))


BREAK: dict[str, Callable[[RedisServer], object]] = {
    "killed": RedisServer.kill,
    "frozen": RedisServer.freeze,
}
MEND = {"killed": RedisServer.start, "frozen": RedisServer.thaw}


@pytest.mark.slow
@pytest.mark.parametrize("how", BREAK)
@pytest.mark.parametrize("when", ["at the start", "later"])
async def test_nothing_is_lost_while_redis_is_away(
    redis: RedisServer, how: str, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each counts for itself meanwhile, no call waits long, and what it booked is added then."""
    pair = [process(redis), process(redis)]
    used = 0.0
    if when == "later":
        assert [True, True] == [await one.calls(0.1, 0.1) for one in pair]
        used = 0.2
    BREAK[how](redis)
    began = time.monotonic()
    with caplog.at_level(logging.INFO, "azure_agents"):
        passed = [[await one.calls(0.1, 0.1) for _ in range(3)] for one in pair]
        assert [[True] * 3] * 2 == passed
        assert BOUNDED > time.monotonic() - began
        used += 0.6
        MEND[how](redis)
        await asyncio.sleep(REST)
        for _ in range(2):  # the first one after a rest may be the one that finds Redis
            for one in pair:
                await one.budgets.tell()
    assert await is_used_up(process(redis), used)
    lines = [record.getMessage() for record in caplog.records]
    assert [2, 2] == [sum(word in line for line in lines) for word in ("does not", "again")]


async def test_each_process_alone_lets_no_more_through_than_the_budget(redis: RedisServer) -> None:
    """So together at most the budget times the processes, while Redis is away."""
    pair = [process(redis), process(redis)]
    redis.kill()
    passed = [[await one.calls(0.3, 0.3) for _ in range(6)] for one in pair]
    assert [3, 3] == [sum(one) for one in passed]
    redis.start()


async def test_a_redis_that_refuses_script_serves_as_well(redis: RedisServer) -> None:
    """As proxies in front of some do: nothing falls back to counts of one process."""
    redis.command("ACL", "SETUSER", "default", "-script")
    pair = [process(redis), process(redis)]
    assert [True] * 2 == [await one.calls(0.5, 0.5) for one in pair]
    assert [False] * 2 == [await one.calls(0.1, 0.1) for one in pair]
    pair[0].ledger.note(ended("a"), 0.25)
    assert await pair[0].rows.write()
    assert {"a": (1, 0.25)} == await sums(pair[1])


async def test_a_process_that_ends_leaves_what_it_used(redis: RedisServer) -> None:
    """In one field for all that ended, so there are never more than run."""
    for _ in range(4):
        one = process(redis)
        assert await one.calls(0.2, 0.1)
        await one.budgets.tell(at_the_end=True)
    assert await is_used_up(process(redis), 0.4)
    (key,) = cast("list[bytes]", redis.command("KEYS", "test:*"))
    assert 2 == redis.command("HLEN", key.decode())  # of the past, and of the one just now


HOLDS = [(1, True), (2**52, False)]  # until when, in milliseconds; whether a call passes


@pytest.mark.parametrize(("deadline", "passes"), HOLDS)
async def test_what_a_dead_process_held_is_free_after_a_minute(
    redis: RedisServer, deadline: int, passes: bool
) -> None:
    """Else a killed gateway would hold parts of a budget for ever."""
    one = process(redis)
    assert await one.calls(0.1, 0.1)
    (key,) = cast("list[bytes]", redis.command("KEYS", "test:*"))
    redis.command("HSET", key.decode(), "dead", f"7 0 900000000 {deadline}")
    assert passes == await one.calls(0.1, 0.0)


async def test_a_command_that_is_late_changes_nothing(redis: RedisServer) -> None:
    """Of two commands of one process the younger counts, in whatever order they arrive."""
    from azure_agents.gateway.spend.scripts import State, reserve

    link = RedisLink(redis.url)
    states = [State(version, version * 10, 0, 1000, 1) for version in (2, 1, 3, 2)]
    for state in states:
        await link.aask(reserve("k", "p", state, None))
    assert b"3 30 0" == cast(bytes, redis.command("HGET", "k", "p")).rpartition(b" ")[0]


def ended(model: str) -> Any:
    """A call that was answered."""
    meter = SimpleNamespace(used=lambda: SimpleNamespace(input=3, output=2))
    asked = SimpleNamespace(model=model)
    return SimpleNamespace(deployment="d", meter=meter, caller="app", asked=asked)


async def sums(one: Process) -> dict[str, tuple[int, float]] | None:
    """Calls and costs by model, over all processes."""
    rows = await one.rows.rows()
    if rows is None:
        return None
    found: dict[str, tuple[int, float]] = {}
    for row in rows:
        calls, cost = found.get(row["model"], (0, 0.0))
        found[row["model"]] = calls + row["calls"], cost + row["cost"]
    return found


async def test_spend_is_that_of_all_processes(redis: RedisServer) -> None:
    """Also what was booked while Redis was away, and again when it has lost everything."""
    one, other = process(redis), process(redis)
    one.ledger.note(ended("a"), 0.25)
    assert await one.rows.write()
    other.ledger.note(ended("a"), 0.5)
    other.ledger.note(ended("b\n{"), None)
    assert {"a": (2, 0.75), "b\n{": (1, 0.0)} == await sums(other)
    redis.kill()
    one.ledger.note(ended("a"), 0.25)
    assert not await one.rows.write()
    assert await sums(process(redis)) is None
    redis.start()  # with nothing
    await asyncio.sleep(REST)
    assert await one.rows.write()
    assert {"a": (2, 0.5)} == await sums(process(redis))
    other.ledger.note(ended("a"), 0.5)  # its other row is written again, too
    assert await other.rows.write()
    assert {"a": (4, 1.5), "b\n{": (1, 0.0)} == await sums(process(redis))
