"""OpenAI chat messages as the core's: what no agent can be sent is refused, nothing vanishes.

A message is a dictionary or an object that dumps to one (ours, OpenAI's, LiteLLM's). Everything
in an assistant message but text, refusals and calls is the agent's own work: the server has it
already, or another model made it. No URL is fetched: the service does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from ..content.approvals import asks_of, asks_of_others, ids_shown, outcomes_of
from ..content.blocks import plain
from ..content.calls import function_call_id, written_call
from ..content.computer import (
    ACKNOWLEDGED,
    CALLS,
    Screenshot,
    Screenshots,
    answer_of,
    calls_kept,
)
from ..content.notices import left_out
from ..content.parts import answer_parts, newest_of, result_parts, said_parts, with_fields
from ..errors import InvalidRequestError
from ..messages import Message, Role, ToolCall, with_speaker
from ..naming import shown

_Dict: TypeAlias = Mapping[str, Any]

# In `provider_specific_fields` of an answer: its anchor, and where refusals stand in its text.
ANCHOR_FIELD = "foundry"
REFUSAL_AT = "refusal_at"

_ROLES: dict[str, Role] = {
    "assistant": "assistant",
    "developer": "system",
    "function": "tool",  # the predecessor of tool messages
    "system": "system",
    "tool": "tool",
    "user": "user",
}
# Fields that any message may have and that are not sent: ids, times and notes for others.
LABELS = ("cache_control", "created_at", "id", "metadata", "object", "status", "timestamp", "type")
_FIELDS = {
    "user": ("content", "name", "role"),
    "system": ("content", "name", "role"),
    "tool": ("content", "name", "role", "tool_call_id", "is_error", ACKNOWLEDGED),
    "assistant": (
        "annotations",  # of `content`
        "audio",
        "content",
        "function_call",
        "name",
        "provider_specific_fields",
        "refusal",
        "role",
        "tool_calls",
    ),
}


def to_messages(messages: Sequence[object]) -> tuple[Message, ...]:
    """Map a whole history.

    Args:
        messages: OpenAI's messages as dictionaries, or objects of the openai package.

    Raises:
        InvalidRequestError: No list of messages, or something that no agent can be sent.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise InvalidRequestError(
            f"messages must be a list of messages, got {type(messages).__name__}: "
            "pass for instance [{'role': 'user', 'content': 'Hello'}]"
        )
    given = [(f"messages[{at}]", _as_dict(each, at)) for at, each in enumerate(messages)]
    newest = newest_of(each.get("role") == "assistant" for _, each in given)
    return tuple(
        _message(each, where, is_old=at < newest) for at, (where, each) in enumerate(given)
    )


def _message(message: _Dict, where: str, *, is_old: bool) -> Message:
    role = _ROLES.get(str(message.get("role")))
    if role is None:
        raise InvalidRequestError(
            f"{where} has the role {shown(message.get('role'))}: use one of "
            f"{', '.join(map(repr, _ROLES))}"
        )
    _check_fields(message, role, where)
    content = message.get("content")
    if role == "assistant":
        return _assistant_message(message, where)
    if role == "tool":
        call_id, is_error = _answered_call(message, where), message.get("is_error") is True
        return Message(
            role,
            result_parts(content),
            tool_call_id=call_id,
            is_error=is_error,
            computer=answer_of(message.get("type"), message.get(ACKNOWLEDGED), where),
        )
    parts = said_parts(content, role, where, is_old=is_old)
    return Message(role, with_speaker(message.get("name"), parts, where))


def _check_fields(message: _Dict, role: Role, where: str) -> None:
    if _anchor(message) is not None:
        return  # what our own answers hold is known to the server
    known = (*_FIELDS[role], *LABELS)
    for name, value in message.items():
        if name in known or value is None or value in ([], {}, ""):
            continue
        if role != "assistant":
            raise InvalidRequestError(
                f"{where} has a field {shown(name)}, which a message with the role "
                f"{message['role']!r} cannot have: it takes {', '.join(_FIELDS[role])}"
            )
        left_out(f"the field {shown(name)}")


def _as_dict(given: object, at: int) -> _Dict:
    value = plain(given)
    if isinstance(value, Mapping):
        return value
    raise InvalidRequestError(
        f"messages[{at}] is a {type(given).__name__}: pass a dictionary with 'role' and 'content', "
        "or the message of an earlier answer"
    )


def _assistant_message(message: _Dict, where: str) -> Message:
    anchor = _anchor(message)
    parts = with_fields(
        answer_parts(message.get("content"), is_ours=anchor is not None),
        refusal=message.get("refusal"),
        places=_own_fields(message).get(REFUSAL_AT),
        audio=message.get("audio"),
    )
    return Message(
        "assistant",
        parts,
        (*_calls(message, where), *calls_kept(_own_fields(message).get(CALLS))),
        anchor=anchor,
        asks=asks_of(_own_fields(message)) or asks_of_others(message.get("content")),
        outcomes=outcomes_of(
            _own_fields(message), ids_shown(_own_fields(message).get("blocks"), "details")
        ),
    )


def _anchor(message: _Dict) -> str | None:
    anchor = _own_fields(message).get(ANCHOR_FIELD)
    return anchor if isinstance(anchor, str) else None


def _own_fields(message: _Dict) -> _Dict:
    # Our answers keep here what OpenAI's have no field for.
    fields = message.get("provider_specific_fields")
    return fields if isinstance(fields, Mapping) else {}


def _screenshot_message(shot: Screenshot) -> dict[str, Any]:
    content = [{"type": "image_url", "image_url": {"url": shot.url}}]
    return {"role": "tool", "tool_call_id": shot.call_id, "content": content, **shot.fields}


screenshot = Screenshots(_screenshot_message).screenshot


# --- tool calls and results ---------------------------------------------------------------------


def _calls(message: _Dict, where: str) -> Iterator[ToolCall]:
    made = message.get("tool_calls") or ()
    if isinstance(made, str) or not isinstance(made, Sequence):
        raise InvalidRequestError(f"{where}.tool_calls must be a list, got {shown(made)}")
    for at, call in enumerate(made):
        yield _tool_call(call, f"{where}.tool_calls[{at}]")
    legacy = message.get("function_call")
    if legacy and not message.get("tool_calls"):
        call = _named_call(written_call(legacy), f"{where}.function_call")
        yield replace(call, id=function_call_id(call.name))


def _tool_call(entry: object, where: str) -> ToolCall:
    call = written_call(entry)
    is_empty = isinstance(entry, Mapping) and entry.get("id") == ""  # as Gemini has it
    if not call.id and not is_empty:
        raise InvalidRequestError(
            f"{where} needs an 'id' and a 'function' with 'name' and 'arguments', got the "
            f"type {shown(_as_type(entry))}: send the calls back as the answer brought them"
        )
    return _named_call(call, where)


def _as_type(entry: object) -> object:
    return entry.get("type") if isinstance(entry, Mapping) else type(entry).__name__


def _named_call(call: ToolCall, where: str) -> ToolCall:
    if call.name:
        return call
    raise InvalidRequestError(
        f"{where} names no function: send the calls back as the answer brought them, each with a "
        "'function' that has a 'name'"
    )


def _answered_call(message: _Dict, where: str) -> str:
    if message["role"] == "function":
        return function_call_id(message.get("name"))
    call_id = message.get("tool_call_id")
    if isinstance(call_id, str):
        return call_id
    raise InvalidRequestError(f"{where} lacks its 'tool_call_id': copy the 'id' of the tool call")
