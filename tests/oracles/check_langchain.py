"""langchain-azure-ai: its node and factory for v2 agents."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_azure_ai.agents import AgentServiceFactory
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from oracle import ENDPOINT, Credential, check, control, run

factory = AgentServiceFactory(project_endpoint=ENDPOINT, credential=Credential())


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def make(name: str, **options: Any) -> Any:
    """A compiled agent."""
    return factory.create_prompt_agent(
        name=name, model="gpt-4o", instructions="Be brief.", **options
    )


@check
def an_answer() -> None:
    """The graph answers with what the agent said."""
    agent = make("plain")
    state = agent.invoke({"messages": [HumanMessage("hello")]})
    assert "You said: hello (turn 1)" == state["messages"][-1].text
    factory.delete_agent(agent)


@check
def a_tool() -> None:
    """The agent calls, LangGraph runs the tool, the agent reads its output."""
    agent = make("caller", tools=[get_weather])
    state = agent.invoke({"messages": [HumanMessage("What's the weather in Paris?")]})
    kinds = [type(message) for message in state["messages"]]
    assert kinds == [HumanMessage, AIMessage, ToolMessage, AIMessage]
    assert {"city": "Paris"} == state["messages"][1].tool_calls[0]["args"]
    assert "The tool said: sunny in Paris" == state["messages"][-1].text


@check
def a_conversation() -> None:
    """With a checkpointer the second turn remembers the first."""
    agent = make("rememberer", checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage("my name is Ada")]}, config)
    state = agent.invoke({"messages": [HumanMessage("what is my name?")]}, config)
    assert "Your name is Ada." == state["messages"][-1].text


@check
def a_stream() -> None:
    """Messages come in pieces."""
    agent = make("streamer")
    given = {"messages": [HumanMessage("hello")]}
    pieces = [chunk.text for chunk, _ in agent.stream(given, stream_mode="messages")]
    assert "You said: hello (turn 1)" in {"".join(pieces), "".join(pieces[:-1]), pieces[-1]}


@check
def asynchronously() -> None:
    """The same without blocking."""
    agent = make("async")
    state = asyncio.run(agent.ainvoke({"messages": [HumanMessage("hello")]}))
    assert "You said: hello (turn 1)" == state["messages"][-1].text


@check
def what_the_agent_saw() -> None:
    """It names the agent and its version in every request."""
    requests = [one for one in control("GET", "requests") if one["path"].endswith("/responses")]
    references = [one["body"]["agent_reference"] for one in requests]
    assert {"agent_reference"} == {reference["type"] for reference in references}


if __name__ == "__main__":
    run()
