"""A pinned thread, from wherever it comes."""

from __future__ import annotations

import asyncio
import functools
import operator
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError, ThreadNotFoundError
from langchain_azure_agents import ChatAzureAgent
from langchain_azure_agents._pins import graph_thread


def config(thread: str) -> Any:
    """A config that pins."""
    return {"configurable": {"foundry_thread_id": thread}}


def added(chunks: Any) -> Any:
    """The chunks, added up."""
    return functools.reduce(operator.add, chunks)


async def astream(llm: Any, *args: Any, **kwargs: Any) -> Any:
    """The whole answer of `astream`."""
    return added([chunk async for chunk in llm.astream(*args, **kwargs)])


async def aevents(llm: Any, *args: Any, **kwargs: Any) -> Any:
    """The message of the v3 event stream."""
    stream = await llm.astream_events(*args, version="v3", **kwargs)
    return await stream.output


async def aevents_v2(llm: Any, *args: Any, **kwargs: Any) -> Any:
    """The message of the v2 events."""
    events = [event async for event in llm.astream_events(*args, version="v2", **kwargs)]
    return events[-1]["data"]["output"]


def in_a_chain(llm: Any, thread: str) -> Any:
    """Called by LCEL."""
    chain = ChatPromptTemplate.from_messages([("user", "{q}")]) | llm
    return chain.invoke({"q": "and?"}, config(thread))


def in_a_function(llm: Any, thread: str) -> Any:
    """Called by a function in a chain."""

    def ask(question: str) -> Any:
        return llm.invoke(
            question
        )  # without the config, which LangChain keeps in a context variable

    return RunnableLambda(ask).invoke("and?", config(thread))


def in_a_function_that_generates(llm: Any, thread: str) -> Any:
    """Called as older chains do, by a method that takes no config."""

    def ask(question: str) -> Any:
        return llm.generate([[HumanMessage(question)]]).generations[0][0].message

    return RunnableLambda(ask).invoke("and?", config(thread))


def in_a_function_that_agenerates(llm: Any, thread: str) -> Any:
    """The same, async."""

    async def ask(question: str) -> Any:
        return (await llm.agenerate([[HumanMessage(question)]])).generations[0][0].message

    return asyncio.run(RunnableLambda(ask).ainvoke("and?", config(thread)))


def in_a_graph(llm: Any, thread: str) -> Any:
    """Called by a node of a graph."""

    def answer(state: Any) -> Any:
        return {"messages": [llm.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
    app = graph.compile(checkpointer=InMemorySaver())
    pinned = {"configurable": {"foundry_thread_id": thread, "thread_id": "langgraph-1"}}
    return app.invoke({"messages": [("user", "and?")]}, pinned)["messages"][-1]


def streamed_in_a_graph(llm: Any, thread: str) -> Any:
    """Called by a node of a graph that streams."""

    async def answer(state: Any) -> Any:
        return {"messages": [await llm.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
    app = graph.compile()

    async def run() -> Any:
        stream = app.astream({"messages": [("user", "and?")]}, config(thread), stream_mode="values")
        return [state async for state in stream][-1]["messages"][-1]

    return asyncio.run(run())


ROADS = {
    "argument": lambda llm, t: llm.invoke("and?", thread_id=t),
    "argument, async": lambda llm, t: asyncio.run(llm.ainvoke("and?", thread_id=t)),
    "argument, stream": lambda llm, t: added(llm.stream("and?", thread_id=t)),
    "argument, astream": lambda llm, t: asyncio.run(astream(llm, "and?", thread_id=t)),
    "bound": lambda llm, t: llm.bind(thread_id=t).invoke("and?"),
    "config": lambda llm, t: llm.invoke("and?", config(t)),
    "config, async": lambda llm, t: asyncio.run(llm.ainvoke("and?", config(t))),
    "config, stream": lambda llm, t: added(llm.stream("and?", config(t))),
    "config, astream": lambda llm, t: asyncio.run(astream(llm, "and?", config(t))),
    "config, batch": lambda llm, t: llm.batch(["and?"], config(t))[0],
    "config, abatch": lambda llm, t: asyncio.run(llm.abatch(["and?"], config(t)))[0],
    "config, bound": lambda llm, t: llm.with_config(config(t)).invoke("and?"),
    "config, events": lambda llm, t: llm.stream_events("and?", config(t), version="v3").output,
    "config, aevents": lambda llm, t: asyncio.run(aevents(llm, "and?", config(t))),
    "config, aevents v2": lambda llm, t: asyncio.run(aevents_v2(llm, "and?", config(t))),
    "chain": in_a_chain,
    "function": in_a_function,
    "function, generate": in_a_function_that_generates,
    "function, agenerate": in_a_function_that_agenerates,
    "graph": in_a_graph,
    "graph, streamed": streamed_in_a_graph,
}


def texts(turn: Any) -> Any:
    """What the agent saw."""
    return [message.text for message in turn.messages]


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize("road", ROADS)
def test_a_pin_reaches_the_agent(llm: Any, foundry: Emulator, road: Any) -> None:
    """However a thread is pinned, the agent sees what is on it and the new message."""
    first = llm.invoke("hi")
    answer = ROADS[road](llm, first.response_metadata["thread_id"])
    assert ["hi", "You said: hi (turn 1)", "and?"] == texts(foundry.seen[-1])
    assert "You said: and? (turn 2)" == answer.text


def test_a_config_without_a_pin_is_not_pinned_from_around(llm: Any, foundry: Emulator) -> None:
    """A call's own config holds, whatever the chain around it says."""
    thread = llm.invoke("hi").response_metadata["thread_id"]
    own: Any = {"configurable": {"other": 1}}
    RunnableLambda(lambda question: llm.invoke(question, own)).invoke("and?", config(thread))
    assert ["and?"] == texts(foundry.seen[-1])


def test_a_pin_of_the_constructor(foundry: Emulator) -> None:
    """A classic thread or a conversation can be pinned for all calls."""
    agent = foundry.create_agent("old", generation="classic")
    connection = foundry.connection()
    first = ChatAzureAgent(model=agent.model, **connection).invoke("hi")
    thread = first.response_metadata["thread_id"]
    llm = ChatAzureAgent(model=agent.model, thread_id=thread, **connection)
    assert "You said: and? (turn 2)" == llm.invoke("and?").content
    assert "You said: more (turn 3)" == llm.invoke("more").content


def test_the_argument_wins_over_the_config(llm: Any, foundry: Emulator) -> None:
    """The nearest word counts; None is no word."""
    one, two = (llm.invoke(text).response_metadata["thread_id"] for text in ("one", "two"))
    llm.invoke("and?", config(one), thread_id=two)
    assert "two" == texts(foundry.seen[-1])[0]
    llm.invoke("and?", config(one), thread_id=None)
    assert "one" == texts(foundry.seen[-1])[0]


@pytest.mark.parametrize("pin", ["", "nonsense", 5])
def test_a_pin_that_is_no_handle(llm: Any, foundry: Emulator, pin: Any) -> None:
    """It is refused before anything is sent."""
    with pytest.raises(InvalidRequestError):
        llm.invoke("hi", thread_id=pin)
    assert [] == foundry.requests


def test_an_unknown_pin_is_an_error(llm: Any, generation: str) -> None:
    """It is never replayed silently onto a new thread."""
    pin = {"v2": "resp_unknown", "classic": "thread_unknown"}[generation]
    with pytest.raises(ThreadNotFoundError):
        llm.invoke("hi", thread_id=pin)


def test_a_pin_can_be_left_out_inside(llm: Any, foundry: Emulator) -> None:
    """What is called inside a pinned chain shares the pin, unless its own config says None."""
    thread = llm.invoke("hi").response_metadata["thread_id"]

    def ask(question: str) -> Any:
        return llm.invoke(question, {"configurable": {"foundry_thread_id": None}})

    RunnableLambda(ask).invoke("alone", config(thread))
    assert ["alone"] == texts(foundry.seen[-1])


def test_langgraphs_thread_is_no_pin(llm: Any, foundry: Emulator) -> None:
    """`configurable["thread_id"]` belongs to LangGraph: it names an owner and nothing else."""
    in_graph = {"configurable": {"thread_id": "langgraph-1"}}
    assert "You said: hi (turn 1)" == llm.invoke("hi", in_graph).content
    assert "You said: hi (turn 1)" == llm.invoke("hi", in_graph).content


OWNERS = [
    ({"thread_id": "t-1"}, "t-1"),
    ({"thread_id": 7}, "7"),
    ({}, None),
]


@pytest.mark.parametrize(("metadata", "expected"), OWNERS)
def test_langgraphs_thread_is_an_owner(metadata: Any, expected: Any) -> None:
    """It reaches the model as metadata of the run."""
    nobody = {"handlers": [], "inheritable_handlers": []}
    manager = CallbackManagerForLLMRun(run_id=None, metadata=metadata, **nobody)
    assert graph_thread(manager) == expected


def test_owner_of_a_request(llm: Any) -> None:
    """An owner of the call wins over the model's, and that one over LangGraph's."""
    owned = llm.model_copy(update={"owner": "ada"})
    messages = [HumanMessage("hi")]
    nobody = {"handlers": [], "inheritable_handlers": []}
    graph = CallbackManagerForLLMRun(run_id=None, metadata={"thread_id": "t"}, **nobody)
    found = [
        owned._request(messages, None, graph, {"owner": "eve"}).owner,
        owned._request(messages, None, graph, {}).owner,
        llm._request(messages, None, graph, {}).owner,
        llm._request(messages, None, None, {}).owner,
    ]
    assert ["eve", "ada", "t", None] == found


def test_a_graph_remembers_by_itself(llm: Any, foundry: Emulator) -> None:
    """With a checkpointer and no pin each turn sends only what is new."""

    def answer(state: Any) -> Any:
        return {"messages": [llm.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
    app = graph.compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "langgraph-1"}}
    for text in ("my name is Bob", "what is my name?", "thanks"):
        state = app.invoke({"messages": [("user", text)]}, thread)
    assert [
        "my name is Bob",
        "Nice to meet you, Bob. (turn 1)",
        "what is my name?",
        "Your name is Bob.",
        "thanks",
        "You said: thanks (turn 3)",
    ] == [m.content for m in state["messages"]]
    assert 3 == len(foundry.requests)


def test_a_chain_of_prompt_model_and_parser(llm: Any) -> None:
    """LCEL works as with any model."""
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "{q}")])
    chain = prompt | llm | StrOutputParser()
    assert "You said: hi (turn 1)" == chain.invoke({"q": "hi"})
    assert "You said: hi (turn 1)" == "".join(chain.stream({"q": "hi"}))
