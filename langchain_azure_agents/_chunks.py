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

from azure_agents import (
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
from azure_agents.content.approvals import asked_by
from azure_agents.content.joins import JoinedText
from azure_agents.jsonio import known_fields

from ._answers import metadata_of, usage_of
from ._blocks import PROVIDER, REFUSAL_AT, Block, citation, refusal, standalone
from ._calls import spoiler
from ._progress import fields_of

_Part: TypeAlias = tuple[str, int]


class Chunker:
    """Makes the chunks of one stream.

    Args:
        agent: The agent as requested; stands in where the service names no model.
        v1: Whether `content` shall be a list of standard blocks (``output_version="v1"``).
        announces: Whether the first chunk shall bring the ids of the turn.
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
        self._usage: Usage | None = None
        self._others: list[Event] = []

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
                return self._call_chunk(event)
            case Citation():
                self._form.cite(event)
            case Usage():
                self._usage = event
            case Progress():
                return self._chunk(fields_of(event))
            case Started():
                return self._chunk(fields_of(event)) if self._announces else None
            case Finished():
                return self._last_chunk(event)
            case _:
                return self._standalone_chunk(event)
        return None

    def _chunk(self, fields: dict[str, Any]) -> AIMessageChunk:
        fields.setdefault("content", [] if self._v1 else "")
        return AIMessageChunk(response_metadata=dict(self._metadata), **fields)

    def _call_chunk(self, event: ToolCallDelta) -> AIMessageChunk:
        is_first = event.index not in self._calls
        self._calls[event.index] = self._calls.get(event.index, "") + event.arguments
        # Adding chunks would write name and id twice if they came twice.
        return self._chunk(
            self._call_fields(
                name=event.name if is_first else None,
                args=event.arguments,
                id=event.id if is_first else None,
                index=event.index,
            )
        )

    def _call_fields(self, **piece: Any) -> dict[str, Any]:
        made = tool_call_chunk(**piece)
        return {**self._form.call(dict(made)), "tool_call_chunks": [made]}

    def _standalone_chunk(self, event: Event) -> AIMessageChunk | None:
        self._others.append(event)
        block = standalone(event)
        return None if block is None else self._chunk(self._form.block(block))

    def _last_chunk(self, event: Finished) -> AIMessageChunk:
        chunk = self._chunk(self._form.last())
        for index, arguments in self._calls.items():
            if rest := spoiler(arguments):
                chunk += self._chunk(self._call_fields(name=None, args=rest, id=None, index=index))
        chunk.response_metadata |= metadata_of(event, self._agent, asked_by(self._others))
        chunk.usage_metadata = usage_of(self._usage)
        chunk.chunk_position = "last"
        return chunk


class _TextForm:
    """`content` is the text; everything else rides in `additional_kwargs`."""

    def __init__(self) -> None:
        self._joined = JoinedText()
        self._cited: list[tuple[int, Citation]] = []

    def text(self, event: TextDelta) -> dict[str, Any]:
        return {"content": self._joined.add(event)}

    def reasoning(self, event: ReasoningDelta) -> dict[str, Any]:
        return {"additional_kwargs": {"reasoning_content": self._joined.add(event)}}

    def refusal(self, event: RefusalDelta) -> dict[str, Any]:
        return {"additional_kwargs": {"refusal": self._joined.add(event)}}

    def cite(self, event: Citation) -> None:
        self._cited.append((self._joined.begin_of(event), event))

    def call(self, piece: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - calls have a field
        return {}

    def block(self, block: Block) -> dict[str, Any]:
        return {"additional_kwargs": {"blocks": [{**block, "at": self._joined.length}]}}

    def last(self) -> dict[str, Any]:
        # In the order of the texts, as an answer has them that was not streamed.
        ordered = sorted(self._cited, key=itemgetter(0))
        moved = [citation(each, begin) for begin, each in ordered]
        fields = {"annotations": moved or None, REFUSAL_AT: self._joined.refusal_places()}
        return {"additional_kwargs": known_fields(**fields)}


class _BlockForm:
    """`content` is a list of standard blocks, numbered in the order in which they began."""

    def __init__(self) -> None:
        self._indices: dict[object, int] = {}
        self._cited: dict[_Part, list[Block]] = {}

    def text(self, event: TextDelta) -> dict[str, Any]:
        return self._content_of(("text", event.item, event.part), type="text", text=event.text)

    def reasoning(self, event: ReasoningDelta) -> dict[str, Any]:
        key = ("reasoning", event.item, event.part)
        return self._content_of(key, type="reasoning", reasoning=event.text)

    def refusal(self, event: RefusalDelta) -> dict[str, Any]:
        return self._content_of(("refusal", event.item, event.part), **refusal(event.text))

    def call(self, piece: dict[str, Any]) -> dict[str, Any]:
        block = {**known_fields(**piece), "type": "tool_call_chunk"}
        return self._content_of(("call", piece["index"]), **block)

    def cite(self, event: Citation) -> None:
        self._cited.setdefault((event.item, event.part), []).append(citation(event))

    def block(self, block: Block) -> dict[str, Any]:
        return self._content_of(object(), **block)

    def last(self) -> dict[str, Any]:
        blocks = [
            self._numbered(("text", *part), type="text", text="", annotations=notes)
            for part, notes in self._cited.items()
        ]
        return {"content": blocks}

    def _content_of(self, key: object, **block: Any) -> dict[str, Any]:
        return {"content": [self._numbered(key, **block)]}

    def _numbered(self, key: object, **block: Any) -> Block:
        return {**block, "index": self._indices.setdefault(key, len(self._indices))}
