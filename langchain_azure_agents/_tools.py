"""Tools and tool choices, in the words of the OpenAI format that the core takes.

Binding sends nothing and asks nothing: a v2 agent declares its tools itself, and the first call
finds out whether a name is among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from azure_agents.errors import InvalidRequestError
from azure_agents.naming import shown

Tool: TypeAlias = dict[str, Any] | type | Callable[..., Any] | BaseTool

_WORDS = {"any": "required", "required": "required", "auto": "auto", "none": "none"}


def declarations(tools: Sequence[Tool], *, strict: bool | None) -> list[dict[str, Any]]:
    """Declare tools: functions, pydantic classes, LangChain tools, or dictionaries as they are."""
    return [convert_to_openai_tool(tool, strict=strict) for tool in tools]


def choice_of(choice: object, declared: Sequence[Mapping[str, Any]]) -> Any:
    """Translate LangChain's `tool_choice`: a word, the name of a tool, True, or a dictionary.

    Raises:
        InvalidRequestError: It names no bound tool.
    """
    if choice is None or choice is False or isinstance(choice, Mapping):
        return choice or None
    if choice is True:
        return "required"
    names = [name for tool in declared if (name := tool.get("function", {}).get("name"))]
    if choice in names:
        return {"type": "function", "function": {"name": choice}}
    if isinstance(choice, str) and choice in _WORDS:
        return _WORDS[choice]
    raise InvalidRequestError(
        f"tool_choice={shown(choice)} names no bound tool: use one of {names}, 'auto', 'any' or "
        "'none'"
    )
