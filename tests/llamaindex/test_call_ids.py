"""A tool knows the id of the call for which it runs."""

import asyncio
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent

from azure_agents.emulator import Emulator, ToolCalls
from azure_agents.threads.memory import MemoryThreadStore
from llamaindex_azure_agents import AzureAgentLLM, run_once, tool_call_id, with_call_ids

from .oracle import declared

told: list[tuple[int, str | None]] = []


def pay(amount: int) -> str:
    """Pay."""
    told.append((amount, tool_call_id()))
    return "paid"


async def give(amount: int) -> str:
    """Give."""
    await asyncio.sleep(0)
    told.append((amount, tool_call_id()))
    return "given"


CALLS = ToolCalls(
    ("pay", {"amount": 3}, "call_1"),
    ("pay", {"amount": 3}, "call_2"),
    ("give", {"amount": 4}, "call_3"),
)


@pytest.mark.parametrize("kind", ["agent", "workflow", "run_once", "plain"])
def test_tools_know_their_call(foundry: Emulator, generation: str, kind: str) -> None:
    """Equal calls at the same time are told apart; without the class nobody tells."""
    told.clear()
    agent = foundry.create_agent(
        "payer", [CALLS, "done"], generation=generation, tools=declared(generation, [pay, give])
    )
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    settings: dict[str, Any] = {"name": "payer", "description": "Pays.", "tools": [pay, give]}
    plain = FunctionAgent(llm=llm, **settings)
    made: dict[str, Any] = {
        "agent": lambda: with_call_ids(FunctionAgent)(llm=llm, **settings),
        "workflow": lambda: with_call_ids(AgentWorkflow)(agents=[plain], root_agent="payer"),
        "run_once": lambda: run_once(with_call_ids(FunctionAgent), MemoryThreadStore())(
            llm=llm, **settings
        ),
        "plain": lambda: plain,
    }

    async def run() -> str:
        return str(await made[kind]().run("Pay."))

    assert "done" == asyncio.run(run())
    ids = [None] * 3 if kind == "plain" else ["call_1", "call_2", "call_3"]
    assert ids == sorted([id for _, id in told], key=str)
    assert None is tool_call_id()
