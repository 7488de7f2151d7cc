"""`Agents` of each kind on an emulator; the async one is driven from plain tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azure_agents import Agents, AsyncAgents
from azure_agents.emulator import Emulator

from ..files.conftest import Blocking


@pytest.fixture
def foundry() -> Iterator[Any]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=["v2", "classic"])
def generation(request: pytest.FixtureRequest) -> Any:
    """Both generations of the service."""
    return request.param


@pytest.fixture(params=["sync", "async"])
def agents(request: pytest.FixtureRequest, foundry: Emulator) -> Iterator[Any]:
    """Both kinds."""
    if request.param == "sync":
        with Agents(**foundry.connection()) as made:
            yield made
        return
    with asyncio.Runner() as runner:
        blocking = Blocking(AsyncAgents(**foundry.connection()), runner)
        yield blocking
        blocking.aclose()


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """A file to search in."""
    path = tmp_path / "handbook.md"
    path.write_text("Everybody has 30 days of holidays.")
    return path
