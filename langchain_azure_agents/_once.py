"""Tools that run once for each call, also across restarts: wrappers for LangGraph's ToolNode."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import ToolMessage

from azure_agents.threads.store import ThreadStore
from azure_agents.tool_results import ToolResults

_KEPT = ("content", "name", "tool_call_id", "status")


def run_once(store: ThreadStore) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """A `wrap_tool_call` that gives a call its kept result instead of a second run.

    For ``ToolNode(tools, wrap_tool_call=run_once(store))``, or as middleware of an agent:
    ``create_agent(model, tools, middleware=[wrap_tool_call(run_once(store))])``.

    Args:
        store: SQLite or Redis to outlive the process. Results that are no text are not kept.
    """
    results = ToolResults(store)

    def wrap(request: Any, handler: Callable[[Any], Any]) -> Any:
        kept = results.recall(request.tool_call["id"])
        return _restored(kept) if kept else _keep(results, handler(request))

    return wrap


def arun_once(store: ThreadStore) -> Callable[[Any, Callable[[Any], Awaitable[Any]]], Any]:
    """The same for `awrap_tool_call`; a store that does I/O is asked in a thread."""
    results = ToolResults(store)

    async def wrap(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        kept = await asyncio.to_thread(results.recall, request.tool_call["id"])
        if kept:
            return _restored(kept)
        return await asyncio.to_thread(_keep, results, await handler(request))

    return wrap


def _restored(kept: str) -> ToolMessage:
    return ToolMessage(**json.loads(kept))


def _keep(results: ToolResults, message: Any) -> Any:
    if isinstance(message, ToolMessage) and isinstance(message.content, str):
        fields = {name: getattr(message, name) for name in _KEPT}
        results.keep(message.tool_call_id, json.dumps(fields))
    return message
