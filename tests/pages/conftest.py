"""An emulator, and what runs the examples against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_agents.emulator import Emulator

from .playing import Player


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids, which checks keys and tokens."""
    with Emulator(seed=7) as emulator:
        yield emulator


@pytest.fixture
def player(foundry: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Player:
    """Runs examples against the emulator, with no variable of the environment set."""
    return Player(foundry, tmp_path, monkeypatch)
