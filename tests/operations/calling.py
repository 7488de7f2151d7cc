"""How the tests of this folder call a function: by its name, sync or async, on an emulator."""

from __future__ import annotations

import asyncio
from typing import Any

import azure_agents
from azure_agents.emulator import Emulator

WAYS = ["sync", "async"]
SURFACES = [None, "2024-10-21"]


def call(foundry: Emulator, way: str, function: str, *args: Any, **more: Any) -> Any:
    """One call of a public function, or of its twin."""
    given = {**foundry.deployment_connection(), **more}
    if way == "sync":
        return getattr(azure_agents, function)(*args, **given)
    return asyncio.run(getattr(azure_agents, f"a{function}")(*args, **given))
