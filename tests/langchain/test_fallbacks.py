"""`with_fallbacks` and whatever else LangChain wraps around a model."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from azure_agents.emulator import Emulator, ToolCalls
from langchain_azure_agents import ChatAzureAgent


class Person(BaseModel):
    """Somebody."""

    name: str


def weather(city: str) -> str:
    """Tell the weather."""
    return f"Rain in {city}."


TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def model(foundry: Emulator, generation: Any, reply: Any, *, tools: Any = ()) -> Any:
    """A model whose agent is gone, and behind it one that answers."""
    agent = foundry.create_agent("a", reply, generation=generation, tools=tools)
    gone = "gone" if generation == "v2" else "asst_gone"
    first = ChatAzureAgent(model=gone, max_retries=0, **foundry.connection())
    return first.with_fallbacks([ChatAzureAgent(model=agent.model, **foundry.connection())])


@pytest.mark.parametrize("generation", ["v2", "classic"])
async def test_fallbacks_bind_tools(generation: str) -> None:
    """The method of the model is called for each, which needs its hints."""
    call = ToolCalls(("weather", {"city": "Oslo"}))
    llm = model(Emulator(), generation, call, tools=[TOOL] if generation == "v2" else ())
    bound = llm.bind_tools([weather])
    calls = [bound.invoke("Oslo?").tool_calls, (await bound.ainvoke("Oslo?")).tool_calls]
    assert [[{"city": "Oslo"}]] * 2 == [[call["args"] for call in made] for made in calls]


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_fallbacks_give_objects(generation: str) -> None:
    """`with_structured_output` of each."""
    llm = model(Emulator(), generation, '{"name": "Ada"}')
    assert Person(name="Ada") == llm.with_structured_output(Person).invoke("Who?")


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_an_agent_takes_fallbacks(generation: str) -> None:
    """`create_agent` with a model that is two."""
    call = ToolCalls(("weather", {"city": "Oslo"}))
    tools = [TOOL] if generation == "v2" else ()
    agent = create_agent(model(Emulator(), generation, [call, "Rain."], tools=tools), [weather])
    asked = {"messages": [HumanMessage("Oslo?")]}
    said = [message.text for message in agent.invoke(asked)["messages"]]
    assert ["Oslo?", "", "Rain in Oslo.", "Rain."] == said
