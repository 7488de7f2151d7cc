"""An agent's tool runs once for each call, whatever happens behind it."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentWorkflow,
    FunctionAgent,
    ReActAgent,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ImageBlock, TextBlock
from llama_index.core.llms.mock import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool, ToolOutput
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent

from azure_agents.emulator import Emulator, ToolCalls
from azure_agents.threads.memory import MemoryThreadStore
from azure_agents.threads.sqlite import SQLiteThreadStore
from llamaindex_azure_agents import AzureAgentLLM, run_once

from ..till import Till
from .oracle import declared

CALL = ToolCall(tool_name="pay", tool_kwargs={"amount": 3}, tool_id="call_1")
CLASSES = pytest.mark.parametrize("agents", [FunctionAgent, ReActAgent, AgentWorkflow])


class Stub:
    """As much of a context as the step needs: the state of the workflow, and who is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.store = self

    async def get(self, _: str, default: str = "payer") -> str:
        return default

    def write_event_to_stream(self, event: Any) -> None:
        self.told.append(event)


def agent_of(agents: Any, store: Any, till: Till, scope: str = "") -> Any:
    """An agent, made as if after a restart."""
    once = run_once(agents, store, scope)
    tool = FunctionTool.from_defaults(till.pay)
    if agents is AgentWorkflow:
        inner = FunctionAgent(name="payer", tools=[tool], llm=MockLLM())
        return once(agents=[inner], root_agent="payer")
    return once(tools=[tool], llm=MockLLM())


def step(agent: Any, call: ToolCall = CALL) -> tuple[ToolCallResult, list[Any]]:
    """What the step that calls tools gives, and what it tells."""
    context = Stub()
    return asyncio.run(agent.call_tool(context, call)), context.told


@CLASSES
@pytest.mark.parametrize(
    "end",
    [
        "paid",
        "",
        ValueError("no money"),
        ToolOutput(
            tool_name="pay",
            blocks=[TextBlock(text="paid"), ImageBlock(url="https://example.com/a.png")],
            raw_input={},
        ),
    ],
    ids=["text", "nothing", "error", "blocks"],
)
def test_the_same_call_gets_the_same_result_without_a_second_run(agents: Any, end: Any) -> None:
    """The model and whoever watches the stream see no difference."""
    till, store = Till(end), MemoryThreadStore()
    (first, told), (second, again) = (step(agent_of(agents, store, till)) for _ in range(2))
    assert [3] == till.paid
    assert first.tool_output.blocks == second.tool_output.blocks
    assert first.tool_output.is_error is second.tool_output.is_error
    assert (first.tool_id, first.return_direct) == (second.tool_id, second.return_direct)
    assert [type(event) for event in told] == [type(event) for event in again]


def test_a_restart_does_not_run_a_tool_again(tmp_path: Path) -> None:
    """The result outlives the process in a store on disk."""
    till = Till()
    for _ in range(2):
        with closing(SQLiteThreadStore(tmp_path / "threads.db")) as store:
            step(agent_of(FunctionAgent, store, till))
    assert [3] == till.paid


@CLASSES
def test_a_tool_in_which_the_process_ended_is_not_run_again(agents: Any) -> None:
    """Nobody knows whether it had its effect; the agent is told so."""
    till, store = Till(KeyboardInterrupt()), MemoryThreadStore()
    with pytest.raises(KeyboardInterrupt):
        step(agent_of(agents, store, till))
    for _ in range(2):
        told = step(agent_of(agents, store, till))[0].tool_output
        assert told.is_error
        assert "may have had its effect" in told.content
    assert [3] == till.paid


@pytest.mark.parametrize(
    "call",
    [
        CALL.model_copy(update={"tool_id": "call_2"}),
        CALL.model_copy(update={"tool_kwargs": {"amount": 4}}),
    ],
    ids=["id", "arguments"],
)
def test_another_call_is_another_call(call: ToolCall) -> None:
    """A kept result is that of one call."""
    till, store = Till(), MemoryThreadStore()
    for each in (CALL, call):
        step(agent_of(FunctionAgent, store, till), each)
    assert 2 == len(till.paid)


def test_two_scopes_and_the_plain_class_stay_apart() -> None:
    """The class that was given is not changed."""
    till, store = Till(), MemoryThreadStore()
    for scope in ("one", "two"):
        step(agent_of(FunctionAgent, store, till, scope))
    tool = FunctionTool.from_defaults(till.pay)
    step(FunctionAgent(tools=[tool], llm=MockLLM()))
    assert 3 == len(till.paid)


# -- whole runs ---------------------------------------------------------------------------------


# LlamaIndex does not write a context's memory: whoever resumes a workflow brings it.
@pytest.mark.filterwarnings("ignore::workflows.context.state_store.UnserializableKeyWarning")
def test_a_resumed_workflow_does_not_run_its_tool_again(foundry: Emulator, generation: str) -> None:
    """Two calls; one waits for a person. The process ends meanwhile and another one goes on."""
    till, store = Till(), MemoryThreadStore()

    async def ask(ctx: Context, question: str) -> str:
        """Ask a person."""
        answer = await ctx.wait_for_event(
            HumanResponseEvent, waiter_event=InputRequiredEvent(prefix=question)
        )
        return str(answer.response)

    def pay(amount: int) -> str:
        """Pay."""
        return str(till.pay(amount))

    calls = ToolCalls(("pay", {"amount": 3}, "call_1"), ("ask", {"question": "ok?"}, "call_2"))
    agent = foundry.create_agent(
        "payer", [calls, "done"], generation=generation, tools=declared(generation, [pay, ask])
    )

    def made() -> Any:
        llm = AzureAgentLLM(agent.model, **foundry.connection())
        return run_once(FunctionAgent, store)(tools=[pay, ask], llm=llm)

    memory = ChatMemoryBuffer.from_defaults()

    async def first() -> dict[str, Any]:
        handler = made().run("Pay 3 when I say so.", memory=memory)
        missing = {InputRequiredEvent, ToolCallResult}  # the calls run at the same time
        async for event in handler.stream_events():
            missing.discard(type(event))
            if not missing:
                break
        kept: dict[str, Any] = handler.ctx.to_dict()
        await handler.cancel_run()
        return kept

    async def second(kept: dict[str, Any]) -> str:
        resumed = made()
        handler = resumed.run(ctx=Context.from_dict(resumed, kept))
        await handler.ctx.store.set("memory", memory)
        handler.ctx.send_event(HumanResponseEvent(response="yes"))
        return str(await handler)

    assert "done" == asyncio.run(second(asyncio.run(first())))
    assert [3] == till.paid
    results = [m.text for m in foundry.seen[-1].messages if m.role == "tool"]
    assert ["paid 3", "yes"] == results
