"""The core's completions into LlamaIndex responses. Pure.

All answer text is one `TextBlock`: ``message.content`` joins blocks with a line break, and would
no longer be the sum of the deltas. Ids go to three places, because every caller drops two of
them: `raw`, `additional_kwargs`, and as one short anchor onto the message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CitationBlock,
    CompletionResponse,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
)

from azure_agents import (
    Completion,
    Finished,
    MediaOutput,
    Other,
    ServerToolCall,
    ServerToolResult,
    ToolCall,
    Usage,
)
from azure_agents.content.approvals import APPROVED_CALLS, OUTCOMES, asked_by
from azure_agents.content.joins import Cited, cited, reasoning_of, refusal_of, span_of
from azure_agents.fold import Block
from azure_agents.jsonio import JSON, known_fields

from ._tools import ANCHOR, blocks_of, written

# Where events without a LlamaIndex block go: key in `additional_kwargs` and `raw`.
_LISTED: dict[type, str] = {
    ServerToolCall: "built_in_tool_calls",  # the name OpenAI's LlamaIndex class uses
    ServerToolResult: "built_in_tool_results",
    MediaOutput: "files",
    Other: "other",
}


_PLACE = ("item", "part", "start", "end")  # of a citation in its own text


def to_response(completion: Completion) -> ChatResponse:
    """Make the response of a finished answer."""
    finished, usage = completion.finished, completion.usage
    annotations = [_annotation(one) for one in _cited(completion)]
    asked = asked_by(completion.blocks)
    outcomes = known_fields(**{OUTCOMES: finished.approval_outcomes or None})
    found = {
        **listed(completion.blocks),
        **known_fields(annotations=annotations or None),
        **outcomes,
    }
    message = to_message(_final_blocks(completion), completion.tool_calls, finished.anchor)
    # Chat memories keep the message and drop the rest.
    message.additional_kwargs |= {**asked, **outcomes, **_approved_calls(completion)}
    return ChatResponse(
        message=message,
        raw={**_ids(finished), **_ending(completion), "usage": _both_spellings(usage), **found},
        additional_kwargs={
            **_token_counts(usage),
            **known_fields(thread_id=finished.thread_id),
            **found,
        },
    )


def _approved_calls(completion: Completion) -> JSON:
    # Messages have no blocks for server tools; a later turn must know which approved ones ran.
    calls = [b for b in completion.blocks if isinstance(b, ServerToolCall) and b.name == "mcp"]
    ran = [call.details.get("approval_request_id") or call.id for call in calls]
    return {APPROVED_CALLS: ran} if ran else {}


def to_completion(response: ChatResponse) -> CompletionResponse:
    """Turn an answer or chunk into the form of the completion endpoints."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
    )


def to_message(
    blocks: list[ContentBlock], calls: list[ToolCall], anchor: str | None = None
) -> ChatMessage:
    kwargs = known_fields(**{ANCHOR: anchor})
    if calls:
        kwargs["tool_calls"] = written(calls)
    return ChatMessage(
        role=MessageRole.ASSISTANT, blocks=[*blocks, *blocks_of(calls)], additional_kwargs=kwargs
    )


def said_blocks(thinking: str, text: str, *, has_calls: bool) -> list[ContentBlock]:
    blocks: list[ContentBlock] = [ThinkingBlock(content=thinking)] if thinking else []
    if text or not has_calls:
        blocks.append(TextBlock(text=text))
    return blocks


def _final_blocks(completion: Completion) -> list[ContentBlock]:
    thinking, has_calls = reasoning_of(completion.blocks), bool(completion.tool_calls)
    return [
        *said_blocks(thinking, completion.text, has_calls=has_calls),
        *map(_citation_block, _cited(completion)),
        *(_media_block(b) for b in completion.blocks if isinstance(b, MediaOutput) and b.data),
    ]


def _cited(completion: Completion) -> Iterator[Cited]:
    return cited(completion.blocks, counts_refusals=True)  # the text of a message holds them


def _citation_block(one: Cited) -> CitationBlock:
    citation, text = one.citation, one.block.text
    start, end = citation.start, citation.end
    span = text[start:end] if start is not None and end is not None else citation.marker
    source = citation.url or citation.file_id or ""
    return CitationBlock(
        cited_content=TextBlock(text=citation.quote or span or ""),
        source=source,
        title=citation.title or citation.filename or source,
        additional_location_info=span_of(citation, one.begin),
    )


def _annotation(one: Cited) -> JSON:
    facts = known_fields(**asdict(one.citation))
    fields = {name: value for name, value in facts.items() if name not in _PLACE}
    return {**fields, **span_of(one.citation, one.begin)}


def _media_block(output: MediaOutput) -> ContentBlock:
    # The blocks take base64 as well as bytes, and bytes only after a guess.
    content = (output.data or "").encode()
    if output.kind == "image":
        return ImageBlock(image=content, image_mimetype=output.mime_type)
    return DocumentBlock(data=content, title=output.filename, document_mimetype=output.mime_type)


def listed(blocks: Sequence[Block]) -> JSON:
    found: JSON = {}
    for block in blocks:
        key = _LISTED.get(type(block))
        if key is not None:
            found.setdefault(key, []).append(_listed_entry(block))
    return {**found, **asked_by(blocks)}


def _listed_entry(block: Block) -> JSON:
    fields = known_fields(**asdict(block))
    if isinstance(block, MediaOutput) and fields.pop("data", None) is not None:
        fields["inline"] = True  # the message has it
    if not fields.get("details"):
        fields.pop("details", None)
    return fields


def _ids(finished: Finished) -> JSON:
    return known_fields(
        id=finished.response_id or finished.run_id,
        thread_id=finished.thread_id,
        response_id=finished.response_id,
        run_id=finished.run_id,
        message_id=finished.message_id,
    )


def _ending(completion: Completion) -> JSON:
    finished = completion.finished
    return known_fields(
        status=finished.status,
        finish_reason=finished.reason,
        model=finished.model,
        incomplete_reason=finished.incomplete_reason,
        refusal=refusal_of(completion.blocks) or None,
        details=finished.details or None,
    )


def _both_spellings(usage: Usage | None) -> JSON | None:
    # `TokenCountingHandler` and readers of OpenAI's two formats look for different names.
    if usage is None:
        return None
    read = known_fields(cached_tokens=usage.cached_tokens)
    thought = known_fields(reasoning_tokens=usage.reasoning_tokens)
    return {
        **_token_counts(usage),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "prompt_tokens_details": read,
        "input_tokens_details": read,
        "completion_tokens_details": thought,
        "output_tokens_details": thought,
    }


def _token_counts(usage: Usage | None) -> JSON:
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
