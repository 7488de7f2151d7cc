"""The machines of `deploy/compose.yaml`, as processes: two gateways, a Redis, and the balancer."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from azure_agents.emulator import Delayed, Emulator

from ..stores.servers import RedisServer
from .deployed import DEPLOY
from .processes import Served, served, wait_until

CONFIG = """
model_list:
- {{model_name: gpt-4o, litellm_params: {{model: azure/one, api_base: "{base}", api_key: k{more}}}}}
- {{model_name: gpt-4o, litellm_params: {{model: azure/two, api_base: "{base}", api_key: k{more}}}}}
- {{model_name: slow, litellm_params: {{model: azure/slow, api_base: "{base}", api_key: k{more}}}}}
general_settings: {{master_key: sk-master}}
router_settings: {{redis_url: os.environ/REDIS_URL}}
"""
CLIENTS = 8


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis that a test may break."""
    server = RedisServer()
    yield server
    server.thaw()
    server.remove()


@pytest.fixture
def base() -> Iterator[str]:
    """The resource of an emulator with two deployments."""
    with Emulator(seed=3) as foundry, foundry.serve() as emulator:
        foundry.deploy("one", "Hello.")
        foundry.deploy("two", "Hello.")
        foundry.deploy("slow", Delayed(1.0, "Hello."))
        yield emulator.resource


@contextmanager
def gateways(
    path: Path, base: str, redis: RedisServer, *options: str, more: str = "", end: str = ""
) -> Iterator[tuple[Served, Served]]:
    """Two gateways that share a Redis, and nothing else."""
    with ExitStack() as stack:
        made = []
        for name in ("one", "two"):
            config = path / f"{name}.yaml"
            config.write_text(CONFIG.format(base=base, more=more) + end)
            made.append(
                stack.enter_context(served(config, *options, key="sk-master", REDIS_URL=redis.url))
            )
        yield made[0], made[1]


@contextmanager
def balanced(path: Path, backends: tuple[Served, Served]) -> Iterator[Served]:
    """The balancer of `deploy/haproxy.cfg` in front of gateways."""
    program = shutil.which("haproxy")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("haproxy is missing, and CI must not skip its tests")
        pytest.skip("haproxy is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = (DEPLOY / "haproxy.cfg").read_text().replace("bind :4000", f"bind 127.0.0.1:{port}")
    for number, backend in enumerate(backends, 1):
        text = text.replace(f" gateway-{number}:4000", f" {backend.url.removeprefix('http://')}")
    file = path / "haproxy.cfg"
    file.write_text(text)
    process = subprocess.Popen([program, "-f", str(file)], stderr=subprocess.DEVNULL, text=True)
    try:
        one = Served(process, f"http://127.0.0.1:{port}", file, backends[0].headers)
        wait_until(lambda: _answers(one))
        yield one
    finally:
        process.kill()
        process.communicate()


def _answers(gateway: Served) -> bool:
    try:
        return gateway.get("/health/readiness").status_code == 200
    except httpx.TransportError:
        return False


def load(gateway: Served, until: float, happens: Callable[[], object]) -> list[tuple[float, int]]:
    """Clients that ask all the time while something happens: when answers came, their status."""
    began = time.monotonic()

    def client(_: int) -> list[tuple[float, int]]:
        told = []
        while time.monotonic() - began < until:
            status = gateway.chat().status_code
            told.append((time.monotonic() - began, status))
        return told

    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        pool.submit(lambda: (time.sleep(1), happens()))
        return [one for found in pool.map(client, range(CLIENTS)) for one in found]


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_gateway_that_stops_under_load_loses_no_request(
    tmp_path: Path, base: str, redis: RedisServer
) -> None:
    """SIGTERM: those that run are finished, the others go to the other one."""
    with (
        gateways(tmp_path, base, redis, "--drain", "2.5") as pair,
        balanced(tmp_path, pair) as balancer,
    ):
        told = load(balancer, 5, lambda: pair[0].process.send_signal(signal.SIGTERM))
        assert -signal.SIGTERM == pair[0].process.wait(10)
        assert {200} == {status for _, status in told}
        assert 50 < len(told)


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_gateway_that_is_killed_takes_only_its_running_requests_along(
    tmp_path: Path, base: str, redis: RedisServer
) -> None:
    """At most those of the clients that waited for it; the balancer's own error tells them."""
    with gateways(tmp_path, base, redis) as pair, balanced(tmp_path, pair) as balancer:
        told = load(balancer, 3, pair[0].process.kill)
        failed = [at for at, status in told if status != 200]
        assert CLIENTS >= len(failed)
        assert [] == [at for at in failed if at > 2]
        assert any(at > 2 for at, _ in told)


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_exactly_four_of_twelve_pass_two_gateways(
    tmp_path: Path, base: str, redis: RedisServer
) -> None:
    """Two deployments with two requests a minute each, asked in parallel through both."""
    with gateways(tmp_path, base, redis, more=", rpm: 2") as pair, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda at: pair[at % 2].chat(), range(12)))
        assert Counter({200: 4, 429: 8}) == Counter(one.status_code for one in answers)
        waits = [float(one.headers["retry-after"]) for one in answers if one.status_code == 429]
        assert all(0 < wait <= 61 for wait in waits)
        assert {429} == {one.chat().status_code for one in pair}


BREAK: dict[str, Callable[[RedisServer], object]] = {
    "killed": RedisServer.kill,
    "frozen": RedisServer.freeze,
}
MEND: dict[str, Callable[[RedisServer], object]] = {
    "killed": RedisServer.start,
    "frozen": RedisServer.thaw,
}


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("how", BREAK)
def test_no_request_fails_while_redis_is_away(
    tmp_path: Path, base: str, redis: RedisServer, how: str
) -> None:
    """Redis goes and comes back under load: each gateway counts for itself, nobody waits long."""
    with (
        gateways(tmp_path, base, redis, more=", rpm: 100000") as pair,
        ThreadPoolExecutor(2) as two,
    ):
        loads = [two.submit(load, one, 5, lambda: None) for one in pair]
        time.sleep(1)
        BREAK[how](redis)
        time.sleep(1.5)
        MEND[how](redis)
        told = [one for found in loads for one in found.result()]
        assert {200} == {status for _, status in told}
        assert 2.5 > longest_gap(told)
        for one in pair:
            assert 1 == one.metric("azure_agents_gateway_redis_outages_total")
            assert 1 == one.metric("azure_agents_gateway_redis_up")
            assert 1 == one.log.read_text().count("does not answer")
            assert 1 == one.log.read_text().count("answers again")
        wait_until(lambda: [spent(one) for one in pair] == [(len(told), True)] * 2)


def longest_gap(told: list[tuple[float, int]]) -> float:
    """Seconds in which no answer came."""
    moments = sorted(at for at, _ in told)
    return max(later - at for at, later in pairwise(moments))


def spent(gateway: Served) -> tuple[int, bool]:
    """The calls in `/spend`, and whether it is of all gateways."""
    page = gateway.get("/spend").json()
    return sum(row["calls"] for row in page["data"]), page["complete"]


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("how", BREAK)
def test_limits_hold_for_each_gateway_without_redis_and_for_all_with_it(
    tmp_path: Path, base: str, redis: RedisServer, how: str
) -> None:
    """Each lets 2 + 2 through while Redis is away; when it is back, none more in that window."""
    with gateways(tmp_path, base, redis, more=", rpm: 2") as pair, ThreadPoolExecutor(12) as pool:
        BREAK[how](redis)
        answers = list(pool.map(lambda at: pair[at % 2].chat().status_code, range(24)))
        assert Counter({200: 8, 429: 16}) == Counter(answers)
        MEND[how](redis)
        for one in pair:
            wait_until(lambda one=one: one.metric("azure_agents_gateway_redis_up") == 1)
        assert {429} == {one.chat().status_code for one in pair for _ in range(3)}


PRICED = ", input_cost_per_token: 0, output_cost_per_token: 0.001"
KEYS = """
keys: [{name: app, hash: "HASH", budget: 0.05}]
"""


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_budget_is_exact_over_two_gateways(tmp_path: Path, base: str, redis: RedisServer) -> None:
    """A call may cost up to a cent, so of twenty at once five begin; what they left is free."""
    keys = KEYS.replace("HASH", sha256(b"sk-app").hexdigest())
    with gateways(tmp_path, base, redis, more=PRICED, end=keys) as pair:
        one, other = (replace(each, headers={"authorization": "Bearer sk-app"}) for each in pair)

        def chat(at: int, model: str = "gpt-4o") -> int:
            return (one, other)[at % 2].chat(model, max_tokens=10).status_code

        with ThreadPoolExecutor(20) as pool:
            answers = pool.map(lambda at: chat(at, "slow"), range(20))
            assert Counter({200: 5, 429: 15}) == Counter(answers)
        wait_until(lambda: [spent(each) for each in (one, other)] == [(5, True)] * 2)
        (row,) = one.get("/spend").json()["data"]
        tokens = row["output_tokens"]
        assert tokens == round(row["cost"] * 1000)
        assert 0 == tokens % 5
        answered = 0
        while chat(answered) == 200:
            answered += 1
        assert (50 - 10 - tokens) // (tokens // 5) + 1 == answered
