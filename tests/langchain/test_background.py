"""Long answers: made in the background, taken up again, cancelled; deadlines end them."""

from __future__ import annotations

import asyncio
import functools
import operator
from typing import Any

import pytest
from langchain_core.exceptions import ModelNotFoundError
from langchain_core.messages import HumanMessage

from azure_agents.emulator import Delayed, Emulator, Fault, RealClock
from azure_agents.errors import DeadlineError, InvalidRequestError, ThreadNotFoundError
from langchain_azure_agents import ChatAzureAgent, progress_of


@pytest.fixture
def llm(foundry: Emulator) -> Any:
    """A model of a v2 agent."""
    return ChatAzureAgent(model=foundry.create_agent("slow").model, **foundry.connection())


async def collect(stream: Any) -> Any:
    """All items of a stream, added up."""
    return functools.reduce(operator.add, [item async for item in stream])


WAYS = {
    "invoke": lambda llm, x: llm.invoke(x, background=True),
    "ainvoke": lambda llm, x: asyncio.run(llm.ainvoke(x, background=True)),
    "stream": lambda llm, x: functools.reduce(operator.add, llm.stream(x, background=True)),
    "astream": lambda llm, x: asyncio.run(collect(llm.astream(x, background=True))),
    "bound": lambda llm, x: llm.bind(background=True).invoke(x),
    "constructor": lambda llm, x: llm.model_copy(
        update={"model_kwargs": {"background": True}}
    ).invoke(x),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_made_in_the_background(llm: Any, foundry: Emulator, way: str) -> None:
    """It is waited for, and is an answer like any other: the next turn goes on behind it."""
    answer = WAYS[way](llm, "my name is Bob")
    assert "Nice to meet you, Bob. (turn 1)" == answer.content
    posted = next(r for r in foundry.requests if r.method == "POST")
    assert posted.body["background"] is True
    before = len(foundry.requests)
    llm.invoke([HumanMessage("my name is Bob"), answer, HumanMessage("who am I?")])
    assert len(foundry.requests) == before + 1
    assert 1 == len(foundry.requests[-1].body["input"])


def test_a_cut_stream_goes_on_where_it_was_cut(llm: Any, foundry: Emulator) -> None:
    """No text is lost and none comes twice."""
    foundry.faults.add(Fault("cut", method="POST", after_events=5))
    answer = WAYS["stream"](llm, "hi")
    assert "You said: hi (turn 1)" == answer.content
    assert "starting_after" in str(foundry.requests[-1].query)


def test_another_process_takes_an_answer_up(llm: Any, foundry: Emulator) -> None:
    """The first chunk tells the id; whoever has it gets the whole answer."""
    stream = llm.stream("hi", background=True)
    started: Any = progress_of(next(stream))
    other = ChatAzureAgent(model=llm.model, **foundry.connection())
    answers = [
        functools.reduce(operator.add, other.resume(started.response_id)),
        asyncio.run(collect(other.aresume(started.response_id))),
    ]
    assert [answer.content for answer in answers] == ["You said: hi (turn 1)"] * 2
    assert answers[0].response_metadata["response_id"] == started.response_id
    assert answers[0].usage_metadata["total_tokens"] > 0


def test_an_unknown_answer(llm: Any) -> None:
    """It is an error of both libraries."""
    with pytest.raises(ThreadNotFoundError) as caught:
        list(llm.resume("resp_unknown"))
    assert isinstance(caught.value, ModelNotFoundError)


def test_an_answer_is_cancelled(llm: Any, foundry: Emulator) -> None:
    """By its id, from anywhere."""
    foundry.agents[0].script(Delayed(60, "late"))
    stream = llm.stream("hi", background=True)
    started: Any = progress_of(next(stream))
    assert "cancelled" == llm.client.cancel(response_id=started.response_id)


def test_a_classic_agent_has_no_background(foundry: Emulator) -> None:
    """The service knows none there."""
    agent = foundry.create_agent("old", generation="classic")
    with pytest.raises(InvalidRequestError, match="background"):
        ChatAzureAgent(model=agent.model, **foundry.connection()).invoke("hi", background=True)


LONG = [("v2", {"background": True}), ("classic", {})]


@pytest.mark.parametrize(("generation", "options"), LONG)
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream"])
def test_a_deadline_ends_the_work_on_the_server(generation: Any, options: Any, way: str) -> None:
    """Nobody pays for an answer that nobody waits for."""
    foundry = Emulator(clock=RealClock())
    agent = foundry.create_agent("slow", Delayed(30, "late"), generation=generation)
    llm = ChatAzureAgent(model=agent.model, timeout=0.3, **foundry.connection()).bind(**options)
    calls: Any = {
        "invoke": lambda: llm.invoke("hi"),
        "ainvoke": lambda: asyncio.run(llm.ainvoke("hi")),
        "stream": lambda: list(llm.stream("hi")),
    }
    with pytest.raises(DeadlineError):
        calls[way]()
    assert [] != [r.path for r in foundry.requests if r.path.endswith("/cancel")]
