"""The answers of a chat engine: in one piece, or read to their end by a thread or a task.

LlamaIndex's streamed answer reads the LLM's stream into a queue and hands the last message to a
memory, stripped of all but its text. Here a `Reading` stands in for the memory and keeps the
message as the LLM gave it, with its anchor, citations and requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass
from typing import Any, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CitationBlock,
    TextBlock,
)
from llama_index.core.chat_engine.types import AgentChatResponse, StreamingAgentChatResponse
from llama_index.core.memory import BaseMemory
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.types import Thread

from azure_agents.errors import InvalidRequestError, StreamInterruptedError

from ._conversation import Stream, Turn
from ._tools import calls_of


@dataclass
class StreamedAgentAnswer(StreamingAgentChatResponse):
    """LlamaIndex's streamed answer, with the ids and usage that an answer in one piece has.

    Attributes:
        metadata: As of an answer of `chat`; None until the stream is over.
    """

    metadata: dict[str, Any] | None = None


def whole_answer(response: ChatResponse) -> AgentChatResponse:
    """Make the answer of a chat engine of the LLM's."""
    return AgentChatResponse(
        response=response.message.content or "",
        source_nodes=list(_source_nodes(response)),
        metadata=response.raw,
    )


def refuse_calls(response: ChatResponse) -> None:
    """Refuse an answer that calls function tools.

    Raises:
        InvalidRequestError: An engine runs none, so that the answer would say nothing.
    """
    names = [call.name for call in calls_of(response.message)]
    if names:
        raise InvalidRequestError(
            f"the agent called the function tools {names}, which a chat engine does not run: use "
            "FunctionAgent(tools=[…], llm=llm), or an agent without function tools",
            thread_id=(response.raw or {}).get("thread_id"),
        )


def _source_nodes(response: ChatResponse) -> Iterator[NodeWithScore]:
    """What the answer cites, each passage once; facts of the citation are the node's metadata."""
    notes = (response.raw or {}).get("annotations", ())
    cited = [block for block in response.message.blocks if isinstance(block, CitationBlock)]
    seen = set()
    for block, note in zip(cited, notes, strict=True):
        text = block.cited_content.text if isinstance(block.cited_content, TextBlock) else ""
        if (block.source, text) not in seen:
            seen.add((block.source, text))
            facts = {"source": block.source, "title": block.title, **note}
            yield NodeWithScore(node=TextNode(text=text, metadata=facts))


class Reading:
    """A streamed answer that is read to its end, whoever listens.

    Args:
        turn: Takes in the answer.
        stream: Is told when nothing is read any more.
    """

    def __init__(self, turn: Turn, stream: Stream) -> None:
        self._answer = StreamedAgentAnswer()
        self._turn = turn
        self._stream = stream
        self._last: ChatResponse | None = None

    def in_thread(
        self, chunks: ChatResponseGen, check: Callable[[ChatResponse], None]
    ) -> StreamedAgentAnswer:
        """Read in a thread.

        Args:
            chunks: The LLM's stream.
            check: Refuses an answer that is no answer.
        """
        self._answer.chat_stream = self._checked(chunks, check)
        self._stream.begin()
        thread = Thread(target=self._read)
        self._answer.write_response_to_history_thread = thread
        thread.start()
        return self._answer

    def in_task(
        self, chunks: ChatResponseAsyncGen, check: Callable[[ChatResponse], Awaitable[None]]
    ) -> StreamedAgentAnswer:
        """Read in a task of the running loop; as `in_thread`."""
        self._answer.achat_stream = self._achecked(chunks, check)
        task = asyncio.create_task(self._aread())
        self._stream.begin_task(task)
        self._answer.awrite_response_to_history_task = task
        return self._answer

    def put(self, _message: ChatMessage) -> None:
        """Keep the answer, in place of what LlamaIndex left of it."""
        if self._last is not None:
            self._turn.keep(self._last)
            self._answer.metadata = self._last.raw
            self._answer.source_nodes = list(_source_nodes(self._last))

    async def aput(self, message: ChatMessage) -> None:
        """Keep the answer; as `put`."""
        self.put(message)

    # An error stands in `exception` of the answer, and who listens gets it; raised in the thread
    # or task it would only be printed, too.

    def _read(self) -> None:
        try:
            with suppress(Exception):
                self._answer.write_response_to_history(cast(BaseMemory, self))
        finally:
            self._stream.over.set_result(None)

    async def _aread(self) -> None:
        try:
            with suppress(Exception):
                await self._answer.awrite_response_to_history(cast(BaseMemory, self))
        except asyncio.CancelledError:
            # Or who listens would wait for ever: LlamaIndex tells them of exceptions only. And it
            # would await this task at the end, as if they were cancelled themselves.
            self._answer.awrite_response_to_history_task = None
            self._answer.exception = StreamInterruptedError(
                "the task that read the answer was cancelled: ask again"
            )
            raise

    def _checked(
        self, chunks: ChatResponseGen, check: Callable[[ChatResponse], None]
    ) -> ChatResponseGen:
        last = None
        with closing(chunks):
            for last in chunks:
                yield last
        if last is not None:
            check(last)
            self._last = _copied(last)

    async def _achecked(
        self, chunks: ChatResponseAsyncGen, check: Callable[[ChatResponse], Awaitable[None]]
    ) -> ChatResponseAsyncGen:
        last = None
        async with aclosing(chunks):
            async for last in chunks:
                yield last
        if last is not None:
            await check(last)
            self._last = _copied(last)


def _copied(response: ChatResponse) -> ChatResponse:
    # LlamaIndex changes the message of the last chunk as soon as the stream ends.
    return response.model_copy(update={"message": response.message.model_copy()})
