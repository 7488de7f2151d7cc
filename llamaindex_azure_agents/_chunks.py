"""The core's events into LlamaIndex chunks. Pure.

LlamaIndex streams are cumulative: every chunk shows the whole message so far, `delta` what is
new. The last chunk is what survives in memories and agents, so it is built from the folded
completion by the same function as a non-streamed answer: whole message, all calls, ids, usage.
Chunks before it have no `raw`, but for what a server-side tool is doing: that is the only field by
which agents pass it on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from dataclasses import asdict

from llama_index.core.base.llms.types import (
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
)

from azure_agents import (
    Citation,
    Event,
    Finished,
    Fold,
    Progress,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from azure_agents.content.joins import JoinedText
from azure_agents.jsonio import known_fields

from ._recording import Turns, noted
from ._responses import listed, said_blocks, to_completion, to_message, to_response


def stream(
    events: Generator[Event, None, None], turns: Turns | None = None, *, announces: bool = False
) -> ChatResponseGen:
    """Make the chunks of a turn; closing the generator cancels the turn.

    Args:
        events: The turn.
        turns: Where its `raw` is noted.
        announces: Begin with a chunk that brings nothing but the ids.
    """
    chunks = Chunks(announces=announces)
    with closing(events):
        for event in events:
            chunk = chunks.add(event)
            if chunk is not None:
                yield noted(chunk, turns) if isinstance(event, Finished) else chunk


async def astream(
    events: AsyncGenerator[Event, None], turns: Turns | None = None, *, announces: bool = False
) -> ChatResponseAsyncGen:
    """Make the chunks of a turn; as `stream`."""
    chunks = Chunks(announces=announces)
    async with aclosing(events):
        async for event in events:
            chunk = chunks.add(event)
            if chunk is not None:
                yield noted(chunk, turns) if isinstance(event, Finished) else chunk


def completions(chunks: ChatResponseGen) -> CompletionResponseGen:
    """Turn chunks into those of the completion endpoints; closing the generator closes them."""
    with closing(chunks):
        for chunk in chunks:
            yield to_completion(chunk)


async def acompletions(chunks: ChatResponseAsyncGen) -> CompletionResponseAsyncGen:
    """Turn chunks into those of the completion endpoints; closing the generator closes them."""
    async with aclosing(chunks):
        async for chunk in chunks:
            yield to_completion(chunk)


class Chunks:
    """Makes chunks of events, one by one.

    Args:
        announces: Make one for the start of the turn, too.
    """

    def __init__(self, *, announces: bool = False) -> None:
        self._fold = Fold()
        self._announces = announces
        self._text = ""
        self._thinking = ""
        self._joined = JoinedText()
        self._calls: dict[int, ToolCall] = {}

    def add(self, event: Event) -> ChatResponse | None:
        """Take the next event; returns its chunk, if it makes one."""
        self._fold.add(event)
        match event:
            case TextDelta(text) | RefusalDelta(text):
                self._text += text
                return self._chunk(text)
            case ReasoningDelta():
                delta = self._joined.add(event)
                self._thinking += delta
                return self._chunk("", thinking_delta=delta)
            case ToolCallDelta():
                self._add_call(event)
                return self._chunk("")
            case Progress():
                return self._progress_chunk(event)
            case Started() if self._announces:
                return self._chunk("", **known_fields(**asdict(event)))
            case Finished():
                return self._last_chunk()
            case Started() | Citation() | Usage():  # these show in the last chunk
                return None
            case _:
                return self._chunk("", **listed([event]))

    def _add_call(self, event: ToolCallDelta) -> None:
        so_far = self._calls.get(event.index, ToolCall("", "", ""))
        self._calls[event.index] = ToolCall(
            so_far.id or event.id, so_far.name or event.name, so_far.arguments + event.arguments
        )

    def _progress_chunk(self, step: Progress) -> ChatResponse:
        progress = known_fields(**asdict(step))
        chunk = self._chunk("", progress=progress)
        chunk.raw = {"progress": progress}
        return chunk

    def _chunk(self, delta: str, **extras: object) -> ChatResponse:
        calls = [self._calls[index] for index in sorted(self._calls)]
        blocks = said_blocks(self._thinking, self._text, has_calls=bool(calls))
        return ChatResponse(
            message=to_message(blocks, calls), delta=delta, additional_kwargs=dict(extras)
        )

    def _last_chunk(self) -> ChatResponse:
        response = to_response(self._fold.result())
        response.delta = ""
        return response
