"""LangChain messages as the core's: nothing a user put in vanishes, nothing an agent made returns.

LangChain itself turns OpenAI's audio and file blocks and its own old ("v0") blocks into standard
ones before a model sees them; `azure_agents.content` reads every dialect of the rest.
Everything in an assistant message but text, refusals and calls is the agent's own work: the server
has it already, or another model made it; it is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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

from azure_agents import ComputerAnswer, Message, ToolCall
from azure_agents.content.calls import function_call_id, written_call
from azure_agents.content.computer import ACKNOWLEDGED, CALLS, answer_of, calls_kept
from azure_agents.content.notices import left_out
from azure_agents.content.parts import (
    answer_parts,
    newest_of,
    result_parts,
    said_parts,
    with_fields,
)
from azure_agents.errors import InvalidRequestError
from azure_agents.messages import Role, with_speaker
from azure_agents.naming import shown

from ._asks import asks_in, outcomes_in
from ._blocks import PROVIDER, REFUSAL_AT

_ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "system": "system",
    "developer": "system",
}
# Blocks that repeat what `tool_calls` says, in the words of LangChain and other providers. Those in
# the second row may bear another id there, so they count only where nothing else does.
_CALL_BLOCKS = ("tool_call", "tool_use", "invalid_tool_call")
_LONE_CALL_BLOCKS = ("function_call", "custom_tool_call")
_NAMELESS = "unknown"  # a call that a model failed to name; its result says that it failed


def to_messages(messages: Sequence[BaseMessage]) -> tuple[Message, ...]:
    """Map a whole history.

    Raises:
        InvalidRequestError: A role or content block that no agent can be sent.
    """
    newest = newest_of(map(_is_answer, messages))
    return tuple(
        _message(each, f"messages[{at}]", is_old=at < newest) for at, each in enumerate(messages)
    )


def _is_answer(message: BaseMessage) -> bool:
    if isinstance(message, ChatMessage):
        return _ROLES.get(message.role) == "assistant"
    return isinstance(message, AIMessage)


def _message(message: BaseMessage, where: str, *, is_old: bool) -> Message:
    match message:
        case HumanMessage():
            return _spoken_message(message, "user", where, is_old=is_old)
        case AIMessage():
            return _assistant_message(message)
        case ToolMessage():
            return Message(
                "tool",
                result_parts(message.content),
                tool_call_id=message.tool_call_id,
                is_error=message.status == "error",
                computer=_computer_answer(message, where),
            )
        case SystemMessage():
            return _spoken_message(message, "system", where, is_old=is_old)
        case FunctionMessage():
            parts = result_parts(message.content)
            return Message("tool", parts, tool_call_id=function_call_id(message.name))
        case ChatMessage():
            return _message_by_role(message, where, is_old=is_old)
        case _:
            raise InvalidRequestError(
                f"{where} is of type {shown(message.type)}, which cannot be sent to an agent: use "
                "human, ai, system or tool messages"
            )


def _computer_answer(message: ToolMessage, where: str) -> ComputerAnswer | None:
    extra = message.additional_kwargs
    return answer_of(extra.get("type"), extra.get(ACKNOWLEDGED), where)


def _message_by_role(message: ChatMessage, where: str, *, is_old: bool) -> Message:
    role = _ROLES.get(message.role)
    if role is None:
        raise InvalidRequestError(
            f"{where} is a ChatMessage with role {shown(message.role)}, which cannot be sent to an "
            f"agent: use one of {', '.join(map(repr, _ROLES))}, or a ToolMessage for the result of "
            "a tool"
        )
    if role == "assistant":
        return Message(role, answer_parts(message.content, is_ours=False))
    return _spoken_message(message, role, where, is_old=is_old)


def _spoken_message(message: BaseMessage, role: Role, where: str, *, is_old: bool) -> Message:
    parts = said_parts(message.content, role, where, is_old=is_old)
    return Message(role, with_speaker(message.name, parts, where))


def _assistant_message(message: AIMessage) -> Message:
    anchor = message.response_metadata.get("foundry")
    is_ours = message.response_metadata.get("model_provider") == PROVIDER
    if not is_ours and message.additional_kwargs.get("reasoning_content"):
        left_out("reasoning_content")
    extra = message.additional_kwargs
    parts = with_fields(
        answer_parts(message.content, is_ours=is_ours),
        refusal=extra.get("refusal"),
        places=extra.get(REFUSAL_AT),
        audio=extra.get("audio"),
    )
    return Message(
        "assistant",
        parts,
        (*_tool_calls(message), *calls_kept(message.response_metadata.get(CALLS))),
        anchor=anchor if isinstance(anchor, str) else None,
        asks=asks_in(message),
        outcomes=outcomes_in(message),
    )


def _tool_calls(message: AIMessage) -> Iterator[ToolCall]:
    listed = (*message.tool_calls, *message.invalid_tool_calls)
    again = tuple(_blocks_of(message, _CALL_BLOCKS))
    calls = listed or again or tuple(_blocks_of(message, _LONE_CALL_BLOCKS))
    seen: set[str] = set()
    for at, call in enumerate(map(written_call, (*calls, *(again if listed else ())))):
        # Calls without an id are several; but a block without one repeats what is listed.
        if call.id not in seen and (call.id or at < len(calls)):
            seen |= {call.id} - {""}
            yield replace(call, name=call.name or _NAMELESS)
    legacy = message.additional_kwargs.get("function_call")
    if not calls and isinstance(legacy, Mapping):
        call = written_call(legacy)
        yield replace(call, id=function_call_id(call.name))


def _blocks_of(message: AIMessage, kinds: tuple[str, ...]) -> Iterable[Mapping[str, Any]]:
    blocks = message.content if isinstance(message.content, list) else []
    return (b for b in blocks if isinstance(b, dict) and b.get("type") in kinds)
