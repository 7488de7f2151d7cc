"""An agent as a tool of another agent, with a memory that is part of the outer agent's.

What was said to the inner agent travels in the `artifact` of each result, so the outer state holds
all of it: another outer thread has another memory, a restart keeps it, and going back in time takes
the inner agent back too. A subgraph with a memory of its own would remember what the outer thread
never said. Our model finds the server thread of such a history by itself.

The inner agent runs as a graph of its own, so that an interrupt in it is held by the outer
checkpoint: when it is resumed, the agent is not asked anew, and a decision meets the request that
was shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain.tools import ToolRuntime
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.tools import BaseTool, StructuredTool

from .._chat_model import ChatAzureAgent
from ..middleware import ServerToolApprovals

_ARTIFACT = "azure_agents_exchange"


def agent_tool(
    llm: ChatAzureAgent,
    name: str,
    description: str,
    *,
    tools: Sequence[BaseTool] = (),
    middleware: Sequence[AgentMiddleware[Any, Any, Any]] | None = None,
) -> BaseTool:
    """Make a tool that asks an agent; it has a server thread of its own for each outer thread.

    Example:
        ```python
        clerk = agent_tool(clerk_llm, "clerk", "Knows the customers.")
        app = create_agent(supervisor_llm, [clerk], checkpointer=InMemorySaver())
        ```

    The tool takes a `question` and gives the answer's text. Earlier questions to the same tool in
    the outer messages are its memory.

    Args:
        llm: The agent.
        name: What the outer agent calls the tool; a v2 agent must declare it.
        description: When to call it, for the outer agent to read.
        tools: Functions that the inner agent may call.
        middleware: Of the inner agent; default: `ServerToolApprovals`, whose interrupts reach the
            caller of the outer agent.
    """
    around = [ServerToolApprovals()] if middleware is None else middleware
    inner: Any = create_agent(llm, list(tools), middleware=around, name=name)

    def ask(question: str, runtime: ToolRuntime) -> tuple[str, dict[str, Any]]:
        before = _remembered(runtime.state["messages"], name)
        state = inner.invoke({"messages": [*before, HumanMessage(question)]})
        return _told(state["messages"], len(before))

    async def aask(question: str, runtime: ToolRuntime) -> tuple[str, dict[str, Any]]:
        before = _remembered(runtime.state["messages"], name)
        state = await inner.ainvoke({"messages": [*before, HumanMessage(question)]})
        return _told(state["messages"], len(before))

    return StructuredTool.from_function(
        ask,
        aask,
        name=name,
        description=description,
        response_format="content_and_artifact",
    )


def _told(messages: Sequence[BaseMessage], before: int) -> tuple[str, dict[str, Any]]:
    return messages[-1].text, {_ARTIFACT: messages_to_dict(messages[before:])}


def _remembered(messages: Sequence[BaseMessage], name: str) -> list[BaseMessage]:
    questions = dict(_questions(messages))
    exchanges: list[BaseMessage] = []
    for one in messages:
        if isinstance(one, ToolMessage) and one.name == name and one.status != "error":
            exchanges += _exchange(one, questions.get(one.tool_call_id, ""))
    return exchanges


def _questions(messages: Sequence[BaseMessage]) -> Iterator[tuple[str, str]]:
    for one in messages:
        for call in one.tool_calls if isinstance(one, AIMessage) else ():
            yield call["id"] or "", str(call["args"].get("question", ""))


def _exchange(result: ToolMessage, question: str) -> list[BaseMessage]:
    kept = result.artifact.get(_ARTIFACT) if isinstance(result.artifact, dict) else None
    if kept is not None:
        return messages_from_dict(kept)
    # Whoever stores messages without artifacts (`run_once`, for one) has the texts.
    return [HumanMessage(question), AIMessage(result.text)]
