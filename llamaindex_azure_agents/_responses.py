"""The core's completions into LlamaIndex responses. Pure.

All answer text is one `TextBlock`: ``message.content`` joins blocks with a line break, and would
no longer be the sum of the deltas. Ids go to three places, because every caller drops two of
them: `raw`, `additional_kwargs`, and as one short anchor onto the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, TypeAlias

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

from azure_agents.content.approvals import APPROVED_CALLS, CONSENTS, OUTCOMES, REQUESTS
from azure_agents.content.computer import CALLS, call_facts
from azure_agents.content.joins import reasoning_of
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    Finished,
    MediaOutput,
    Other,
    ServerToolCall,
    ServerToolResult,
    Usage,
)
from azure_agents.fold import Block, Completion, RefusalBlock
from azure_agents.fold import TextBlock as FoldedText
from azure_agents.messages import ToolCall

from ._tools import ANCHOR, blocks_of, written

JSON: TypeAlias = dict[str, Any]

# Where events without a LlamaIndex block go: key in `additional_kwargs` and `raw`.
_LISTED: dict[type, str] = {
    ServerToolCall: "built_in_tool_calls",  # the name OpenAI's LlamaIndex class uses
    ServerToolResult: "built_in_tool_results",
    ApprovalRequest: REQUESTS,
    ConsentRequest: CONSENTS,
    MediaOutput: "files",
    Other: "other",
}


def to_response(completion: Completion) -> ChatResponse:
    """A finished answer."""
    finished, usage = completion.finished, completion.usage
    found = listed(completion.blocks)
    computer = [facts for block in completion.blocks if (facts := call_facts(block))]
    if computer:
        found[CALLS] = computer
    if annotations := [_annotation(*cited) for cited in _cited(completion)]:
        found["annotations"] = annotations
    if finished.approval_outcomes:
        found[OUTCOMES] = finished.approval_outcomes
    message = to_message(_final_blocks(completion), completion.tool_calls, finished.anchor)
    # Chat memories keep the message and drop the rest.
    message.additional_kwargs |= _of_approvals(completion, found)
    if computer:
        message.additional_kwargs[CALLS] = computer
    return ChatResponse(
        message=message,
        raw={**_ids(finished), **_ending(completion), "usage": _both_spellings(usage), **found},
        additional_kwargs={**_flat(usage), **known({"thread_id": finished.thread_id}), **found},
    )


def _of_approvals(completion: Completion, found: JSON) -> JSON:
    """What later turns have to know: what was asked, what could only be told, what ran."""
    calls = [b for b in completion.blocks if isinstance(b, ServerToolCall) and b.name == "mcp"]
    ran = [call.details.get("approval_request_id") or call.id for call in calls]
    kept = {name: found[name] for name in (REQUESTS, CONSENTS, OUTCOMES) if name in found}
    return {**kept, APPROVED_CALLS: ran} if ran else kept


def to_completion(response: ChatResponse) -> CompletionResponse:
    """The same answer or chunk, as the completion endpoints give it."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
    )


def to_message(
    blocks: list[ContentBlock], calls: list[ToolCall], anchor: str | None = None
) -> ChatMessage:
    kwargs: JSON = known({ANCHOR: anchor})
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
        *(_citation(*cited) for cited in _cited(completion)),
        *(_media(b) for b in completion.blocks if isinstance(b, MediaOutput) and b.data),
    ]


def _cited(completion: Completion) -> Iterator[tuple[Citation, FoldedText, int]]:
    """Every citation, the block it stands in, and where that block begins in the whole text."""
    begin = 0
    for block in completion.blocks:
        if isinstance(block, FoldedText):
            yield from ((citation, block, begin) for citation in block.citations)
        if isinstance(block, FoldedText | RefusalBlock):
            begin += len(block.text)


def _citation(citation: Citation, said: FoldedText, begin: int) -> CitationBlock:
    start, end = citation.start, citation.end
    span = said.text[start:end] if start is not None and end is not None else citation.marker
    source = citation.url or citation.file_id or ""
    return CitationBlock(
        cited_content=TextBlock(text=citation.quote or span or ""),
        source=source,
        title=citation.title or citation.filename or source,
        additional_location_info=_span(citation, begin),
    )


def _annotation(citation: Citation, _said: FoldedText, begin: int) -> JSON:
    place = {"item", "part", "start", "end"}
    fields = {name: v for name, v in known(asdict(citation)).items() if name not in place}
    return {**fields, **_span(citation, begin)}


def _span(citation: Citation, begin: int) -> dict[str, int]:
    ends = {"start_index": citation.start, "end_index": citation.end}
    return {name: begin + index for name, index in ends.items() if index is not None}


def _media(output: MediaOutput) -> ContentBlock:
    # The blocks take base64 as well as bytes, and bytes only after a guess.
    content = (output.data or "").encode()
    if output.kind == "image":
        return ImageBlock(image=content, image_mimetype=output.mime_type)
    return DocumentBlock(data=content, title=output.filename, document_mimetype=output.mime_type)


def listed(blocks: Iterable[Block]) -> JSON:
    found: JSON = {}
    for block in blocks:
        key = _LISTED.get(type(block))
        if key is not None:
            found.setdefault(key, []).append(_entry(block))
    return found


def _entry(block: Block) -> JSON:
    fields = known(asdict(block))
    if isinstance(block, MediaOutput) and fields.pop("data", None) is not None:
        fields["inline"] = True  # the message has it
    if not fields.get("details"):
        fields.pop("details", None)
    return fields


def _ids(finished: Finished) -> JSON:
    ids = {
        "id": finished.response_id or finished.run_id,
        "thread_id": finished.thread_id,
        "response_id": finished.response_id,
        "run_id": finished.run_id,
        "message_id": finished.message_id,
    }
    return known(ids)


def _ending(completion: Completion) -> JSON:
    finished = completion.finished
    refusals = [b.text for b in completion.blocks if isinstance(b, RefusalBlock)]
    ending = {
        "status": finished.status,
        "finish_reason": finished.reason,
        "model": finished.model,
        "incomplete_reason": finished.incomplete_reason,
        "refusal": "".join(refusals) or None,
        "details": finished.details or None,
    }
    return known(ending)


def _both_spellings(usage: Usage | None) -> JSON | None:
    """Usage as `TokenCountingHandler` and as readers of OpenAI's two formats look for it."""
    if usage is None:
        return None
    read = known({"cached_tokens": usage.cached_tokens})
    thought = known({"reasoning_tokens": usage.reasoning_tokens})
    return {
        **_flat(usage),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "prompt_tokens_details": read,
        "input_tokens_details": read,
        "completion_tokens_details": thought,
        "output_tokens_details": thought,
    }


def _flat(usage: Usage | None) -> JSON:
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }


def known(fields: JSON) -> JSON:
    return {name: value for name, value in fields.items() if value is not None}
