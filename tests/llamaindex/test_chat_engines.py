"""Chat engines beyond plain conversations: images, sources, streams that are left, failures."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core import Document, SummaryIndex, VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import ChatMessage, CitationBlock
from llama_index.core.chat_engine import (
    CondenseQuestionChatEngine,
    MultiModalContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode

from azure_agents.emulator import Citation, Emulator, Failed, Text, WebSearch
from azure_agents.errors import RunFailedError
from llamaindex_azure_agents import AzureAgentLLM

from .oracle import Spoken, brain, oracle, seen

Make = Callable[..., AzureAgentLLM]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def stream(engine: Any, text: str) -> list[str]:
    """The tokens of a streamed answer, once it is in the history."""
    return list(engine.stream_chat(text).response_gen)


def test_a_stream_may_be_left(foundry: Emulator, make_llm: Make) -> None:
    """The engine reads on in its thread, so the history is whole all the same."""
    engine = SimpleChatEngine.from_defaults(llm=make_llm([Text(deltas=("one ", "two")), "ok"]))
    tokens = engine.stream_chat("Hi").response_gen
    next(tokens)
    tokens.close()
    engine.chat("And?")
    assert ["Hi", "one two", "And?"] == [message.text for message in foundry.seen[-1].messages]


async def _left(engine: Any) -> str:
    response = await engine.astream_chat("Hi")
    tokens = response.async_response_gen()
    await anext(tokens)
    await tokens.aclose()
    return str(await engine.achat("And?"))


def test_an_async_stream_may_be_left(foundry: Emulator, make_llm: Make) -> None:
    """As above, in a task."""
    engine = SimpleChatEngine.from_defaults(llm=make_llm([Text(deltas=("one ", "two")), "ok"]))
    assert "ok" == asyncio.run(_left(engine))
    assert ["Hi", "one two", "And?"] == [message.text for message in foundry.seen[-1].messages]


def test_an_answer_with_sources_is_remembered_as_text(foundry: Emulator, make_llm: Make) -> None:
    """Streamed and not; a tool on the server is no function that the engine would wait for."""
    cited = Citation("url", 0, 5, url="https://x.test", title="X")
    answer = [WebSearch("paris"), Text("Paris is big.", citations=[cited])]
    llm = make_llm([answer, answer, "ok"])
    plain = llm.chat([ChatMessage("Hi")])
    assert any(isinstance(block, CitationBlock) for block in plain.message.blocks)
    engine = SimpleChatEngine.from_defaults(llm=llm)
    assert "Paris is big." == "".join(stream(engine, "Hi"))
    engine.chat("And?")
    said = [message.text for message in foundry.seen[-1].messages]
    assert ["Hi", "Paris is big.", "And?"] == said


def test_a_failed_answer_is_not_remembered(foundry: Emulator, make_llm: Make) -> None:
    """The engine asks again with the history as it was."""
    engine = SimpleChatEngine.from_defaults(llm=make_llm([Failed(), "ok"]))
    with pytest.raises(RunFailedError):
        engine.chat("Hi")
    assert "ok" == str(engine.chat("Again"))
    assert ["Hi", "Again"] == [message.text for message in foundry.seen[-1].messages]


def test_a_history_may_be_given_and_reset(foundry: Emulator, make_llm: Make) -> None:
    """What the caller says was said, was said; after a reset nothing was."""
    engine = SimpleChatEngine.from_defaults(llm=make_llm("ok"))
    engine.chat("Now", chat_history=[ChatMessage("Once"), ChatMessage("ok", role="assistant")])
    engine.reset()
    engine.chat("Anew")
    found = [[message.text for message in turn.messages] for turn in foundry.seen]
    assert [["Once", "ok", "Now"], ["Anew"]] == found


def condensed(messages: list[Spoken]) -> str:
    """A question, or an answer that shows what was asked."""
    return f"({len(messages)} messages, {len(messages[-1][1])} letters)"


@pytest.mark.parametrize("is_streamed", [True, False])
def test_condensed_questions(foundry: Emulator, make_llm: Make, is_streamed: bool) -> None:
    """The history is told in a prompt; the answer comes from a query engine."""
    mock, answers = oracle(condensed), []
    for llm in (make_llm(brain(condensed)), mock):
        index = SummaryIndex.from_documents([Document(text="Paris.", id_="1")])
        query_engine = index.as_query_engine(llm=llm, streaming=is_streamed)
        engine = CondenseQuestionChatEngine.from_defaults(query_engine, llm=llm)
        for text in ("one", "two"):
            said = "".join(stream(engine, text)) if is_streamed else str(engine.chat(text))
            answers.append(said.strip())
    assert answers[2:] == answers[:2]
    assert mock.sent == seen(foundry)


class Pictures(BaseRetriever):
    """Finds one text and one picture."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        nodes = [TextNode(text="A cat."), ImageNode(image=PNG, image_mimetype="image/png")]
        return [NodeWithScore(node=node, score=1.0) for node in nodes]


def test_pictures_are_shown(foundry: Emulator, make_llm: Make) -> None:
    """What a retriever finds reaches the agent as an image, beside the text."""
    engine = MultiModalContextChatEngine.from_defaults(
        Pictures(), multi_modal_llm=make_llm("A cat.")
    )
    assert "A cat." == str(engine.chat("What is it?"))
    (message,) = [message for message in foundry.seen[-1].messages if message.role == "user"]
    assert ["image"] == [media.kind for media in message.media]
    assert "A cat." in message.text


def test_an_index_makes_engines(foundry: Emulator, make_llm: Make) -> None:
    """`as_chat_engine` is what tutorials use."""
    index = VectorStoreIndex.from_documents(
        [Document(text="Paris.")], embed_model=MockEmbedding(embed_dim=4)
    )
    llm = make_llm("ok")
    for mode in ("simple", "context", "condense_question", "condense_plus_context", "best"):
        engine: Any = index.as_chat_engine(chat_mode=mode, llm=llm)
        assert "ok" == str(engine.chat("Hi"))
