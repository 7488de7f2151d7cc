"""LlamaIndex agents on Foundry agents: LlamaIndex's own mock, with the same answers, is the oracle.

Both play one scenario. The answers, the events a user interface would show, what stays in the
memory, and - where no tool round was left open - what the model was shown must be the same.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.llms import LLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import (
    Context,
    HumanResponseEvent,
    InputRequiredEvent,
    WorkflowRuntimeError,
)
from pydantic import BaseModel

from azure_agents.emulator import Emulator, Text, ToolCalls
from llamaindex_azure_agents import AzureAgentLLM

from .oracle import Spoken, declared, oracle, output, seen, spoken, told

# Upstream's own: ReActAgent asks a context whether it runs.
pytestmark = pytest.mark.filterwarnings("ignore:is_running called from within a step")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def now() -> str:
    """Tell the time."""
    return "noon"


async def later() -> str:
    """Take a while."""
    await asyncio.sleep(0.5)  # behind `add`, which may wait for a thread
    return "late"


def fail(why: str = "?") -> str:
    """Never work."""
    raise ValueError(f"broken: {why}")


def handoff(to_agent: str, reason: str) -> str:
    """As the workflow declares it."""
    return f"{to_agent}: {reason}"


class Sum(BaseModel):
    """A sum."""

    total: int


def ask_human_declared(question: str) -> str:
    """As the model sees `ask_human`: without the context."""
    return question


TOOLS: list[Any] = [add, now, later, fail, handoff]
TOOLS.append(FunctionTool.from_defaults(ask_human_declared, name="ask_human"))
DIRECT = FunctionTool.from_defaults(add, return_direct=True)
SUM = '{"total": 3}'

Make = Callable[..., Any]


def function_agent(llm: LLM, **settings: Any) -> FunctionAgent:
    """The usual one."""
    settings = {"tools": [add, now, fail], "system_prompt": "Be exact.", **settings}
    return FunctionAgent(llm=llm, **settings)


def direct_agent(llm: LLM, **settings: Any) -> FunctionAgent:
    """Its tool's result is the answer."""
    return function_agent(llm, tools=[DIRECT, later], **settings)


def object_agent(llm: LLM, **settings: Any) -> FunctionAgent:
    """One more call makes an object of the conversation."""
    return function_agent(llm, output_cls=Sum, **settings)


def stopping_agent(llm: LLM, **settings: Any) -> FunctionAgent:
    """Says something when it may not go on."""
    return function_agent(llm, early_stopping_method="generate", **settings)


def react_agent(llm: LLM, **settings: Any) -> ReActAgent:
    """Tools by text alone."""
    return ReActAgent(llm=llm, tools=[add, fail], **settings)


def run_code(code: str) -> str:
    """Pretend to run code."""
    return f"ran {len(code)} letters"


def code_agent(llm: LLM, **settings: Any) -> CodeActAgent:
    """Its tool is code between tags."""
    return CodeActAgent(run_code, llm=llm, tools=[add], **settings)


async def ask_human(ctx: Context, question: str) -> str:
    """Ask somebody; the step runs again when the answer is there, the model is not asked again."""
    asked = InputRequiredEvent(prefix=question)
    answer = await ctx.wait_for_event(HumanResponseEvent, waiter_event=asked)
    return str(answer.response)


def asking_agent(llm: LLM, **settings: Any) -> FunctionAgent:
    """A tool of its waits for a human."""
    return function_agent(llm, tools=[ask_human], **settings)


def team(llm: LLM, other: LLM | None = None, **settings: Any) -> AgentWorkflow:
    """Two agents that hand over to each other."""
    clerk = FunctionAgent(
        name="clerk", description="Talks.", llm=llm, system_prompt="You are the clerk.", **settings
    )
    counter = FunctionAgent(
        name="counter",
        description="Adds.",
        llm=other or llm,
        tools=[add],
        system_prompt="You count.",
        **settings,
    )
    return AgentWorkflow(agents=[clerk, counter], root_agent="clerk")


@dataclass(frozen=True)
class Scenario:
    """What the model answers, and what is asked.

    Attributes:
        make: Makes the agent.
        script: What the model answers.
        others: Answers of a second agent, if the scenario has one.
        questions: What the user says, one run each, with one memory.
        run: Options of every run.
        shown: Generations where the model is shown what the mock is sent, word by word. Classic
            threads know no tool calls in a replay, and system messages come first there; a schema
            is asked for in words of our own.
    """

    make: Make
    script: Sequence[Any]
    others: Sequence[Any] = ()
    questions: tuple[str, ...] = ("Go!",)
    run: dict[str, Any] = field(default_factory=dict)
    shown: tuple[str, ...] = ("v2", "classic")


ONE = ToolCalls(("add", {"a": 1, "b": 2}, "call_1"))
TWO = ToolCalls(("add", {"a": 3, "b": 4}, "call_2"), ("now", {}, "call_3"))
BOTH = ToolCalls(("later", {}, "call_4"), ("add", {"a": 1, "b": 2}, "call_5"))
OVER = ToolCalls(("handoff", {"to_agent": "counter", "reason": "sums"}, "call_h"))
STEP = 'Thought: I need a tool.\nAction: add\nAction Input: {"a": 1, "b": 2}'
DONE = "Thought: I can answer now.\nAnswer: It is 3."

SCENARIOS = {
    "plain": Scenario(function_agent, ["Hello.", "Bye."], questions=("Hi", "Thanks")),
    "one call": Scenario(function_agent, [ONE, "It is 3.", "Bye."], questions=("1+2?", "Thanks")),
    "parallel calls": Scenario(function_agent, [TWO, "7 at noon."]),
    "text before calls": Scenario(function_agent, [["Let me see.", TWO], "7 at noon."]),
    "two rounds": Scenario(function_agent, [ONE, TWO, "Done.", "Bye."], questions=("Go", "Ok")),
    "no arguments": Scenario(function_agent, [ToolCalls(("now", "", "call_1")), "Noon."]),
    "broken arguments": Scenario(function_agent, [ToolCalls(("add", '{"a": 1, ', "call_1")), "?"]),
    "no JSON": Scenario(function_agent, [ToolCalls(("add", "one, two", "call_1")), "?"]),
    "failing tool": Scenario(
        function_agent, [ToolCalls(("fail", {"why": "rain"}, "call_1")), "Sorry."]
    ),
    "unknown tool": Scenario(function_agent, [ToolCalls(("fly", {}, "call_1")), "Sorry."]),
    "sequential calls": Scenario(
        lambda llm, **kw: function_agent(llm, allow_parallel_tool_calls=False, **kw),
        [ONE, "It is 3."],
    ),
    "state": Scenario(
        lambda llm, **kw: function_agent(llm, initial_state={"mood": "good"}, **kw), [ONE, "Fine."]
    ),
    "object": Scenario(object_agent, [ONE, "It is 3.", SUM], shown=()),
    "return direct": Scenario(direct_agent, [ONE, "Bye."], questions=("1+2?", "Ok"), shown=("v2",)),
    "return direct among others": Scenario(
        direct_agent, [BOTH, "Bye."], questions=("Both", "Thanks"), shown=()
    ),
    "no iterations left": Scenario(
        function_agent, [ONE, TWO, "Bye."], run={"max_iterations": 2}, shown=("v2",)
    ),
    "early stop": Scenario(
        stopping_agent,
        [ONE, TWO, "I stop."],
        questions=("Go", "Go on"),
        run={"max_iterations": 2},
        shown=("v2",),
    ),
    "react": Scenario(react_agent, [STEP, DONE, DONE], questions=("1+2?", "Sure?")),
    "react that must retry": Scenario(react_agent, ["Action: ???", STEP, DONE]),
    "react that says nothing": Scenario(react_agent, [Text(""), DONE]),
    "react and a failing tool": Scenario(
        react_agent, ["Thought: so\nAction: fail\nAction Input: {}", DONE]
    ),
    "code": Scenario(code_agent, ["Look: <execute>print(1)</execute>", "It is 1."]),
    "a human in a tool": Scenario(
        asking_agent, [ToolCalls(("ask_human", {"question": "Sure?"}, "call_1")), "You are."]
    ),
    "handoff": Scenario(
        team, [OVER, ONE, "It is 3.", "Bye."], questions=("1+2?", "Thanks"), shown=("v2",)
    ),
    "handoff to another agent": Scenario(
        team, [OVER], [ONE, "It is 3.", "Bye."], questions=("1+2?", "Thanks"), shown=("v2",)
    ),
}


@dataclass(frozen=True)
class Played:
    """All there is to see of a scenario."""

    answers: list[Any]
    events: list[tuple[Any, ...]]
    memory: list[Spoken]


async def play(scenario: Scenario, llms: Sequence[LLM], *, streaming: bool) -> Played:
    """Ask all questions, with one memory."""
    agent = scenario.make(*llms, streaming=streaming)
    memory = ChatMemoryBuffer.from_defaults()
    answers, events = [], []
    for question in scenario.questions:
        handler = agent.run(user_msg=question, memory=memory, **scenario.run)
        async for event in handler.stream_events():
            events.append(event)
            if isinstance(event, InputRequiredEvent):
                handler.ctx.send_event(HumanResponseEvent(response="yes"))
        try:
            answers.append(output(await handler))
        except WorkflowRuntimeError as error:
            answers.append(str(error))
    return Played(answers, told(events), spoken(memory.get_all()))


@cache
def expected(name: str, *, streaming: bool) -> tuple[Played, list[list[Spoken]]]:
    """What the mock makes of a scenario, and what it was sent."""
    scenario = SCENARIOS[name]
    sent: list[list[Spoken]] = []
    llms = [oracle(script, sent) for script in (scenario.script, scenario.others) if script]
    return asyncio.run(play(scenario, llms, streaming=streaming)), sent


def agents(foundry: Emulator, generation: str, *scripts: Sequence[Any]) -> list[AzureAgentLLM]:
    """An agent for each script, with all tools that the scenarios know."""
    made = []
    for number, script in enumerate(scripts):
        agent = foundry.create_agent(
            f"helper-{number}",
            list(script),
            generation=generation,
            tools=declared(generation, TOOLS),
        )
        made.append(AzureAgentLLM(agent.model, **foundry.connection()))
    return made


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("name", SCENARIOS)
def test_agents_do_what_they_do_with_the_mock(
    foundry: Emulator, generation: str, name: str, streaming: bool
) -> None:
    """Same answers, same events, same memory, and the model is shown the same."""
    scenario = SCENARIOS[name]
    wanted, sent = expected(name, streaming=streaming)
    scripts = [script for script in (scenario.script, scenario.others) if script]
    llms = agents(foundry, generation, *scripts)
    played = asyncio.run(play(scenario, llms, streaming=streaming))
    assert wanted.answers == played.answers
    assert wanted.events == played.events
    assert wanted.memory == played.memory
    if generation in scenario.shown:
        assert sent == seen(foundry)
