"""Chat messages as the system prompt and the turns of Claude. Pure.

| chat | Claude |
|---|---|
| ``system``, ``developer`` before everything else | the system prompt |
| the same in the middle | a marked block of the user's turn, in its place |
| ``user`` | a user's turn |
| ``assistant`` | thinking, text, calls, in this order; or the blocks as an answer had them |
| ``tool`` | results in the user's turn, before its text: those of parallel calls in one |

Messages of one role that follow one another are one turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError, ProtocolError
from ...jsonio import JSON, load_object
from ...naming import shown
from .blocks import THINKING, kept_of, text_of
from .parts import text_block, to_blocks

_SYSTEM = ("system", "developer")


def to_turns(messages: Sequence[Mapping[str, Any]]) -> tuple[list[JSON], list[JSON]]:
    """Map the messages of a chat.

    Args:
        messages: OpenAI chat messages.

    Returns:
        The blocks of the system prompt, and the turns.

    Raises:
        InvalidRequestError: A message is malformed, or there is no turn.
    """
    system: list[JSON] = []
    turns: list[JSON] = []
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if message.get("role") in _SYSTEM and not turns:
            system += _content(message, where)
        else:
            _add(turns, *_turn(message, where))
    if not turns:
        raise InvalidRequestError("messages hold no turn for Claude: add a message of the user")
    for turn in turns:
        # The service refuses a result behind a text; the order is kept otherwise.
        turn["content"].sort(key=lambda block: block.get("type") != "tool_result")
    return system, turns


def _add(turns: list[JSON], role: str, blocks: list[JSON]) -> None:
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += blocks
    elif blocks:  # an assistant's turn that says nothing is none
        turns.append({"role": role, "content": blocks})


def _turn(message: Mapping[str, Any], where: str) -> tuple[str, list[JSON]]:
    role = message.get("role")
    if role == "assistant":
        return "assistant", _assistant(message, where)
    if role == "tool":
        return "user", [_result(message, where)]
    if role in _SYSTEM:
        text = text_of(_content(message, where))
        return "user", [text_block(f"<system>\n{text}\n</system>")] if text else []
    if role == "user":
        return "user", _user(message, where)
    hint = ": write tool_calls and role 'tool'" if role == "function" else ""
    raise InvalidRequestError(f"the role of {where} is {shown(role)}, which Claude lacks{hint}")


def _user(message: Mapping[str, Any], where: str) -> list[JSON]:
    blocks = _content(message, where)
    if not blocks:
        raise InvalidRequestError(f"{where} is empty: give it a content, or leave it out")
    return blocks


def _content(message: Mapping[str, Any], where: str) -> list[JSON]:
    blocks = to_blocks(message.get("content"), where)
    mark = message.get("cache_control")
    if mark is not None and blocks:
        blocks[-1]["cache_control"] = mark
    return blocks


def _result(message: Mapping[str, Any], where: str) -> JSON:
    id = message.get("tool_call_id")
    if not isinstance(id, str) or not id:
        raise InvalidRequestError(
            f"{where} has no tool_call_id: give the id of the call it answers"
        )
    result: JSON = {"type": "tool_result", "tool_use_id": id}
    blocks = to_blocks(message.get("content"), where)
    if blocks:
        result["content"] = blocks
    mark = message.get("cache_control")
    return result if mark is None else {**result, "cache_control": mark}


def _assistant(message: Mapping[str, Any], where: str) -> list[JSON]:
    if message.get("function_call"):
        raise InvalidRequestError(f"{where} has a function_call: write it as one of tool_calls")
    calls = message.get("tool_calls") or ()
    if not isinstance(calls, list | tuple) or not all(isinstance(one, Mapping) for one in calls):
        raise InvalidRequestError(
            f"the tool_calls of {where} must be a list of calls, got {shown(calls)}"
        )
    whole = kept_of(message)
    if whole is not None:
        return whole
    return [
        *_thinking(message.get("thinking_blocks") or (), where),
        *_content(message, where),
        *(_call(call, f"{where}, call {at}") for at, call in enumerate(calls)),
    ]


def _thinking(blocks: object, where: str) -> list[JSON]:
    if isinstance(blocks, list | tuple) and all(
        isinstance(block, Mapping) and block.get("type") in THINKING for block in blocks
    ):
        return [dict(block) for block in blocks]
    raise InvalidRequestError(
        f"the thinking_blocks of {where} are not those of an answer: pass them as they came"
    )


def _call(call: Mapping[str, Any], where: str) -> JSON:
    function = call.get("function")
    if not isinstance(function, Mapping):
        raise InvalidRequestError(f"{where} must be a call of a function, got {shown(call)}")
    id, name = call.get("id"), function.get("name")
    if not isinstance(id, str) or not isinstance(name, str) or not id or not name:
        raise InvalidRequestError(f"{where} needs an id and the name of its function")
    arguments = _arguments(function.get("arguments"), name, where)
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def _arguments(given: object, name: str, where: str) -> JSON:
    if given is None or given == "":
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    try:
        return load_object(given if isinstance(given, str) else "")
    except ProtocolError:
        raise InvalidRequestError(
            f"the arguments of {name} in {where} must be a JSON object, got {shown(given)}"
        ) from None
