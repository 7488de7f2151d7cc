"""Folding events into one completion: blocks in order, deltas joined, calls whole."""

from __future__ import annotations

import pytest

from azure_agents.errors import ProtocolError
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    Event,
    Finished,
    MediaOutput,
    Other,
    Progress,
    ReasoningDelta,
    RefusalDelta,
    ServerToolCall,
    ServerToolResult,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from azure_agents.fold import Block, Completion, ReasoningBlock, RefusalBlock, TextBlock, fold
from azure_agents.messages import ToolCall

END = Finished("stop", "completed", thread_id="conv_1")
CITED = Citation("url", "m", 0, 1, 2, url="https://example.com")
STANDALONE: list[Event] = [
    ServerToolCall("s", "file_search", {"q": "x"}),
    ServerToolResult("s", "file_search", "success", []),
    MediaOutput("i", "image", data="AA=="),
    ApprovalRequest("a", "f", "{}"),
    ConsentRequest("c", "https://example.com"),
    Other("new_item", {"type": "new_item"}),
]
BLOCKS = [
    pytest.param([], [], "", id="an empty answer"),
    pytest.param(
        [TextDelta("He", "m", 0), TextDelta("y", "m", 0)],
        [TextBlock("m", 0, "Hey")],
        "Hey",
        id="deltas of one part",
    ),
    pytest.param(
        [TextDelta("a", "m", 0), TextDelta("b", "m", 1), TextDelta("c", "n", 0)],
        [TextBlock("m", 0, "a"), TextBlock("m", 1, "b"), TextBlock("n", 0, "c")],
        "abc",
        id="parts and items are blocks of their own",
    ),
    pytest.param(
        [TextDelta("a", "m", 0), TextDelta("x", "n", 0), TextDelta("b", "m", 0)],
        [TextBlock("m", 0, "ab"), TextBlock("n", 0, "x")],
        "abx",
        id="interleaved deltas",
    ),
    pytest.param(
        [TextDelta("a", "m", 0), RefusalDelta("no", "m", 1), ReasoningDelta("hm", "r", 0)],
        [TextBlock("m", 0, "a"), RefusalBlock("m", 1, "no"), ReasoningBlock("r", 0, "hm")],
        "ano",
        id="refusals are answer text, reasoning is not",
    ),
    pytest.param(
        [RefusalDelta("x", "m", 0), TextDelta("a", "m", 0)],
        [RefusalBlock("m", 0, "x"), TextBlock("m", 0, "a")],
        "xa",
        id="kinds are never mixed",
    ),
    pytest.param(
        [TextDelta("abc", "m", 0), CITED],
        [TextBlock("m", 0, "abc", [CITED])],
        "abc",
        id="a citation belongs to its text",
    ),
    pytest.param(
        [CITED, TextDelta("abc", "m", 0)],
        [TextBlock("m", 0, "abc", [CITED])],
        "abc",
        id="a citation before its text",
    ),
    pytest.param(
        [TextDelta("a", "m", 0), *STANDALONE, TextDelta("b", "m", 0)],
        [TextBlock("m", 0, "ab"), *STANDALONE],
        "ab",
        id="what stands for itself",
    ),
    pytest.param(
        [Started("t"), Progress("s", "file_search", "searching"), TextDelta("a")],
        [TextBlock("", 0, "a")],
        "a",
        id="progress and start are no content",
    ),
]


@pytest.mark.parametrize(("events", "blocks", "text"), BLOCKS)
def test_blocks_come_in_order(events: list[Event], blocks: list[Block], text: str) -> None:
    """Deltas of one part become one block where the part began."""
    folded = fold([*events, END])
    assert (Completion(blocks, [], None, END), text) == (folded, folded.text)


CALLS = [
    pytest.param(
        [ToolCallDelta(0, "c", "f", '{"a"'), ToolCallDelta(0, "", "", ":1}")],
        [ToolCall("c", "f", '{"a":1}')],
        id="fragments",
    ),
    pytest.param([ToolCallDelta(0, "c", "f", "")], [ToolCall("c", "f", "")], id="no arguments"),
    pytest.param(
        [
            ToolCallDelta(1, "d", "g", "{"),
            ToolCallDelta(0, "c", "f", "{}"),
            ToolCallDelta(1, "", "", "}"),
        ],
        [ToolCall("c", "f", "{}"), ToolCall("d", "g", "{}")],
        id="interleaved parallel calls",
    ),
]


@pytest.mark.parametrize(("deltas", "calls"), CALLS)
def test_calls_are_joined_by_their_index(deltas: list[Event], calls: list[ToolCall]) -> None:
    """The first delta names a call, every delta brings more of its arguments."""
    assert Completion([], calls, None, END) == fold([*deltas, END])


def test_usage_and_citations_are_at_hand() -> None:
    """What the service said about the whole turn is on the completion."""
    usage = Usage(1, 2, 3, 0, 1)
    folded = fold([TextDelta("abc", "m", 0), CITED, usage, END])
    assert (usage, END, [CITED]) == (folded.usage, folded.finished, folded.citations)


def test_a_turn_without_its_final_event_is_no_completion() -> None:
    """A turn that just stops is never taken for an answer."""
    with pytest.raises(ProtocolError, match="the turn ended without a final event"):
        fold([TextDelta("a")])
