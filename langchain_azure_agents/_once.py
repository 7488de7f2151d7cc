"""Tools that run once for each call, also across restarts: wrappers for LangGraph's ToolNode."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import ToolMessage

from azure_agents import ThreadStore, ToolCall, ToolResults
from azure_agents.errors import ToolOutcomeUnknownError
from azure_agents.frameworks.tool_results import to_the_end

_KEPT = ("content", "name", "tool_call_id", "status")


def run_once(store: ThreadStore, scope: str = "") -> Callable[[Any, Callable[[Any], Any]], Any]:
    """Make a `wrap_tool_call` that gives a call its kept result instead of a second run.

    For ``ToolNode(tools, wrap_tool_call=run_once(store))``, or as middleware of an agent:
    ``create_agent(model, tools, middleware=[wrap_tool_call(run_once(store))])``.

    A call is known by its id, name and arguments within LangGraph's thread (`thread_id` of the
    config). A tool that was begun and whose process ended gets a message with status ``error``
    that says so, for the agent to read; it is not run. A tool that raises, or that interrupts the
    graph, may run again. A `Command` that a tool returns is not kept; of a message the content and
    the status are, not the artifact.

    Args:
        store: SQLite or Redis to outlive the process.
        scope: Keeps applications apart that share a store and number their threads alike.

    Raises:
        StoreUnavailableError: From the wrapper: the store is down, so the tool was not run.
    """

    def wrap(request: Any, handler: Callable[[Any], Any]) -> Any:
        once = _Once(store, scope, request)
        kept = once.begin()
        if kept is not None:
            return kept
        try:
            result = handler(request)
        except Exception:
            once.forget()
            raise
        return once.keep(result)

    return wrap


def arun_once(
    store: ThreadStore, scope: str = ""
) -> Callable[[Any, Callable[[Any], Awaitable[Any]]], Any]:
    """Make an `awrap_tool_call`, as `run_once` makes a `wrap_tool_call`; a thread asks the store.

    Args:
        store: As for `run_once`.
        scope: As for `run_once`.
    """

    async def wrap(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        once = _Once(store, scope, request)
        kept = await to_the_end(once.begin)
        if kept is not None:
            return kept
        try:
            result = await handler(request)
        except Exception:
            await to_the_end(once.forget)
            raise
        return await to_the_end(once.keep, result)

    return wrap


class _Once:
    """One request to run a tool, and its place among the kept results."""

    def __init__(self, store: ThreadStore, scope: str, request: Any) -> None:
        call = request.tool_call
        arguments = json.dumps(call["args"], default=str)
        self._call = ToolCall(call["id"] or "", call["name"], arguments)
        self._results = ToolResults(store, json.dumps([scope, _thread_of(request)]))

    def begin(self) -> ToolMessage | None:
        try:
            kept = self._results.begin(self._call)
        except ToolOutcomeUnknownError as error:
            call = self._call
            return ToolMessage(str(error), name=call.name, tool_call_id=call.id, status="error")
        return ToolMessage(**json.loads(kept)) if kept is not None else None

    def keep(self, result: Any) -> Any:
        if isinstance(result, ToolMessage):
            fields = {name: getattr(result, name) for name in _KEPT}
            self._results.keep(self._call, json.dumps(fields, default=str))
        else:
            self.forget()  # a command of the graph: to run it again is how LangGraph repeats it
        return result

    def forget(self) -> None:
        self._results.forget(self._call)


def _thread_of(request: Any) -> str:
    # LangGraph's thread; "" outside a graph.
    config = getattr(request.runtime, "config", None) or {}
    return str(config.get("configurable", {}).get("thread_id", ""))
