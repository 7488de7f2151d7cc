"""The options of a call that a classic run takes; runs may override much of their agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..options import encode_named
from ..tools import choice_word, chosen_name, nested

_SENT_AS = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_completion_tokens",
    "max_output_tokens": "max_completion_tokens",
    "max_prompt_tokens": "max_prompt_tokens",
    "model": "model",
    "parallel_tool_calls": "parallel_tool_calls",
    "response_format": "response_format",
    "temperature": "temperature",
    "top_p": "top_p",
    "truncation_strategy": "truncation_strategy",
}
_REFUSALS = {
    "instructions": "pass `instructions=` to the client (see `instructions_mode`)",
    "reasoning_effort": "classic runs have no such setting; use a v2 agent",
}


def encode_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request fields for the options of a call.

    Raises:
        InvalidRequestError: An option that a run does not know.
    """
    rest = {n: v for n, v in options.items() if n not in ("tools", "tool_choice")}
    fields = encode_named(rest, _SENT_AS, _REFUSALS, "a classic run")
    if options.get("tools"):
        fields["tools"] = nested(options["tools"])
    choice = options.get("tool_choice")
    if choice is not None:
        fields["tool_choice"] = encode_choice(choice)
    return fields


def is_taken(name: str) -> bool:
    """Whether a call may have an option of this name."""
    return name in _SENT_AS or name in ("metadata", "tools", "tool_choice")


def encode_choice(choice: object) -> object:
    """Return the tool choice of a run; that Azure takes OpenAI's ``required`` is a guess."""
    name = chosen_name(choice)
    if name is not None:
        return {"type": "function", "function": {"name": name}}
    return choice_word(choice)
