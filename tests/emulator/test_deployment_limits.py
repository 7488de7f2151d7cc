"""Limits of deployments: requests and tokens in a minute, their headers, the 429 beyond them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azure_agents.emulator import Emulator, Failed

if TYPE_CHECKING:
    from deployment_wire import Resource


def test_requests_beyond_the_limit_wait(resource: Resource) -> None:
    """Headers tell the limit; a 429 says how long to wait, and after that it is free."""
    foundry = resource.foundry
    foundry.deploy("dep", "ok", rpm=2)
    first, second, third = (resource.chat() for _ in range(3))
    left = [one.headers["x-ratelimit-remaining-requests"] for one in (first, second, third)]
    assert (["1", "0", "0"], "2") == (left, first.headers["x-ratelimit-limit-requests"])
    assert (429, "429") == (third.status_code, third.json()["error"]["code"])
    assert ("60", "60000") == (third.headers["retry-after"], third.headers["retry-after-ms"])
    assert 2 == len(foundry.seen)
    foundry.clock.advance(60)
    assert 200 == resource.chat().status_code


def test_tokens_beyond_the_limit_wait(resource: Resource) -> None:
    """The estimate is the prompt and the most tokens of the answer."""
    foundry = resource.foundry
    foundry.deploy("dep", "ok", tpm=100)
    assert 200 == resource.chat(max_tokens=60).status_code
    foundry.clock.advance(15)
    late = resource.chat(max_tokens=60)
    assert (429, "45000") == (late.status_code, late.headers["retry-after-ms"])


def test_many_requests_a_minute_come_evenly(resource: Resource) -> None:
    """From 60 a minute on, a sixth of them in ten seconds."""
    resource.foundry.deploy("dep", "ok", rpm=60)
    statuses = [resource.chat().status_code for _ in range(11)]
    assert [200] * 10 + [429] == statuses


@pytest.mark.parametrize("limit", [{"rpm": 0}, {"tpm": -1}])
def test_a_limit_of_nothing_is_refused(foundry: Emulator, limit: dict[str, int]) -> None:
    """A deployment that answers nobody is a mistake."""
    with pytest.raises(ValueError, match="must be 1 or more"):
        foundry.deploy("dep", **limit)


@pytest.mark.parametrize(
    ("rpm", "in_milliseconds", "reset"),
    [(120, True, "500"), (50, False, "1"), (250, False, "0")],
)
def test_a_reset_tells_when_all_is_renewed(
    resource: Resource, rpm: int, reset: str, *, in_milliseconds: bool
) -> None:
    """As recorded after one request: milliseconds in March 2026, whole seconds since June."""
    resource.foundry.rules.resets_in_milliseconds = in_milliseconds
    resource.foundry.deploy("dep", "ok", rpm=rpm)
    headers = resource.chat().headers
    assert reset == headers["x-ratelimit-reset-requests"]
    assert in_milliseconds == ("x-ratelimit-key" not in headers)


def test_a_filtered_prompt_counts_for_the_limit(resource: Resource) -> None:
    """As recorded: the refusal tells how many requests are left."""
    resource.foundry.deploy("dep", Failed("content_filter"), rpm=5)
    answer = resource.chat()
    assert (400, "4") == (answer.status_code, answer.headers["x-ratelimit-remaining-requests"])


def test_another_model_of_foundry_tells_its_limit_otherwise(resource: Resource) -> None:
    """As recorded: whole seconds, no milliseconds, and a code of its own."""
    resource.foundry.deploy("dep", "ok", model="grok-4-1-fast", rpm=1)
    resource.chat()
    answer = resource.chat()
    assert (429, "RateLimitReached") == (answer.status_code, answer.json()["error"]["code"])
    assert ("60", "0") == (answer.headers["retry-after"], answer.headers["retry-after-ms"])
    assert "x-request-id" not in answer.headers
