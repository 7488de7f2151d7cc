"""Tools that run once for each call, also across restarts: agents that keep what tools returned."""

from __future__ import annotations

import json
from typing import Any, ClassVar, TypeVar, cast

from llama_index.core.agent.workflow import ToolCall, ToolCallResult
from llama_index.core.tools import ToolOutput
from llama_index.core.workflow import Context, step

from azure_agents import ThreadStore, ToolResults, messages
from azure_agents.errors import ToolOutcomeUnknownError
from azure_agents.frameworks.tool_results import to_the_end

AgentClass = TypeVar("AgentClass")

# It moves the workflow from agent to agent, and a workflow that is resumed moves again.
_HANDOFF = "handoff"


def run_once(agent: type[AgentClass], store: ThreadStore, scope: str = "") -> type[AgentClass]:
    """Make a class of agents that give a tool call its kept result instead of a second run.

    ``run_once(FunctionAgent, store)(tools=[pay], llm=llm)``; for `FunctionAgent`, `AgentWorkflow`
    and others that call tools in the step `call_tool`. A workflow that is resumed in a new process
    repeats the steps that were under way: tools that had run give their kept result.

    A call is known by its id, name and arguments. A tool that was begun and whose process ended
    gives an error result that says so, for the agent to read; it is not run. A tool that waits for
    an event (`ctx.wait_for_event`) may run again, as LlamaIndex means it. Of an output the blocks
    and `is_error` are kept; `raw_output` is then the text.

    Args:
        agent: The class whose agents run the tools.
        store: SQLite or Redis to outlive the process.
        scope: Keeps applications or users apart that share a store.

    Raises:
        StoreUnavailableError: From the step: the store is down, so the tool was not run.
    """
    made = type(agent.__name__, (_RunsOnce, agent), {"__module__": agent.__module__})
    # Not in the namespace above: pydantic would take it for a field without a type.
    made.kept_results = ToolResults(store, scope)  # type: ignore[attr-defined]
    return cast(type[AgentClass], made)


class _RunsOnce:
    """The step `call_tool` of an agent, around that of its class."""

    kept_results: ClassVar[ToolResults]

    @step
    async def call_tool(self, ctx: Context, ev: ToolCall) -> ToolCallResult:
        if ev.tool_name == _HANDOFF:
            return await self._run(ctx, ev)
        call = messages.ToolCall(ev.tool_id, ev.tool_name, json.dumps(ev.tool_kwargs, default=str))
        kept = await to_the_end(self._begin, call, ev)
        if kept is not None:
            ctx.write_event_to_stream(ev)
            ctx.write_event_to_stream(kept)
            return kept
        try:
            result = await self._run(ctx, ev)
        except Exception:
            await to_the_end(self.kept_results.forget, call)
            raise
        await to_the_end(self.kept_results.keep, call, _kept_text(result))
        return result

    async def _run(self, ctx: Context, ev: ToolCall) -> ToolCallResult:
        return await super().call_tool(ctx, ev)  # type: ignore[misc,no-any-return]

    def _begin(self, call: messages.ToolCall, ev: ToolCall) -> ToolCallResult | None:
        try:
            kept = self.kept_results.begin(call)
        except ToolOutcomeUnknownError as error:
            return _call_result(ev, content=str(error), is_error=True)
        return _kept_result(ev, kept) if kept is not None else None


def _call_result(ev: ToolCall, *, return_direct: bool = False, **output: Any) -> ToolCallResult:
    made = ToolOutput(tool_name=ev.tool_name, raw_input=ev.tool_kwargs, **output)
    made.raw_output = made.content
    return ToolCallResult(
        tool_name=ev.tool_name,
        tool_kwargs=ev.tool_kwargs,
        tool_id=ev.tool_id,
        tool_output=made,
        return_direct=return_direct,
    )


def _kept_text(result: ToolCallResult) -> str:
    fields = result.tool_output.model_dump(mode="json", include={"blocks", "is_error"})
    return json.dumps({**fields, "return_direct": result.return_direct})


def _kept_result(ev: ToolCall, kept: str) -> ToolCallResult:
    return _call_result(ev, **json.loads(kept))
