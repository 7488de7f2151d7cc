"""Function tools between LlamaIndex and the core. Pure.

LlamaIndex 0.14 knows two forms of a tool call, and callers read one or the other: the
`ToolCallBlock`, and ``message.additional_kwargs["tool_calls"]`` with objects that have a
``.function`` (streamed structured output, chat engines and token counting look only there). So
every call is written twice. What comes back may have lost either form - chat engines replace the
blocks of a streamed answer - and has become plain dicts when it was stored as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.utils import parse_partial_json
from llama_index.core.tools import BaseTool, FunctionTool
from pydantic import BaseModel

from azure_agents.errors import InvalidRequestError
from azure_agents.jsonio import dumps
from azure_agents.messages import ToolCall

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
    """The calls as blocks, arguments verbatim (OpenAI's LlamaIndex class needs them as text)."""
    return [
        ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments)
        for call in calls
    ]


def written(calls: Iterable[ToolCall]) -> list[WrittenToolCall]:
    """The calls a second time, in OpenAI's form."""
    return [
        WrittenToolCall(id=c.id, function=FunctionCall(name=c.name, arguments=c.arguments))
        for c in calls
    ]


def calls_of(message: ChatMessage, where: str) -> tuple[ToolCall, ...]:
    """The tool calls of an assistant message, from whichever form it still has.

    Args:
        message: An assistant message, of ours or of another LLM class.
        where: How an error names the message.

    Raises:
        InvalidRequestError: A call has a form nobody knows.
    """
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return tuple(_from_block(block) for block in blocks)
    entries = message.additional_kwargs.get("tool_calls") or ()
    return tuple(_from_written(entry, where) for entry in entries)


def _from_block(block: ToolCallBlock) -> ToolCall:
    # Some models give no ids; LlamaIndex then answers under the tool's name.
    return ToolCall(
        block.tool_call_id or block.tool_name, block.tool_name, _as_text(block.tool_kwargs)
    )


def _from_written(entry: object, where: str) -> ToolCall:
    function = _member(entry, "function")
    name, arguments = _member(function, "name"), _member(function, "arguments")
    if not isinstance(name, str):
        raise InvalidRequestError(
            f"{where} has a tool call in an unknown form ({type(entry).__name__}): "
            "use ToolCallBlock, or {'id': …, 'function': {'name': …, 'arguments': …}}"
        )
    return ToolCall(str(_member(entry, "id") or name), name, _as_text(arguments))


def _member(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _as_text(arguments: object) -> str:
    if isinstance(arguments, str):
        return arguments
    return dumps({} if arguments is None else arguments).decode()


def to_selection(call: ToolCall) -> ToolSelection:
    """A call as LlamaIndex runs it; unfinished or broken JSON gives the arguments that are there.

    It is asked for on every streamed chunk, so it never raises.
    """
    try:
        arguments = parse_partial_json(call.arguments)
    except (ValueError, RecursionError):
        arguments = {}
    # ToolSelection itself turns anything that is no dict into {}.
    return ToolSelection(tool_id=call.id, tool_name=call.name, tool_kwargs=arguments)


def with_one_call(response: ChatResponse) -> ChatResponse:
    """The answer with its first call only, for callers that cannot run several.

    It loses its anchor with the other calls: the server waits for all of their results, so the
    next turn starts anew from this history.
    """
    message = response.message
    first, *others = calls_of(message, "the answer") or (None,)
    if first is None or not others:
        return response
    rest = [block for block in message.blocks if not isinstance(block, ToolCallBlock)]
    message.blocks = [*rest, *blocks_of([first])]
    message.additional_kwargs.pop(ANCHOR, None)
    message.additional_kwargs["tool_calls"] = written([first])
    return response


def declarations(tools: Iterable[BaseTool | Callable[..., Any]]) -> list[dict[str, Any]]:
    """The tools in OpenAI's format; plain functions are taken as LlamaIndex takes them."""
    made = (
        tool if isinstance(tool, BaseTool) else FunctionTool.from_defaults(tool) for tool in tools
    )
    return [tool.metadata.to_openai_tool(skip_length_check=True) for tool in made]


def tool_options(
    tools: Sequence[BaseTool], tool_choice: str | Mapping[str, Any] | None, *, required: bool
) -> dict[str, Any]:
    """The options of a call with tools: OpenAI's format, nothing that only repeats a default."""
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
