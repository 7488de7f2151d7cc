"""LlamaIndex's `AgentWorkflow` of three Foundry agents: handovers, people, approvals, restarts."""

import asyncio
import json
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentWorkflow,
    FunctionAgent,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent

from azure_agents.emulator import Emulator, McpApproval, ToolCalls
from azure_agents.threads.memory import MemoryThreadStore
from llamaindex_azure_agents import AzureAgentLLM, decide, run_once

from .oracle import declared

# LlamaIndex does not write a context's memory: whoever goes on with a context brings it.
pytestmark = pytest.mark.filterwarnings(
    "ignore::workflows.context.state_store.UnserializableKeyWarning"
)

NAMES = ("clerk", "counter", "payer")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def pay(ctx: Context, amount: int) -> str:
    """Pay, if somebody allows it."""
    asked = InputRequiredEvent(prefix=f"Pay {amount}?")
    answer = await ctx.wait_for_event(HumanResponseEvent, waiter_event=asked)
    return f"paid {amount}" if answer.response == "yes" else "not paid"


def pay_as_declared(amount: int) -> str:
    """Pay, if somebody allows it."""
    return str(amount)


def handoff(to_agent: str, reason: str) -> str:
    """As the workflow declares it."""
    return f"{to_agent}: {reason}"


def over(to: str, id: str) -> ToolCalls:
    """One agent hands over to another."""
    return ToolCalls(("handoff", {"to_agent": to, "reason": "its job"}, id))


SCRIPTS: dict[str, list[Any]] = {
    "clerk": [over("counter", "call_1"), "You are welcome."],
    "counter": [ToolCalls(("add", {"a": 1, "b": 2}, "call_2")), over("payer", "call_3")],
    "payer": [ToolCalls(("pay", {"amount": 3}, "call_4")), "3 are paid."],
}


class Project:
    """Three agents on the server; every process makes its workflow anew."""

    def __init__(self, foundry: Emulator, generation: str, scripts: dict[str, Any]) -> None:
        self.foundry = foundry
        pays = declared(generation, [pay_as_declared])
        (pays[0].get("function") or pays[0])["name"] = "pay"
        tools = [*declared(generation, [add, handoff]), *pays]
        self.models = {
            name: foundry.create_agent(
                name, scripts[name], generation=generation, tools=tools
            ).model
            for name in NAMES
        }

    def process(self, workflow: Any = AgentWorkflow) -> Any:
        """The workflow of a process that knows nothing of another one."""
        tools: dict[str, list[Any]] = {"counter": [add], "payer": [pay]}
        store = MemoryThreadStore()
        agents: list[Any] = [
            FunctionAgent(
                name=name,
                description=f"The {name}.",
                tools=tools.get(name, []),
                llm=AzureAgentLLM(
                    self.models[name], **self.foundry.connection(), thread_store=store
                ),
            )
            for name in NAMES
        ]
        return workflow(agents=agents, root_agent="clerk")


def steps(events: list[Any]) -> list[tuple[str, ...]]:
    """What a user interface would show: who speaks, which tools run, what people are asked."""
    shown: list[tuple[str, ...]] = []
    for event in events:
        if isinstance(event, AgentOutput):
            shown.append((event.current_agent_name, event.response.content or ""))
        elif isinstance(event, ToolCallResult):
            shown.append((event.tool_id, event.tool_output.content[:8]))
        elif isinstance(event, InputRequiredEvent):
            shown.append(("asked", event.prefix))
    return shown


HANDED_OVER = [
    ("clerk", ""),
    ("call_1", "Agent co"),
    ("counter", ""),
    ("call_2", "3"),
    ("counter", ""),
    ("call_3", "Agent pa"),
    ("payer", ""),
    ("asked", "Pay 3?"),
]
PAID = [("call_4", "paid 3"), ("payer", "3 are paid.")]


async def until_asked(handler: Any) -> list[Any]:
    """Events up to the question to a person, and the answer "yes" to it."""
    events = []
    async for event in handler.stream_events():
        events.append(event)
        if isinstance(event, InputRequiredEvent):
            handler.ctx.send_event(HumanResponseEvent(response="yes"))
    return events


def test_three_agents_hand_over_and_ask(foundry: Emulator, generation: str) -> None:
    """One process: each step in the events, with the ids and usage of the agent that made it."""
    memory = ChatMemoryBuffer.from_defaults()

    async def run() -> tuple[list[Any], list[str]]:
        workflow = Project(foundry, generation, SCRIPTS).process()
        handler = workflow.run("Pay 1 + 2.", memory=memory)
        events, answer = await until_asked(handler), str(await handler)
        return events, [answer, str(await workflow.run("Thanks", memory=memory))]

    events, answers = asyncio.run(run())
    assert ["3 are paid.", "You are welcome."] == answers
    assert [*HANDED_OVER, *PAID] == steps(events)
    outputs = [event for event in events if isinstance(event, AgentOutput)]
    # A classic run that waits for tools has not counted yet.
    counted = [output for output in outputs if generation == "v2" or not output.tool_calls]
    assert all(output.raw["usage"]["total_tokens"] > 0 for output in counted)
    threads = {output.current_agent_name: output.raw["thread_id"] for output in outputs}
    assert set(NAMES) == set(threads)
    assert 3 == len(set(threads.values()))
    said = [message.text for message in foundry.seen[-1].messages if message.role == "user"]
    assert ["Pay 1 + 2.", "Thanks"] == said


@pytest.mark.parametrize("once", [False, True], ids=["plain", "run_once"])
def test_a_team_is_resumed_in_another_process(
    foundry: Emulator, generation: str, once: bool
) -> None:
    """The first one ends while a person is asked; what remains is the context and the memory."""
    project = Project(foundry, generation, SCRIPTS)
    kept_results = MemoryThreadStore()
    workflow = run_once(AgentWorkflow, kept_results) if once else AgentWorkflow

    async def first() -> str:
        memory = ChatMemoryBuffer.from_defaults()
        handler = project.process(workflow).run("Pay 1 + 2.", memory=memory)
        async for event in handler.stream_events():
            if isinstance(event, InputRequiredEvent):
                break
        said = [message.model_dump(mode="json") for message in memory.get_all()]
        state = {"context": handler.ctx.to_dict(), "said": said}
        await handler.cancel_run()
        return json.dumps(state)

    async def second(text: str) -> tuple[list[Any], str]:
        state, resumed = json.loads(text), project.process(workflow)
        said = [ChatMessage.model_validate(message) for message in state["said"]]
        memory = ChatMemoryBuffer.from_defaults(said)
        handler = resumed.run(ctx=Context.from_dict(resumed, state["context"]))
        await handler.ctx.store.set("memory", memory)
        handler.ctx.send_event(HumanResponseEvent(response="yes"))  # the question was told before
        events = [event async for event in handler.stream_events()]
        answer = str(await handler)
        thanks = await resumed.run("Thanks", memory=memory)
        return events, f"{answer} {thanks}"

    events, answer = asyncio.run(second(asyncio.run(first())))
    assert "3 are paid. You are welcome." == answer
    assert PAID == [step for step in steps(events) if step[0] != "asked"]
    # Nobody was asked again after the restart: each agent as often as it answered.
    assert 6 == len(foundry.seen)
    results = {
        m.tool_call_id: m.text for turn in foundry.seen for m in turn.messages if m.tool_call_id
    }
    assert "paid 3" == results["call_4"]


@pytest.mark.parametrize(("says", "answer"), [(True, "Deleted."), (False, "I left it alone.")])
def test_a_member_asks_to_run_a_server_tool(
    foundry: Emulator, generation: str, says: bool, answer: str
) -> None:
    """The run ends with the request; `ctx=` brings the decision back to the agent that asked."""

    def payer(turn: Any) -> Any:
        replies = {"approved": "Deleted.", "denied": "I left it alone."}
        return replies.get(turn.messages[-1].text) or McpApproval("files", "delete", "{}")

    scripts = {**SCRIPTS, "clerk": [over("payer", "call_1")], "payer": payer}

    async def run() -> Any:
        workflow = Project(foundry, generation, scripts).process()
        memory = ChatMemoryBuffer.from_defaults()
        context = Context(workflow)
        asked = await workflow.run("Delete it.", ctx=context, memory=memory)
        assert ["delete"] == [one["name"] for one in asked.raw["approval_requests"]]
        return await workflow.run(decide(asked, says), ctx=context, memory=memory)

    output = asyncio.run(run())
    assert ("payer", answer) == (output.current_agent_name, str(output))


def test_a_history_goes_from_agent_to_agent(foundry: Emulator, generation: str) -> None:
    """Each one is shown what the others were told and did; nothing is lost or told twice."""

    async def run() -> None:
        workflow = Project(foundry, generation, SCRIPTS).process()
        history = [ChatMessage("I am Ada."), ChatMessage("Hello, Ada.", role="assistant")]
        handler = workflow.run("Pay 1 + 2.", chat_history=history)
        await until_asked(handler)
        await handler

    asyncio.run(run())
    said = ["I am Ada.", "Pay 1 + 2."]
    for turn in foundry.seen:
        assert said == [message.text for message in turn.messages if message.role == "user"]
