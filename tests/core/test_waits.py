"""How long the service asks to wait, in all the words that it and gateways before it use."""

from __future__ import annotations

import time

import pytest

from azure_agents.service_errors.envelopes import (
    error_from_event,
    error_from_last_error,
    error_from_reply,
)
from azure_agents.service_errors.waits import wait_in_words

WAITS: list[tuple[str, float | None]] = [
    ("Rate limit is exceeded. Try again in 50 seconds.", 50.0),
    ("Please try again in 250ms.", 0.25),
    ("Please try again in 1.5s.", 1.5),
    ("Please retry your request after 20 milliseconds", 0.02),
    ("Limit 30000. Please try again in 1m26.4s. Visit https://x", 86.4),
    ("Please try again in 6m0s.", 360.0),
    ("try again in 7m12.345s.", 432.345),
    ("Try again in 2 hours", 7_200.0),
    ("retry after 1h2m3s", 3_723.0),
    ("try again in 1 hour and 30 minutes", 5_400.0),
    ("Try again in 2 Minutes, 5 SEC", 125.0),
    ("try again in an hour", 3_600.0),
    ("retry after 1 day", 86_400.0),
    ("try again in 3 days, 4 hours", 273_600.0),
    ("Please wait 30 seconds before the next request.", 30.0),
    ("Please retry after about 9 s", 9.0),
    ("try again in 5 seconds, 3 attempts are left", 5.0),
    ("Try again in 7.", 7.0),
    ("Try again in 1.5", 1.5),
    ("try again in a few minutes", None),  # no number
    ("try again in 1 month", None),  # no unit that we know: not 1 second
    ("try again at 12:30", None),
    ("try again in 12:30", None),
    ("the wait was 5 seconds", None),
]


@pytest.mark.parametrize(("message", "seconds"), WAITS)
def test_a_wait_in_words_is_read_whole(message: str, seconds: float | None) -> None:
    """Every unit counts, also several of them; what is no wait is none."""
    assert seconds == wait_in_words(message)


def test_the_same_words_mean_the_same_everywhere() -> None:
    """In a refused request, in an error event of a stream, and in a run that failed."""
    said = {"code": "rate_limit_exceeded", "message": "Please try again in 1m26.4s."}
    body = b'{"error":{"code":"429","message":"Please try again in 1m26.4s."}}'
    assert [86.4, 86.4, 86.4] == [
        error_from_reply(429, {}, body, doing="x").retry_after,
        error_from_event(said, doing="x").retry_after,
        error_from_last_error(said, doing="x").retry_after,
    ]


def test_reading_a_wait_takes_linear_time() -> None:
    """A message of nothing but numbers is read in no time."""
    began = time.monotonic()
    for message in ("try again in " + "1 " * 50_000, "try again in " + "1m" * 50_000):
        wait_in_words(message)
    assert time.monotonic() - began < 2
