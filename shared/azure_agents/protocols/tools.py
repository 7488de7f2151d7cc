"""Function tools as callers give them (OpenAI's two forms), in the form each wire wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import InvalidRequestError
from ..jsonio import JSON
from ..naming import shown


def function_of(tool: object) -> JSON:
    """The function object of a tool: name, description, parameters, strict.

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
    """The name of a function tool."""
    return str(function_of(tool)["name"])


def nested(tools: Sequence[object]) -> list[JSON]:
    """Classic form: ``{"type": "function", "function": {...}}``."""
    return [{"type": "function", "function": function_of(tool)} for tool in tools]


def flat(tools: Sequence[object]) -> list[JSON]:
    """v2 form: ``{"type": "function", "name": ...}``."""
    return [{"type": "function", **function_of(tool)} for tool in tools]


def chosen_name(choice: object) -> str | None:
    """The function that a tool choice names, if it names one.

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
        f"tool_choice={shown(choice)} chooses nothing: use 'auto', 'none', 'required', or the name "
        "of a function"
    )


def choice_word(choice: object) -> str | None:
    """``auto``, ``none`` or ``required``, of a choice that names no function."""
    if isinstance(choice, str):
        return _WORDS[choice]
    return None if choice is None else "required" if choice else "auto"


_WORDS = {"any": "required", "auto": "auto", "none": "none", "required": "required"}
