"""LangChain messages as the core's: nothing a user put in vanishes, nothing an agent made returns.

What a user, system or tool message holds must reach the agent, so a block that cannot be mapped
is an error that names it (`_content.py`). What an assistant message holds besides text, refusals
and calls is the agent's own work (reasoning, server tools and their results, citations, images it
made, its requests for approval or consent): the server has it already, so it is not sent again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from azure_agents.errors import InvalidRequestError
from azure_agents.messages import Message, Part, Role, Text, ToolCall, said_by
from azure_agents.naming import shown

from ._content import answer_parts, input_parts

_ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "system": "system",
    "developer": "system",
}
# Blocks that repeat what `tool_calls` says, in the words of LangChain and other providers.
_CALL_BLOCKS = ("tool_call", "tool_use", "invalid_tool_call")


def to_messages(messages: Sequence[BaseMessage]) -> tuple[Message, ...]:
    """Map a whole history.

    Raises:
        InvalidRequestError: A role or content block that an agent cannot be told.
    """
    return tuple(_message(message) for message in messages)


def _message(message: BaseMessage) -> Message:
    match message:
        case HumanMessage():
            return _said(message, "user")
        case AIMessage():
            return _answer(message)
        case ToolMessage():
            return Message(
                "tool",
                input_parts(message.content, "tool"),
                tool_call_id=message.tool_call_id,
                is_error=message.status == "error",
            )
        case SystemMessage():
            return _said(message, "system")
        case FunctionMessage():
            parts = input_parts(message.content, "tool")
            return Message("tool", parts, tool_call_id=_function_id(message.name))
        case ChatMessage():
            return _by_role(message)
        case _:
            raise InvalidRequestError(
                f"a message of type {shown(message.type)} cannot be sent to an agent: use human, "
                "ai, system or tool messages"
            )


def _by_role(message: ChatMessage) -> Message:
    role = _ROLES.get(message.role)
    if role is None:
        raise InvalidRequestError(
            f"a ChatMessage with role {shown(message.role)} cannot be sent to an agent: use one "
            f"of {', '.join(map(repr, _ROLES))}, or a ToolMessage for the result of a tool"
        )
    if role == "assistant":
        return Message(role, answer_parts(message.content))
    return _said(message, role)


def _said(message: BaseMessage, role: Role) -> Message:
    parts = input_parts(message.content, role)
    return Message(role, said_by(message.name, parts, f"a {role} message"))


def _answer(message: AIMessage) -> Message:
    anchor = message.response_metadata.get("foundry")
    return Message(
        "assistant",
        (*answer_parts(message.content), *_refusal(message)),
        tuple(_calls(message)),
        anchor=anchor if isinstance(anchor, str) else None,
    )


def _refusal(message: AIMessage) -> tuple[Part, ...]:
    text = message.additional_kwargs.get("refusal")
    return (Text(text),) if isinstance(text, str) and text else ()


def _calls(message: AIMessage) -> Iterator[ToolCall]:
    seen: set[str] = set()
    for call in (*message.tool_calls, *message.invalid_tool_calls, *_call_blocks(message)):
        id = call.get("id") or f"call_{len(seen)}"
        if id not in seen:
            seen.add(id)
            arguments = call.get("args", call.get("input"))
            yield ToolCall(id, call.get("name") or "", _arguments_text(arguments))
    legacy = message.additional_kwargs.get("function_call")
    if not seen and isinstance(legacy, Mapping):
        name = str(legacy.get("name", ""))
        yield ToolCall(_function_id(name), name, _arguments_text(legacy.get("arguments")))


def _call_blocks(message: AIMessage) -> Iterable[Mapping[str, Any]]:
    blocks = message.content if isinstance(message.content, list) else []
    return (b for b in blocks if isinstance(b, dict) and b.get("type") in _CALL_BLOCKS)


def _arguments_text(arguments: object) -> str:
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments or {}, ensure_ascii=False, separators=(",", ":"))


def _function_id(name: str | None) -> str:
    # Function messages, which ToolMessage replaced, name the function instead of the call.
    return f"call_{name}"
