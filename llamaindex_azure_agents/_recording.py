"""Ids and usage of turns that a query engine makes and keeps to itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import ChatResponse

Turns: TypeAlias = list[dict[str, Any]]

_turns: ContextVar[Turns | None] = ContextVar("azure_agents_llamaindex_turns", default=None)


@contextmanager
def record_turns() -> Iterator[Turns]:
    """Collect the `raw` of every answer that `AzureAgentLLM` objects give inside the block.

    Query engines pass on nothing but the text of an answer; this is where its ids are:

        with record_turns() as turns:
            query_engine.query("…")
        print([turn["thread_id"] for turn in turns])

    Blocks may be nested, the innermost one collects. Threads and tasks started inside count as
    inside if LlamaIndex starts them; an answer that is streamed belongs to where it was asked for.
    """
    turns: Turns = []
    token = _turns.set(turns)
    try:
        yield turns
    finally:
        _turns.reset(token)


def current_turns() -> Turns | None:
    """Give the innermost list. Ask when a call starts: streams run in threads without a context."""
    return _turns.get()


def noted(response: ChatResponse, turns: Turns | None) -> ChatResponse:
    """Add the `raw` of a response to `turns`; returns the response. Only the last chunk has one."""
    if turns is not None and response.raw is not None:
        turns.append(response.raw)
    return response
