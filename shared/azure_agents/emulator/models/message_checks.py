"""Check the messages of a chat: roles, contents, and calls that are followed by their results.

The sentences are OpenAI's, which Azure passes on; users quote them, no recording has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..world.limits import wrong_type
from .refusals import invalid, missing

if TYPE_CHECKING:
    from ...jsonio import JSON

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
# What a part holds under the key of its own type.
_PARTS = {
    "text": str,
    "image_url": dict,
    "input_audio": dict,
    "file": dict,
    "refusal": str,
}


def check_messages(messages: Sequence[Any]) -> None:
    """Refuse messages that a chat cannot be made of."""
    if not messages:
        message = (
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead."
        )
        raise invalid(message, "messages", "empty_array")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    _check_calls(messages)


def _check_message(message: Any, place: str) -> None:
    if not isinstance(message, dict):
        raise wrong_type(place, "object", message)
    role = message.get("role")
    if role is None:
        raise missing(f"{place}.role")
    if role not in _ROLES:
        shown = ", ".join(f"'{one}'" for one in _ROLES[:-1])
        sentence = f"Invalid value: '{role}'. Supported values are: {shown}, and '{_ROLES[-1]}'."
        raise invalid(sentence, f"{place}.role", "invalid_value")
    for index, call in enumerate(message.get("tool_calls") or ()):
        _check_call(call, f"{place}.tool_calls[{index}]")
    _check_content(message, role, f"{place}.content")


def _check_call(call: Any, place: str) -> None:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise missing(f"{place}.function.name")
    if not isinstance(call.get("id"), str):
        raise missing(f"{place}.id")


def _check_content(message: JSON, role: str, place: str) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    if content is None:
        if role == "assistant":  # it may have called functions, refused, or said nothing
            return
        expected = "expected a string, but got null instead"
        raise invalid(f"Invalid value for 'content': {expected}.", place)
    if not isinstance(content, list):
        raise wrong_type(place, "string", content)
    for index, part in enumerate(content):
        _check_part(part, f"{place}[{index}]")


def _check_part(part: Any, place: str) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in _PARTS:
        shown = ", ".join(f"'{one}'" for one in _PARTS)
        sentence = f"Invalid value: '{kind}'. Supported values are: {shown}."
        raise invalid(sentence, f"{place}.type", "invalid_value")
    if not isinstance(part.get(kind), _PARTS[kind]):
        raise missing(f"{place}.{kind}")


def _check_calls(messages: Sequence[JSON]) -> None:
    """Refuse a result without its call, and calls without their results."""
    called: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            _take_result(called, message, index)
            continue
        _refuse_unanswered(called, index)
        called = [call["id"] for call in message.get("tool_calls") or ()]
    _refuse_unanswered(called, len(messages))


def _take_result(called: list[str], message: JSON, index: int) -> None:
    id = message.get("tool_call_id")
    if not isinstance(id, str):
        raise missing(f"messages[{index}].tool_call_id")
    if id not in called:
        sentence = (
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'."
        )
        raise invalid(sentence, f"messages.[{index}].role")
    called.remove(id)


def _refuse_unanswered(called: list[str], index: int) -> None:
    if called:
        sentence = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        )
        raise invalid(sentence + ", ".join(called), f"messages.[{index}].role")
