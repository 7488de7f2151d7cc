"""LlamaIndex agents seen from the service: requests, tokens, open calls, nested calls."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from llama_index.core import Document, SummaryIndex
from llama_index.core.agent.workflow import AgentOutput, AgentStream, AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool, QueryEngineTool
from pydantic import BaseModel

from azure_agents.emulator import Emulator, FileSearch, Reasoning, ToolCalls
from azure_agents.errors import InvalidRequestError
from llamaindex_azure_agents import AzureAgentLLM

from .oracle import declared, seen

TWO_CALLS = ToolCalls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))
ADD = ToolCalls(("add", {"a": 1, "b": 2}, "call_1"))
Make = Callable[..., AzureAgentLLM]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture(name="make")
def _make(foundry: Emulator, generation: str) -> Make:
    def make(replies: Any, tools: Sequence[Any] = (add,), **settings: Any) -> AzureAgentLLM:
        agent = foundry.create_agent(
            "helper", replies, generation=generation, tools=declared(generation, tools)
        )
        return AzureAgentLLM(agent.model, **foundry.connection(), **settings)

    return make


def posts(foundry: Emulator) -> list[str]:
    """The last words of all paths posted to."""
    paths = [request.path for request in foundry.requests if request.method == "POST"]
    return [path.rpartition("/")[2] for path in paths]


# -- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [True, False])
def test_a_function_agent_continues_its_turn(
    foundry: Emulator, make: Make, generation: str, streaming: bool
) -> None:
    """Two calls at once, their results in one request, and the next question behind them."""
    llm = make([TWO_CALLS, "3 and 7.", "Bye."])

    async def converse() -> list[str]:
        helper = FunctionAgent(tools=[add], llm=llm, system_prompt="Add.", streaming=streaming)
        memory = ChatMemoryBuffer.from_defaults()
        return [str(await helper.run(text, memory=memory)) for text in ("Add!", "Thanks.")]

    assert ["3 and 7.", "Bye."] == asyncio.run(converse())
    roles = ["user", "assistant", "tool", "tool", "assistant", "user"]
    shown = [message.role for message in foundry.seen[-1].messages if message.role != "system"]
    assert roles == shown
    expected = {
        "v2": ["responses"] * 3,
        "classic": ["threads", "runs", "submit_tool_outputs", "runs"],
    }
    assert expected[generation] == posts(foundry)


def test_only_what_is_new_travels(foundry: Emulator, make: Make) -> None:
    """A long history costs as much as a short one."""
    llm, long = make([ADD, "3."]), "word " * 2_000

    async def run() -> None:
        helper = FunctionAgent(tools=[add], llm=llm)
        memory = ChatMemoryBuffer.from_defaults(token_limit=100_000)
        await helper.run(long, memory=memory)
        await helper.run("And?", memory=memory)

    asyncio.run(run())
    sizes = [request.size for request in foundry.requests if request.method == "POST"]
    assert 1 == sum(size > len(long) for size in sizes)


def test_usage_and_ids_are_in_every_output(foundry: Emulator, make: Make, generation: str) -> None:
    """`raw` is where agents keep what the service said; the last chunk of a step has it."""
    llm = make([ADD, "3."])

    async def run() -> list[Any]:
        handler = FunctionAgent(tools=[add], llm=llm).run("1+2?")
        return [event async for event in handler.stream_events()]

    events = asyncio.run(run())
    outputs = [event.raw for event in events if isinstance(event, AgentOutput)]
    streamed = [e.raw for e in events if isinstance(e, AgentStream) and e.raw is not None]
    assert outputs == streamed
    key = {"v2": "response_id", "classic": "run_id"}[generation]
    assert [getattr(turn, key) for turn in foundry.seen] == [raw[key] for raw in outputs]
    # A classic run counts its tokens when it is over, those before its pause included.
    counted = [bool(raw["usage"]) for raw in outputs]
    assert {"v2": [True, True], "classic": [False, True]}[generation] == counted


def test_thinking_is_streamed(foundry: Emulator) -> None:
    """`AgentStream.thinking_delta` shows a summary of what the agent thinks (v2)."""
    agent = foundry.create_agent("helper", [[Reasoning("Hard, but fine.", tokens=5), "42."]])
    llm = AzureAgentLLM(agent.model, **foundry.connection())

    async def run() -> tuple[str, str]:
        handler = FunctionAgent(tools=[], llm=llm).run("Hm?")
        events = [e async for e in handler.stream_events() if isinstance(e, AgentStream)]
        return "".join(e.thinking_delta or "" for e in events), str(await handler)

    assert ("Hard, but fine.", "42.") == asyncio.run(run())


def test_progress_is_streamed(foundry: Emulator) -> None:
    """`AgentStream.raw` tells what a tool on the server does; only the last one has ids (v2)."""
    agent = foundry.create_agent("helper", [[FileSearch(("holidays",)), "30 days."]])
    llm = AzureAgentLLM(agent.model, **foundry.connection())

    async def run() -> list[Any]:
        handler = FunctionAgent(tools=[], llm=llm).run("How many?")
        return [
            e.raw async for e in handler.stream_events() if isinstance(e, AgentStream) and e.raw
        ]

    *steps, last = asyncio.run(run())
    assert ("file_search", "searching") in [
        (raw["progress"]["name"], raw["progress"]["status"]) for raw in steps
    ]
    assert ["file_search"] == [call["name"] for call in last["built_in_tool_calls"]]


# -- declarations -------------------------------------------------------------------------------


def test_an_undeclared_tool_is_named(foundry: Emulator) -> None:
    """v2: the error lists what the agent does declare, and nothing was asked."""
    agent = foundry.create_agent("helper", "?", tools=declared("v2", [add]))
    llm = AzureAgentLLM(agent.model, **foundry.connection())

    def subtract(a: int, b: int) -> int:
        """Subtract."""
        return a - b

    with pytest.raises(InvalidRequestError, match=r"\['subtract'\].*declares \['add'\]"):
        asyncio.run(_run(FunctionAgent(tools=[add, subtract], llm=llm), "5-3?"))
    assert [] == foundry.seen


async def _run(agent: FunctionAgent | AgentWorkflow, question: Any, **kwargs: Any) -> Any:
    return await agent.run(user_msg=question, **kwargs)


@pytest.mark.parametrize("is_async", [True, False])
def test_tools_can_be_declared(foundry: Emulator, is_async: bool) -> None:
    """v2: a new version of the agent, which an LLM without a version uses at once."""
    foundry.create_agent("helper", [ADD, "3."])
    llm = AzureAgentLLM("helper", **foundry.connection())
    tools = [add, FunctionTool.from_defaults(lambda: "noon", name="now", description="Time.")]
    version = asyncio.run(llm.adeclare_tools(tools)) if is_async else llm.declare_tools(tools)
    assert "2" == version
    assert "2" == llm.declare_tools(tools)  # nothing to do
    foundry.agents[0].script([ADD, "3."])
    assert "3." == str(asyncio.run(_run(FunctionAgent(tools=tools, llm=llm), "1+2?")))


def test_a_team_declares_its_handoff(foundry: Emulator) -> None:
    """v2: `handoff` is a tool like any other; the workflow knows how it looks."""
    foundry.create_agent("helper", "?")
    llm = AzureAgentLLM("helper", **foundry.connection())
    clerk = FunctionAgent(name="clerk", description="Talks.", llm=llm, can_handoff_to=["counter"])
    counter = FunctionAgent(name="counter", description="Adds.", llm=llm, tools=[add])
    team = AgentWorkflow(agents=[clerk, counter], root_agent="clerk")

    async def run() -> str:
        for agent in ("clerk", "counter"):
            await llm.adeclare_tools(await team.get_tools(agent))
        over = ToolCalls(("handoff", {"to_agent": "counter", "reason": "sums"}))
        foundry.agents[0].script([over, ADD, "3."])
        return str(await _run(team, "1+2?"))

    assert "3." == asyncio.run(run())


def test_a_classic_agent_declares_nothing(foundry: Emulator) -> None:
    """It is given its tools with every call, beside those it has."""
    agent = foundry.create_agent("helper", [ADD, "3."], generation="classic")
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    assert "" == llm.declare_tools([add])
    assert [] == foundry.requests
    assert "3." == str(asyncio.run(_run(FunctionAgent(tools=[add], llm=llm), "1+2?")))


# -- calls that are never answered --------------------------------------------------------------


def test_the_next_question_works_after_an_open_call(
    foundry: Emulator, make: Make, generation: str
) -> None:
    """`predict_and_call` never returns results; the run that waits for them is given up."""
    llm = make([ADD, "Never mind."])
    called = llm.chat_with_tools([FunctionTool.from_defaults(add)], user_msg="1+2?")
    history = [ChatMessage("1+2?"), called.message, ChatMessage("Something else.")]
    assert "Never mind." == llm.chat(history).message.content
    expected = [[("user", "1+2?"), ("user", "Something else.")]]
    assert expected == [[(role, text) for role, text, *_ in turn] for turn in seen(foundry)[1:]]
    cancels = [request for request in foundry.requests if request.path.endswith("/cancel")]
    assert {"v2": 0, "classic": 1}[generation] == len(cancels)


def test_results_that_come_too_late_are_told(foundry: Emulator, make: Make) -> None:
    """A run that expired, or was continued by somebody else, is rebuilt from the history."""
    llm = make([ADD, "3.", "3 again."])
    called = llm.chat_with_tools([FunctionTool.from_defaults(add)], user_msg="1+2?")
    result = ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": "call_1"})
    history = [ChatMessage("1+2?"), called.message, result]
    assert ["3.", "3 again."] == [llm.chat(history).message.content for _ in range(2)]
    assert "3" in foundry.seen[-1].messages[-1].text


# -- one LLM inside itself ----------------------------------------------------------------------


def test_a_tool_may_ask_the_same_llm(foundry: Emulator, make: Make) -> None:
    """Two query engines of the agent's own LLM run while its turn waits for them."""
    engine = SummaryIndex.from_documents([Document(text="Paris is in France.")])

    def reply(turn: Any) -> Any:
        if "Paris is in France." in turn.messages[-1].text:
            return "In France."
        if turn.messages[-1].role == "tool":
            return "Both say France."
        return ToolCalls(("first", {"input": "Where?"}), ("second", {"input": "Where?"}))

    names = ("first", "second")
    llm = make(reply, tools=[_looking_like(name) for name in names])
    nested = engine.as_query_engine(llm=llm)
    tools = [QueryEngineTool.from_defaults(nested, name, "Look.") for name in names]
    assert "Both say France." == str(asyncio.run(_run(FunctionAgent(tools=tools, llm=llm), "Go")))
    roles = [[role for role, *_ in turn] for turn in seen(foundry)]
    outer = ["user", "assistant", "tool", "tool"]
    assert [["user"], ["system", "user"], ["system", "user"], outer] == roles


def _looking_like(name: str) -> FunctionTool:
    def look(input: str) -> str:
        """Look."""
        return input

    return FunctionTool.from_defaults(look, name=name)


def test_parallel_runs_share_one_llm(foundry: Emulator, make: Make) -> None:
    """Ten conversations with tools at once, none sees another one's."""

    def reply(turn: Any) -> Any:
        if turn.messages[-1].role == "tool":
            return f"It is {turn.messages[-1].text}."
        number = int(turn.last_user_text)
        return ToolCalls(("add", {"a": number, "b": number}))

    llm = make(reply)

    async def run() -> list[str]:
        helper = FunctionAgent(tools=[add], llm=llm)
        return [
            str(each) for each in await asyncio.gather(*(_run(helper, str(n)) for n in range(10)))
        ]

    assert [f"It is {2 * n}." for n in range(10)] == asyncio.run(run())


# -- predict_and_call ---------------------------------------------------------------------------


class Person(BaseModel):
    """Somebody."""

    name: str


PREDICTS: dict[str, Callable[..., Any]] = {
    "predict_and_call": lambda llm, *args, **kw: llm.predict_and_call(*args, **kw),
    "apredict_and_call": lambda llm, *args, **kw: asyncio.run(llm.apredict_and_call(*args, **kw)),
}


@pytest.fixture(name="predict", params=PREDICTS)
def _predict(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return PREDICTS[request.param]


TOOL = FunctionTool.from_defaults(add)


@pytest.mark.parametrize(
    ("replies", "parallel", "expected"),
    [(ADD, False, "3"), (TWO_CALLS, False, "3"), (TWO_CALLS, True, "3\n\n7")],
)
def test_a_tool_is_predicted_and_called(  # noqa: PLR0917
    foundry: Emulator, make: Make, predict: Any, replies: Any, parallel: bool, expected: str
) -> None:
    """One call, or several where the caller can take them; no run waits for what never comes."""
    answer = predict(make(replies), [TOOL], "1+2?", allow_parallel_tool_calls=parallel)
    assert expected == answer.response
    assert [] == foundry.active_runs


CHATS: dict[str, Callable[..., Any]] = {
    "chat_with_tools": lambda llm, *args: llm.chat_with_tools(*args),
    "achat_with_tools": lambda llm, *args: asyncio.run(llm.achat_with_tools(*args)),
}


@pytest.mark.parametrize("chat", CHATS.values(), ids=CHATS)
@pytest.mark.parametrize("replies", [ADD, TWO_CALLS])
def test_a_call_that_is_left_out_leaves_no_run_behind(
    foundry: Emulator, make: Make, generation: str, chat: Any, replies: Any
) -> None:
    """One call is allowed: a run that made two is stopped, one that made one takes its result."""
    llm = make([replies, "Three."])
    asked = ChatMessage("1+2?")
    answer = chat(llm, [TOOL], asked)
    asked_with = [
        r.body["parallel_tool_calls"] for r in foundry.requests if r.method == "POST" and r.body
    ]
    assert [False] == asked_with
    (call,) = llm.get_tool_calls_from_response(answer)
    waits = replies is ADD and generation == "classic"
    assert int(waits) == len(foundry.active_runs)
    result = ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": call.tool_id})
    told = llm.chat_with_tools([TOOL], chat_history=[asked, answer.message, result])
    assert "Three." == told.message.content
    assert [] == foundry.active_runs


def test_no_call_is_an_error_unless_allowed(make: Make, predict: Any) -> None:
    """The error shows what the agent said."""
    with pytest.raises(ValueError, match=r"it said 'No\.'"):
        predict(make("No."), [TOOL], "1+2?")
    assert "No." == predict(make("No."), [TOOL], "1+2?", error_on_no_tool_call=False).response


BROKEN = ToolCalls(("add", {"a": 1}))


def test_a_failing_tool_is_told_or_raised(make: Make, predict: Any) -> None:
    """As the caller wants it."""
    assert "missing" in predict(make(BROKEN), [TOOL], "1+2?").response
    with pytest.raises(ValueError, match="missing"):
        predict(make(BROKEN), [TOOL], "1+2?", error_on_tool_error=True)


def test_a_forced_tool_is_asked_for_as_an_object(
    foundry: Emulator, make: Make, predict: Any
) -> None:
    """No declaration is needed for it, and no run waits for a result that never comes."""
    llm = make('{"a": 1, "b": 2}', tools=())
    answer = predict(llm, [TOOL], "1+2?", tool_required=True)
    assert ("3", 3) == (answer.response, answer.sources[0].raw_output)
    assert "tools" not in foundry.requests[-1].body
    assert [] == foundry._world.unfinished()


def test_a_forced_tool_that_fails(make: Make, predict: Any) -> None:
    """As any other."""

    def refuse(name: str) -> str:
        """Refuse."""
        raise ValueError(f"no {name}")

    tool = FunctionTool.from_defaults(refuse)
    asked: tuple[Any, ...] = (make('{"name": "x"}', tools=()), [tool], "?")
    assert "no x" in predict(*asked, tool_required=True).response
    with pytest.raises(ValueError, match="no x"):
        predict(*asked, tool_required=True, error_on_tool_error=True)
