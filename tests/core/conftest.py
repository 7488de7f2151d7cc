from __future__ import annotations

import pytest

from .peer import Run, run_async, run_async_on_httpx, run_sync


@pytest.fixture(params=[run_sync, run_async, run_async_on_httpx], ids=["sync", "aiohttp", "httpx"])
def run(request: pytest.FixtureRequest) -> Run:
    """One of the three ways a request can go out."""
    return request.param  # type: ignore[no-any-return]
