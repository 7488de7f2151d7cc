"""Which options of a call a classic run takes. Runs may override much of their agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..metadata import encode_named

_SENT_AS = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_completion_tokens",
    "max_output_tokens": "max_completion_tokens",
    "max_prompt_tokens": "max_prompt_tokens",
    "model": "model",
    "parallel_tool_calls": "parallel_tool_calls",
    "response_format": "response_format",
    "temperature": "temperature",
    "tool_choice": "tool_choice",
    "tools": "tools",
    "top_p": "top_p",
    "truncation_strategy": "truncation_strategy",
}
_REFUSALS = {
    "instructions": "pass `instructions=` to the client (see `instructions_mode`)",
    "reasoning_effort": "classic runs have no such setting; use a v2 agent",
}


def encode_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The request fields of the options of a call.

    Raises:
        InvalidRequestError: An option that a run does not know.
    """
    return encode_named(options, _SENT_AS, _REFUSALS, "a classic run")
