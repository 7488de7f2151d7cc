"""Tools and the choice among them, as Claude takes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidRequestError
from ...jsonio import JSON, known_fields
from ...naming import shown
from ..chat_parts import tools_in

_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_OWN = ("auto", "any", "tool", "none")
_NO_ARGUMENTS = {"type": "object", "properties": {}}


def to_tools(tools: object) -> list[JSON]:
    """Map tools; those of Claude's own form go up as they are.

    Args:
        tools: What the caller passed.

    Raises:
        InvalidRequestError: They are no list, or one has no name.
    """
    return [_tool(*found) for found in tools_in(tools)]


def _tool(tool: Mapping[str, Any], where: str) -> JSON:
    if tool.get("type") != "function":
        return dict(tool)
    function = tool.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InvalidRequestError(f"{where} needs a function with a name")
    return known_fields(
        name=function["name"],
        description=function.get("description"),
        input_schema=function.get("parameters") or _NO_ARGUMENTS,
        strict=function.get("strict"),
        cache_control=tool.get("cache_control") or function.get("cache_control"),
    )


def to_choice(choice: object, parallel: object, *, has_tools: bool) -> JSON | None:
    """Map ``tool_choice`` and ``parallel_tool_calls``; None where the default is meant.

    Args:
        choice: Which tool, of OpenAI's form or of Claude's.
        parallel: Whether several calls may come at once; None: the default.
        has_tools: Whether the call has tools.

    Raises:
        InvalidRequestError: The form is unknown.
    """
    if parallel is not None and not isinstance(parallel, bool):
        raise InvalidRequestError(
            f"parallel_tool_calls must be True or False, got {shown(parallel)}"
        )
    mapped = None if choice is None else _choice(choice)
    if parallel is not False or not has_tools:
        return mapped
    if mapped is not None and mapped["type"] == "none":  # which takes no such field
        return mapped
    return {**(mapped or {"type": "auto"}), "disable_parallel_tool_use": True}


def _choice(choice: object) -> JSON:
    if isinstance(choice, str) and choice in _CHOICES:
        return {"type": _CHOICES[choice]}
    if isinstance(choice, Mapping) and choice.get("type") in _OWN:
        return dict(choice)
    name = _named(choice) if isinstance(choice, Mapping) else None
    if name is None:
        raise InvalidRequestError(
            f"tool_choice={shown(choice)} is unknown to Claude: use 'auto', 'none', 'required' or "
            "{'type': 'function', 'function': {'name': …}}"
        )
    return {"type": "tool", "name": name}


def _named(choice: Mapping[str, Any]) -> str | None:
    function = choice.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if choice.get("type") == "function" and isinstance(name, str) else None
