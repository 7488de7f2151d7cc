"""`create_agent` and LangGraph: what the agent sees is what the graph's state holds.

The oracle is `told`: the state's messages in the emulator's words. A classic thread holds no tool
roles, so a history that forks there tells calls and results as text (`told_as_text`).
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, SummarizationMiddleware
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages
from langchain_core.tools import ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from azure_agents.emulator import Emulator, SeenTurn, ToolCalls
from azure_agents.jsonio import dumps
from langchain_azure_agents import ChatAzureAgent

THREAD: Any = {"configurable": {"thread_id": "langgraph-1"}}


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def fails(reason: str) -> str:
    """Fail."""
    raise ToolException(f"no luck: {reason}")


fail = tool(fails)
fail.handle_tool_error = True

PARALLEL = ToolCalls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))


def brain(turn: SeenTurn) -> Any:
    """Compute when asked to, then tell what came out."""
    last = turn.messages[-1]
    if last.role == "user" and last.text == "compute":
        return PARALLEL
    if last.role == "user" and last.text == "try":
        return ToolCalls(("fails", {"reason": "rain"}))
    return f"{last.text}! ({len(turn.messages)})"


def declared(generation: str, *names: str) -> Any:
    """The tools of an agent of this generation."""
    found = [{"type": "function", "name": name, "parameters": {}} for name in names]
    return found if generation == "v2" else ()


@pytest.fixture
def model(foundry: Emulator, generation: Any) -> Any:
    """Make a model of an agent that knows our tools."""

    def make(reply: Any = brain, **settings: Any) -> ChatAzureAgent:
        tools = declared(generation, "add", "fails", "ask_again")
        agent = foundry.create_agent("graph", reply, generation=generation, tools=tools)
        return ChatAzureAgent(model=agent.model, **foundry.connection(), **settings)

    return make


def _messages(given: Any) -> Any:
    return {"messages": [("user", given)]} if isinstance(given, str) else given


async def _drain(stream: Any) -> None:
    async for _ in stream:
        pass


def _run_stream(app: Any, given: Any, config: Any) -> None:
    list(app.stream(given, config, stream_mode="messages"))


WAYS = {
    "invoke": lambda app, x, config: app.invoke(x, config),
    "ainvoke": lambda app, x, config: asyncio.run(app.ainvoke(x, config)),
    "stream": _run_stream,
    "astream": lambda app, x, config: asyncio.run(
        _drain(app.astream(x, config, stream_mode="messages"))
    ),
}


@pytest.fixture(params=WAYS)
def run(request: pytest.FixtureRequest) -> Any:
    """Run a graph in one of the ways; gives the messages of its state."""

    def go(app: Any, given: Any, config: Any = THREAD) -> list[BaseMessage]:
        WAYS[request.param](app, _messages(given), config)
        found: list[BaseMessage] = app.get_state(THREAD).values["messages"]
        return found

    return go


def told(messages: list[BaseMessage]) -> Any:
    """Messages as an agent sees them: role, text, calls, the call that is answered."""
    roles = {"human": "user", "ai": "assistant"}
    return [
        (roles.get(m.type, m.type), m.text, _calls(m), getattr(m, "tool_call_id", None))
        for m in messages
    ]


def _calls(message: Any) -> Any:
    if not isinstance(message, AIMessage):
        return []
    good = [(c["id"], c["name"], dumps(c["args"]).decode()) for c in message.tool_calls]
    return good + [(c["id"], c["name"], c["args"]) for c in message.invalid_tool_calls]


def told_as_text(messages: list[BaseMessage]) -> Any:
    """The same where threads know no tools."""
    found = []
    for role, text, calls, answered in told(messages):
        spoken = [f"[tool call {id}: {name}({arguments})]" for id, name, arguments in calls]
        if role == "tool":
            found.append(("assistant", f"[tool result {answered}: {text}]", [], None))
        else:
            found.append((role, "\n".join(filter(None, [text, *spoken])), [], None))
    return found


def seen(turn: SeenTurn) -> Any:
    """What an agent saw, in the same form."""
    return [
        (m.role, m.text, [tuple(call) for call in m.tool_calls], m.tool_call_id)
        for m in turn.messages
    ]


def posts(foundry: Emulator) -> int:
    """How many turns, or parts of turns, were sent."""
    return sum(request.method == "POST" for request in foundry.requests)


def agent_of(llm: Any, *tools: Any, **more: Any) -> Any:
    """A `create_agent` that remembers."""
    return create_agent(llm, list(tools), checkpointer=InMemorySaver(), **more)


def graph_of(answer: Any) -> Any:
    """A graph of one node that remembers."""
    graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
    return graph.compile(checkpointer=InMemorySaver())


# The tool loop


def test_a_loop_with_parallel_calls(model: Any, foundry: Emulator, run: Any) -> None:
    """Both calls run, both results go back in one request, and the next question is one more."""
    app = agent_of(model(), add)
    messages = run(app, "compute")
    assert ["human", "ai", "tool", "tool", "ai"] == [m.type for m in messages]
    assert seen(foundry.seen[-1]) == told(messages[:-1])
    assert 2 == posts(foundry)
    messages = run(app, "thanks")
    assert seen(foundry.seen[-1]) == told(messages[:-1])
    assert 3 == posts(foundry)


@pytest.mark.parametrize("threads", ["conversation", "ephemeral"])
def test_a_loop_under_other_policies(
    model: Any, foundry: Emulator, generation: str, threads: Any
) -> None:
    """The agent sees everything; an ephemeral classic thread holds earlier rounds as text."""
    app = agent_of(model(threads=threads), add)
    for text in ("compute", "thanks", "compute"):
        messages = app.invoke(_messages(text), THREAD)["messages"]
    replayed = 8 if (generation, threads) == ("classic", "ephemeral") else 0
    expected = told_as_text(messages[:replayed]) + told(messages[replayed:-1])
    assert seen(foundry.seen[-1]) == expected


def test_a_loop_with_a_system_prompt(model: Any, foundry: Emulator, generation: str) -> None:
    """It is in force in every turn, is told once, and leaves the agent's own in force."""
    app = agent_of(model(), add, system_prompt="Be brief.", name="bob")
    messages = app.invoke(_messages("compute"), THREAD)["messages"]
    app.invoke(_messages("thanks"), THREAD)
    assert ["bob", "bob"] == [m.name for m in messages if m.type == "ai"]
    for turn in foundry.seen:
        assert "You are a helpful agent." == turn.instructions
        systems = [m.text for m in turn.messages if m.role == "system"]
        told_by = {"v2": systems, "classic": [turn.additional_instructions]}
        assert ["Be brief."] == told_by[generation]
    assert posts(foundry) == {"v2": 3, "classic": 4}[generation]


def test_a_failed_tool(model: Any, foundry: Emulator, run: Any) -> None:
    """Its error is a result like any other."""
    app = agent_of(model(), fail)
    messages = run(app, "try")
    assert "error" == messages[2].status
    assert seen(foundry.seen[-1]) == told(messages[:-1])
    assert 2 == posts(foundry)


def test_broken_arguments(model: Any, foundry: Emulator, run: Any) -> None:
    """`create_agent` tells the agent what was wrong with a call; it is a call like any other."""
    script = iter([ToolCalls(("add", {"a": 1, "b": 2}), ("add", "{broken")), "three", "fine"])
    messages = run(agent_of(model(lambda _: next(script)), add), "compute")
    assert ["add"] == [call["name"] for call in messages[1].invalid_tool_calls]
    *_, one, two = foundry.seen[-1].messages
    assert "malformed" in one.text + two.text
    assert "three" == messages[-1].text


def test_a_half_answered_pair(model: Any, foundry: Emulator, generation: str) -> None:
    """A graph that answers one call of two goes on with that one; the other is not told."""
    llm = model().bind_tools([add])
    asked = [HumanMessage("compute")]
    made = llm.invoke(asked)
    history = [*asked, made, add.invoke(made.tool_calls[1]), HumanMessage("thanks")]
    llm.invoke(history)
    kept = made.model_copy(update={"tool_calls": made.tool_calls[1:]})
    expected = {"v2": told, "classic": told_as_text}[generation]
    assert seen(foundry.seen[-1]) == expected([*asked, kept, *history[2:]])


def test_a_call_that_is_never_answered(model: Any, foundry: Emulator, run: Any) -> None:
    """The user asks something else instead, and gets an answer."""
    app = agent_of(model(), add, interrupt_before=["tools"])
    run(app, "compute")
    messages = run(app, "never mind")
    assert "never mind! (2)" == messages[-1].text
    assert seen(foundry.seen[-1]) == told([messages[0], messages[2]])


# Human in the loop: a call is let through, changed, refused


DECISIONS: Any = {
    "3": {"type": "approve"},
    "42": {"type": "edit", "edited_action": {"name": "add", "args": {"a": 40, "b": 2}}},
    "not today": {"type": "reject", "message": "not today"},
}


@pytest.mark.parametrize("outcome", DECISIONS)
def test_a_human_decides_over_a_call(model: Any, foundry: Emulator, run: Any, outcome: str) -> None:
    """LangChain's middleware interrupts; the run that waits on the server goes on afterwards."""
    middleware = [HumanInTheLoopMiddleware(interrupt_on={"add": True})]
    script = iter([ToolCalls(("add", {"a": 1, "b": 2})), "ok"])
    app = agent_of(model(lambda _: next(script)), add, middleware=middleware)
    app.invoke(_messages("compute"), THREAD)
    messages = run(app, Command(resume={"decisions": [DECISIONS[outcome]]}))
    assert messages[2].text.endswith(outcome)
    assert seen(foundry.seen[-1]) == told(messages[:-1])
    assert 2 == posts(foundry)


# Other histories than the newest


def after_turns(app: Any, count: int) -> Any:
    """The config of the checkpoint at the end of turn `count`."""
    ends = [s.config for s in app.get_state_history(THREAD) if not s.next]
    return ends[-count]


def test_time_travel(model: Any, foundry: Emulator, run: Any, generation: str) -> None:
    """Going back asks on from there; the branch that was left stays as it was."""
    app = agent_of(model(), add)
    for text in ("one", "two"):
        left = run(app, text)
    newest = app.get_state(THREAD).config
    messages = run(app, "other", after_turns(app, 1))
    assert ["one", "other"] == [m.text for m in messages if m.type == "human"]
    assert seen(foundry.seen[-1]) == told(messages[:-1])
    assert 3 == posts(foundry)
    run(app, "three", newest)
    assert seen(foundry.seen[-1])[:-1] == told(left)
    sent = foundry.requests[-1].body
    assert 1 == len(sent.get("input") or sent["additional_messages"])


def test_regenerate(model: Any, foundry: Emulator, run: Any) -> None:
    """The same question again: the agent sees it once."""
    count = itertools.count(1)
    app = agent_of(model(lambda _: f"answer {next(count)}"), add)
    run(app, "one")
    run(app, "two")
    asked = next(s for s in app.get_state_history(THREAD) if s.next == ("model",))
    messages = run(app, None, asked.config)
    assert ("answer 1", "answer 3") == (messages[1].text, messages[-1].text)
    assert seen(foundry.seen[-1]) == told(messages[:-1])


def test_an_edited_state(model: Any, foundry: Emulator) -> None:
    """What `update_state` changed is what the agent sees."""
    app = agent_of(model(), add)
    asked, answer = app.invoke(_messages("one"), THREAD)["messages"]
    edited = [asked.model_copy(update={"content": "uno"}), answer]
    app.update_state(THREAD, {"messages": edited})
    messages = app.invoke(_messages("two"), THREAD)["messages"]
    assert seen(foundry.seen[-1]) == told(messages[:-1])
    assert "uno" == messages[0].text


def test_summaries(model: Any, foundry: Emulator, run: Any) -> None:
    """A shortened history forks with the summary; what was summed up is gone."""
    summing = SummarizationMiddleware(
        model("The summary."), trigger=("messages", 4), keep=("messages", 1)
    )
    app = agent_of(model(), add, middleware=[summing])
    for text in ("one", "two", "three"):
        messages = run(app, text)
    assert "The summary." in messages[0].text
    assert ["three"] == [m.text for m in messages[1:-1]]
    assert seen(foundry.seen[-1]) == told(messages[:-1])
    messages = run(app, "four")
    assert seen(foundry.seen[-1]) == told(messages[:-1])


def test_trimmed_histories(model: Any, foundry: Emulator, run: Any) -> None:
    """The agent sees what is left, whatever the server still knows."""
    llm = model()

    def answer(state: Any) -> Any:
        kept = trim_messages(
            state["messages"], max_tokens=24, token_counter=llm, start_on="human", strategy="last"
        )
        return {"messages": [llm.invoke(kept)]}

    app = graph_of(answer)
    for text in ("one", "two", "three"):
        messages = run(app, text)
    assert seen(foundry.seen[-1]) == told(messages[2:-1])


# One model in several places


def test_a_model_inside_its_own_tool(model: Any, foundry: Emulator, run: Any) -> None:
    """The inner question is a conversation of its own."""
    script = {"outer": ToolCalls(("ask_again", {"question": "inner"})), "inner": "inner answer"}

    def reply(turn: SeenTurn) -> Any:
        last = turn.messages[-1]
        return script.get(last.text, f"so: {last.text}") if last.role == "user" else "the end"

    llm = model(reply)

    @tool
    def ask_again(question: str) -> str:
        """Ask."""
        return str(llm.invoke(question).text)

    messages = run(agent_of(llm, ask_again), "outer")
    assert ["outer", "", "inner answer", "the end"] == [m.text for m in messages]
    assert [1, 1, 3] == [len(turn.messages) for turn in foundry.seen]
    assert seen(foundry.seen[-1]) == told(messages[:-1])


def test_text_only_states_are_found_by_langgraphs_thread(model: Any, foundry: Emulator) -> None:
    """A graph that keeps nothing but text still sends only what is new; another thread does not."""
    llm = model()

    def answer(state: Any) -> Any:
        return {"messages": [AIMessage(llm.invoke(state["messages"]).text)]}

    app = graph_of(answer)
    for text in ("one", "two"):
        state = app.invoke(_messages(text), THREAD)
    sent = foundry.requests[-1].body
    assert 1 == len(sent.get("input") or sent["additional_messages"])
    assert seen(foundry.seen[-1]) == told(state["messages"][:-1])
    stranger: Any = {"configurable": {"thread_id": "langgraph-2"}}
    copied = [*state["messages"], HumanMessage("three")]
    app.invoke({"messages": copied}, stranger)
    sent = foundry.requests[-1].body
    assert 5 == len(sent.get("input") or sent["thread"]["messages"])


def test_streamed_tokens_come_from_their_node(model: Any) -> None:
    """`stream_mode="messages"` shows calls as they are made and text as it is said."""
    app = agent_of(model(), add)
    pieces = [
        (about["langgraph_node"], piece)
        for piece, about in app.stream(_messages("compute"), THREAD, stream_mode="messages")
    ]
    made = [c for node, p in pieces if node == "model" for c in p.tool_call_chunks]
    assert '{"a":1,"b":2}{"a":3,"b":4}' == "".join(c["args"] for c in made)
    said = [p.text for node, p in pieces if node == "model" and p.text]
    assert ("7! (4)", True) == ("".join(said), len(said) > 1)
    assert {"3", "7"} == {p.text for node, p in pieces if node == "tools"}
