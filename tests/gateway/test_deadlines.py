"""Limits of time, beside those of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from azure_agents.gateway.deadlines import within


async def in_time(limit: Any) -> str:
    """It is over before."""
    with limit(5):
        await asyncio.sleep(0)
    return "done"


async def without_limit(limit: Any) -> str:
    """It may take as long as it takes."""
    with limit(None):
        await asyncio.sleep(0.01)
    return "done"


async def too_long(limit: Any) -> str:
    """It would take longer."""
    with limit(0.001):
        await asyncio.sleep(5)
    return "done"


async def nested(limit: Any) -> str:
    """The inner one is over first."""
    with limit(5), limit(0.001):
        await asyncio.sleep(5)
    return "done"


async def failed(limit: Any) -> str:
    """It fails for another reason."""
    with limit(5):
        raise ValueError("its own")


async def cancelled(limit: Any) -> str:
    """Somebody else cancels it."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel)
    with limit(5):
        await asyncio.sleep(5)
    return "done"


async def both(limit: Any) -> str:
    """Its time is over, and somebody else cancels it in the same moment."""
    task = asyncio.current_task()
    assert task is not None
    with limit(0.001):
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            task.cancel()
            raise
    return "done"


class Theirs:
    """`asyncio.timeout` in the form of `within`: entered at once, its end awaited by the runner."""

    def __init__(self, seconds: float | None) -> None:
        self._timeout = asyncio.timeout(seconds)

    def __enter__(self) -> None:
        with pytest.raises(StopIteration):
            self._timeout.__aenter__().send(None)  # type: ignore[arg-type]

    def __exit__(self, *error: object) -> bool:
        try:
            self._timeout.__aexit__(*error).send(None)  # type: ignore[arg-type]
        except StopIteration as end:
            return bool(end.value)
        return False


WAYS = (in_time, without_limit, too_long, nested, failed, cancelled, both)


def outcome(way: Callable[[Any], Any], limit: Any) -> tuple[str, int]:
    """How it ended, and whether the task is still being cancelled."""

    async def run() -> tuple[str, int]:
        try:
            said = await way(limit)
        except BaseException as error:  # noqa: BLE001 - compared
            said = type(error).__name__
        task = asyncio.current_task()
        assert task is not None
        number = task.cancelling()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return said, number

    return asyncio.run(run())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_limit_ends_as_asyncios_does(way: Callable[[Any], Any]) -> None:
    """Whoever cancels, and in whatever order."""
    assert outcome(way, Theirs) == outcome(way, within)


def test_what_takes_too_long_is_a_timeout() -> None:
    """The error that asyncio raises, too."""
    assert [("TimeoutError", 0), ("done", 0)] == [
        outcome(way, within) for way in (too_long, in_time)
    ]
