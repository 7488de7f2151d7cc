"""Waiting for what other tasks and threads do, on a machine of any speed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def eventually(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until it holds.

    Raises:
        TimeoutError: It does not within so many seconds.
    """
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.02)
