"""Ids of tool calls for the tools themselves, which LlamaIndex runs with nothing but arguments."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TypeVar, cast

from llama_index.core.agent.workflow import ToolCall, ToolCallResult
from llama_index.core.workflow import Context, step

AgentClass = TypeVar("AgentClass")

_current: ContextVar[str | None] = ContextVar("azure_agents_llamaindex_tool_call", default=None)


def tool_call_id() -> str | None:
    """Return the id of the tool call that runs, as the agent made it.

    To be asked inside a tool of an agent whose class is made by `with_call_ids`, for instance as
    the idempotency key of a payment. None anywhere else.
    """
    return _current.get()


def with_call_ids(agent: type[AgentClass]) -> type[AgentClass]:
    """Make a class of agents whose tools can ask for the id of their call (`tool_call_id`).

    ``with_call_ids(FunctionAgent)(tools=[pay], llm=llm)``; for `FunctionAgent`, `AgentWorkflow` and
    others that call tools in the step `call_tool`, and together with `run_once`.

    Args:
        agent: The class whose agents run the tools.
    """
    made = type(agent.__name__, (_TellsCallIds, agent), {"__module__": agent.__module__})
    return cast(type[AgentClass], made)


class _TellsCallIds:
    """The step `call_tool` of an agent, around that of its class."""

    @step
    async def call_tool(self, ctx: Context, ev: ToolCall) -> ToolCallResult:
        # LlamaIndex runs sync tools in a thread that knows the variables of this task.
        token = _current.set(ev.tool_id)
        try:
            return await super().call_tool(ctx, ev)  # type: ignore[misc,no-any-return]
        finally:
            _current.reset(token)
