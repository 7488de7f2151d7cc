"""A response as a chat completion. Pure.

What a response says again of its request is left out; fields that chat has no name for stay, also
those that are new tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import (
    AzureAgentsError,
    ProtocolError,
    RateLimitError,
    RunCancelledError,
    ServerError,
)
from ...jsonio import JSON, known_fields, malformed
from ...service_errors.envelopes import error_from_event, error_from_last_error
from .items import logprobs_of, to_message, waits

# Why a response is incomplete; a reason that is neither is told as it is.
_INCOMPLETE = {"max_output_tokens": "length", "content_filter": "content_filter"}
_READ = frozenset(
    {
        *("id", "object", "created_at", "model", "output", "usage", "status", "error"),
        *("incomplete_details", "content_filters"),
    }
)
_SAID_AGAIN = frozenset(
    {
        "background",
        "frequency_penalty",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "parallel_tool_calls",
        "presence_penalty",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
_COUNTS = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}


def to_completion(response: JSON) -> JSON:
    """Map a response.

    Args:
        response: As the service gave it.

    Raises:
        AzureAgentsError: It failed, or was cancelled.
        ProtocolError: It has another shape, or is not over.
    """
    with malformed(response):
        check_over(response)
        items = response["output"]
        choice = {"index": 0, "message": to_message(items), **finish_of(response, items)}
        return {
            **head_of(response, "chat.completion"),
            "choices": [choice],
            **known_fields(usage=to_usage(response.get("usage"))),
            **unread(response),
        }


def check_over(response: Mapping[str, Any]) -> None:
    """Refuse a response that is no answer.

    Raises:
        AzureAgentsError: It failed, was cancelled, or is not over.
    """
    status = response.get("status")
    if status == "failed":
        raise failure_of(response, doing="the response")
    if status == "cancelled":
        raise RunCancelledError(
            "the response was cancelled: ask again", response_id=response.get("id")
        )
    if status not in ("completed", "incomplete"):
        raise ProtocolError(f"the response is {status!r}, and a whole one was expected")


def failure_of(response: Mapping[str, Any], *, doing: str) -> AzureAgentsError:
    """Make the error of a failed response.

    Args:
        response: The response.
        doing: What was being done.
    """
    id = response.get("id")
    error = error_from_event(response.get("error") or {}, doing=doing, of="azure", response_id=id)
    if isinstance(error, RateLimitError | ServerError):  # which are worth another attempt
        return error
    return error_from_last_error(response, doing=doing, response_id=id)


def head_of(response: Mapping[str, Any], kind: str) -> JSON:
    """Give the fields that name an answer, whole or in chunks."""
    return {
        "id": response["id"],
        "object": kind,
        "created": response.get("created_at"),
        "model": response.get("model"),
    }


def finish_of(response: Mapping[str, Any], items: Sequence[JSON]) -> JSON:
    """Give the fields of a choice that say how the answer ended.

    Args:
        response: The response, which is over.
        items: Its items.
    """
    details = response.get("incomplete_details") or {}
    if response.get("status") == "incomplete":
        word = details.get("reason")
        reason = _INCOMPLETE.get(str(word), word or "incomplete")
    else:
        reason = "tool_calls" if waits(items) else "stop"
    logprobs = logprobs_of(items)
    facts = known_fields(status=response.get("status"), incomplete_details=details or None)
    return {
        "finish_reason": reason,
        **known_fields(
            logprobs={"content": logprobs} if logprobs else None,
            content_filter_results=_filtered(response, "completion"),
        ),
        "provider_specific_fields": facts,
    }


def _filtered(response: Mapping[str, Any], source: str) -> JSON | None:
    for one in response.get("content_filters") or ():
        if one.get("source_type") == source:
            found: JSON | None = one.get("content_filter_results")
            return found
    return None


def unread(response: Mapping[str, Any]) -> JSON:
    """Give what else is known of a response: results of the prompt's filters, and new fields."""
    prompt = _filtered(response, "prompt")
    told = None if prompt is None else [{"prompt_index": 0, "content_filter_results": prompt}]
    others = {
        name: value
        for name, value in response.items()
        if name not in _READ and name not in _SAID_AGAIN and value is not None
    }
    return {**known_fields(prompt_filter_results=told), **others}


def to_usage(usage: Mapping[str, Any] | None) -> JSON | None:
    """Map counts of tokens; None where there are none."""
    if usage is None:
        return None
    return {_COUNTS.get(name, name): value for name, value in usage.items()}
