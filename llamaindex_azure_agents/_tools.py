"""Function tools between LlamaIndex and the core. Pure.

LlamaIndex 0.14 knows two forms of a tool call, and callers read one or the other: the
`ToolCallBlock`, and ``message.additional_kwargs["tool_calls"]`` with objects that have a
``.function`` (streamed structured output, chat engines and token counting look only there). So
every call is written twice. A call that comes back may have lost either form (chat engines
replace the blocks of a streamed answer), and is a plain dict when it was stored as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.utils import parse_partial_json
from llama_index.core.tools import BaseTool, FunctionTool
from pydantic import BaseModel

from azure_agents import ToolCall
from azure_agents.content.calls import written_call
from azure_agents.content.notices import left_out

ANCHOR = "foundry"  # key of the anchor in a message's `additional_kwargs`
_CHOICES = ("auto", "none", "required")


class FunctionCall(BaseModel):
    """Name and raw argument text of a tool call."""

    name: str
    arguments: str


class WrittenToolCall(BaseModel):
    """A tool call in OpenAI's form, as ``additional_kwargs["tool_calls"]`` holds it."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


def blocks_of(calls: Iterable[ToolCall]) -> list[ToolCallBlock]:
    """Make the blocks of calls; arguments stay text, as OpenAI's LlamaIndex class needs them."""
    return [
        ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments)
        for call in calls
    ]


def written(calls: Iterable[ToolCall]) -> list[WrittenToolCall]:
    """Write the calls a second time, in OpenAI's form."""
    return [
        WrittenToolCall(id=c.id, function=FunctionCall(name=c.name, arguments=c.arguments))
        for c in calls
    ]


def calls_of(message: ChatMessage) -> tuple[ToolCall, ...]:
    """Read the tool calls of an assistant message, from whichever form it still has.

    Args:
        message: An assistant message, of ours or of another LLM class. An entry that is no call in
            any form is left out, and a call that a model failed to name is called ``unknown``.
    """
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    entries: Sequence[object] = blocks or message.additional_kwargs.get("tool_calls") or ()
    legacy = message.additional_kwargs.get("function_call")
    found = map(_tool_call, entries or ([legacy] if legacy else ()))
    return tuple(call for call in found if call is not None)


def _tool_call(entry: object) -> ToolCall | None:
    call = written_call(entry)
    if not call.id and not call.name:
        left_out(f"a tool call in an unknown form ({type(entry).__name__})")
        return None
    # Some models give no ids; LlamaIndex then answers under the tool's name.
    return replace(call, id=call.id or call.name, name=call.name or "unknown")


def to_selection(call: ToolCall) -> ToolSelection:
    """Turn a call into what LlamaIndex runs; broken JSON gives the arguments that are there.

    Callers do so on every streamed chunk, so it never raises.
    """
    try:
        arguments = parse_partial_json(call.arguments)
    except (ValueError, RecursionError):
        arguments = {}
    # ToolSelection itself turns anything that is no dict into {}.
    return ToolSelection(tool_id=call.id, tool_name=call.name, tool_kwargs=arguments)


def with_one_call(response: ChatResponse) -> ChatResponse:
    """Cut an answer down to its first call, for callers that cannot run several.

    It loses its anchor with the other calls: the server waits for all of their results, so the
    next turn starts anew from this history.
    """
    message = response.message
    first, *others = calls_of(message) or (None,)
    if first is None or not others:
        return response
    rest = [block for block in message.blocks if not isinstance(block, ToolCallBlock)]
    message.blocks = [*rest, *blocks_of([first])]
    message.additional_kwargs.pop(ANCHOR, None)
    message.additional_kwargs["tool_calls"] = written([first])
    return response


def declarations(tools: Iterable[BaseTool | Callable[..., Any]]) -> list[dict[str, Any]]:
    """Declare tools in OpenAI's format; plain functions are taken as LlamaIndex takes them."""
    made = (
        tool if isinstance(tool, BaseTool) else FunctionTool.from_defaults(tool) for tool in tools
    )
    return [tool.metadata.to_openai_tool(skip_length_check=True) for tool in made]


def tool_options(
    tools: Sequence[BaseTool], tool_choice: str | Mapping[str, Any] | None, *, required: bool
) -> dict[str, Any]:
    """Make the options of a call with tools, in OpenAI's format; none repeats a default."""
    if not tools:
        return {}
    options: dict[str, Any] = {"tools": declarations(tools)}
    choice = _choice(tool_choice or ("required" if required else "auto"))
    if choice != "auto":
        options["tool_choice"] = choice
    return options


def _choice(choice: str | Mapping[str, Any]) -> str | dict[str, Any]:
    if isinstance(choice, Mapping):
        return dict(choice)
    if choice == "any":
        return "required"
    return choice if choice in _CHOICES else {"type": "function", "function": {"name": choice}}
