"""An answer of Claude as a chat completion. Pure.

Fields that chat has no name for stay: ``container``, counts of the service's own tools, and what
is new tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...jsonio import JSON, known_fields, malformed
from .blocks import to_message

# A reason that is none of these is told as it is: an answer that was paused is not finished.
_FINISHED = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_RENAMED = ("input_tokens", "output_tokens", "output_tokens_details")
_READ = frozenset(
    {
        *("id", "type", "role", "model", "content", "usage", "delta"),
        *("stop_reason", "stop_sequence", "stop_details"),
    }
)


def to_completion(message: JSON, created: int) -> JSON:
    """Map an answer.

    Args:
        message: As the service gave it.
        created: Unix time in seconds, which the service does not say.

    Raises:
        ProtocolError: The answer has another shape.
    """
    with malformed(message):
        chat = {**to_message(message["content"]), **refusal_of(message)}
        choice = {"index": 0, "message": chat, **finish_of(message)}
        return {
            "id": message["id"],
            "object": "chat.completion",
            "created": created,
            "model": message["model"],
            "choices": [choice],
            "usage": to_usage(message["usage"]),
            **unread(message),
        }


def unread(fields: Mapping[str, Any]) -> JSON:
    """Give the fields of an answer that chat has no name for.

    Args:
        fields: An answer, or what an event says of it.
    """
    return {name: value for name, value in fields.items() if name not in _READ}


def finish_of(message: Mapping[str, Any]) -> JSON:
    """Give the fields of a choice that say why the answer ended.

    Args:
        message: An answer, or the ``delta`` of a ``message_delta`` event.
    """
    reason = message.get("stop_reason")
    facts = known_fields(
        stop_reason=reason,
        stop_sequence=message.get("stop_sequence"),
        stop_details=message.get("stop_details"),
    )
    return {"finish_reason": _FINISHED.get(str(reason), reason), "provider_specific_fields": facts}


def refusal_of(message: Mapping[str, Any]) -> JSON:
    """Give the ``refusal`` of a chat message where the service explains one.

    Args:
        message: As for `finish_of`.
    """
    details = message.get("stop_details")
    words = details.get("explanation") if isinstance(details, Mapping) else None
    return {"refusal": words} if words else {}


def to_usage(usage: Mapping[str, Any]) -> JSON:
    """Map counts of tokens.

    Claude counts apart what was read from its cache and what was written to it; a chat's
    ``prompt_tokens`` hold both, once.

    Args:
        usage: Of an answer.
    """
    read = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    prompt = (usage.get("input_tokens") or 0) + read + written
    answer = usage.get("output_tokens") or 0
    thinking = (usage.get("output_tokens_details") or {}).get("thinking_tokens")
    details = None if thinking is None else {"reasoning_tokens": thinking}
    return known_fields(
        prompt_tokens=prompt,
        completion_tokens=answer,
        total_tokens=prompt + answer,
        prompt_tokens_details={"cached_tokens": read, "cache_creation_tokens": written},
        completion_tokens_details=details,
        **{name: value for name, value in usage.items() if name not in _RENAMED},
    )
