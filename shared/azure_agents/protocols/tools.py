"""Function tools and tool choices, from either of OpenAI's two forms to that of each wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import InvalidRequestError
from ..jsonio import JSON
from ..naming import shown


def function_of(tool: object) -> JSON:
    """Return the function object of a tool: name, description, parameters, strict.

    Raises:
        InvalidRequestError: It is no function tool.
    """
    if isinstance(tool, Mapping) and tool.get("type", "function") == "function":
        inner = tool.get("function", {k: v for k, v in tool.items() if k != "type"})
        if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
            return dict(inner)
    raise InvalidRequestError(
        f"tools= takes function tools, got {str(tool)[:120]}: tools that run on the server are "
        "part of the agent's definition"
    )


def function_name(tool: object) -> str:
    """Return the name of a function tool."""
    return str(function_of(tool)["name"])


def nested(tools: Sequence[object]) -> list[JSON]:
    """Return tools in the classic form: ``{"type": "function", "function": {...}}``."""
    return [{"type": "function", "function": function_of(tool)} for tool in tools]


def flat(tools: Sequence[object]) -> list[JSON]:
    """Return tools in the v2 form: ``{"type": "function", "name": ...}``."""
    return [{"type": "function", **function_of(tool)} for tool in tools]


def chosen_name(choice: object) -> str | None:
    """Return the function that a tool choice names, or None.

    Raises:
        InvalidRequestError: It names no function and is none of the words.
    """
    if isinstance(choice, str):
        return None if choice in _WORDS else choice
    if choice is None or isinstance(choice, bool):
        return None
    inner = choice.get("function", choice) if isinstance(choice, Mapping) else None
    if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
        return str(inner["name"])
    raise InvalidRequestError(
        f"tool_choice={shown(choice)} is no tool choice: use 'auto', 'none', 'required', or the "
        "name of a function"
    )


def choice_word(choice: object) -> str | None:
    """Return ``auto``, ``none`` or ``required`` for a choice that names no function."""
    if isinstance(choice, str):
        return _WORDS[choice]
    return None if choice is None else "required" if choice else "auto"


_WORDS = {"any": "required", "auto": "auto", "none": "none", "required": "required"}
