"""What the v2 codec reads."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import (
    AzureAgentsError,
    RateLimitError,
    RunCancelledError,
    RunFailedError,
    ServerError,
    StreamInterruptedError,
)
from azure_agents.events import (
    Citation,
    Event,
    Finished,
    FinishReason,
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
from azure_agents.messages import ToolCall, assistant
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.codec import answer_message, finish_reason
from azure_agents.protocols.responses.reader import ResponseReader

from .v2_samples import (
    CALL_ITEM,
    CREATED,
    JSON,
    URL,
    USAGE,
    WHERE,
    frame,
    item_event,
    message_item,
    response,
    stream,
)

COMPLETED = {"type": "response.completed"}
EVENTS: list[Any] = [
    pytest.param(
        {"type": "response.output_text.delta", "delta": "He", **WHERE, "obfuscation": "x"},
        [TextDelta("He", "msg_1", 0)],
        id="text",
    ),
    pytest.param(
        {"type": "response.output_text.delta", "delta": "", **WHERE}, [], id="text of nothing"
    ),
    pytest.param(
        {"type": "response.refusal.delta", "delta": "No", **WHERE},
        [RefusalDelta("No", "msg_1", 0)],
        id="refusal",
    ),
    pytest.param(
        {
            "type": "response.reasoning_summary_text.delta",
            "delta": "hm",
            "item_id": "rs_1",
            "summary_index": 1,
        },
        [ReasoningDelta("hm", "rs_1", 1)],
        id="reasoning summary",
    ),
    pytest.param(
        {
            "type": "response.reasoning_text.delta",
            "delta": "hm",
            "item_id": "rs_1",
            "content_index": 0,
        },
        [ReasoningDelta("hm", "rs_1", -1)],
        id="raw reasoning",
    ),
    pytest.param(
        {"type": "response.output_text.annotation.added", "annotation": URL, **WHERE},
        [Citation("url", "msg_1", 0, 1, 2, url="https://x", title="X")],
        id="URL citation",
    ),
    pytest.param(
        {
            "type": "response.output_text.annotation.added",
            "annotation": {"type": "file_citation", "file_id": "f", "filename": "a", "index": 3},
            **WHERE,
        },
        [Citation("file", "msg_1", 0, 3, 3, file_id="f", filename="a")],
        id="file citation",
    ),
    pytest.param(
        {
            "type": "response.output_text.annotation.added",
            "annotation": {
                "type": "container_file_citation",
                "container_id": "c",
                "file_id": "f",
                "filename": "a",
                "start_index": 0,
                "end_index": 2,
            },
            **WHERE,
        },
        [Citation("container_file", "msg_1", 0, 0, 2, None, None, None, "f", "a", "c")],
        id="container file citation",
    ),
    pytest.param(
        {
            "type": "response.output_text.annotation.added",
            "annotation": {"type": "file_path", "file_id": "f", "index": 1},
            **WHERE,
        },
        [Citation("file_path", "msg_1", 0, file_id="f")],
        id="file path",
    ),
    pytest.param(
        {
            "type": "response.output_text.annotation.added",
            "annotation": {"type": "new", "x": 1},
            **WHERE,
        },
        [Other("annotation.new", {"type": "new", "x": 1})],
        id="unknown annotation",
    ),
    pytest.param(
        item_event("added", {**CALL_ITEM, "arguments": ""}),
        [ToolCallDelta(0, "call_1", "f", "")],
        id="call",
    ),
    pytest.param(item_event("added", {"type": "message", "id": "m"}), [], id="message begins"),
    pytest.param(item_event("done", message_item("a")), [], id="message ends"),
    pytest.param(item_event("done", {**CALL_ITEM, "arguments": "{}"}), [], id="call ends"),
    pytest.param(item_event("added", {"type": "mcp_call", "id": "x"}), [], id="tool begins"),
    pytest.param(
        item_event("done", {"type": "mcp_call", "id": "x"}),
        [ServerToolCall("x", "mcp"), ServerToolResult("x", "mcp", "success")],
        id="tool ends",
    ),
    pytest.param(
        item_event("done", {"type": "reasoning", "id": "rs", "summary": []}),
        [],
        id="reasoning without text",
    ),
    pytest.param(
        item_event(
            "done",
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "a"}]},
        ),
        [],
        id="reasoning whose text came as deltas",
    ),
    pytest.param(
        {
            "type": "response.function_call_arguments.delta",
            "delta": "{",
            "item_id": "fc_?",
            "output_index": 0,
        },
        [
            Other(
                "response.function_call_arguments.delta",
                {
                    "type": "response.function_call_arguments.delta",
                    "delta": "{",
                    "item_id": "fc_?",
                    "output_index": 0,
                },
            )
        ],
        id="arguments of an unknown call",
    ),
    pytest.param(
        {"type": "response.file_search_call.searching", "item_id": "fs_1", "output_index": 0},
        [Progress("fs_1", "file_search", "searching")],
        id="file search",
    ),
    pytest.param(
        {"type": "response.web_search_call.in_progress", "item_id": "ws_1"},
        [Progress("ws_1", "web_search", "in_progress")],
        id="web search",
    ),
    pytest.param(
        {"type": "response.mcp_list_tools.completed", "item_id": "x"},
        [Progress("x", "mcp_list_tools", "completed")],
        id="list of MCP tools",
    ),
    pytest.param(
        {"type": "response.code_interpreter_call_code.delta", "item_id": "ci", "delta": "1+"},
        [Progress("ci", "code_interpreter", "coding", "1+")],
        id="code",
    ),
    pytest.param(
        {"type": "response.brand_new", "x": 1},
        [Other("response.brand_new", {"type": "response.brand_new", "x": 1})],
        id="unknown event",
    ),
    *(
        pytest.param({"type": f"response.{name}", **WHERE}, [], id=name)
        for name in ("content_part.added", "content_part.done", "output_text.done")
    ),
]


@pytest.mark.parametrize(("wire", "events"), EVENTS)
def test_every_event_is_understood(wire: JSON, events: list[Event]) -> None:
    """What the service sends is what we read."""
    assert events == ResponseReader(Delivered()).feed(frame(wire))


def test_a_response_begins_once() -> None:
    """Ids are known from the first event on, and told once."""
    reader = ResponseReader(Delivered())
    wire = {**CREATED["response"], "conversation": {"id": "conv_1"}}
    raw = stream(
        {"type": "response.created", "response": wire},
        {"type": "response.queued", "response": wire},
        {"type": "response.in_progress", "response": wire},
    )
    assert [Started("conv_1", None, "resp_1")] == reader.feed(raw)


def test_calls_are_numbered_in_their_order() -> None:
    """Parallel calls keep their fragments apart by item id."""
    second = {**CALL_ITEM, "id": "fc_2", "call_id": "call_2", "name": "g"}
    delta = {"type": "response.function_call_arguments.delta"}
    raw = stream(
        item_event("added", {**CALL_ITEM, "arguments": ""}),
        item_event("added", {**second, "arguments": ""}),
        {**delta, "item_id": "fc_2", "delta": "[]"},
        {**delta, "item_id": "fc_1", "delta": "{}"},
    )
    assert [
        ToolCallDelta(0, "call_1", "f", ""),
        ToolCallDelta(1, "call_2", "g", ""),
        ToolCallDelta(1, "", "", "[]"),
        ToolCallDelta(0, "", "", "{}"),
    ] == ResponseReader(Delivered()).feed(raw)


def test_an_event_that_comes_again_is_skipped() -> None:
    """Events carry numbers: what was numbered before was said before."""
    delta = {"type": "response.output_text.delta", **WHERE}
    raw = stream(
        {**delta, "delta": "a", "sequence_number": 4},
        {**delta, "delta": "b", "sequence_number": 5},
        {**delta, "delta": "a", "sequence_number": 4},
        {**delta, "delta": "b", "sequence_number": 5},
        {**delta, "delta": "c", "sequence_number": 6},
        {**delta, "delta": "d"},
    )
    reader = ResponseReader(Delivered())
    texts = [event.text for event in reader.feed(raw) if isinstance(event, TextDelta)]
    assert (["a", "b", "c", "d"], 6) == (texts, reader.sequence_number)


@pytest.mark.parametrize(
    ("seen", "rest"), [(None, "abc"), (0, "abc"), (1, "bc"), (2, "c"), (3, ""), (4, "")]
)
def test_what_the_caller_got_elsewhere_is_not_told_again(seen: int | None, rest: str) -> None:
    """The rest of a stream begins behind the last event that was seen, to the very event."""
    delta = {"type": "response.output_text.delta", **WHERE}
    raw = stream(
        {**CREATED, "sequence_number": 0},
        *({**delta, "delta": text, "sequence_number": n} for n, text in enumerate("abc", 1)),
        {**COMPLETED, "response": response(message_item("abc")), "sequence_number": 4},
    )
    reader = ResponseReader(Delivered(), seen=seen)
    texts = [event.text for event in reader.feed(raw) if isinstance(event, TextDelta)]
    assert (rest, True) == ("".join(texts), reader.is_done)


def test_a_final_response_may_not_lack_what_a_cut_stream_delivered() -> None:
    """The answer was generated again, and shorter: what the caller has read is not part of it."""
    delivered = Delivered()
    delta = {"type": "response.output_text.delta", **WHERE}
    ResponseReader(delivered).feed(stream(CREATED, {**delta, "delta": "Hello, w"}))
    again = stream(CREATED, {**COMPLETED, "response": response(message_item("Hello"))})
    with pytest.raises(StreamInterruptedError) as caught:
        ResponseReader(delivered).feed(again)
    assert "Hello, w" == caught.value.partial_text


def test_arguments_that_came_twice_are_noticed_at_the_end() -> None:
    """No tool may run on more than the final response says."""
    delta = {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": "{}"}
    raw = stream(
        item_event("added", {**CALL_ITEM, "arguments": ""}),
        delta,
        delta,
        {**COMPLETED, "response": response({**CALL_ITEM, "arguments": "{}"})},
    )
    with pytest.raises(StreamInterruptedError):
        ResponseReader(Delivered()).feed(raw)


def test_parallel_calls_of_a_whole_answer_are_numbered() -> None:
    """A stored response, and a final one without deltas, keep their calls apart."""
    second = {**CALL_ITEM, "id": "fc_2", "call_id": "call_2", "name": "g"}
    whole = response(
        {**CALL_ITEM, "arguments": "{}"}, message_item("a"), {**second, "arguments": "[]"}
    )
    calls = [ToolCallDelta(0, "call_1", "f", "{}"), ToolCallDelta(1, "call_2", "g", "[]")]
    stored = ResponseReader(Delivered()).read(whole)
    final = ResponseReader(Delivered()).feed(frame({**COMPLETED, "response": whole}))
    for events in (stored, final):
        assert calls == [event for event in events if isinstance(event, ToolCallDelta)]


@pytest.mark.parametrize(
    "tail", [b"data: [DONE]\n\n", b"data:\n\n", b"event: x\ndata: {\n\n", frame(CREATED)], ids=repr
)
def test_what_follows_the_end_does_not_matter(tail: bytes) -> None:
    """A whole answer is not lost over bytes after its final event."""
    reader = ResponseReader(Delivered())
    final = {"type": "response.completed", "response": response(message_item("a"))}
    assert [Started(None, None, "resp_1"), TextDelta("a", "msg_1", 0)] == reader.feed(
        frame(final) + tail
    )
    assert [] == reader.feed(tail)
    assert reader.is_done


USAGES = [
    (USAGE, Usage(9, 3, 12, 4, 2)),
    ({"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}, Usage(9, 3, 12)),
    (
        {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12, "input_tokens_details": None},
        Usage(9, 3, 12),
    ),
    (None, None),
]


@pytest.mark.parametrize(("wire", "usage"), USAGES)
def test_usage_is_read_with_its_details(wire: JSON | None, usage: Usage | None) -> None:
    """Cached and reasoning tokens are told where the service tells them."""
    events = ResponseReader(Delivered()).read(response(usage=wire))
    assert usage == fold([*events, Finished("stop", "completed")]).usage


ENDS: list[tuple[JSON, FinishReason]] = [
    (response(message_item("a")), "stop"),
    (response(), "stop"),
    (response({**CALL_ITEM, "arguments": "{}"}), "tool_calls"),
    (
        response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        "length",
    ),
    (
        response(status="incomplete", incomplete_details={"reason": "content_filter"}),
        "content_filter",
    ),
    (response(status="incomplete", incomplete_details={"reason": "new"}), "length"),
    (response(incomplete_details=None), "stop"),
]


@pytest.mark.parametrize(("wire", "reason"), ENDS)
def test_the_finish_reason_is_in_words_of_openai(wire: Any, reason: FinishReason) -> None:
    """Why an answer ended is told in the words every framework knows."""
    assert reason == finish_reason(wire)


ERROR = {"code": "server_error", "message": "Sorry."}


FAILURES: list[Any] = [
    pytest.param(
        {"type": "response.failed", "response": response(status="failed", error=ERROR)},
        RunFailedError,
        {"code": "server_error", "response_id": "resp_1"},
        id="failed",
    ),
    pytest.param(
        {
            "type": "response.failed",
            "response": response(
                status="failed", error={"code": "rate_limit_exceeded", "message": "Slow down."}
            ),
        },
        RateLimitError,
        {"code": "rate_limit_exceeded", "response_id": "resp_1"},
        id="rate limit",
    ),
    pytest.param(
        {"type": "response.failed", "response": response(status="failed", error=None)},
        RunFailedError,
        {"response_id": "resp_1"},
        id="failed without a reason",
    ),
    pytest.param(
        {"type": "response.cancelled", "response": response(status="cancelled")},
        RunCancelledError,
        {"response_id": "resp_1"},
        id="cancelled",
    ),
    pytest.param(
        {"type": "error", "code": "server_error", "message": "Sorry.", "param": None},
        ServerError,
        {"code": "server_error"},
        id="error event",
    ),
]


@pytest.mark.parametrize(("wire", "cls", "facts"), FAILURES)
def test_a_bad_end_is_a_failure(wire: JSON, cls: type[AzureAgentsError], facts: JSON) -> None:
    """A turn that ended badly is never an answer; its error has the facts."""
    reader = ResponseReader(Delivered())
    reader.feed(frame(wire))
    assert reader.failure is not None
    assert (cls, facts, True) == (type(reader.failure), reader.failure.facts, reader.is_done)


def test_the_answer_is_the_transcripts_next_message() -> None:
    """Text, refusals and calls of a response are what the next turn's history holds."""
    refusal = {"type": "message", "id": "m", "content": [{"type": "refusal", "refusal": "No."}]}
    wire: Any = response(
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
        message_item("One. "),
        refusal,
        {**CALL_ITEM, "arguments": "{}"},
    )
    assert assistant("One. No.", ToolCall("call_1", "f", "{}")) == answer_message(wire)
