"""Retry is a decision, not a loop: how long to wait before the next attempt, or None.

A request that was provably not applied (429, a refused connection) may always be repeated. One
whose fate is unknown (a lost answer, a 5xx) may be repeated only where a second application does no
harm. Only the flow can judge that: it picks the predicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from ..errors import (
    AzureAgentsError,
    DeadlineError,
    NotSentError,
    RateLimitError,
    ServerError,
    ServiceError,
    TransportError,
)

REQUEST_TIMEOUT = 408
TOO_MANY_REQUESTS = 429
MAX_RETRY_AFTER = 120.0  # seconds; a longer wait is the caller's decision


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is repeated, and after which waits.

    Attributes:
        max_retries: Attempts after the first.
        wait_initial: Seconds before the first retry; doubled each time.
        wait_max: Longest wait in seconds, unless the service asks for a longer one.
    """

    max_retries: int = 2
    wait_initial: float = 0.5
    wait_max: float = 8.0


def was_not_applied(error: AzureAgentsError) -> bool:
    """Whether the request provably had no effect: it may always be sent again."""
    if isinstance(error, RateLimitError):
        return error.status == TOO_MANY_REQUESTS  # a *run* that failed so has had effects
    return isinstance(error, NotSentError)


def began_and_hit_rate_limit(error: AzureAgentsError) -> bool:
    """Whether a run or response began and failed at the model's rate limit."""
    return isinstance(error, RateLimitError) and error.status is None


def may_have_been_applied(error: AzureAgentsError) -> bool:
    """Whether the request may have been applied: the service did not say."""
    if isinstance(error, ServiceError):
        return isinstance(error, ServerError) or error.status == REQUEST_TIMEOUT
    return isinstance(error, TransportError) and not isinstance(error, NotSentError | DeadlineError)


def is_transient(error: AzureAgentsError) -> bool:
    """Whether another attempt may succeed; for requests whose second application does no harm."""
    return (
        was_not_applied(error) or may_have_been_applied(error) or isinstance(error, RateLimitError)
    )


def delay_before(
    retry: int, error: AzureAgentsError, policy: RetryPolicy, key: str
) -> float | None:
    """Return the seconds to wait before retry number `retry`, or None to give up.

    The wait is never shorter than the service asks for, nor than the policy says: if a service
    answers "retry at once" to all its clients, they do not all retry at once.

    Args:
        retry: Number of the retry about to be made, from 1.
        error: Why the last attempt failed; whether it may be repeated is decided elsewhere.
        policy: Limits.
        key: Any text that differs between clients; spreads their waits (0.75 to 1.25 times).
    """
    if retry > policy.max_retries:
        return None
    wait = min(policy.wait_max, policy.wait_initial * 2.0 ** (retry - 1))
    wait *= 0.75 + sha256(f"{key}{retry}".encode()).digest()[0] / 510
    if error.retry_after is None:
        return wait
    return max(wait, error.retry_after) if error.retry_after <= MAX_RETRY_AFTER else None
