"""Conditions that every client meets, changed while the emulator runs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator

V2 = "/openai/v1/responses"
BODY = {"agent_reference": {"name": "my-agent"}, "input": "hi"}


def classic(wire: Any, agent: Any) -> httpx.Response:
    """A streamed run."""
    thread = wire.start_thread("hi")
    return wire.request("POST", f"/threads/{thread}/runs", {"assistant_id": agent.id})


@pytest.mark.parametrize(
    ("conditions", "seconds"),
    [
        ({}, 0),
        ({"latency": 2}, 2),
        ({"slow_start": 3}, 3),
        ({"tokens_per_second": 4}, 1),
        ({"latency": 2, "slow_start": 3, "tokens_per_second": 2}, 7),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_weather_slows_answers(
    foundry: Emulator, wire: Any, conditions: Any, seconds: float, stream: bool
) -> None:
    """Latency, the first token, and every token after it; streamed and not."""
    wire.http.timeout = None
    foundry.create_agent("my-agent", "one two three four")
    foundry.weather.change(**conditions)
    start = foundry.clock.time()
    wire.request("POST", V2, {**BODY, "stream": stream})
    assert foundry.clock.time() - start == pytest.approx(seconds, abs=1e-5)


def test_weather_slows_polled_runs(foundry: Emulator, wire: Any) -> None:
    """A poll is a second: four tokens at one in a second are four polls more."""
    agent = foundry.create_agent("a", "one two three four", generation="classic")
    foundry.weather.tokens_per_second = 1
    thread = wire.start_thread("hi")
    run = wire.post(f"/threads/{thread}/runs", {"assistant_id": agent.id})["id"]
    statuses = [wire.get(f"/threads/{thread}/runs/{run}")["status"] for _ in range(12)]
    assert 4 <= statuses.index("completed") <= 10


def test_throttled_turns_are_a_429(foundry: Emulator, wire: Any) -> None:
    """With the wait in words and headers; other requests are let through."""
    agent = foundry.create_agent("my-agent")
    old = foundry.create_agent("old", generation="classic")
    foundry.weather.change(throttled=1, retry_after=2)
    for answer in (wire.request("POST", V2, wire.turn(agent, "hi")), classic(wire, old)):
        assert 429 == answer.status_code
        assert ("2", "2000") == (answer.headers["retry-after"], answer.headers["retry-after-ms"])
        assert "Try again in 2 seconds" in answer.json()["error"]["message"]
    assert wire.get("/agents")["data"]


def test_failed_turns_fail_on_the_server(foundry: Emulator, wire: Any) -> None:
    """The turn begins, and fails then."""
    agent = foundry.create_agent("my-agent", "hello")
    foundry.weather.failed_turns = 1
    assert "failed" == wire.respond(agent, "hi")["status"]
    foundry.weather.calm()
    assert "completed" == wire.respond(agent, "hi")["status"]


@pytest.mark.parametrize(
    ("condition", "error", "seen"),
    [("cut", httpx.ReadError, 1), ("lost", httpx.ReadError, 1)],
)
def test_weather_breaks_connections(
    foundry: Emulator, wire: Any, condition: str, error: Any, seen: int
) -> None:
    """On the way, or before the answer; the turn has ended well."""
    agent = foundry.create_agent("my-agent", "one two three four five six seven eight")
    foundry.weather.change(**{condition: 1})
    with pytest.raises(error):
        wire.stream(V2, wire.turn(agent, "hi"))
    foundry.weather.calm()
    foundry.clock.advance(5)
    wire.get("/agents")
    assert len(foundry.seen) == seen


def test_weather_hits_its_share_of_requests(make_wire: Any) -> None:
    """Some of many, and the same ones with the same seed."""

    def play(seed: int) -> list[int]:
        foundry = Emulator(seed=seed)
        wire = make_wire(foundry)
        foundry.create_agent("my-agent")
        foundry.weather.unavailable = 0.5
        return [wire.request("POST", V2, BODY).status_code for _ in range(40)]

    assert {200, 503} == {*play(1)}
    assert play(1) == play(1)
    assert play(1) != play(2)


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({"rain": 1}, "no condition 'rain'; use one of cut, failed_turns"),
        ({"throttled": 2}, "throttled is a share between 0 and 1, got 2"),
        ({"latency": -1}, "latency must be a number from 0 up, got -1"),
        ({"latency": "much"}, "latency must be a number from 0 up, got 'much'"),
        ({"tokens_per_second": 0}, "tokens_per_second must be more than 0"),
    ],
)
def test_wrong_conditions_change_nothing(foundry: Emulator, conditions: Any, sentence: str) -> None:
    """All of them or none; the sentence says what would be right."""
    with pytest.raises(ValueError, match=sentence):
        foundry.weather.change(slow_start=3, **conditions)
    assert foundry.weather.now() == Emulator().weather.now()


def test_planned_faults_come_before_weather(foundry: Emulator, wire: Any) -> None:
    """A fault that a test plans is not left to chance."""
    foundry.create_agent("my-agent")
    foundry.weather.throttled = 1
    foundry.faults.plan("server error")
    statuses = [wire.request("POST", V2, BODY).status_code for _ in range(2)]
    assert [500, 429] == statuses
