"""A finished turn as an `AIMessage`: its metadata, its usage, its content in either form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from azure_agents import Completion, Finished, ReasoningBlock, RefusalBlock, TextBlock, Usage
from azure_agents.content.approvals import OUTCOMES, asked_by
from azure_agents.content.joins import cited, reasoning_of, refusal_of, refusal_places, text_of
from azure_agents.fold import Block as FoldedBlock
from azure_agents.jsonio import known_fields

from ._blocks import (
    PROVIDER,
    REFUSAL_AT,
    Block,
    citation,
    refusal,
    standalone,
)
from ._calls import sorted_out


def to_message(completion: Completion, *, agent: str, v1: bool) -> AIMessage:
    """Make the message of a completion.

    Args:
        completion: The finished turn.
        agent: The agent as requested; stands in where the service names no model.
        v1: Whether `content` shall be the list of standard blocks (``output_version="v1"``).
    """
    calls, invalid = sorted_out(completion.tool_calls)
    metadata = metadata_of(completion.finished, agent, asked_by(completion.blocks))
    content, extra = _block_form(completion) if v1 else _text_form(completion)
    if v1:
        metadata["output_version"] = "v1"
        content = [*content, *map(dict, calls), *map(dict, invalid)]
    return AIMessage(
        content=content,
        additional_kwargs=extra,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=usage_of(completion.usage),
        response_metadata=metadata,
    )


def metadata_of(finished: Finished, agent: str, requests: dict[str, list[Block]]) -> dict[str, Any]:
    """Make `response_metadata`: every fact of a turn that is known, ids by our names.

    Args:
        finished: How the turn ended.
        agent: The agent as requested; stands in where the service names no model.
        requests: Requests of the answer to its caller, by field (`asked_by`).
    """
    return {
        "model_provider": PROVIDER,
        # LangChain counts usage by this name, and not at all without it.
        "model_name": finished.model or agent,
        "finish_reason": finished.reason,
        **known_fields(
            id=finished.response_id or finished.run_id,
            status=finished.status or None,
            thread_id=finished.thread_id,
            run_id=finished.run_id,
            response_id=finished.response_id,
            message_id=finished.message_id,
            foundry=finished.anchor,
            incomplete_reason=finished.incomplete_reason,
            details=finished.details or None,
            **{OUTCOMES: finished.approval_outcomes or None},
        ),
        **requests,
    }


def usage_of(usage: Usage | None) -> UsageMetadata | None:
    """Make LangChain's usage, with the details that the service counted."""
    if usage is None:
        return None
    counted = UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
    )
    if usage.cached_tokens is not None:
        counted["input_token_details"] = InputTokenDetails(cache_read=usage.cached_tokens)
    if usage.reasoning_tokens is not None:
        counted["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return counted


def _text_form(completion: Completion) -> tuple[str, dict[str, Any]]:
    blocks = completion.blocks
    extra = {
        "annotations": [citation(one.citation, one.begin) for one in cited(blocks)] or None,
        "refusal": refusal_of(blocks) or None,
        "blocks": list(_placed_blocks(blocks)) or None,
        "reasoning_content": reasoning_of(blocks) or None,
        REFUSAL_AT: refusal_places(blocks),
    }
    return text_of(blocks), known_fields(**extra)


def _placed_blocks(blocks: Iterable[FoldedBlock]) -> Iterator[Block]:
    at = 0
    for block in blocks:
        if isinstance(block, TextBlock):
            at += len(block.text)
        elif not isinstance(block, RefusalBlock | ReasoningBlock) and (made := standalone(block)):
            yield {**made, "at": at}


def _block_form(completion: Completion) -> tuple[list[str | Block], dict[str, Any]]:
    blocks: list[str | Block] = []
    for block in completion.blocks:
        made: Block | None
        if isinstance(block, TextBlock):
            notes = [citation(each) for each in block.citations]
            made = known_fields(type="text", text=block.text, annotations=notes or None)
        elif isinstance(block, ReasoningBlock):
            made = {"type": "reasoning", "reasoning": block.text}
        elif isinstance(block, RefusalBlock):
            made = refusal(block.text)
        else:
            made = standalone(block)
        if made is not None:
            blocks.append(made)
    return blocks, {}
