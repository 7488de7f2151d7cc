"""Events as `AIMessageChunk`s that add up to the message that `invoke` gives.

LangChain adds chunks by merging dictionaries: equal strings under one key are concatenated,
numbers are summed. So ids, usage, model name and finish reason go onto one chunk only, the last;
blocks that belong together share an `index`, all others have one of their own; and `content` has
one form for the whole stream (see `_blocks`). Citations come with the last chunk: LangChain's
event bridge replaces the annotations of a block where adding chunks would append to them.

Chunks carry no message id: LangChain then gives all of them the id of the run. An id of the
service would not do, since a classic run, the one thing with an id from its first to its last
event, answers several times under it (before and after its tools), and `add_messages` of
LangGraph would let one answer replace the other.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, TypeAlias

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk

from azure_agents.content.joins import Paragraphs, RefusalPlaces
from azure_agents.events import (
    Citation,
    Event,
    Finished,
    Progress,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)

from ._answers import collect_request, metadata_of, usage_of
from ._blocks import PROVIDER, REFUSAL_AT, Block, citation, known, refusal, standalone
from ._calls import spoiler
from ._progress import fields_of

_Part: TypeAlias = tuple[str, int]


class Chunker:
    """Makes the chunks of one stream.

    Args:
        agent: The agent as requested; stands in where the service names no model.
        v1: Whether `content` shall be a list of standard blocks (``output_version="v1"``).
        announces: Whether the first chunk shall tell the ids of the turn.
    """

    def __init__(self, *, agent: str, v1: bool, announces: bool = False) -> None:
        self._agent = agent
        self._v1 = v1
        self._announces = announces
        self._form: _TextForm | _BlockForm = _BlockForm() if v1 else _TextForm()
        self._metadata = {"model_provider": PROVIDER}
        if v1:
            self._metadata["output_version"] = "v1"
        self._calls: dict[int, str] = {}  # arguments so far
        self._citations: list[Citation] = []
        self._usage: Usage | None = None
        self._requests: dict[str, list[Block]] = {}

    def chunk(self, event: Event) -> AIMessageChunk | None:
        """Give the chunk of the next event, or None if it shows nothing (yet)."""
        match event:
            case TextDelta():
                return self._chunk(self._form.text(event)) if event.text else None
            case ReasoningDelta():
                return self._chunk(self._form.reasoning(event)) if event.text else None
            case RefusalDelta():
                return self._chunk(self._form.refusal(event)) if event.text else None
            case ToolCallDelta():
                return self._call(event)
            case Citation():
                self._citations.append(event)
            case Usage():
                self._usage = event
            case Progress():
                return self._chunk(fields_of(event))
            case Started():
                return self._chunk(fields_of(event)) if self._announces else None
            case Finished():
                return self._last(event)
            case _:
                return self._standalone(event)
        return None

    def _chunk(self, fields: dict[str, Any]) -> AIMessageChunk:
        fields.setdefault("content", [] if self._v1 else "")
        return AIMessageChunk(response_metadata=dict(self._metadata), **fields)

    def _call(self, event: ToolCallDelta) -> AIMessageChunk:
        is_first = event.index not in self._calls
        self._calls[event.index] = self._calls.get(event.index, "") + event.arguments
        # Adding chunks would write name and id twice if they came twice.
        return self._chunk(
            self._piece(
                name=event.name if is_first else None,
                args=event.arguments,
                id=event.id if is_first else None,
                index=event.index,
            )
        )

    def _piece(self, **piece: Any) -> dict[str, Any]:
        made = tool_call_chunk(**piece)
        return {**self._form.call(dict(made)), "tool_call_chunks": [made]}

    def _standalone(self, event: Event) -> AIMessageChunk | None:
        collect_request(self._requests, event)
        block = standalone(event)
        return None if block is None else self._chunk(self._form.block(block))

    def _last(self, event: Finished) -> AIMessageChunk:
        chunk = self._chunk(self._form.last(self._citations))
        for index, arguments in self._calls.items():
            if rest := spoiler(arguments):
                chunk += self._chunk(self._piece(name=None, args=rest, id=None, index=index))
        chunk.response_metadata |= metadata_of(event, self._agent, self._requests)
        chunk.usage_metadata = usage_of(self._usage)
        chunk.chunk_position = "last"
        return chunk


class _TextForm:
    """`content` is the text; everything else rides in `additional_kwargs`."""

    def __init__(self) -> None:
        self._length = 0
        self._starts: dict[_Part, int] = {}
        self._paragraphs = Paragraphs()
        self._places = RefusalPlaces()

    def text(self, event: TextDelta) -> dict[str, Any]:
        self._starts.setdefault((event.item, event.part), self._length)
        self._length += len(event.text)
        self._places.text(event.text)
        return {"content": event.text}

    def reasoning(self, event: ReasoningDelta) -> dict[str, Any]:
        return {"additional_kwargs": {"reasoning_content": self._paragraphs.next(event)}}

    def refusal(self, event: RefusalDelta) -> dict[str, Any]:
        self._places.refusal(event.text)
        return {"additional_kwargs": {"refusal": event.text}}

    def call(self, piece: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - calls have a field
        return {}

    def block(self, block: Block) -> dict[str, Any]:
        return {"additional_kwargs": {"blocks": [{**block, "at": self._length}]}}

    def last(self, citations: list[Citation]) -> dict[str, Any]:
        placed = [(self._starts.get((c.item, c.part), 0), c) for c in citations]
        # In the order of the texts, as an answer has them that was not streamed.
        moved = [citation(c, start) for start, c in sorted(placed, key=itemgetter(0))]
        told = {"annotations": moved or None, REFUSAL_AT: self._places.told()}
        return {"additional_kwargs": known(**told)}


class _BlockForm:
    """`content` is a list of standard blocks, numbered in the order in which they began."""

    def __init__(self) -> None:
        self._indices: dict[object, int] = {}

    def text(self, event: TextDelta) -> dict[str, Any]:
        return self._content(("text", event.item, event.part), type="text", text=event.text)

    def reasoning(self, event: ReasoningDelta) -> dict[str, Any]:
        key = ("reasoning", event.item, event.part)
        return self._content(key, type="reasoning", reasoning=event.text)

    def refusal(self, event: RefusalDelta) -> dict[str, Any]:
        return self._content(("refusal", event.item, event.part), **refusal(event.text))

    def call(self, piece: dict[str, Any]) -> dict[str, Any]:
        block = {k: v for k, v in piece.items() if v is not None}
        return self._content(("call", piece["index"]), **{**block, "type": "tool_call_chunk"})

    def block(self, block: Block) -> dict[str, Any]:
        return self._content(object(), **block)

    def last(self, citations: list[Citation]) -> dict[str, Any]:
        by_part: dict[_Part, list[Block]] = {}
        for each in citations:
            by_part.setdefault((each.item, each.part), []).append(citation(each))
        blocks = [
            self._numbered(("text", *part), type="text", text="", annotations=cited)
            for part, cited in by_part.items()
        ]
        return {"content": blocks}

    def _content(self, key: object, **block: Any) -> dict[str, Any]:
        return {"content": [self._numbered(key, **block)]}

    def _numbered(self, key: object, **block: Any) -> Block:
        return {**block, "index": self._indices.setdefault(key, len(self._indices))}
