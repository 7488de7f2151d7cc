"""As fast as the limits allow, never faster; whoever is throttled loses no row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from azure_agents.bulk import abulk
from azure_agents.bulk.pace import MINUTE, Pace, StoppedError
from azure_agents.drivers.clock import SystemClock
from azure_agents.emulator import Delayed, Emulator
from azure_agents.errors import RateLimitError
from azure_agents.routing.limits import Amounts, Limits

from ..covering import scaled
from ..eventually import eventually
from ..stores.servers import RedisServer

RPM = 300


async def _ask(foundry: Emulator, rows: int, reply: Any = "Hi", **settings: Any) -> list[Any]:
    deployed = foundry.deploy("d", reply, rpm=settings.pop("service_rpm", None))
    given = {**foundry.deployment_connection(), "timeout": None, **settings}
    return [row async for row in abulk(deployed.model, [f"{n}" for n in range(rows)], **given)]


def _most_in(times: Sequence[float], seconds: float) -> int:
    """The most of these times in any window of so many seconds."""
    first = most = 0
    for last, time in enumerate(times):
        while times[first] <= time - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


async def test_requests_use_the_limit_and_never_pass_it() -> None:
    """At least 97 % of what the limit allows begins, and no request is a 429."""
    with Emulator(seed=1) as foundry:
        times = _watched(foundry)
        rows = await _ask(foundry, 3 * RPM, rpm=RPM, service_rpm=RPM, concurrency=32)
        assert 3 * RPM == sum("answer" in row for row in rows)
        assert {200} == {request.status for request in foundry.requests}
    assert _most_in(times, 60) <= RPM
    # The first tenth of a window begins at once: the whole takes as much less.
    allowed = (times[-1] - times[0]) / 60 * RPM + RPM / 6
    assert 0.97 * allowed <= len(times)


async def test_limits_that_only_the_service_knows_are_kept() -> None:
    """Its first answer tells them, so that nothing is refused."""
    with Emulator(seed=1) as foundry:
        times = _watched(foundry)
        rows = await _ask(foundry, 2 * RPM, service_rpm=RPM, concurrency=32)
        assert 2 * RPM == sum("answer" in row for row in rows)
        assert {200} == {request.status for request in foundry.requests}
    assert _most_in(times, 60) <= RPM


def _watched(foundry: Emulator) -> list[float]:
    """When requests arrive, on the emulator's clock."""
    times: list[float] = []
    handle = foundry.async_transport.handle_async_request

    async def watch(request: Any) -> Any:
        times.append(foundry.clock.time())
        return await handle(request)

    foundry.async_transport.handle_async_request = watch  # type: ignore[method-assign]
    return times


async def test_most_requests_are_throttled_and_no_row_is_lost() -> None:
    """A 429 is no failure, however many there are."""
    rows = scaled(all=2_000, pairs=300, few=60)
    with Emulator(seed=1) as foundry:
        foundry.weather.change(throttled=0.6)
        found = await _ask(foundry, rows)
        assert rows == sum(row.get("answer") == "Hi" for row in found)


@pytest.mark.parametrize("generation", ["v2", "classic"])
async def test_throttled_agents_lose_no_row(generation: str) -> None:
    """Neither does a run lose any that began and failed at the model's rate limit."""
    with Emulator(seed=1) as foundry:
        agent = foundry.create_agent("a", "Hi", generation=generation)
        foundry.weather.change(throttled=0.4, unavailable=0.1, lost=0.05, cut=0.05)
        rows = [f"{n}" for n in range(40)]
        found = [row async for row in abulk(agent.model, rows, **foundry.connection())]
        assert {"Hi"} == {row.get("answer", row.get("error")) for row in found}
        assert 40 == len(found)


async def test_a_turn_that_ran_out_of_time_is_asked_anew() -> None:
    """Where many are under way, that says little of its row; three in a row do."""
    with Emulator(seed=1) as foundry:
        replies = iter([Delayed(100, "late")])
        agent = foundry.create_agent("a", lambda _: next(replies, "Hi"))
        given = {**foundry.connection(), "timeout": 10.0}
        assert ["Hi"] == [row["answer"] async for row in abulk(agent.model, ["a"], **given)]
        foundry.create_agent("b", Delayed(100, "late"))
        (row,) = [row async for row in abulk("b", ["a"], **given)]
    assert ("DeadlineError", 3) == (row["error"]["type"], len(foundry.seen) - 2)


async def test_an_answer_of_another_shape_fails_its_row_alone() -> None:
    """After some attempts; the other rows are answered."""
    with Emulator() as foundry:
        deployed = foundry.deploy("d", "Hi")
        transport = _Shapeless(foundry.async_transport)
        given = {**foundry.deployment_connection(), "async_transport": transport}
        rows = [row async for row in abulk(deployed.model, ["0", "1", "2"], **given)]
    kinds = {row["input"]: row.get("answer") or row["error"]["type"] for row in rows}
    assert {"0": "ProtocolError", "1": "Hi", "2": "Hi"} == kinds


async def test_a_slow_row_holds_nobody_up() -> None:
    """While one row takes its time, all others are answered."""
    slow = asyncio.Event()
    with Emulator(seed=1) as foundry:
        deployed = foundry.deploy("d", "Hi")
        transport = _Slow(foundry.async_transport, slow)
        given = {**foundry.deployment_connection(), "async_transport": transport}
        rows = [f"{n}" for n in range(200)]
        found: list[Any] = []

        async def read() -> None:
            async for row in abulk(deployed.model, rows, concurrency=4, **given):
                found.append(row)  # noqa: PERF401 - others count them meanwhile

        reading = asyncio.create_task(read())
        await eventually(lambda: len(found) == 199)
        slow.set()
        await reading
    assert "0" == found[-1]["input"]


class _Shapeless:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def handle_async_request(self, request: Any) -> Any:
        if b'"0"' in request.content:
            return httpx.Response(200, json={"id": "x", "usage": None})
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        pass


class _Slow:
    def __init__(self, inner: Any, event: asyncio.Event) -> None:
        self._inner, self._event = inner, event

    async def handle_async_request(self, request: Any) -> Any:
        if b'"0"' in request.content:
            await self._event.wait()
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        pass


async def test_requests_under_way_grow_and_are_cut_once_for_a_burst() -> None:
    """Each answer adds one at first; the 429s of one burst are one sign."""
    with Emulator() as foundry:
        pace = Pace("m", Limits(), 100, foundry.clock)
        for _ in range(32):
            await pace.leave(await pace.enter(Amounts()), None)
        assert 40 == pace.allowed
        burst = [await pace.enter(Amounts()) for _ in range(10)]
        foundry.clock.advance(1)
        for one in burst:
            await pace.refused(one, RateLimitError("busy", status=429, retry_after=7.0))
        assert (28, 10, 0) == (pace.allowed, pace.throttled, pace.running)
        before = foundry.clock.time()
        await pace.enter(Amounts())
        assert 7.0 == pytest.approx(foundry.clock.time() - before, abs=0.01)


async def test_stopping_wakes_those_that_wait() -> None:
    """For a slot, and for a limit."""
    with Emulator() as foundry:
        pace = Pace("m", Limits(), 1, foundry.clock)
        await pace.enter(Amounts())
        waiting = [asyncio.create_task(pace.enter(Amounts())) for _ in range(3)]
        await asyncio.sleep(0)
        pace.stop()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [StoppedError] * 3 == [type(end) for end in ends]


async def test_runs_that_share_a_redis_share_the_limits() -> None:
    """Two runs of one model begin as many requests together as one may."""
    server = RedisServer()
    try:
        paces = [Pace("m", Limits(rpm=5), 8, SystemClock(), server.url) for _ in range(2)]
        entering = [asyncio.create_task(pace.enter(Amounts())) for pace in paces for _ in range(6)]
        await eventually(lambda: sum(one.done() for one in entering) == 5)
        await asyncio.sleep(0.3)
        assert 5 == sum(one.done() for one in entering)
        for one in paces:
            one.stop()
        ends = await asyncio.gather(*entering, return_exceptions=True)
        assert 7 == sum(isinstance(end, StoppedError) for end in ends)
        for one in paces:
            one.close()
    finally:
        server.remove()


def test_a_window_is_a_little_longer_than_a_minute() -> None:
    """What leaves in time may arrive with less between; 97 % of a limit are still used."""
    assert 60 < MINUTE <= 60 / 0.97
