"""Retry is a pure decision: what may be sent again, and how long to wait before."""

from __future__ import annotations

import pytest

from azure_agents.drivers.turn_clock import TurnClock
from azure_agents.emulator import Emulator
from azure_agents.errors import (
    AuthenticationError,
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    ConnectionLostError,
    CredentialError,
    DeadlineError,
    NotSentError,
    ProtocolError,
    RateLimitError,
    RunFailedError,
    ServerError,
    StreamInterruptedError,
    TimedOutError,
    TransportError,
)
from azure_agents.protocols.commands import Sleep
from azure_agents.protocols.retry import (
    MAX_RETRY_AFTER,
    RetryPolicy,
    delay_before,
    is_transient,
    may_have_been_applied,
    was_not_applied,
)
from azure_agents.settings.timeouts import Timeouts

# error, provably not applied, perhaps applied, worth another attempt
ERRORS = [
    (NotSentError("x"), True, False, True),
    (ConnectionLostError("x"), False, True, True),
    (TimedOutError("x"), False, True, True),
    (TransportError("x"), False, True, True),
    (DeadlineError("x"), False, False, False),
    (RateLimitError("x", status=429), True, False, True),
    (RateLimitError("a run that failed"), False, False, True),
    (RateLimitError("x", status=400), False, False, True),
    (ServerError("x", status=500), False, True, True),
    (ServerError("an error event"), False, True, True),
    (BadRequestError("x", status=408), False, True, True),
    (BadRequestError("x", status=400), False, False, False),
    (ConflictError("x", status=409), False, False, False),
    (AuthenticationError("x", status=401), False, False, False),
    (CredentialError("x"), False, False, False),
    (RunFailedError("x"), False, False, False),
    (StreamInterruptedError("x"), False, False, False),
    (ProtocolError("x"), False, False, False),
]


@pytest.mark.parametrize(("error", "safe", "unknown", "hopeful"), ERRORS, ids=repr)
def test_what_is_known_of_a_failed_request(
    error: AzureAgentsError, safe: bool, unknown: bool, hopeful: bool
) -> None:
    """Every error says whether its request may be sent again, and under which condition."""
    assert (safe, unknown, hopeful) == (
        was_not_applied(error),
        may_have_been_applied(error),
        is_transient(error),
    )


POLICY = RetryPolicy(max_retries=5, wait_initial=1.0, wait_max=6.0)
WAITS = [(1, 1.0), (2, 2.0), (3, 4.0), (4, 6.0), (5, 6.0)]


@pytest.mark.parametrize(("retry", "wait"), WAITS)
def test_waits_double_up_to_the_longest(retry: int, wait: float) -> None:
    """Each wait is twice the last, spread by a quarter either way."""
    delays = [delay_before(retry, ServerError("x"), POLICY, f"client {i}") for i in range(200)]
    assert all(d is not None and 0.75 * wait <= d <= 1.25 * wait for d in delays)
    assert len(set(delays)) > 50


ANSWERS = [
    pytest.param(6, None, None, id="no retries are left"),
    pytest.param(6, 1.0, None, id="no retries are left, whatever the service says"),
    pytest.param(1, 1.5, 1.5, id="as long as the service says"),
    pytest.param(5, 30.0, 30.0, id="longer than our own longest wait"),
    pytest.param(1, MAX_RETRY_AFTER, MAX_RETRY_AFTER, id="the longest that is obeyed"),
    pytest.param(1, MAX_RETRY_AFTER + 1, None, id="longer: the caller decides"),
]


@pytest.mark.parametrize(("retry", "retry_after", "delay"), ANSWERS)
def test_the_service_decides_how_long_to_wait(
    retry: int, retry_after: float | None, delay: float | None
) -> None:
    """`retry-after` is waited for; a wait that is too long is not made."""
    error = RateLimitError("x", status=429, retry_after=retry_after)
    assert delay == delay_before(retry, error, POLICY, "key")


@pytest.mark.parametrize("retry_after", [0.0, 0.01])
@pytest.mark.parametrize("retry", [1, 2])
def test_a_short_retry_after_does_not_hurry(retry: int, retry_after: float) -> None:
    """What every client is told is spread as every wait is."""
    told = RateLimitError("x", status=429, retry_after=retry_after)
    untold = RateLimitError("x", status=429)
    for key in ("one", "another"):
        wait = delay_before(retry, told, POLICY, key)
        assert wait is not None
        assert wait >= 0.75 * 2 ** (retry - 1)
        assert wait == delay_before(retry, untold, POLICY, key)


def test_no_retries_means_none() -> None:
    """With `max_retries=0` the first failure is the last."""
    assert None is delay_before(1, ServerError("x"), RetryPolicy(max_retries=0), "key")


@pytest.mark.parametrize(
    ("instead", "expected"),
    [(None, DeadlineError), (RateLimitError("x", retry_after=5.0), RateLimitError)],
    ids=["nothing else to say", "the error before the pause"],
)
def test_a_pause_that_the_deadline_would_end_is_not_begun(
    instead: AzureAgentsError | None, expected: type[AzureAgentsError]
) -> None:
    """The caller learns at once what would be known after the wait, and nothing is sent late."""
    clock = Emulator().clock
    turn = TurnClock(Timeouts(turn=7.0), clock)
    clock.advance(2.0)
    turn.check_pause(Sleep(4.9, instead))
    with pytest.raises(expected):
        turn.check_pause(Sleep(5.0, instead))
    TurnClock(Timeouts(turn=None), clock).check_pause(Sleep(5.0, instead))
