"""LlamaIndex's own mock as oracle: the same answers through it and through ours.

A script is what `Emulator.create_agent` takes as `reply`: texts and `ToolCalls`. The mock plays it
without a service; what it was sent, what a workflow tells, and what stays in a memory is then
compared with ours as plain values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from llama_index.core.agent.workflow import (
    AgentInput,
    AgentOutput,
    AgentSetup,
    AgentStream,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    CompletionResponse,
    LLMMetadata,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.llms.utils import parse_partial_json
from llama_index.core.tools import FunctionTool
from pydantic import PrivateAttr

from azure_agents.emulator import Emulator, SeenTurn, Text

Spoken: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...], str | None]
Script: TypeAlias = Sequence[Any] | Callable[[list[Spoken]], Any]


def declared(generation: str, tools: Iterable[Any]) -> list[dict[str, Any]]:
    """Function tools in the form an agent of this generation declares them."""
    made = [t if isinstance(t, FunctionTool) else FunctionTool.from_defaults(t) for t in tools]
    nested = [tool.metadata.to_openai_tool() for tool in made]
    if generation == "classic":
        return nested
    return [{"type": "function", **tool["function"]} for tool in nested]


# -- the mock -----------------------------------------------------------------------------------


class OracleLLM(MockFunctionCallingLLM):
    """LlamaIndex's mock that plays a script and remembers what it was sent."""

    context_window: int = 128_000
    num_output: int = 4_096
    _sent: list[list[Spoken]] = PrivateAttr(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            is_chat_model=True,
            is_function_calling_model=True,
            context_window=self.context_window,
            num_output=self.num_output,
        )

    @property
    def sent(self) -> list[list[Spoken]]:
        return self._sent

    # The mock's own would only repeat the prompt.

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return CompletionResponse(text=self.response_generator([ChatMessage(prompt)]).content or "")

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return CompletionResponse(text=self.response_generator([ChatMessage(prompt)]).content or "")


def oracle(script: Script, sent: list[list[Spoken]] | None = None, **settings: Any) -> OracleLLM:
    """A mock that plays the script; the last answer repeats, as it does in the emulator.

    Args:
        script: What it answers; or a function of what it was sent.
        sent: Where it notes what it was sent; several mocks may share one.
        settings: Fields of the mock.
    """
    # Objects by text: LlamaIndex's other way would need a tool call here and none with ours.
    llm = OracleLLM(pydantic_program_mode="llm", **settings)
    left = [] if callable(script) else list(script)
    if sent is not None:
        llm._sent = sent

    def answer(messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
        llm.sent.append(spoken(messages))
        if callable(script):
            return _message(script(llm.sent[-1]))
        return _message(left.pop(0) if len(left) > 1 else left[0])

    llm.response_generator = answer
    return llm


def brain(script: Callable[[list[Spoken]], Any]) -> Callable[[SeenTurn], Any]:
    """The same function as reply of an emulated agent."""
    return lambda turn: script(_seen(turn))


def _message(reply: Any) -> ChatMessage:
    if isinstance(reply, str):
        return ChatMessage(reply, role="assistant")
    blocks: list[Any] = []
    for part in reply if isinstance(reply, list) else [reply]:
        if isinstance(part, str | Text):
            blocks.append(TextBlock(text=part if isinstance(part, str) else part.text))
        else:
            blocks += [
                ToolCallBlock(tool_call_id=id, tool_name=name, tool_kwargs=arguments)
                for name, arguments, id in part.calls
            ]
    return ChatMessage(role="assistant", blocks=blocks)


# -- plain values -------------------------------------------------------------------------------


def spoken(messages: Iterable[ChatMessage]) -> list[Spoken]:
    """Role, text, calls and answered call of every message that says something."""
    said = [
        (
            message.role.value,
            "".join(block.text for block in message.blocks if isinstance(block, TextBlock)).strip(),
            tuple(
                (block.tool_call_id or "", str(_arguments(block.tool_kwargs)))
                for block in message.blocks
                if isinstance(block, ToolCallBlock)
            ),
            message.additional_kwargs.get("tool_call_id") if message.role == "tool" else None,
        )
        for message in messages
    ]
    return _in_order(one for one in said if one[1] or one[2] or one[0] == "tool")


def _in_order(values: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Runs of values about tools, sorted: parallel calls end in any order."""
    groups = groupby(values, key=lambda value: str(value[0]).casefold().startswith("tool"))
    return [one for is_tool, run in groups for one in (sorted(run, key=repr) if is_tool else run)]


def _arguments(given: Any) -> Any:
    try:
        return parse_partial_json(given) if isinstance(given, str) else given
    except ValueError:
        return given


def seen(foundry: Emulator) -> list[list[Spoken]]:
    """What the agents saw; on classic, system messages come with the run."""
    return [_seen(turn) for turn in foundry.seen]


def _seen(turn: SeenTurn) -> list[Spoken]:
    extra: list[Spoken] = []
    if turn.additional_instructions:
        extra = [("system", turn.additional_instructions.strip(), (), None)]
    said = [
        (
            message.role,
            message.text.strip(),
            tuple((call.id, str(_arguments(call.arguments))) for call in message.tool_calls),
            message.tool_call_id,
        )
        for message in turn.messages
    ]
    return _in_order([*extra, *said])


def as_classic(sent: Iterable[list[Spoken]]) -> list[list[Spoken]]:
    """The same as a classic agent sees it: all system messages in one, before the others."""
    turns = []
    for messages in sent:
        systems = "\n\n".join(text for role, text, *_ in messages if role == "system")
        first: list[Spoken] = [("system", systems, (), None)] if systems else []
        turns.append([*first, *(message for message in messages if message[0] != "system")])
    return turns


def told(events: Iterable[Any]) -> list[tuple[Any, ...]]:
    """What a workflow tells, chunk sizes aside: a run of `AgentStream`s counts as its last."""
    found: list[tuple[Any, ...]] = []
    for event in events:
        value = _told(event)
        if found and value[0] == found[-1][0] == "AgentStream":
            found.pop()
        found.append(value)
    return _in_order(found)


def _told(event: Any) -> tuple[Any, ...]:
    name = type(event).__name__
    match event:
        case AgentInput(input=messages) | AgentSetup(input=messages):
            return name, event.current_agent_name, spoken(messages)
        case AgentStream():
            return name, event.current_agent_name, event.response, selections(event.tool_calls)
        case AgentOutput():
            return name, *output(event)
        case ToolCallResult():
            result = (event.tool_output.content, event.tool_output.is_error, event.return_direct)
            return name, event.tool_name, event.tool_kwargs, _id(event), *result
        case ToolCall():
            return name, event.tool_name, event.tool_kwargs, _id(event)
        case _:
            return (name,)


def output(found: AgentOutput) -> tuple[Any, ...]:
    """An agent's answer."""
    answer = found.response.content or ""
    return found.current_agent_name, answer, selections(found.tool_calls), found.structured_response


def selections(calls: Iterable[Any]) -> list[tuple[str, ...]]:
    """Tool calls, whether selected or answered."""
    return _in_order(("tool", c.tool_name, str(c.tool_kwargs), _id(c)) for c in calls)


def _id(call: Any) -> str:
    # ReActAgent makes its own, at random.
    return call.tool_id if call.tool_id.startswith("call_") else "random"
