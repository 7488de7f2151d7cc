"""What a process counts, without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pytest

from azure_agents.errors import RateLimitError, ServerError
from azure_agents.gateway.asked import Asked
from azure_agents.gateway.counters import BOUNDS, SLOTS, Counters, Histogram, Recent, percentile
from azure_agents.gateway.meter import Meter
from azure_agents.gateway.passage import Ended, Tried
from azure_agents.routing.deployments import Deployment


@dataclass
class Clock:
    """Seconds that only the test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """Counters with a clock of their own."""

    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.counters = Counters(self.clock)

    def ended(self, model: str = "gpt", **facts: Any) -> None:
        """Note a call."""
        asked = Asked("chat", "openai", model, MappingProxyType({}), None, streams=False)
        ended = Ended(asked, "app", "gpt", **{"status": 200, **facts})
        self.counters.note(ended, 0.25)


DEPLOYMENT = Deployment(id="d1", name="gpt", model="azure/dep", resource="r")


@pytest.fixture
def world() -> World:
    """A new one."""
    return World()


def test_a_call_is_counted_once_everywhere(world: World) -> None:
    """Status, seconds, tokens and cost of a call stand under its labels."""
    world.ended(meter=Meter({"prompt_tokens": 3, "completion_tokens": 4}), seconds=0.2, first=0.1)
    have = world.counters
    assert {("chat", "gpt", "200"): 1} == have.calls
    assert {("gpt", "input"): 3, ("gpt", "output"): 4} == have.tokens
    assert {("gpt", "app"): 0.25} == have.cost
    assert (0.2, 0.1) == (have.seconds["chat", "gpt"].total, have.first["chat", "gpt"].total)
    assert [(1, 0)] == [(slot.calls, slot.failed) for slot in have.recent.slots() if slot.calls]


def test_labels_are_names_of_the_config(world: World) -> None:
    """However many names clients give a model (an alias, a wildcard), it has one label."""
    for number in range(1000):
        world.ended(f"made-up-{number}", status=404)
    assert {("chat", "gpt", "404"): 1000} == world.counters.calls


def test_a_failure_is_shown_once(world: World) -> None:
    """The error of the last attempt, which the client hears, is not listed twice."""
    error = ServerError("broken", status=500)
    for _ in range(2):
        world.counters.tried(Tried(DEPLOYMENT, 0.1, error))
        world.ended(status=502, error=error, last_failure=error)
    world.ended(status=429, error=RateLimitError("all are full", status=429))
    shown = [(one.deployment, one.error.message, one.times) for one in world.counters.failures]
    assert [("", "all are full", 1), ("d1", "broken", 2)] == shown
    assert {("gpt", "ServerError"): 2, ("gpt", "RateLimitError"): 1} == world.counters.errors


def test_failures_are_few_however_many_kinds_there_are(world: World) -> None:
    """The oldest makes room."""
    for status in range(400, 600):
        world.counters.tried(Tried(DEPLOYMENT, 0.1, ServerError("broken", status=status)))
    assert list(range(599, 549, -1)) == [one.error.status for one in world.counters.failures]


def test_attempts_are_counted_by_how_they_ended(world: World) -> None:
    """An attempt that its client left is neither an answer nor a failure."""
    for tried in (
        Tried(DEPLOYMENT, 0.1),
        Tried(DEPLOYMENT, 0.1, ServerError("broken", status=500)),
        Tried(DEPLOYMENT, 0.1, is_left=True),
    ):
        world.counters.tried(tried)
    outcomes = {key[2]: count for key, count in world.counters.attempts.items()}
    assert {"ok": 1, "ServerError": 1, "left": 1} == outcomes
    assert 1 == sum(world.counters.upstream["gpt", "d1"].counts)


def test_deployments_of_an_older_config_are_forgotten(world: World) -> None:
    """Reload after reload, what is kept does not grow."""
    for number in range(100):
        one = Deployment(id=f"d{number}", name="gpt", model="azure/dep", resource="r")
        world.counters.keep({one.id})
        world.counters.tried(Tried(one, 0.1))
    have = world.counters
    assert [1, 1, 1] == [len(have.attempts), len(have.upstream), len(have.recent_of)]


def test_a_bucket_holds_its_bound() -> None:
    """As Prometheus has it: a bucket counts what is less than or equal to its bound."""
    histogram = Histogram()
    for seconds in (BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1] + 1):
        histogram.add(seconds)
    assert [1, 1, 1] == [histogram.counts[0], histogram.counts[1], histogram.counts[-1]]


def test_percentiles_are_within_a_tenth() -> None:
    """Of a hundred answers, the median and the slowest."""
    recent = Recent(Clock())
    for hundredth in range(1, 101):
        recent.add(hundredth / 100, failed=False)
    recent.add(3600, failed=True)  # a failure says nothing about how long answers take
    half, most = (percentile(recent.seconds(), part) for part in (0.5, 0.99))
    assert pytest.approx(0.5, rel=0.1) == half
    assert pytest.approx(0.99, rel=0.1) == most
    assert percentile(Recent(Clock()).seconds(), 0.5) is None


def test_what_is_old_is_forgotten() -> None:
    """Ten minutes are kept, in as many slots as ever."""
    clock = Clock()
    recent = Recent(clock)
    for _ in range(3 * SLOTS):
        recent.add(0.1, failed=False)
        clock.now += 10
    assert SLOTS == len(list(recent.slots()))
    assert SLOTS - 1 == sum(slot.calls for slot in recent.slots())
    clock.now += 3600
    assert 0 == sum(slot.calls for slot in recent.slots())
