"""What people and models said, in the form of the conventions; only for those who ask for it. Pure.

Images, sounds and files are named by their kind, and their data is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..jsonio import JSON, dumps
from . import conventions as names
from .attributes import Attributes

_TEXTS = ("text", "input_text", "output_text")
_CALLS = ("function_call", "tool_use")
_RESULTS = ("function_call_output", "tool_result")


def of_input(fields: Mapping[str, Any]) -> Attributes:
    """The messages of a request.

    Args:
        fields: Of a body: a chat, a response, a text completion or a message.
    """
    said = next((fields[name] for name in ("messages", "input", "prompt") if name in fields), None)
    above = next((fields[name] for name in ("instructions", "system") if name in fields), None)
    found = {names.INPUT_MESSAGES: _written(_messages(said))}
    if above:
        found[names.SYSTEM_INSTRUCTIONS] = _written(_parts(above))
    return found


def of_output(items: Iterable[Any], reason: str | None = None) -> Attributes:
    """The messages of an answer.

    Args:
        items: Messages, or items of a response.
        reason: Why it ended; None: unknown.
    """
    ends = {} if reason is None else {"finish_reason": reason}
    return {names.OUTPUT_MESSAGES: _written([{**one, **ends} for one in _messages([*items])])}


def _written(value: Any) -> str:
    return dumps(value).decode()


def _messages(said: Any) -> list[JSON]:
    if isinstance(said, str):
        return [{"role": "user", "parts": _parts(said)}]
    return (
        [_message(one) for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    )


def _message(one: JSON) -> JSON:
    kind = one.get("type")
    if kind in _CALLS or kind in _RESULTS:
        role = "assistant" if kind in _CALLS else "tool"
        return {"role": role, "parts": [_part(one)]}
    role = str(one.get("role", "assistant"))
    if role == "tool":
        result = {"type": "tool_result", "tool_use_id": one.get("tool_call_id")}
        return {"role": role, "parts": [_part({**result, "content": one.get("content")})]}
    return {"role": role, "parts": [*_parts(one.get("content")), *_calls(one.get("tool_calls"))]}


def _parts(content: Any) -> list[JSON]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [_part(one) for one in content if isinstance(one, dict)] if content else []


def _part(one: JSON) -> JSON:
    kind = one.get("type")
    if kind in _TEXTS:
        return {"type": "text", "content": one.get("text", "")}
    if kind in _CALLS:
        given = one.get("arguments", one.get("input"))
        return _call(one.get("call_id", one.get("id")), one.get("name"), given)
    if kind in _RESULTS:
        id = one.get("call_id", one.get("tool_use_id"))
        told = one.get("output", one.get("content"))
        return {"type": "tool_call_response", "id": id, "response": told}
    return {"type": str(kind)}


def _calls(calls: Any) -> list[JSON]:
    found = [one for one in calls or () if isinstance(one, dict)]
    functions = ((one.get("id"), one.get("function") or {}) for one in found)
    return [_call(id, one.get("name"), one.get("arguments")) for id, one in functions]


def _call(id: Any, name: Any, arguments: Any) -> JSON:
    return {"type": "tool_call", "id": id, "name": name, "arguments": arguments}
