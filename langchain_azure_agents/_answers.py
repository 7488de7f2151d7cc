"""A finished turn as an `AIMessage`: its metadata, its usage, its content in either form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from azure_agents.content.approvals import CONSENTS, OUTCOMES, REQUESTS
from azure_agents.content.computer import CALLS, call_facts
from azure_agents.content.joins import RefusalPlaces, reasoning_of
from azure_agents.events import ApprovalRequest, ConsentRequest, Finished, Usage
from azure_agents.fold import Completion, ReasoningBlock, RefusalBlock, TextBlock

from ._blocks import (
    PROVIDER,
    REFUSAL_AT,
    Block,
    approval_facts,
    citation,
    consent_facts,
    known,
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
    metadata = metadata_of(completion.finished, agent, _requests(completion.blocks))
    content, extra = _as_blocks(completion) if v1 else _as_text(completion)
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
    """Tell all that is known about a turn; ids under our names, and one under LangChain's `id`."""
    return {
        "model_provider": PROVIDER,
        # LangChain counts usage by this name, and not at all without it.
        "model_name": finished.model or agent,
        "finish_reason": finished.reason,
        **known(
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
    """Give LangChain's usage, with the details that the service told."""
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


def _requests(events: Iterable[object]) -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for event in events:
        collect_request(found, event)
    return found


def collect_request(found: dict[str, list[Block]], event: object) -> None:
    """Note what the user is asked for, by the metadata key under which it is found."""
    if isinstance(event, ApprovalRequest):
        found.setdefault(REQUESTS, []).append(approval_facts(event))
    elif isinstance(event, ConsentRequest):
        found.setdefault(CONSENTS, []).append(consent_facts(event))
    elif facts := call_facts(event):
        found.setdefault(CALLS, []).append(facts)


def _as_text(completion: Completion) -> tuple[str, dict[str, Any]]:
    text = ""
    extra: dict[str, Any] = {}
    for block in completion.blocks:
        if isinstance(block, TextBlock):
            if block.citations:
                cited = [citation(each, len(text)) for each in block.citations]
                extra.setdefault("annotations", []).extend(cited)
            text += block.text
        elif isinstance(block, RefusalBlock):
            extra["refusal"] = extra.get("refusal", "") + block.text
        elif not isinstance(block, ReasoningBlock) and (made := standalone(block)) is not None:
            others = extra.setdefault("blocks", [])
            others.append({**made, "at": len(text)})
    told = {
        "reasoning_content": reasoning_of(completion.blocks) or None,
        REFUSAL_AT: RefusalPlaces(completion.blocks).told(),
    }
    return text, extra | known(**told)


def _as_blocks(completion: Completion) -> tuple[list[str | Block], dict[str, Any]]:
    blocks: list[str | Block] = []
    for block in completion.blocks:
        made: Block | None
        if isinstance(block, TextBlock):
            cited = [citation(each) for each in block.citations]
            made = known(type="text", text=block.text, annotations=cited or None)
        elif isinstance(block, ReasoningBlock):
            made = {"type": "reasoning", "reasoning": block.text}
        elif isinstance(block, RefusalBlock):
            made = refusal(block.text)
        else:
            made = standalone(block)
        if made is not None:
            blocks.append(made)
    return blocks, {}
