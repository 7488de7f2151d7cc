"""Which options of a call a v2 agent takes, which it refuses, and what to change instead.

The service answers ``Not allowed when agent is specified.`` to everything that belongs to the
agent's definition (quoted in public issue threads); we say so before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..metadata import encode_named

_SENT_AS = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "max_output_tokens": "max_output_tokens",
    "max_tool_calls": "max_tool_calls",
    "include": "include",
    "parallel_tool_calls": "parallel_tool_calls",
    "prompt_cache_key": "prompt_cache_key",
    "safety_identifier": "safety_identifier",
    "service_tier": "service_tier",
    "structured_inputs": "structured_inputs",
    "truncation": "truncation",
    "user": "user",
}
_AGENT_SETTINGS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "reasoning": "reasoning",
    "reasoning_effort": "reasoning.effort",
    "text": "text.format",
    "response_format": "text.format",
    "model": "model",
    "instructions": "instructions",
    "tools": "tools",
    "tool_choice": "tool_choice",
}
_REFUSALS = {
    name: f"set `{setting}` in the agent's definition (create a new version of the agent)"
    for name, setting in _AGENT_SETTINGS.items()
}


def encode_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The request fields of the options of a call.

    Raises:
        InvalidRequestError: An option that the agent refuses, or that is unknown.
    """
    return encode_named(options, _SENT_AS, _REFUSALS, "a v2 agent")
