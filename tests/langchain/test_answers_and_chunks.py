"""The two ways to one message: `invoke` folds events, `stream` adds chunks up."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest
from langchain_core.language_models._compat_bridge import chunks_to_events
from langchain_core.messages import message_chunk_to_message
from langchain_core.outputs import ChatGenerationChunk

import langchain_azure_agents  # noqa: F401 - registers the translator
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
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
from azure_agents.fold import fold
from langchain_azure_agents._answers import to_message, usage_of
from langchain_azure_agents._blocks import refusal
from langchain_azure_agents._chunks import Chunker

END = Finished("stop", "completed", thread_id="resp_1", response_id="resp_1", model="gpt-4.1")
SEARCH = ServerToolCall("fs_1", "file_search", {"queries": ["q"]})
FOUND = ServerToolResult("fs_1", "file_search", "success", [{"file_id": "f"}])
SEARCH_BLOCK = {
    "type": "server_tool_call",
    "id": "fs_1",
    "name": "file_search",
    "args": {"queries": ["q"]},
}
FOUND_BLOCK = {
    "type": "server_tool_result",
    "tool_call_id": "fs_1",
    "status": "success",
    "output": [{"file_id": "f"}],
    "extras": {"name": "file_search"},
}


def text(value: Any, **more: Any) -> Any:
    """A text block."""
    return {"type": "text", "text": value, **more}


def non_standard(kind: Any, **facts: Any) -> Any:
    """A block of our own kind."""
    return {"type": "non_standard", "value": {"type": kind, **facts}}


def cited(start: Any, end: Any, **more: Any) -> Any:
    """A citation block."""
    where = {"start_index": start, "end_index": end}
    return {"type": "citation", "url": "https://x", **where, "extras": {"kind": "url"}, **more}


def url_citation(start: Any, end: Any, item: Any = "m1", part: Any = 0) -> Any:
    """A citation event."""
    return Citation("url", item, part, start, end, url="https://x")


# name -> (events, content, content_blocks)
SCENARIOS = {
    "text": ([TextDelta("Hel", "m1"), TextDelta("lo", "m1")], "Hello", [text("Hello")]),
    "nothing": ([], "", []),
    "empty delta": ([TextDelta("", "m1"), TextDelta("a", "m1")], "a", [text("a")]),
    "citation": (
        [TextDelta("See this.", "m1"), url_citation(4, 8)],
        "See this.",
        [text("See this.", annotations=[cited(4, 8)])],
    ),
    "citation before the rest of its text": (
        [TextDelta("See ", "m1"), url_citation(0, 3), TextDelta("this.", "m1")],
        "See this.",
        [text("See this.", annotations=[cited(0, 3)])],
    ),
    "server tool between two texts": (
        [
            TextDelta("Wait. ", "m1"),
            SEARCH,
            FOUND,
            TextDelta("Done.", "m2"),
            url_citation(0, 4, "m2"),
            url_citation(0, 4, "m1"),
        ],
        "Wait. Done.",
        [
            text("Wait. ", annotations=[cited(0, 4)]),
            SEARCH_BLOCK,
            FOUND_BLOCK,
            text("Done.", annotations=[cited(0, 4)]),
        ],
    ),
    "two server tools at once": (
        [SEARCH, ServerToolCall("fs_2", "file_search"), FOUND, TextDelta("a", "m1")],
        "a",
        [
            SEARCH_BLOCK,
            {"type": "server_tool_call", "id": "fs_2", "name": "file_search", "args": {}},
            FOUND_BLOCK,
            text("a"),
        ],
    ),
    "reasoning": (
        [
            ReasoningDelta("Hm", "r1"),
            ReasoningDelta("m.", "r1"),
            TextDelta("a", "m1"),
        ],
        "a",
        [{"type": "reasoning", "reasoning": "Hmm."}, text("a")],
    ),
    "refusal": (
        [RefusalDelta("I can", "m1"), RefusalDelta("not.", "m1")],
        "",
        [refusal("I cannot.")],
    ),
    "refusal before the text": (
        [RefusalDelta("N", "m1"), RefusalDelta("o.", "m1"), TextDelta("But this.", "m1", 1)],
        "But this.",
        [refusal("No."), text("But this.")],
    ),
    "media": (
        [
            TextDelta("Here: ", "m1"),
            MediaOutput("ig_1", "image", data="aGk=", mime_type="image/png"),
            MediaOutput("cf_1", "file", "cfile_1", "cntr_1", filename="a.csv"),
        ],
        "Here: ",
        [
            text("Here: "),
            {"type": "image", "id": "ig_1", "base64": "aGk=", "mime_type": "image/png"},
            {
                "type": "file",
                "id": "cf_1",
                "file_id": "cfile_1",
                "extras": {"filename": "a.csv", "container_id": "cntr_1"},
            },
        ],
    ),
    "approval and consent": (
        [
            ApprovalRequest("mcpr_1", "delete", "{}", "files"),
            ConsentRequest("oauth_1", "https://login", "mail"),
        ],
        "",
        [
            non_standard(
                "approval_request",
                id="mcpr_1",
                name="delete",
                arguments="{}",
                server_label="files",
            ),
            non_standard(
                "consent_request", id="oauth_1", link="https://login", server_label="mail"
            ),
        ],
    ),
    "unknown": (
        [Other("wormhole_call", {"id": "w_1", "depth": 3}), TextDelta("a", "m1")],
        "a",
        [non_standard("wormhole_call", id="w_1", depth=3), text("a")],
    ),
    "progress is not part of the answer": (
        [Progress("fs_1", "file_search", "searching"), TextDelta("a", "m1")],
        "a",
        [text("a")],
    ),
    "text and parallel calls": (
        [
            TextDelta("Let me.", "m1"),
            ToolCallDelta(0, "call_a", "f", ""),
            ToolCallDelta(0, "call_a", "f", '{"x"'),
            ToolCallDelta(1, "call_b", "g", ""),
            ToolCallDelta(0, "", "", ":1}"),
        ],
        "Let me.",
        [
            text("Let me."),
            {"type": "tool_call", "id": "call_a", "name": "f", "args": {"x": 1}},
            {"type": "tool_call", "id": "call_b", "name": "g", "args": {}},
        ],
    ),
}
NAMES = list(SCENARIOS)


def events_of(name: Any) -> Any:
    """All events of a scenario's turn."""
    events, _, _ = SCENARIOS[name]
    return [Started(response_id="resp_1"), *events, Usage(3, 2, 5, 1, 0), END]


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


def without_index(blocks: Any) -> Any:
    """Blocks without what only chunks have."""
    return [{k: v for k, v in block.items() if k != "index"} for block in blocks]


@pytest.mark.parametrize("name", NAMES)
def test_content_is_the_text_and_blocks_are_everything(name: Any) -> None:
    """`invoke` gives text as `content` and the standard blocks in order."""
    _, content, blocks = SCENARIOS[name]
    message = answer(events_of(name))
    assert (message.content, message.content_blocks) == (content, blocks)


@pytest.mark.parametrize("name", NAMES)
def test_chunks_add_up_to_the_answer(name: Any) -> None:
    """`stream` says what `invoke` says: text, blocks, calls, usage and metadata."""
    message, chunk = answer(events_of(name)), summed(events_of(name))
    assert chunk.content == message.content
    assert without_index(chunk.content_blocks) == message.content_blocks
    assert chunk.tool_calls == message.tool_calls
    assert chunk.usage_metadata == message.usage_metadata
    assert chunk.response_metadata == message.response_metadata


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_of_a_stream_is_the_answer(name: Any) -> None:
    """A checkpoint cannot tell how the model was asked."""
    stored = message_chunk_to_message(summed(events_of(name)))
    assert stored == answer(events_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_output_version_v1_puts_blocks_into_content(name: Any) -> None:
    """With `output_version="v1"` content is the list of blocks, in both ways of calling."""
    _, _, blocks = SCENARIOS[name]
    message, chunk = answer(events_of(name), v1=True), summed(events_of(name), v1=True)
    assert message.content == message.content_blocks == blocks
    assert without_index(chunk.content) == blocks
    assert chunk.response_metadata == message.response_metadata
    assert {} == chunk.additional_kwargs


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_one_form_of_content_per_stream(name: Any, v1: bool) -> None:
    """All chunks carry a string, or all of them carry a list of blocks."""
    kinds = {type(chunk.content) for chunk in chunks_of(events_of(name), v1=v1)}
    assert kinds == {list if v1 else str}


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_on_the_last_chunk_only(name: Any) -> None:
    """Merging would double ids and usage that came twice."""
    *others, last = chunks_of(events_of(name))
    assert "last" == last.chunk_position
    assert "resp_1" == last.response_metadata["thread_id"]
    assert {c.chunk_position for c in others} <= {None}
    assert [c.response_metadata for c in others] == [
        {"model_provider": "azure_ai_agents"} for _ in others
    ]
    assert [c.usage_metadata for c in others] == [None] * len(others)


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_event_bridge_loses_nothing(name: Any, v1: bool) -> None:
    """LangChain's event stream (v3) ends with the same blocks; text may be in one block."""
    chunks = [ChatGenerationChunk(message=chunk) for chunk in chunks_of(events_of(name), v1=v1)]
    finished = [
        e["content"]
        for e in chunks_to_events(iter(chunks))
        if "finish" in e["event"][8:] and "content" in e
    ]
    expected = SCENARIOS[name][2]
    kinds = sorted(block["type"] for block in expected if block["type"] != "text")
    assert sorted(b["type"] for b in finished if b["type"] != "text") == kinds
    texts = "".join(b["text"] for b in expected if b["type"] == "text")
    assert "".join(b["text"] for b in finished if b["type"] == "text") == texts
    count = sum(len(b.get("annotations", ())) for b in expected)
    assert sum(len(b.get("annotations", ())) for b in finished) == count


def test_two_reasoning_summaries_are_two_paragraphs() -> None:
    """As one text they stay apart, as blocks they are two."""
    events = [ReasoningDelta("One.", "r1", 0), ReasoningDelta("Two.", "r1", 1), END]
    blocks = [{"type": "reasoning", "reasoning": word} for word in ("One.", "Two.")]
    assert {"reasoning_content": "One.\n\nTwo."} == answer(events).additional_kwargs
    assert {"reasoning_content": "One.\n\nTwo."} == summed(events).additional_kwargs
    assert answer(events, v1=True).content == blocks
    assert without_index(summed(events, v1=True).content) == blocks


def test_requests_to_the_user_are_in_the_metadata() -> None:
    """Who waits for an approval or a consent need not search blocks for it."""
    metadata = answer(events_of("approval and consent")).response_metadata
    assert [
        {"id": "mcpr_1", "name": "delete", "arguments": "{}", "server_label": "files"}
    ] == metadata["approval_requests"]
    assert [{"id": "oauth_1", "link": "https://login", "server_label": "mail"}] == metadata[
        "consent_requests"
    ]


def test_all_facts_of_a_classic_turn() -> None:
    """Every id is under its name, and one under LangChain's `id`."""
    end = Finished(
        "length",
        "incomplete",
        thread_id="thread_1",
        run_id="run_1",
        message_id="msg_1",
        anchor="fa1.a",
        incomplete_reason="max_completion_tokens",
        details={"content_filter": "safe"},
    )
    assert {
        "model_provider": "azure_ai_agents",
        "model_name": "my-agent",
        "finish_reason": "length",
        "id": "run_1",
        "status": "incomplete",
        "thread_id": "thread_1",
        "run_id": "run_1",
        "message_id": "msg_1",
        "foundry": "fa1.a",
        "incomplete_reason": "max_completion_tokens",
        "details": {"content_filter": "safe"},
    } == answer([end]).response_metadata


USAGES = [
    (None, None),
    (Usage(3, 2, 5), {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}),
    (
        Usage(3, 2, 5, 0, 1),
        {
            "input_tokens": 3,
            "output_tokens": 2,
            "total_tokens": 5,
            "input_token_details": {"cache_read": 0},
            "output_token_details": {"reasoning": 1},
        },
    ),
]


@pytest.mark.parametrize(("usage", "expected"), USAGES)
def test_usage_has_the_details_that_the_service_told(usage: Any, expected: Any) -> None:
    """Zero is a number, and unknown is absent."""
    assert usage_of(usage) == expected


def test_a_shortened_text_keeps_its_blocks() -> None:
    """Middleware that masks an answer does not break `content_blocks`."""
    message = answer(events_of("server tool between two texts"))
    masked = message.model_copy(update={"content": "***"})
    assert [
        "text",
        "server_tool_call",
        "server_tool_result",
    ] == [block["type"] for block in masked.content_blocks]
