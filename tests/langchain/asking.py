"""What tests of many calls need: a tool, chunks added up, and what the agent saw."""

from __future__ import annotations

import functools
import operator
from typing import Any

from langchain_core.tools import tool

from azure_agents.emulator import Emulator, ToolCalls

PAIR = ToolCalls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def added(chunks: Any) -> Any:
    """The chunks, added up."""
    return functools.reduce(operator.add, chunks)


async def acollect(stream: Any) -> Any:
    """The chunks of an async stream, added up."""
    return added([chunk async for chunk in stream])


def texts(foundry: Emulator) -> list[str]:
    """What the agent saw in its last turn."""
    return [message.text for message in foundry.seen[-1].messages]
