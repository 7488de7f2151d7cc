"""rpm 2 + 2 lets exactly 4 of 12 through: however they come, and whatever becomes of Redis."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pytest

from azure_agents.drivers.clock import SystemClock
from azure_agents.errors import RateLimitError
from azure_agents.routing.counts import Counts
from azure_agents.routing.deployments import Deployment
from azure_agents.routing.drivers import Driver
from azure_agents.routing.limits import Amounts, Limits
from azure_agents.routing.redis_link import RedisLink
from azure_agents.routing.router import Router

from ..stores.servers import RedisServer
from .fleet import HELLO, Fleet, ask

BOUNDED = 3.0  # seconds; a Redis that does not answer costs less than that, on a busy machine, too


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis that a test may break."""
    server = RedisServer()
    yield server
    server.thaw()
    server.remove()


def pair(fleet: Fleet, **arguments: Any) -> Router:
    """A router of one model with two deployments, each with two requests a minute."""
    return fleet.router(fleet["one"].entry(rpm=2), fleet["two"].entry(rpm=2), **arguments)


def is_answered(call: Callable[[], Any]) -> bool:
    """Whether a call got an answer; else it was told how long to wait."""
    try:
        call()
    except RateLimitError as error:
        return not error.retry_after
    return True


def in_sequence(routers: list[Router]) -> int:
    """How many of twelve calls are answered, one after the other."""
    return sum(is_answered(lambda at=at: ask(routers[at % len(routers)])) for at in range(12))


def in_threads(routers: list[Router]) -> int:
    """How many of twelve calls are answered, all at once."""
    barrier = threading.Barrier(12)

    def one(at: int) -> bool:
        barrier.wait()
        return is_answered(lambda: ask(routers[at % len(routers)]))

    with ThreadPoolExecutor(12) as pool:
        return sum(pool.map(one, range(12)))


def on_a_loop(routers: list[Router]) -> int:
    """How many of twelve calls are answered, all at once on an event loop."""

    async def one(at: int) -> bool:
        try:
            await routers[at % len(routers)].acompletion("gpt", HELLO)
        except RateLimitError:
            return False
        return True

    async def run() -> list[bool]:
        return await asyncio.gather(*map(one, range(12)))

    return sum(asyncio.run(run()))


WAYS = {"in sequence": in_sequence, "in threads": in_threads, "on a loop": on_a_loop}


@pytest.mark.parametrize("way", WAYS)
def test_exactly_four_of_twelve_pass(fleet: Fleet, way: str) -> None:
    """In each minute; the others are told when to come again."""
    router = pair(fleet)
    assert 4 == WAYS[way]([router])
    fleet.clock.sleep(59)
    assert 0 == WAYS[way]([router])
    fleet.clock.sleep(2)
    assert 4 == WAYS[way]([router])
    assert (4, 4) == (len(fleet["one"].requests), len(fleet["two"].requests))


@pytest.mark.parametrize("way", WAYS)
def test_exactly_four_of_twelve_pass_with_redis(
    fleet: Fleet, way: str, server: RedisServer
) -> None:
    """Two routers that share a Redis are as one."""
    routers = [pair(fleet, redis_url=server.url) for _ in range(2)]
    assert 4 == WAYS[way](routers)
    assert 4 == len(fleet["one"].requests) + len(fleet["two"].requests)
    for router in routers:
        router.close()


@pytest.mark.slow
def test_exactly_four_of_twelve_pass_in_two_processes(server: RedisServer) -> None:
    """Each asks twelve times at once; together four are answered, and nobody fails otherwise."""
    script = Path(__file__).with_name("process.py")
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), server.url, "12"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
    told = [process.communicate("go\n", timeout=60)[0].split() for process in processes]
    assert 4 == sum(int(answered) for answered, _ in told)
    assert 20 == sum(int(limited) for _, limited in told)


BREAK = {
    "killed": RedisServer.kill,
    "frozen": RedisServer.freeze,
    "full": lambda server: server.command("CONFIG", "SET", "maxmemory", "1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", BREAK)
@pytest.mark.parametrize("when", ["at the start", "later"])
def test_each_process_counts_for_itself_while_redis_is_away(
    request: pytest.FixtureRequest, fleet: Fleet, way: str, how: str, when: str
) -> None:
    """At most the limit times the processes; no call fails or waits long; one line is logged."""
    server: RedisServer = request.getfixturevalue("server")
    caplog: pytest.LogCaptureFixture = request.getfixturevalue("caplog")
    routers = [pair(fleet, redis_url=server.url) for _ in range(2)]
    if when == "later":
        ask(routers[0])
    BREAK[how](server)
    begun = time.monotonic()
    with caplog.at_level(logging.WARNING, "azure_agents"):
        passed = WAYS[way](routers)
    # The router that knows of the first call has one place less.
    assert (7 if when == "later" else 8) == passed
    assert time.monotonic() - begun < BOUNDED
    lines = [record.getMessage() for record in caplog.records]
    assert ["does not answer"] * 2 == [line[line.index("does") :][:15] for line in lines]
    assert [{"is_up": False, "outages": 1}] * 2 == [router.status()["redis"] for router in routers]


def test_a_call_that_waited_for_redis_counts_from_when_it_began(fleet: Fleet) -> None:
    """Else its window would end before a minute has passed."""
    counts = Counts(fleet.clock, "prefix")
    deployment = Deployment("d", "gpt", "azure/dep", "r", limits=Limits(rpm=1))
    asking = counts.begin(deployment, Amounts())
    next(asking)
    fleet.clock.sleep(5)
    with pytest.raises(StopIteration) as given:
        asking.send(None)  # Redis is away
    now = int(fleet.clock.time() * 1_000_000)
    assert (now, None) == (given.value.value.place.at, given.value.value.shared_at)
    assert 60_000_000 == counts.wait(deployment, Amounts())


def test_tokens_are_shared(fleet: Fleet, server: RedisServer) -> None:
    """What one process used is used for all; usage takes the place of estimates there, too."""
    routers = [fleet.router(fleet["one"].entry(tpm=400), redis_url=server.url) for _ in range(2)]
    for router in routers:
        ask(router, max_tokens=300)
    with pytest.raises(RateLimitError) as caught:
        ask(routers[0], max_tokens=399)
    assert 0 < (caught.value.retry_after or 0) <= 61
    ask(routers[0], max_tokens=200)  # a smaller one still has room


def test_a_server_that_refuses_digests_is_sent_the_script(
    fleet: Fleet, server: RedisServer
) -> None:
    """A user who may call EVAL and neither EVALSHA nor SCRIPT; nobody waits for that."""
    server.command("ACL", "SETUSER", "default", "-script", "-evalsha")
    routers = [pair(fleet, redis_url=server.url) for _ in range(2)]
    assert 4 == in_sequence(routers)
    assert [{"is_up": True, "outages": 0}] * 2 == [router.status()["redis"] for router in routers]


def test_a_429_is_known_to_the_other_processes(fleet: Fleet, server: RedisServer) -> None:
    """A deployment that asked one of them to wait is asked by none."""
    from azure_agents.emulator import Fault

    one = fleet["one"]
    routers = [
        fleet.router(one.entry(order=1), fleet["two"].entry(order=2), redis_url=server.url)
        for _ in range(2)
    ]
    one.faults.add(Fault("status_before", status=429, headers={"retry-after-ms": "60000"}))
    for router in routers:
        ask(router)
    assert (1, 2) == (len(one.requests), len(fleet["two"].requests))


# --------------------------------------------------------------------------- outages under load

RPM = 6
MINUTE = 1.2  # seconds
PROCESSES = 2


class Load:
    """Some processes that take every place they can get, and the times at which they got one."""

    def __init__(self, url: str) -> None:
        self.starts: list[float] = []  # by the clock of Redis, where it gave the place
        self.slowest = 0.0
        self._url = url
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(counts, link))
            for counts, link in (self._process() for _ in range(PROCESSES))
            for _ in range(2)
        ]
        self._lock = threading.Lock()

    def _process(self) -> tuple[Counts, RedisLink]:
        return Counts(SystemClock(), "load", minute=MINUTE), RedisLink(self._url, rest=0.1)

    def _run(self, counts: Counts, link: RedisLink) -> None:
        deployment = Deployment("d", "gpt", "azure/dep", "r", limits=Limits(rpm=RPM))
        driver = Driver(SystemClock(), link)
        while not self._is_over.is_set():
            begun = time.monotonic()
            flow = counts.begin(deployment, Amounts())
            ticket = driver.run(flow, lambda attempt: attempt)  # type: ignore[arg-type]
            with self._lock:
                self.slowest = max(self.slowest, time.monotonic() - begun)
                if ticket is not None:
                    here = ticket.place.at / 1_000_000 + time.time() - time.monotonic()
                    self.starts.append((ticket.shared_at or 0) / 1_000_000 or here)
            time.sleep(0.005)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def most(self, since: float = 0.0) -> int:
        """The most that began in any minute, of those that began after a time."""
        starts = sorted(start for start in self.starts if start >= since)
        windows = (sum(0 <= start - first < MINUTE for start in starts) for first in starts)
        return max(windows, default=0)


def killed_and_started(server: RedisServer) -> None:
    """Power fails; what it knew is lost."""
    server.kill()
    time.sleep(0.7)
    server.start()


def frozen_and_thawed(server: RedisServer) -> None:
    """As a server under maintenance looks to its clients."""
    server.freeze()
    time.sleep(1.2)
    server.thaw()


def started_anew(server: RedisServer) -> None:
    """Away for a moment only."""
    server.kill()
    server.start()


@pytest.mark.slow
@pytest.mark.parametrize("outage", [killed_and_started, frozen_and_thawed, started_anew])
def test_outages_under_load(server: RedisServer, outage: Callable[[RedisServer], None]) -> None:
    """Never more than the limit times the processes, and one limit again within one window."""
    with Load(server.url) as load:
        time.sleep(2 * MINUTE)
        before = load.most()
        outage(server)
        back = time.time() + 0.7  # until then a process may not have looked
        time.sleep(3.5 * MINUTE)
    # On a busy machine fewer requests may begin than are allowed; never more.
    assert 0 < before <= RPM
    assert load.most() <= RPM * PROCESSES
    assert 0 < load.most(since=back + MINUTE) <= RPM
    assert load.slowest < BOUNDED


def test_a_caller_who_leaves_holds_no_place(fleet: Fleet, server: RedisServer) -> None:
    """While Redis is asked its place is free again; while a deployment is asked it runs no more."""
    one = fleet["one"]
    router = fleet.router(one.entry(rpm=5, max_parallel_requests=1), redis_url=server.url)

    async def leave_after(seconds: float) -> None:
        call = asyncio.ensure_future(router.acompletion("gpt", HELLO))
        await asyncio.sleep(seconds)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    server.freeze()
    asyncio.run(leave_after(0.1))
    server.thaw()
    told = router.status()["deployments"][0]
    assert (0, 0, []) == (told["running"], told["counted"]["rpm"], one.requests)
    one.before_requests(lambda: asyncio.current_task().cancel())  # type: ignore[union-attr]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(router.acompletion("gpt", HELLO))
    told = router.status()["deployments"][0]
    assert (0, 1) == (told["running"], told["counted"]["rpm"])
    router.close()
