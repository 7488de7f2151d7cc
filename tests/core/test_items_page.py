"""What the adapters make of everything an agent can answer, and the page that says so."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Any, Literal

import pytest

from azure_agents.emulator import CodeInterpreter, Emulator, Fault, McpCall
from azure_agents.events import Finished, ToolCallDelta
from azure_agents.fold import fold
from langchain_azure_agents import ChatAzureAgent
from langchain_azure_agents._answers import to_message
from langchain_azure_agents._chunks import Chunker
from llamaindex_azure_agents._chunks import Chunks
from llamaindex_azure_agents._responses import to_response

from ..covering import case
from .items_page import PAGE, Row, page, rows

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

END = Finished("stop", "completed")


def test_the_page_is_what_the_code_does() -> None:
    """`make docs` was run after the last change."""
    assert page() == PAGE.read_text("utf-8")


ROWS = list(rows())


@pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
def test_langchain_has_standard_blocks_of_everything(v1: bool) -> None:
    """Streamed or not, the blocks are the same, and only functions are tool calls."""
    for row in ROWS:
        with case(f"{row.generation} {row.type}"):
            check_langchain(row, v1=v1)


def check_langchain(row: Row, *, v1: bool) -> None:
    """A message and the sum of its chunks."""
    events = [*row.events, END]
    message = to_message(fold(events), agent="my-agent", v1=v1)
    chunker = Chunker(agent="my-agent", v1=v1)
    chunks = [chunk for event in events if (chunk := chunker.chunk(event)) is not None]
    assert "Other" not in {type(event).__name__ for event in row.events}
    assert any(isinstance(e, ToolCallDelta) for e in row.events) == bool(message.tool_calls)
    assert without_index(message) == without_index(functools.reduce(operator.add, chunks))


def without_index(message: AIMessage) -> list[Any]:
    """The blocks; the numbers that chunks are added up by do not matter."""
    return [
        {key: value for key, value in block.items() if key != "index"}
        for block in message.content_blocks
    ]


def test_the_last_chunk_of_llamaindex_is_the_whole_answer() -> None:
    """Message and raw answer, of every type of item."""
    for row in ROWS:
        with case(f"{row.generation} {row.type}"):
            check_llamaindex(row)


def check_llamaindex(row: Row) -> None:
    """A response, and the last chunk of its stream."""
    events = [*row.events, END]
    chunks = Chunks()
    (*_, last) = [chunk for event in events if (chunk := chunks.add(event)) is not None]
    whole = to_response(fold(events))
    assert (whole.message, whole.raw) == (last.message, last.raw)
    assert "other" not in whole.additional_kwargs


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("after", range(1, 16, 2))
def test_a_cut_stream_keeps_every_server_tool_block(
    generation: Literal["v2", "classic"], after: int
) -> None:
    """Wherever a stream breaks, the message is the one of the whole stream."""
    parts = [CodeInterpreter("print(1)", "1"), McpCall("docs", "find", output="42"), "done"]
    with Emulator() as foundry:
        agent = foundry.create_agent(
            "my-agent", [parts], generation=generation, tools=[{"type": "code_interpreter"}]
        )
        llm = ChatAzureAgent(model=agent.model, **foundry.connection())
        foundry.faults.add(Fault("cut", after_events=after))
        blocks = functools.reduce(operator.add, llm.stream("hi")).content_blocks
    tool = ["server_tool_call", "server_tool_result"]
    assert [*tool, *tool, "text"] == [block["type"] for block in blocks]
