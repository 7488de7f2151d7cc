"""The promise again, on the stores that several processes share."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..promise.steps import apply
from ..promise.test_promise import EXAMPLES, TOOL_SCRIPTS
from ..promise.world import Setting, Step, World

if TYPE_CHECKING:
    from .conftest import Backend

SHARED = EXAMPLES // 20 or 1
GRID = [
    Setting("classic", is_async=False, has_tools=True),
    Setting("classic", is_async=True, has_tools=True, owner="ada"),
    Setting("v2", is_async=True, threads="conversation", has_tools=True),
    Setting("v2", is_async=False, threads="conversation", has_tools=True, owner="ada"),
]


class SharedWorld(World):
    """Both processes of the world use one place, and a restart opens it again."""

    def __init__(self, setting: Setting, seed: int, backend: Backend) -> None:
        super().__init__(setting, seed)
        self._backend = backend
        self.stores = [backend.open(), backend.open()]

    def restart(self) -> None:
        self.stores[0].close()
        self.stores[0] = self._backend.open()


@pytest.mark.slow
@pytest.mark.parametrize("setting", GRID, ids=str)
def test_shared_stores_keep_the_promise(lasting: Backend, setting: Setting) -> None:
    """Each example has a place of its own, since its service makes the same ids again."""
    numbers = count()

    @settings(
        max_examples=SHARED, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(script=TOOL_SCRIPTS, seed=st.integers(0, 9))
    def try_script(script: list[Step], seed: int) -> None:
        async def play() -> None:
            world = SharedWorld(setting, seed, lasting.beside(f"example-{next(numbers)}"))
            for step in script:
                await apply(world, step)
            for store in world.stores:
                store.close()

        asyncio.run(play())

    try_script()
