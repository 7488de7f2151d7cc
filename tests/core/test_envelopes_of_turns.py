"""Errors in streams, and of runs and responses that failed."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import (
    AgentNotFoundError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RunFailedError,
    ServerError,
    ServiceError,
    ThreadNotFoundError,
)
from azure_agents.service_errors.envelopes import error_from_event, error_from_last_error

from .test_envelopes import e1, e3

EVENTS = [
    (
        {"type": "error", "code": "server_error", "message": "m", "param": None, "sequence": 3},
        ServerError,
        "x: m",
    ),
    ({"type": "error", "error": {"type": "server_error", "message": "m"}}, ServerError, "x: m"),
    ({"error": {"message": "m", "type": "server_error", "code": None}}, ServerError, "x: m"),
    ({"error": {"message": "m", "code": "500"}}, ServerError, "x: m"),
    (
        {"code": "rate_limit_exceeded", "message": "Try again in 7 seconds."},
        RateLimitError,
        "Try again in 7",
    ),
    ({"error": {"message": "m", "type": "invalid_request_error"}}, BadRequestError, "x: m"),
    (e1("not_found", "Agent x with version not found"), AgentNotFoundError, "Agent x"),
    (e3("Response with id 'resp_0' not found."), ThreadNotFoundError, "resp_0"),
    ({"code": "404", "message": "m"}, NotFoundError, "x: m"),
    ({"code": "401", "message": "m"}, AuthenticationError, "x: m"),
    ({"error": {"code": "PermissionDenied", "message": "m"}}, PermissionDeniedError, "x: m"),
    ("plain text", ServiceError, "x: plain text"),
    ({"code": "strange", "message": "m"}, ServiceError, "x: m"),
    (None, ServiceError, "x: an error event that does not say why"),
]


@pytest.mark.parametrize(("data", "cls", "sentence"), EVENTS)
def test_error_events(data: Any, cls: type[ServiceError], sentence: str) -> None:
    """Top-level and nested fields, of both generations, and text."""
    error = error_from_event(data, doing="x", thread_id="thread_1")
    assert cls is type(error)
    assert sentence in error.message
    assert "thread_1" == error.thread_id


LIMIT = {"code": "rate_limit_exceeded", "message": "Rate limit is exceeded. Try again in 9 seconds"}
FAILURES = [
    (LIMIT, RateLimitError, "rate_limit_exceeded", 9.0),
    ({"status": "failed", "last_error": LIMIT}, RateLimitError, "rate_limit_exceeded", 9.0),
    ({"response": {"error": LIMIT}}, RateLimitError, "rate_limit_exceeded", 9.0),
    ({"code": "server_error", "message": "m"}, RunFailedError, "server_error", None),
    ({"status": "failed", "last_error": None}, RunFailedError, None, None),
    (None, RunFailedError, None, None),
]


@pytest.mark.parametrize(("data", "cls", "code", "wait"), FAILURES)
def test_failed_runs_and_responses(
    data: Any, cls: type[ServiceError], code: str | None, wait: float | None
) -> None:
    """A quota that ran out says when to come back; everything else has failed."""
    error = error_from_last_error(data, doing="running the agent", run_id="run_1")
    assert (cls, code, wait, "run_1") == (type(error), error.code, error.retry_after, error.run_id)
