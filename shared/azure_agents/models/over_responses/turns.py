"""Chat messages as input items of a response. Pure.

| chat | item |
|---|---|
| ``system``, ``developer``, ``user`` | a message of that role, in its place |
| ``assistant`` | its text and refusal as one message, then its calls; or the items as they came |
| ``tool`` | the output of a call |
| a dictionary without a role, but with a type | an item: it goes up as it is |

A call or a message goes up without the ``id`` of its item: nothing is stored, and the service
refuses ids that it does not find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError
from ...jsonio import JSON, dumps
from ...naming import shown
from .items import kept_of, to_input_items
from .parts import answered, said

_SAID = ("system", "developer", "user")


def to_input(messages: Sequence[Mapping[str, Any]], *, is_stored: bool) -> list[JSON]:
    """Map the messages of a chat.

    Args:
        messages: OpenAI chat messages.
        is_stored: Whether the service keeps the items of earlier answers.

    Raises:
        InvalidRequestError: A message is malformed, or there is none.
    """
    items: list[JSON] = []
    for at, message in enumerate(messages):
        items += _items(message, f"messages[{at}]", items, is_stored=is_stored)
    if not items:
        raise InvalidRequestError("messages hold nothing to send: add a message of the user")
    return items


def _items(
    message: Mapping[str, Any], where: str, before: Sequence[JSON], *, is_stored: bool
) -> list[JSON]:
    role = message.get("role")
    if role in _SAID:
        return [{"role": role, "content": _named(message, said(message.get("content"), where))}]
    if role == "assistant":
        kept = kept_of(message)
        if kept is None:
            return _assistant(message, where)
        return to_input_items(kept, is_stored=is_stored)
    if role == "tool":
        return [_output(message, where, before)]
    if role is None and isinstance(message.get("type"), str):
        return [dict(message)]
    hint = ": write tool_calls and role 'tool'" if role == "function" else ""
    raise InvalidRequestError(f"the role of {where} is {shown(role)}, which is unknown{hint}")


def _named(message: Mapping[str, Any], content: str | list[JSON]) -> str | list[JSON]:
    """Put the name of a speaker before the words: items have no field for it."""
    name = message.get("name")
    if not isinstance(name, str) or not name.strip() or not content:
        return content
    label = f"{' '.join(name.split())}: "
    if isinstance(content, str):
        return label + content
    return [{"type": "input_text", "text": label}, *content]


def _output(message: Mapping[str, Any], where: str, before: Sequence[JSON]) -> JSON:
    id = message.get("tool_call_id")
    if not isinstance(id, str) or not id:
        raise InvalidRequestError(
            f"{where} has no tool_call_id: give the id of the call it answers"
        )
    asked = next((item for item in reversed(before) if item.get("call_id") == id), {})
    kind = str(asked.get("type", "")).removesuffix("_output")
    kind = "custom_tool_call" if kind == "custom_tool_call" else "function_call"
    return {"type": f"{kind}_output", "call_id": id, "output": said(message.get("content"), where)}


def _assistant(message: Mapping[str, Any], where: str) -> list[JSON]:
    if message.get("function_call"):
        raise InvalidRequestError(f"{where} has a function_call: write it as one of tool_calls")
    calls = message.get("tool_calls") or ()
    if not isinstance(calls, list | tuple) or not all(isinstance(one, Mapping) for one in calls):
        raise InvalidRequestError(
            f"the tool_calls of {where} must be a list of calls, got {shown(calls)}"
        )
    parts = answered(message.get("content"), where)
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append({"type": "refusal", "refusal": refusal})
    spoken = [{"role": "assistant", "content": parts}] if parts else []
    return [*spoken, *(_call(call, f"{where}, call {at}") for at, call in enumerate(calls))]


def _call(call: Mapping[str, Any], where: str) -> JSON:
    kind = "custom" if call.get("type") == "custom" else "function"
    inner, id = call.get(kind), call.get("id")
    if not isinstance(inner, Mapping):
        raise InvalidRequestError(f"{where} must be a call of a function, got {shown(call)}")
    name = inner.get("name")
    if not isinstance(id, str) or not isinstance(name, str) or not id or not name:
        raise InvalidRequestError(f"{where} needs an id and the name of its function")
    if kind == "custom":
        return _with("custom_tool_call", id, name, input=_words(inner.get("input"), where))
    arguments = inner.get("arguments")
    if isinstance(arguments, Mapping):
        arguments = dumps(arguments).decode()
    return _with("function_call", id, name, arguments=_words(arguments, where) or "{}")


def _with(kind: str, id: str, name: str, **more: str) -> JSON:
    return {"type": kind, "call_id": id, "name": name, **more}


def _words(value: object, where: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise InvalidRequestError(f"the arguments of {where} must be a text, got {shown(value)}")
