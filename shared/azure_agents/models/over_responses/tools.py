"""Tools, the choice among them, and the format of the answer, as a response takes them. Pure.

Chat puts the facts of a function into an object of their own; here they stand beside its type. A
function is strict by default here and is not in chat, so a tool that does not say goes up with
``strict: false``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidRequestError
from ...jsonio import JSON, known_fields
from ...naming import shown
from ..chat_parts import tools_in

_NO_ARGUMENTS: JSON = {"type": "object", "properties": {}}
_WORDS = ("auto", "none", "required")


def to_tools(tools: object) -> list[JSON]:
    """Map tools; those that are no chat tools (``web_search``, ``mcp`` …) go up as they are.

    Args:
        tools: What the caller passed.

    Raises:
        InvalidRequestError: They are no list, or one has no name.
    """
    return [_tool(*found) for found in tools_in(tools)]


def _tool(tool: Mapping[str, Any], where: str) -> JSON:
    kind = tool.get("type")
    if kind == "function" and "name" not in tool:
        return _function(tool.get("function"), where)
    if kind == "custom" and "name" not in tool:
        return _custom(tool.get("custom"), where)
    return dict(tool)


def _function(function: object, where: str) -> JSON:
    given = _named(function, f"{where} needs a function with a name")
    return {
        "type": "function",
        **given,
        "parameters": given.get("parameters") or _NO_ARGUMENTS,
        "strict": given.get("strict") or False,
    }


def _custom(custom: object, where: str) -> JSON:
    given = _named(custom, f"{where} needs a custom tool with a name")
    format = given.get("format")
    grammar = format.get("grammar") if isinstance(format, Mapping) else None
    if isinstance(grammar, Mapping):
        given["format"] = {"type": "grammar", **grammar}
    return {"type": "custom", **given}


def _named(inner: object, problem: str) -> JSON:
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        raise InvalidRequestError(problem)
    return known_fields(**{k: v for k, v in inner.items() if k != "cache_control"})


def to_choice(choice: object) -> object:
    """Map ``tool_choice``; one of the operation's own form goes up as it is.

    Args:
        choice: Which tool, of OpenAI's chat form.

    Raises:
        InvalidRequestError: The form is unknown.
    """
    if choice is None or choice in _WORDS:
        return choice
    if not isinstance(choice, Mapping) or not isinstance(choice.get("type"), str):
        raise InvalidRequestError(
            f"tool_choice={shown(choice)} is unknown: use 'auto', 'none', 'required' or "
            "{'type': 'function', 'function': {'name': …}}"
        )
    kind = choice["type"]
    inner = choice.get(kind)
    if not isinstance(inner, Mapping):
        return dict(choice)
    if kind == "allowed_tools":
        chosen = [to_choice(tool) for tool in inner.get("tools") or ()]
        return {"type": kind, **inner, "tools": chosen}
    return {"type": kind, **inner}


def to_text(fields: Mapping[str, Any]) -> JSON:
    """Make ``text``: the format of the answer and its verbosity, beside what the caller put there.

    Args:
        fields: The arguments of the call.

    Raises:
        InvalidRequestError: The format is unknown, or two arguments say the same.
    """
    given = fields.get("text") or {}
    if not isinstance(given, Mapping):
        raise InvalidRequestError(f"text must be a dictionary, got {shown(given)}")
    asked = known_fields(
        format=_format(fields.get("response_format")), verbosity=fields.get("verbosity")
    )
    for name in asked.keys() & given.keys():
        raise InvalidRequestError(f"text has {name}, and an argument says it too: pass one")
    return {**given, **asked}


def _format(asked: object) -> JSON | None:
    if asked is None or asked == {"type": "text"}:
        return None
    kind = asked.get("type") if isinstance(asked, Mapping) else None
    schema = asked.get("json_schema") if isinstance(asked, Mapping) else None
    if kind == "json_object":
        return {"type": kind}
    if kind == "json_schema" and isinstance(schema, Mapping) and "schema" in schema:
        return {"type": kind, **schema}
    raise InvalidRequestError(
        f"response_format={shown(asked)} is unknown: use 'json_object', or {{'type': "
        "'json_schema', 'json_schema': {'name': …, 'schema': …}}"
    )
