"""The short form of `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from .soak import problems, soak


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_nothing_leaks_and_every_request_is_accounted_for(tmp_path: Path) -> None:
    """Twenty seconds of mixed load with faults, clients that leave and reloads."""
    books = soak(20, tmp_path)
    assert [] == problems(books)
    # The load was one: every kind of answer and of end came.
    heard = {(operation, model) for operation, model, _ in books.heard.answers}
    assert {("chat", "gpt"), ("chat", "helper"), ("embedding", "embed")} == heard
    assert {"done", "error"} == set(books.heard.ends)
    outcomes = {key[2] for key in books.metrics["upstream_requests_total"]}
    assert {"ok", "left", "RateLimitError", "ServerError"} <= outcomes
    assert 5 <= len(books.samples)
