"""The options of a call that a v2 agent takes or refuses, and advice for those it refuses.

The service answers ``Not allowed when agent is specified.`` to every option that belongs to the
agent's definition (quoted in public issue threads). Here such a call is refused before it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..options import encode_named
from ..tools import choice_word, chosen_name

_SENT_AS = {
    "background": "background",
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
    "model": "model",
    "instructions": "instructions",
}
_REFUSALS = {
    name: f"set `{setting}` in the agent's definition (create a new version of the agent)"
    for name, setting in _AGENT_SETTINGS.items()
}
_REFUSALS["model"] += ", or make a client of its own for another agent"


def encode_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request fields for the options of a call.

    ``tools`` are not among them: they belong to the agent (see `definition`).

    Raises:
        InvalidRequestError: An option that the agent refuses, or that is unknown.
    """
    rest = {n: v for n, v in options.items() if n not in ("tools", "tool_choice")}
    fields = encode_named(rest, _SENT_AS, _REFUSALS, "a v2 agent")
    choice = encode_choice(options.get("tool_choice"))
    return fields if choice is None else {**fields, "tool_choice": choice}


def is_taken(name: str) -> bool:
    """Whether a call may have an option of this name."""
    return name in _SENT_AS or name in ("metadata", "response_format", "tools", "tool_choice")


def encode_choice(choice: object) -> object:
    """Return the tool choice of a request, or None to leave it to the agent.

    A recording shows that ``required`` is accepted next to an agent reference; that ``none`` and a
    named function are accepted too is a guess.
    """
    name = chosen_name(choice)
    if name is not None:
        return {"type": "function", "name": name}
    word = choice_word(choice)
    return None if word == "auto" else word
