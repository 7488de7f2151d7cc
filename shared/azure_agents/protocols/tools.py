"""Function tools as callers give them (OpenAI's two forms), in the form each wire wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidRequestError
from ..jsonio import JSON


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
    """The function that a tool choice names, if it names one."""
    if isinstance(choice, Mapping):
        inner = choice.get("function", choice)
        return str(inner.get("name")) if isinstance(inner, Mapping) else None
    if isinstance(choice, str) and choice not in ("auto", "none", "required", "any"):
        return choice
    return None


def choice_word(choice: object) -> Any:
    """``auto``, ``none`` or ``required``, where the choice is one of the words for them."""
    return {"any": "required", True: "required", False: "auto"}.get(choice, choice)
