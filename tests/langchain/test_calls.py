"""Calls whose arguments are no JSON object are no calls, streamed or not."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest

from azure_agents.events import Finished, ToolCallDelta
from azure_agents.fold import fold
from langchain_azure_agents._answers import to_message
from langchain_azure_agents._chunks import Chunker

END = Finished("stop", "completed")


def chunks_of(events: Any, *, v1: bool = False) -> Any:
    """The chunks of a stream."""
    chunker = Chunker(agent="my-agent", v1=v1)
    return [chunk for event in events if (chunk := chunker.chunk(event)) is not None]


def summed(events: Any, *, v1: bool = False) -> Any:
    """The chunks, added up."""
    return functools.reduce(operator.add, chunks_of(events, v1=v1))


def answer(events: Any, *, v1: bool = False) -> Any:
    """What `invoke` gives."""
    return to_message(fold(events), agent="my-agent", v1=v1)


BAD_ARGUMENTS = [
    "{",
    "[1]",
    '"x"',
    "null",
    "broken",
    "{broken",
    '{"path": "/home',
    '{"path": "/home/x\\',
    '{"paths": ["/a", "/b',
    '{"paths": ["/a"',
    '{"a": 1, "b"',
    '{"a": 1} and more',
    '{"a": 1}}',
    '{"a": "line\nbreak"}',
]


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("arguments", BAD_ARGUMENTS)
def test_bad_arguments_are_invalid_tool_calls(arguments: Any, v1: bool) -> None:
    """What is no JSON object is no call, so that no tool runs with half its arguments."""
    events = [ToolCallDelta(0, "call_a", "f", arguments), ToolCallDelta(1, "b", "g", "{}"), END]
    message, chunk = answer(events, v1=v1), summed(events, v1=v1)
    assert [(c["id"], c["args"]) for c in message.invalid_tool_calls] == [("call_a", arguments)]
    assert ["call_a"] == [c["id"] for c in chunk.invalid_tool_calls]
    assert chunk.invalid_tool_calls[0]["args"].startswith(arguments)
    assert chunk.tool_calls == message.tool_calls
    assert ["tool_call", "invalid_tool_call"] == [block["type"] for block in message.content_blocks]
