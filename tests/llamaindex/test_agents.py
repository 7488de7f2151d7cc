"""LlamaIndex agents: tool rounds that continue on the server."""

import asyncio

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.memory import ChatMemoryBuffer

from azure_agents.emulator import Emulator, ToolCalls
from llamaindex_azure_agents import AzureAgentLLM

PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
DECLARED = {"type": "function", "function": {"name": "add", "parameters": PARAMETERS}}
REPLIES = [ToolCalls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})), "3 and 7.", "Bye."]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.mark.parametrize("streaming", [True, False])
def test_a_function_agent_continues_its_run(foundry: Emulator, streaming: bool) -> None:
    """Two calls at once, their results in one request, and the next question on the same thread."""
    agent = foundry.create_agent("helper", REPLIES, generation="classic", tools=[DECLARED])
    llm = AzureAgentLLM(agent.model, **foundry.connection())

    async def converse() -> list[str]:
        helper = FunctionAgent(tools=[add], llm=llm, system_prompt="Add.", streaming=streaming)
        memory = ChatMemoryBuffer.from_defaults()
        return [str(await helper.run(text, memory=memory)) for text in ("Add!", "Thanks.")]

    assert ["3 and 7.", "Bye."] == asyncio.run(converse())
    roles = ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert roles == [message.role for message in foundry.seen[-1].messages]
    posts = [request for request in foundry.requests if request.method == "POST"]
    paths = [request.path.rpartition("/")[2] for request in posts]
    assert ["threads", "runs", "submit_tool_outputs", "runs"] == paths
