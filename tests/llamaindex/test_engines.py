"""Chat engines and query engines: the agent sees what any other LLM would have been sent.

The oracle is LlamaIndex's own mock with the same answers: both run the same engine, and the
transcripts of the emulator equal the messages that the mock was given.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from llama_index.core import Document, SummaryIndex, VectorStoreIndex
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import LLM

from azure_agents.emulator import Emulator
from llamaindex_azure_agents import AzureAgentLLM, record_turns

from .oracle import Spoken, brain, oracle, seen

EMBEDDING = MockEmbedding(embed_dim=4)
DOCUMENTS = [
    Document(text=f"Document {number}. " + "Foundry agents keep their own state. " * 20)
    for number in range(4)
]
SMALL = {"context_window": 700, "num_output": 64}  # so that four documents do not fit at once


def reply(messages: list[Spoken]) -> str:
    """The answer of both: it depends on the messages and shows a wrong history."""
    said = [message for message in messages if message[0] != "system"]
    last = next(text for role, text, *_ in reversed(said) if role == "user")
    return f"Answer to {last[-30:]!r} after {len(said)} messages. "


@pytest.fixture(name="make")
def _make(make_llm: Callable[..., AzureAgentLLM]) -> Callable[..., AzureAgentLLM]:
    return lambda **settings: make_llm(brain(reply), **settings)


# -- chat engines -------------------------------------------------------------------------------


def simple(llm: LLM) -> Any:
    """The plain one."""
    return SimpleChatEngine.from_defaults(llm=llm, system_prompt="Be brief.")


@cache
def _retriever() -> Any:
    # One for both LLMs: with equal embeddings the order of hits is the order of random node ids.
    return VectorStoreIndex.from_documents(DOCUMENTS, embed_model=EMBEDDING).as_retriever()


def context(llm: LLM) -> Any:
    """Puts retrieved text into a system message that differs every turn."""
    return ContextChatEngine.from_defaults(retriever=_retriever(), llm=llm)


def condense(llm: LLM) -> Any:
    """Asks the LLM for a standalone question first: a foreign prompt between the turns."""
    return CondensePlusContextChatEngine.from_defaults(retriever=_retriever(), llm=llm)


def chat(engine: Any, text: str) -> str:
    """Plain."""
    return str(engine.chat(text))


def stream_chat(engine: Any, text: str) -> str:
    """Streamed: LlamaIndex reads the stream in a thread of its own."""
    response = engine.stream_chat(text)
    "".join(response.response_gen)
    return str(response)


def achat(engine: Any, text: str) -> str:
    """Plain, on a loop of its own."""
    return str(asyncio.run(engine.achat(text)))


def astream_chat(engine: Any, text: str) -> str:
    """Streamed, on a loop of its own."""

    async def run() -> str:
        response = await engine.astream_chat(text)
        return "".join([token async for token in response.async_response_gen()])

    return asyncio.run(run()).strip()


@pytest.mark.slow
@pytest.mark.parametrize("engine", [simple, context, condense])
@pytest.mark.parametrize("say", [chat, stream_chat, achat, astream_chat])
def test_chat_engines_hold_conversations(
    foundry: Emulator, make: Callable[..., AzureAgentLLM], engine: Any, say: Any
) -> None:
    """Three turns: nothing lost, nothing doubled, no foreign prompt, and the same answers."""
    mock = oracle(reply)
    answers: list[list[str]] = []
    for llm in (make(), mock):
        conversation = engine(llm)
        answers.append([say(conversation, text).strip() for text in ("one", "two", "three")])
    assert answers[1] == answers[0]
    assert mock.sent == seen(foundry)


def test_a_simple_conversation_costs_one_request_a_turn(
    foundry: Emulator, make: Callable[..., AzureAgentLLM], generation: str
) -> None:
    """The anchor survives in this engine's memory, so only what is new travels."""
    engine = SimpleChatEngine.from_defaults(llm=make())
    for text in ("one", "two", "three"):
        engine.chat(text)
        stream_chat(engine, f"{text} again")
    posts = [request for request in foundry.requests if request.method == "POST"]
    assert 6 == len(posts) == len(foundry.requests)
    assert max(request.size for request in posts) < 2 * min(request.size for request in posts)


# -- query engines ------------------------------------------------------------------------------


MODES = [
    *(
        (mode, streaming)
        for mode in ("compact", "refine", "tree_summarize", "simple_summarize", "generation")
        for streaming in (0, 1)
    ),
    ("accumulate", 0),  # LlamaIndex streams neither
    ("compact_accumulate", 0),
]


@pytest.mark.parametrize(("mode", "streaming"), MODES)
def test_query_engines_ask_what_they_ask_others(
    foundry: Emulator, make: Callable[..., AzureAgentLLM], mode: Any, streaming: bool
) -> None:
    """Every call is independent: no query sees another one's context."""
    index = SummaryIndex.from_documents(DOCUMENTS)
    mock, answers = oracle(reply, **SMALL), []
    for llm in (make(**SMALL), mock):
        engine = index.as_query_engine(llm=llm, response_mode=mode, streaming=bool(streaming))
        answers.append([str(engine.query(text)) for text in ("What?", "Why?")])
    assert answers[1] == answers[0]
    assert mock.sent == seen(foundry)
    assert [] == foundry._world.unfinished()


@pytest.mark.parametrize("mode", ["tree_summarize", "accumulate"])
def test_parallel_calls_do_not_meet(
    foundry: Emulator, make: Callable[..., AzureAgentLLM], mode: Any
) -> None:
    """`use_async` asks about all chunks at once."""
    index = SummaryIndex.from_documents(DOCUMENTS)
    mock = oracle(reply, **SMALL)
    for llm in (make(**SMALL), mock):
        index.as_query_engine(llm=llm, response_mode=mode, use_async=True).query("What?")
    assert sorted(mock.sent) == sorted(seen(foundry))
    assert len(mock.sent) > 2


def test_a_query_engine_works_where_a_loop_runs(make: Callable[..., AzureAgentLLM]) -> None:
    """In a notebook LlamaIndex opens a second loop in a thread, and closes it again."""
    engine = SummaryIndex.from_documents(DOCUMENTS).as_query_engine(
        llm=make(**SMALL), response_mode="tree_summarize", use_async=True
    )

    async def cell() -> list[str]:
        return [str(engine.query("What?")), str(await engine.aquery("What?"))]

    first, second = asyncio.run(cell())
    assert first == second


def test_the_ids_of_a_query_can_be_had(make: Callable[..., AzureAgentLLM]) -> None:
    """Query engines keep nothing but the text."""
    engine = SummaryIndex.from_documents(DOCUMENTS).as_query_engine(
        llm=make(**SMALL), response_mode="tree_summarize", use_async=True
    )
    with record_turns() as turns:
        engine.query("What?")
    assert len(turns) > 2
    assert len(turns) == len({turn["thread_id"] for turn in turns})
