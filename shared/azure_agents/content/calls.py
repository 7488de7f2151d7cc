"""Tool calls in the forms in which people keep them: every provider's, as objects or as JSON. Pure.

A history may come from a database that another client filled. So a call is read by the names that
its facts have anywhere; a door says what it does with a call that lacks its id or name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..messages import ToolCall
from .wording import as_json

# The place of the call inside its block, for those that have one: OpenAI, Bedrock, Google.
_WITHIN = ("function", "custom", "toolUse", "functionCall", "function_call")
# `id` last: OpenAI's Responses API has the id of the item there, and answers name the call.
_IDS = ("call_id", "tool_call_id", "tool_use_id", "toolUseId", "tool_id", "id")
_CUSTOM = ("custom", "custom_tool_call")
_NAMES = ("name", "tool_name", "toolName")
_ARGUMENTS = ("arguments", "args", "input", "tool_kwargs", "parameters")


def written_call(entry: object) -> ToolCall:
    """Read a call in any of these forms; id and name are "" where there is none."""
    inner = _first(entry, _WITHIN)
    body = entry if inner is None or isinstance(inner, str) else inner
    call_id, name = _first(entry, _IDS) or _first(body, _IDS), _first(body, _NAMES)
    return ToolCall(
        call_id if isinstance(call_id, str) else "",
        name if isinstance(name, str) else "",
        _arguments(_first(body, _ARGUMENTS), is_custom=_member(entry, "type") in _CUSTOM),
    )


def function_call_id(name: object) -> str:
    """Make the id of a call in OpenAI's old form, where call and result name the function only."""
    return f"call_{name}"


def _arguments(given: object, *, is_custom: bool) -> str:
    if isinstance(given, str) and not is_custom:
        return given
    # A custom tool takes a text, and a function of an agent an object.
    return as_json({"input": given} if is_custom else given or {})


def _first(value: object, names: tuple[str, ...]) -> Any:
    found = (_member(value, name) for name in names)
    return next((member for member in found if member is not None), None)


def _member(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
