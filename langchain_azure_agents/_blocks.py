"""Events of the core as LangChain's standard content blocks, and where they live in a message.

`content` is the answer's text, always a string: users print it, parsers parse it, and chunks of
one form can be added up whatever the agent does next. Everything else rides in
`additional_kwargs`, under names that LangChain users know where there are any:

    reasoning_content   reasoning summaries (a string: deltas add up)
    refusal             the text of a refusal (a string)
    refusal_at          where it stands in `content`, if not at the end: [place, length] of each
    annotations         citations, indices into `content`
    blocks              standard blocks of server tools, images, approvals …, each with the
                        position `at` in `content` where it came

`content_blocks` puts them together in order, through the translator that is registered here under
`PROVIDER`. With `output_version="v1"` that list is `content` itself, and `additional_kwargs` stays
empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from operator import itemgetter
from typing import Any, TypeAlias, cast
from zlib import crc32

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

from azure_agents import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    Event,
    MediaOutput,
    Other,
    ServerToolCall,
    ServerToolResult,
)
from azure_agents.content.joins import placed_refusals, span_of
from azure_agents.jsonio import known_fields

PROVIDER = "azure_ai_agents"
# Key in `additional_kwargs`: where refusals stand in the text, if not at its end.
REFUSAL_AT = "refusal_at"

Block: TypeAlias = dict[str, Any]

# Younger versions of langchain-core have a block for refusals.
_KNOWS_REFUSALS = "refusal" in types.KNOWN_BLOCK_TYPES


def citation(event: Citation, offset: int = 0) -> Block:
    """Make the block of a citation.

    Args:
        event: The citation.
        offset: Where its text begins in the joined text.
    """
    extras = known_fields(
        kind=event.kind,
        file_id=event.file_id,
        filename=event.filename,
        container_id=event.container_id,
        marker=event.marker,
    )
    return known_fields(
        type="citation",
        url=event.url,
        title=event.title or event.filename,
        **span_of(event, offset),
        cited_text=event.quote,
        extras=extras,
    )


def refusal(text: str) -> Block:
    """Make the block of a refusal, in the form that the installed langchain-core knows."""
    block = {"type": "refusal", "refusal": text}
    return block if _KNOWS_REFUSALS else {"type": "non_standard", "value": block}


def standalone(event: Event) -> Block | None:
    """Make the block of an event that stands for itself; None for the other events."""
    match event:
        case ServerToolCall():
            return known_fields(
                type="server_tool_call",
                id=event.id,
                name=event.name,
                args=event.arguments,
                extras=event.details or None,
            )
        case ServerToolResult():
            return known_fields(
                type="server_tool_result",
                tool_call_id=event.id,
                status=event.status,
                output=event.output,
                extras={"name": event.name},
            )
        case MediaOutput():
            return _media_block(event)
        case ApprovalRequest():
            return _non_standard("approval_request", **known_fields(**asdict(event)))
        case ConsentRequest():
            return _non_standard("consent_request", **known_fields(**asdict(event)))
        case Other():
            return {"type": "non_standard", "value": {"type": event.kind, **event.data}}
        case _:
            return None


def _media_block(event: MediaOutput) -> Block:
    extras = known_fields(filename=event.filename, container_id=event.container_id)
    return known_fields(
        type=event.kind,
        id=event.id or None,
        file_id=event.file_id,
        url=event.url,
        base64=event.data,
        mime_type=event.mime_type,
        extras=extras or None,
    )


def _non_standard(kind: str, **facts: Any) -> Block:
    return {"type": "non_standard", "value": {"type": kind, **facts}}


def _blocks_of_message(message: AIMessage) -> list[types.ContentBlock]:
    blocks = [_without(block, "index") for block in _blocks_in_order(message)]
    calls = [{"type": "tool_call", **_call_fields(call)} for call in message.tool_calls]
    calls += map(dict, message.invalid_tool_calls)
    return cast("list[types.ContentBlock]", blocks + calls)


def _blocks_of_chunk(chunk: AIMessageChunk) -> list[types.ContentBlock]:
    if chunk.chunk_position == "last":
        calls = [{"type": "tool_call", **_call_fields(call)} for call in chunk.tool_calls]
        calls += map(dict, chunk.invalid_tool_calls)
    else:
        calls = [_call_chunk(call) for call in chunk.tool_call_chunks]
    return cast("list[types.ContentBlock]", _blocks_in_order(chunk) + calls)


def _call_fields(call: Mapping[str, Any]) -> Block:
    return {name: call[name] for name in ("id", "name", "args")}


def _call_chunk(call: Mapping[str, Any]) -> Block:
    block = {"type": "tool_call_chunk", **_call_fields(call)}
    # Text deltas are counted by number, and a call with the same number would melt into them.
    return (
        {**block, "index": f"lc_call_{call['index']}"} if call.get("index") is not None else block
    )


def _blocks_in_order(message: AIMessage) -> list[Block]:
    # Content and `additional_kwargs` put together, in the order in which they came.
    text, extra = message.content, message.additional_kwargs
    if not isinstance(text, str):
        raise NotImplementedError  # LangChain then reads the list for itself
    blocks: list[Block] = []
    if thoughts := extra.get("reasoning_content"):
        blocks.append({"type": "reasoning", "reasoning": thoughts, "index": "lc_reasoning"})
    citations = extra.get("annotations") or []
    refusals = placed_refusals(text, extra.get("refusal") or "", extra.get(REFUSAL_AT))
    early = [{**refusal(words), "at": at} for at, words in refusals if at < len(text)]
    others = sorted([*(extra.get("blocks") or []), *early], key=itemgetter("at"))
    blocks += _interleaved(text, others)
    if citations and not text:  # the chunk that brings the citations
        blocks.append({"type": "text", "text": "", "at": 0})
    _annotate([block for block in blocks if "at" in block], citations)
    if words := "".join(words for at, words in refusals if at >= len(text)):
        blocks.append({**refusal(words), "index": "lc_refusal"})
    return [_without(block, "at") for block in blocks]


def _interleaved(text: str, others: Iterable[Block]) -> list[Block]:
    blocks: list[Block] = []
    position = 0
    for other in others:
        at = min(other["at"], len(text))  # somebody may have shortened the text
        if at > position:
            blocks.append({"type": "text", "text": text[position:at], "at": position})
            position = at
        blocks.append({**_without(other, "at"), "index": _chunk_index(other)})
    if position < len(text):
        blocks.append({"type": "text", "text": text[position:], "at": position})
    return blocks


def _chunk_index(block: Block) -> str:
    # LangChain melts blocks of equal index when chunks add up. No index is stored, so it is made
    # from the content: the same block gets the same index each time it is read.
    return f"lc_block_{crc32(repr(sorted(block.items())).encode())}"


def _annotate(texts: list[Block], citations: list[Block]) -> None:
    # A citation points into the whole text; in a block its indices count from the block's start.
    for item in citations:
        start = item.get("start_index")
        homes = [t for t in texts if start is not None and t["at"] <= start < _end(t)]
        home = homes[0] if homes else texts[-1]
        home.setdefault("annotations", []).append(_moved(item, -home["at"]))


def _end(block: Block) -> int:
    return cast("int", block["at"]) + len(block["text"])


def _moved(item: Block, offset: int) -> Block:
    indices = ("start_index", "end_index")
    return {name: value + offset if name in indices else value for name, value in item.items()}


def _without(block: Block, key: str) -> Block:
    return {name: value for name, value in block.items() if name != key}


def register() -> None:
    """Teach `content_blocks` to read our messages."""
    register_translator(PROVIDER, _blocks_of_message, _blocks_of_chunk)
