"""Events and completions into LlamaIndex responses."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Generator

import pytest
from llama_index.core.base.llms.types import (
    ChatResponse,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.callbacks.token_counting import get_tokens_from_response

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
from azure_agents.fold import fold
from llamaindex_azure_agents._chunks import Chunks, astream, stream
from llamaindex_azure_agents._responses import to_completion, to_response

USAGE = Usage(11, 7, 18, cached_tokens=3, reasoning_tokens=2)
DONE = Finished(
    "stop",
    "completed",
    thread_id="resp_1",
    response_id="resp_1",
    message_id="msg_1",
    model="gpt-x",
    anchor="fa1.anchor",
)
TALK: list[Event] = [
    Started(response_id="resp_1"),
    TextDelta("Hello", "m"),
    TextDelta(" you", "m"),
    USAGE,
    DONE,
]
CALLS: list[Event] = [
    TextDelta("Let me see.", "m"),
    ToolCallDelta(0, "call_1", "add", ""),
    ToolCallDelta(0, "", "", '{"a": 1'),
    ToolCallDelta(0, "", "", "}"),
    ToolCallDelta(1, "call_2", "now", "{}"),
    USAGE,
    Finished("tool_calls", "completed", thread_id="resp_1", response_id="resp_1", anchor="fa1.x"),
]
RICH: list[Event] = [
    ReasoningDelta("First", "r", 0),
    ReasoningDelta(" think", "r", 0),
    ReasoningDelta("Then act", "r", 1),
    ServerToolCall("fs_1", "file_search", {"queries": ["q"]}),
    Progress("fs_1", "file_search", "searching"),
    ServerToolResult("fs_1", "file_search", "success", {"results": []}),
    TextDelta("One. ", "m1"),
    TextDelta("Two [1].", "m2"),
    Citation("url", "m2", start=4, end=7, url="https://x.test", title="X"),
    Citation("file", "m2", marker="【1】", file_id="assistant-1", filename="a.md", quote="said"),
    MediaOutput("ig_1", "image", data=base64.b64encode(b"\x89PNG").decode(), mime_type="image/png"),
    MediaOutput("f_1", "file", data=base64.b64encode(b"abcd").decode(), filename="a.txt"),
    MediaOutput("cf_1", "image", file_id="cfile_1", container_id="cntr_1"),
    ApprovalRequest("mcpr_1", "delete", "{}", "github"),
    ConsentRequest("oauthreq_1", "https://login.test"),
    Other("future_item", {"id": "x"}),
    USAGE,
    DONE,
]
EMPTY: list[Event] = [Started(response_id="resp_1"), DONE]


def chunks_of(events: list[Event]) -> list[ChatResponse]:
    """All chunks of a streamed turn."""
    return list(stream(event for event in events))


async def achunks_of(events: list[Event]) -> list[ChatResponse]:
    """All chunks of a turn streamed on an event loop."""

    async def source() -> AsyncGenerator[Event, None]:
        for event in events:
            yield event

    return [chunk async for chunk in astream(source())]


SCENARIOS = pytest.mark.parametrize("events", [TALK, CALLS, RICH, EMPTY])


@SCENARIOS
def test_content_is_cumulative(events: list[Event]) -> None:
    """Every chunk shows the whole text so far, the deltas are its pieces."""
    text = ""
    for chunk in chunks_of(events):
        text += chunk.delta
        assert text == (chunk.message.content or "")
        assert sum(isinstance(block, TextBlock) for block in chunk.message.blocks) <= 1


@SCENARIOS
def test_the_last_chunk_is_the_whole_answer(events: list[Event]) -> None:
    """Whoever keeps only the last chunk has lost nothing against a plain call."""
    plain = to_response(fold(events))
    assert plain.model_copy(update={"delta": ""}) == chunks_of(events)[-1]


@SCENARIOS
def test_ids_and_usage_come_once(events: list[Event]) -> None:
    """Chunks before the last have no anchor and no usage, so nobody counts twice."""
    *early, last = chunks_of(events)
    assert all(
        set(chunk.raw or ()) <= {"progress"} and "foundry" not in chunk.message.additional_kwargs
        for chunk in early
    )
    assert "resp_1" == last.raw["thread_id"] == last.additional_kwargs["thread_id"]
    assert last.message.additional_kwargs["foundry"].startswith("fa1.")


@SCENARIOS
def test_async_streams_are_equal(events: list[Event]) -> None:
    """One mapping serves both worlds."""
    assert chunks_of(events) == asyncio.run(achunks_of(events))


def test_raw_holds_ids_ending_and_usage_in_both_spellings() -> None:
    """Callers of either OpenAI format find what they know."""
    read, thought = {"cached_tokens": 3}, {"reasoning_tokens": 2}
    expected = {
        "id": "resp_1",
        "thread_id": "resp_1",
        "response_id": "resp_1",
        "message_id": "msg_1",
        "status": "completed",
        "finish_reason": "stop",
        "model": "gpt-x",
        "usage": {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "input_tokens": 11,
            "output_tokens": 7,
            "prompt_tokens_details": read,
            "input_tokens_details": read,
            "completion_tokens_details": thought,
            "output_tokens_details": thought,
        },
    }
    response = to_response(fold(TALK))
    assert expected == response.raw
    flat = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    assert {**flat, "thread_id": "resp_1"} == response.additional_kwargs
    assert (11, 7) == get_tokens_from_response(response)


def test_unknown_usage_is_not_zero() -> None:
    """No count is no count; the framework then estimates."""
    response = to_response(fold(EMPTY))
    assert response.raw["usage"] is None
    assert {"thread_id": "resp_1"} == response.additional_kwargs


def test_calls_are_written_twice() -> None:
    """Blocks for agents, objects with `.function` for everything older."""
    message = to_response(fold(CALLS)).message
    blocks = [
        ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs='{"a": 1}'),
        ToolCallBlock(tool_call_id="call_2", tool_name="now", tool_kwargs="{}"),
    ]
    assert [TextBlock(text="Let me see."), *blocks] == message.blocks
    written = message.additional_kwargs["tool_calls"]
    assert [("call_1", "add", '{"a": 1}'), ("call_2", "now", "{}")] == [
        (call.id, call.function.name, call.function.arguments) for call in written
    ]


def test_arguments_stream() -> None:
    """Every chunk shows the calls as far as they are written."""
    shown = [
        [
            (c.function.name, c.function.arguments)
            for c in chunk.message.additional_kwargs["tool_calls"]
        ]
        for chunk in chunks_of(CALLS)[1:]
    ]
    first = ("add", '{"a": 1}')
    expected = [[("add", "")], [("add", '{"a": 1')], [first], [first, ("now", "{}")]]
    assert [*expected, expected[-1]] == shown


def test_a_rich_answer_keeps_everything() -> None:
    """Blocks where LlamaIndex has one, lists of plain values where it has none."""
    response = to_response(fold(RICH))
    assert [
        ThinkingBlock(content="First think\n\nThen act"),
        TextBlock(text="One. Two [1]."),
        CitationBlock(
            cited_content="[1]",
            source="https://x.test",
            title="X",
            additional_location_info={"start_index": 9, "end_index": 12},
        ),
        CitationBlock(
            cited_content="said", source="assistant-1", title="a.md", additional_location_info={}
        ),
        ImageBlock(image=b"\x89PNG", image_mimetype="image/png"),
        DocumentBlock(data=b"YWJjZA==", title="a.txt"),
    ] == response.message.blocks
    found = {
        "built_in_tool_calls": [
            {"id": "fs_1", "name": "file_search", "arguments": {"queries": ["q"]}}
        ],
        "built_in_tool_results": [
            {"id": "fs_1", "name": "file_search", "status": "success", "output": {"results": []}}
        ],
        "files": [
            {"id": "ig_1", "kind": "image", "mime_type": "image/png", "inline": True},
            {"id": "f_1", "kind": "file", "filename": "a.txt", "inline": True},
            {"id": "cf_1", "kind": "image", "file_id": "cfile_1", "container_id": "cntr_1"},
        ],
        "approval_requests": [
            {"id": "mcpr_1", "name": "delete", "arguments": "{}", "server_label": "github"}
        ],
        "consent_requests": [{"id": "oauthreq_1", "link": "https://login.test"}],
        "other": [{"kind": "future_item", "data": {"id": "x"}}],
        "annotations": [
            {
                "kind": "url",
                "url": "https://x.test",
                "title": "X",
                "start_index": 9,
                "end_index": 12,
            },
            {
                "kind": "file",
                "marker": "【1】",
                "file_id": "assistant-1",
                "filename": "a.md",
                "quote": "said",
            },
        ],
    }
    assert found == {key: response.additional_kwargs[key] for key in found}
    assert found == {key: response.raw[key] for key in found}
    kept = ["foundry", "approval_requests", "consent_requests"]  # memories keep nothing else
    assert kept == list(response.message.additional_kwargs)


def test_thinking_and_progress_are_seen_while_they_happen() -> None:
    """`thinking_delta` is the key agents look for."""
    seen = [chunk.additional_kwargs for chunk in chunks_of(RICH)[:6]]
    assert [
        {"thinking_delta": "First"},
        {"thinking_delta": " think"},
        {"thinking_delta": "\n\nThen act"},
        {
            "built_in_tool_calls": [
                {"id": "fs_1", "name": "file_search", "arguments": {"queries": ["q"]}}
            ]
        },
        {
            "progress": {
                "id": "fs_1",
                "name": "file_search",
                "status": "searching",
                "delta": "",
            }
        },
    ] == seen[:5]
    assert "built_in_tool_results" in seen[5]


def test_a_refusal_is_text_and_said_to_be_one() -> None:
    """The words are shown; the raw answer tells what they are."""
    events = [RefusalDelta("I cannot.", "m"), USAGE, DONE]
    response = to_response(fold(events))
    assert ("I cannot.", "I cannot.") == (response.message.content, response.raw["refusal"])
    assert ["I cannot.", ""] == [chunk.delta for chunk in chunks_of(events)]


def test_an_empty_answer_is_an_empty_message() -> None:
    """Not None, not an exception, and it carries its ids."""
    (chunk,) = chunks_of(EMPTY)
    assert ("", "") == (chunk.message.content, chunk.delta)


def test_an_answer_without_anchor_has_no_key() -> None:
    """What cannot be continued does not claim that it can."""
    assert {} == to_response(fold([Finished("stop", "completed")])).message.additional_kwargs


def test_completions_say_the_same() -> None:
    """The completion endpoints give text, delta, raw and all the keys."""
    chunk = chunks_of(TALK)[-1]
    completion = to_completion(chunk)
    assert ("Hello you", "", chunk.raw) == (completion.text, completion.delta, completion.raw)
    assert {**chunk.additional_kwargs, "foundry": "fa1.anchor"} == completion.additional_kwargs
    assert chunk == chunks_of(TALK)[-1]  # the chat response was not touched


def test_chunks_are_not_shared() -> None:
    """A caller that edits a chunk's message (chat engines do) edits nobody else's."""
    chunks = Chunks()
    first = chunks.add(TextDelta("a"))
    first.message.blocks = [TextBlock(text="edited")]
    assert "ab" == chunks.add(TextDelta("b")).message.content


def test_leaving_early_closes_the_turn() -> None:
    """Closing the chunks closes the core's generator, which cancels the run."""
    closed = []

    def source() -> Generator[Event, None, None]:
        try:
            yield from TALK
        finally:
            closed.append(True)

    chunks = stream(source())
    next(chunks)
    chunks.close()
    assert [True] == closed
