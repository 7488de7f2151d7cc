"""Function tools between LlamaIndex and the core."""

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import FunctionTool

from azure_agents.messages import ToolCall
from llamaindex_azure_agents import AzureAgentLLM
from llamaindex_azure_agents._tools import blocks_of, to_selection, tool_options, written

ENDPOINT = "https://r.services.ai.azure.com/api/projects/p"
ONE, TWO = ToolCall("call_1", "add", '{"a": 1, "b": 2}'), ToolCall("call_2", "now", "{}")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


TOOL = FunctionTool.from_defaults(add)
SPEC = TOOL.metadata.to_openai_tool()
FORCED = {"type": "function", "function": {"name": "add"}}


@pytest.fixture(name="llm")
def _llm() -> AzureAgentLLM:
    return AzureAgentLLM("my-agent", endpoint=ENDPOINT, credential="token")


def answer(*calls: ToolCall, text: str = "", **kwargs: Any) -> ChatResponse:
    """An answer that makes these calls."""
    blocks = [TextBlock(text=text)] if text else []
    kwargs = {**kwargs, "tool_calls": written(calls)} if calls else kwargs
    message = ChatMessage(
        role="assistant", blocks=[*blocks, *blocks_of(calls)], additional_kwargs=kwargs
    )
    return ChatResponse(message=message)


CHOICES = [
    (None, False, {}),
    ("auto", False, {}),
    ("auto", True, {}),
    (None, True, {"tool_choice": "required"}),
    ("required", False, {"tool_choice": "required"}),
    ("any", False, {"tool_choice": "required"}),
    ("none", True, {"tool_choice": "none"}),
    ("add", False, {"tool_choice": FORCED}),
    (FORCED, True, {"tool_choice": FORCED}),
]


@pytest.mark.parametrize(("choice", "required", "expected"), CHOICES)
def test_a_choice_is_sent_when_it_says_something(
    choice: Any, required: bool, expected: dict[str, Any]
) -> None:
    """Defaults are not sent: many agents refuse the option."""
    assert {"tools": [SPEC], **expected} == tool_options([TOOL], choice, required=required)


def test_no_tools_no_options() -> None:
    """An agent's own tools need nothing from us."""
    assert {} == tool_options([], "required", required=True)


def test_the_callers_history_is_not_touched(llm: AzureAgentLLM) -> None:
    """The list is often an agent's memory."""
    history = [ChatMessage("before")]
    prepared = llm._prepare_chat_with_tools(
        [TOOL], user_msg="now", chat_history=history, allow_parallel_tool_calls=True, stop="x"
    )
    assert [ChatMessage("before")] == history
    expected = {"messages": [*history, ChatMessage("now")], "tools": [SPEC], "stop": "x"}
    assert expected == prepared


def test_single_calls_are_asked_for(llm: AzureAgentLLM) -> None:
    """What the service can do about parallel calls, it is told."""
    prepared = llm._prepare_chat_with_tools([TOOL], user_msg=ChatMessage("now"))
    assert {
        "messages": [ChatMessage("now")],
        "tools": [SPEC],
        "parallel_tool_calls": False,
    } == prepared


ARGUMENTS = [
    ('{"a": 1}', {"a": 1}),
    ("", {}),
    ('{"a": 1, "b":', {"a": 1, "b": None}),
    ('{"a": {"c": [1, 2', {"a": {"c": [1, 2]}}),
    ("not json", {}),
    ("[1]", {}),
    ('{"a": }}', {}),
]


@pytest.mark.parametrize(("text", "expected"), ARGUMENTS)
def test_unfinished_arguments_never_raise(text: str, expected: dict[str, Any]) -> None:
    """Agents ask on every chunk."""
    selection = to_selection(ToolCall("call_1", "add", text))
    assert ToolSelection(tool_id="call_1", tool_name="add", tool_kwargs=expected) == selection


def test_calls_are_found_in_either_form(llm: AzureAgentLLM) -> None:
    """Chat engines replace the blocks of a streamed answer."""
    response = answer(ONE)
    expected = llm.get_tool_calls_from_response(response)
    response.message.blocks = [TextBlock(text="")]
    assert expected == llm.get_tool_calls_from_response(response)
    assert [to_selection(ONE)] == expected


def test_no_call_is_an_error_only_if_asked(llm: AzureAgentLLM) -> None:
    """The error shows what the agent said instead."""
    assert [] == llm.get_tool_calls_from_response(answer(text="hi"), error_on_no_tool_call=False)
    with pytest.raises(ValueError, match="called no tool, it said 'hi'"):
        llm.get_tool_calls_from_response(answer(text="hi"))


def test_one_call_is_kept_for_callers_that_run_one(llm: AzureAgentLLM) -> None:
    """The server waits for all results, so the shortened answer is no place to continue."""
    response = answer(ONE, TWO, text="t", foundry="fa1.x")
    shortened = llm._validate_chat_with_tools_response(response, [TOOL])
    assert answer(ONE, text="t") == shortened


@pytest.mark.parametrize(
    ("response", "parallel"),
    [(answer(ONE, TWO, foundry="fa1.x"), True), (answer(ONE, foundry="fa1.x"), False)],
)
def test_nothing_else_is_shortened(
    llm: AzureAgentLLM, response: ChatResponse, parallel: bool
) -> None:
    """Answers that need no change keep their anchor."""
    before = response.model_copy(deep=True)
    after = llm._validate_chat_with_tools_response(
        response, [TOOL], allow_parallel_tool_calls=parallel
    )
    assert before == after
