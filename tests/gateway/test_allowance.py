"""Limits and budgets of keys."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from azure_agents.emulator import Emulator
from azure_agents.gateway.config.objects import GatewayKey, Period
from azure_agents.gateway.spend.budgets import Budgets

from .conftest import Start

CONFIG = f"""
model_list:
  - model_name: gpt
    litellm_params:
      model: azure/dep
      api_base: "{{resource}}"
      api_key: any
      input_cost_per_token: 0.1
      output_cost_per_token: 0.1
keys:
  - name: app
    hash: {sha256(b"sk-app").hexdigest()}
    KEY
"""
served = pytest.mark.allow_hosts(["127.0.0.1"])


def statuses(start: Start, limits: str, number: int, **more: Any) -> list[tuple[int, str | None]]:
    """What some calls of a key hear."""
    gateway = start(CONFIG.replace("KEY", limits), authorization="Bearer sk-app")
    answers = [gateway.chat("gpt", **more) for _ in range(number)]
    return [(one.status_code, one.json().get("error", {}).get("code")) for one in answers]


@served
def test_requests_of_a_key_are_limited_exactly(foundry: Emulator, start: Start) -> None:
    """2 of 4 in a minute, and the emulator has seen no more."""
    foundry.deploy("dep", "Hello.")
    expected = [(200, None)] * 2 + [(429, "rate_limit_exceeded")] * 2
    assert expected == statuses(start, "rpm: 2", 4)
    assert 2 == len(foundry.seen)


@served
def test_tokens_of_a_key_are_limited(foundry: Emulator, start: Start) -> None:
    """By what answers really used: the next call waits."""
    foundry.deploy("dep", "one two three four five six seven eight nine ten")
    found = statuses(start, "tpm: 20", 2, max_tokens=15)
    assert [(200, None), (429, "rate_limit_exceeded")] == found


@served
@pytest.mark.parametrize("stream", [False, True])
def test_a_spent_budget_is_a_quota(foundry: Emulator, start: Start, stream: bool) -> None:
    """Reserved before the call, settled after it, streamed or not."""
    foundry.deploy("dep", "Hello.")
    gateway = start(CONFIG.replace("KEY", "budget: 1.0"), authorization="Bearer sk-app")
    first = gateway.chat("gpt", max_tokens=5, stream=stream)
    assert 200 == first.status_code
    assert stream or float(first.headers["x-response-cost"]) > 0
    answers = [gateway.chat("gpt", max_tokens=5, stream=stream) for _ in range(4)]
    refused = answers[-1]
    assert 429 == refused.status_code
    assert ("insufficient_quota", "insufficient_quota") == (
        refused.json()["error"]["code"],
        refused.json()["error"]["type"],
    )
    spent = gateway.http.get("/spend").json()["data"][0]["cost"]
    assert 0 < spent <= 1.0


PERIODS: list[tuple[Period, date, float]] = [
    ("day", date(2026, 3, 2), 10.0),
    ("week", date(2026, 3, 2), 10.0),  # a Monday
    ("week", date(2026, 3, 7), 4.0),
    ("month", date(2026, 3, 31), 4.0),
    ("month", date(2026, 4, 1), 10.0),
    ("total", date(2030, 1, 1), 4.0),
]


@pytest.mark.parametrize(("period", "then", "left"), PERIODS)
async def test_a_budget_is_of_its_period(period: Period, then: date, left: float) -> None:
    """What was spent before does not count in the next one."""
    day = date(2026, 3, 1) if left == 10.0 or period != "week" else date(2026, 3, 3)
    budgets = Budgets(today=lambda: day)
    key = GatewayKey("app", "", budget=10.0, budget_period=period)
    await spend(budgets, key, 6.0)
    day = then
    assert await budgets.hold(key, left + 0.01) is None
    assert await budgets.hold(key, left) is not None


async def spend(budgets: Budgets, key: GatewayKey, dollars: float) -> None:
    """One call that costs so much."""
    held = await budgets.hold(key, 0.0)
    assert held is not None
    await budgets.settle(held, dollars)


async def test_a_call_is_settled_in_the_period_that_it_began_in() -> None:
    """Its reservation is not given back to the next one, which would have too much."""
    day = date(2026, 3, 31)
    budgets = Budgets(today=lambda: day)
    key = GatewayKey("app", "", budget=1.0)
    held = await budgets.hold(key, 0.9)
    assert held is not None
    day = date(2026, 4, 1)
    await budgets.settle(held, 0.5)
    assert await budgets.hold(key, 1.01) is None
    assert await budgets.hold(key, 1.0) is not None


async def test_a_key_without_a_budget_has_no_end() -> None:
    """Nothing is refused where nothing is limited."""
    budgets, key = Budgets(), GatewayKey("app", "")
    await spend(budgets, key, 1e9)
    assert await budgets.hold(key, 1e9) is not None
