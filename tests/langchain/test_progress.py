"""What happens while an answer is made is shown, and kept nowhere."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from azure_agents.content.progress_words import sentence
from azure_agents.emulator import CodeInterpreter, Emulator, FileSearch, Parts, Text, WebSearch
from azure_agents.events import Finished, Progress, Started, TextDelta
from langchain_azure_agents import ChatAzureAgent, ShowProgress, progress_of
from langchain_azure_agents._chunks import Chunker

SEARCH = Parts(FileSearch(("policy",), ({"file_id": "f", "filename": "a.md"},)), Text("Found it."))
BUSY = Parts(FileSearch(("q",)), WebSearch("q"), CodeInterpreter("print(1)", "1"), Text("Done."))


@pytest.mark.parametrize("v1", [False, True])
def test_a_step_is_a_chunk_and_adds_up_to_nothing(v1: bool) -> None:
    """It is in a field of its own, which addition drops."""
    step = Progress("fs_1", "file_search", "searching")
    chunker = Chunker(agent="my-agent", v1=v1)
    events = [step, TextDelta("Found", "m1"), step, Finished("stop", "completed")]
    chunks: Any = [chunker.chunk(event) for event in events]
    assert [progress_of(chunk) for chunk in chunks] == [step, None, step, None]
    assert [False, True, False, False] == [bool(chunk.content) for chunk in chunks]
    whole = functools.reduce(operator.add, chunks)
    assert (None, {}, "Found") == (progress_of(whole), whole.additional_kwargs, whole.text)


def test_a_step_travels_as_json() -> None:
    """LangGraph's server sends chunks as JSON."""
    step = Progress("ig_1", "image_generation", "partial_image", image="aGk=")
    chunk: Any = Chunker(agent="a", v1=False).chunk(step)
    read = AIMessageChunk.model_validate_json(chunk.model_dump_json())
    assert progress_of(read) == step


SENTENCES = [
    (Progress("1", "file_search", "searching"), "searching files…"),
    (Progress("1", "code_interpreter", "coding", "x"), "writing code…"),
    (Progress("1", "sharepoint_grounding", "looking_up"), "sharepoint grounding: looking up…"),
]


@pytest.mark.parametrize(("step", "words"), SENTENCES)
def test_steps_in_words(step: Progress, words: str) -> None:
    """Tools and words of the service that nobody knew are shown as they are."""
    assert sentence(step) == words


def test_a_notebook_shows_what_goes_on(foundry: Emulator) -> None:
    """A line for each new step, from a stream or from within an agent."""
    agent = foundry.create_agent("busy", BUSY)
    lines: list[str] = []
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    list(llm.stream("hi", {"callbacks": [ShowProgress(lines.append)]}))
    expected = ["searching files…", "searching the web…", "writing code…", "running code…"]
    assert [line for line in lines if line in expected] == expected
    assert len(lines) == len(set(lines))
    lines.clear()
    app = create_agent(llm.model_copy(update={"streaming": True}), [])
    app.invoke({"messages": [("user", "hi")]}, {"callbacks": [ShowProgress(lines.append)]})
    assert [line for line in lines if line in expected] == expected


def test_a_graph_streams_steps_and_keeps_none(connect: Any, generation: str) -> None:
    """`stream_mode="messages"` shows them; the state's message is as if nobody had looked."""
    app = create_agent(connect(SEARCH), [], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    pieces = app.stream({"messages": [("user", "hi")]}, config, stream_mode="messages")
    steps = [step for piece, _ in pieces if (step := progress_of(piece))]  # type: ignore[arg-type]
    assert {"file_search"} == {step.name for step in steps if isinstance(step, Progress)}
    kept = app.get_state(config).values["messages"][-1]
    assert (None, False) == (progress_of(kept), "progress" in kept.additional_kwargs)


def test_other_messages_tell_nothing() -> None:
    """Whatever a graph streams can be asked."""
    assert progress_of(HumanMessage("hi")) is None


def test_a_background_answer_begins_with_its_id(foundry: Emulator) -> None:
    """So that somebody else can take it up."""
    agent = foundry.create_agent("slow", "Late, but here.")
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    first, *rest = llm.stream("hi", background=True)
    assert progress_of(first) == Started(response_id=foundry.seen[-1].response_id)
    assert "Late, but here." == "".join(chunk.text for chunk in rest)
    plain = next(iter(llm.stream("hi")))
    assert progress_of(plain) is None
