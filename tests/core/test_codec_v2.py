"""The v2 wire: messages out as input items, events and response objects in as events.

Wire shapes are those of the recordings and of the openai SDK's types, never of our own encoder.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from azure_agents.errors import (
    AzureAgentsError,
    ProtocolError,
    RateLimitError,
    RunCancelledError,
    RunFailedError,
    ServerError,
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
from azure_agents.messages import (
    ApprovalReply,
    Media,
    Message,
    Text,
    ToolCall,
    assistant,
    system,
    tool,
    user,
)
from azure_agents.naming import parse_agent
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.codec import (
    answer_message,
    encode_agent,
    encode_input,
    finish_reason,
)
from azure_agents.protocols.responses.reader import ResponseReader

JSON = dict[str, Any]
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "v2"

# --- requests ------------------------------------------------------------------------------------

CALL = ToolCall("call_1", "get_weather", '{"location":"Seattle"}')
WIRE_CALL = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"location":"Seattle"}',
}
ITEMS: list[Any] = [
    pytest.param(user("Hi"), [{"type": "message", "role": "user", "content": "Hi"}], id="user"),
    pytest.param(
        system("Be brief."),
        [{"type": "message", "role": "system", "content": "Be brief."}],
        id="system",
    ),
    pytest.param(
        assistant("Hello"),
        [{"type": "message", "role": "assistant", "content": "Hello"}],
        id="assistant",
    ),
    pytest.param(
        user(" a\n"), [{"type": "message", "role": "user", "content": " a\n"}], id="text verbatim"
    ),
    pytest.param(
        Message("user", (Text("a"), Text("b"))),
        [{"type": "message", "role": "user", "content": "ab"}],
        id="texts are one string",
    ),
    pytest.param(
        assistant("Let me see.", CALL),
        [{"type": "message", "role": "assistant", "content": "Let me see."}, WIRE_CALL],
        id="text and call",
    ),
    pytest.param(assistant("", CALL), [WIRE_CALL], id="call alone"),
    pytest.param(
        assistant("", CALL, ToolCall("call_2", "f", "not JSON")),
        [
            WIRE_CALL,
            {"type": "function_call", "call_id": "call_2", "name": "f", "arguments": "not JSON"},
        ],
        id="parallel calls, arguments verbatim",
    ),
    pytest.param(
        tool("call_1", "72°F"),
        [{"type": "function_call_output", "call_id": "call_1", "output": "72°F"}],
        id="result",
    ),
    pytest.param(
        tool("call_1", "boom", is_error=True),
        [{"type": "function_call_output", "call_id": "call_1", "output": "boom"}],
        id="failed tool",
    ),
    pytest.param(
        tool("call_1", ""),
        [{"type": "function_call_output", "call_id": "call_1", "output": ""}],
        id="empty result",
    ),
    pytest.param(
        Message(
            "tool", (Text("see"), Media("image", url="https://x/y.png")), tool_call_id="call_1"
        ),
        [
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": [
                    {"type": "input_text", "text": "see"},
                    {"type": "input_image", "detail": "auto", "image_url": "https://x/y.png"},
                ],
            }
        ],
        id="result with an image",
    ),
    pytest.param(
        Message("user", (ApprovalReply("mcpr_1", approve=True),)),
        [{"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}],
        id="approval",
    ),
    pytest.param(
        Message("user", (Text("no"), ApprovalReply("mcpr_1", approve=False, reason="unsafe"))),
        [
            {"type": "message", "role": "user", "content": "no"},
            {
                "type": "mcp_approval_response",
                "approval_request_id": "mcpr_1",
                "approve": False,
                "reason": "unsafe",
            },
        ],
        id="denial with a reason",
    ),
]
PARTS = [
    pytest.param(
        Media("image", url="https://x/y.png", detail="low"),
        {"type": "input_image", "detail": "low", "image_url": "https://x/y.png"},
        id="image URL",
    ),
    pytest.param(
        Media("image", data=b"\x00\xff", mime_type="image/png"),
        {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AP8="},
        id="image data",
    ),
    pytest.param(
        Media("image", file_id="assistant-1"),
        {"type": "input_image", "detail": "auto", "file_id": "assistant-1"},
        id="image file",
    ),
    pytest.param(
        Media("file", file_id="assistant-1"),
        {"type": "input_file", "file_id": "assistant-1"},
        id="file id",
    ),
    pytest.param(
        Media("file", url="https://x/y.pdf"),
        {"type": "input_file", "file_url": "https://x/y.pdf"},
        id="file URL",
    ),
    pytest.param(
        Media("file", data=b"%PDF", mime_type="application/pdf", name="a.pdf"),
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,JVBERg==",
        },
        id="file data",
    ),
    pytest.param(
        Media("file", data=b"x"),
        {
            "type": "input_file",
            "filename": "file",
            "file_data": "data:application/octet-stream;base64,eA==",
        },
        id="file data without name and type",
    ),
]


@pytest.mark.parametrize(("message", "items"), ITEMS)
def test_messages_become_input_items(message: Message, items: list[JSON]) -> None:
    """Every role and part has its one wire form; plain text stays a plain string."""
    assert items == encode_input([message])


@pytest.mark.parametrize(("media", "part"), PARTS)
def test_media_become_content_parts(media: Media, part: JSON) -> None:
    """Images and files go by URL, by data URL or by id, beside the text."""
    (item,) = encode_input([Message("user", (Text("see"), media))])
    assert [{"type": "input_text", "text": "see"}, part] == item["content"]


def test_order_is_kept() -> None:
    """Items come in the order of the messages."""
    items = encode_input([user("1"), assistant("2", CALL), tool("call_1", "3"), user("4")])
    assert ["message", "message", "function_call", "function_call_output", "message"] == [
        item["type"] for item in items
    ]


@pytest.mark.parametrize(
    ("model", "reference"),
    [
        ("my-agent", {"type": "agent_reference", "name": "my-agent"}),
        ("my-agent:3", {"type": "agent_reference", "name": "my-agent", "version": "3"}),
    ],
)
def test_the_agent_is_referred_to_by_name(model: str, reference: JSON) -> None:
    """A version is sent only if one was asked for."""
    assert reference == encode_agent(parse_agent(model))


# --- answers -------------------------------------------------------------------------------------


def frame(event: JSON) -> bytes:
    """One event as it goes over the wire."""
    return f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n".encode(errors="replace")


def stream(*events: JSON) -> bytes:
    """A stream of these events."""
    return b"".join(map(frame, events))


def response(*output: JSON, status: str = "completed", **fields: Any) -> JSON:
    """A response object."""
    return {"object": "response", "id": "resp_1", "status": status, "output": [*output], **fields}


def message_item(text: str, *annotations: JSON, id: str = "msg_1") -> JSON:
    """An output message with one text."""
    part = {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}
    return {"type": "message", "id": id, "status": "completed", "content": [part]}


CREATED = {"type": "response.created", "response": response(status="in_progress")}
WHERE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


def item_event(name: str, item: JSON) -> JSON:
    """``response.output_item.added`` or ``.done``."""
    return {"type": f"response.output_item.{name}", "item": item, "output_index": 0}


URL = {"type": "url_citation", "start_index": 1, "end_index": 2, "url": "https://x", "title": "X"}
CALL_ITEM = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}
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


USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 12,
}
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


# --- malformed -----------------------------------------------------------------------------------

MALFORMED: list[bytes] = [
    b"data: [DONE]\n\n",
    b"data:\n\n",
    b"data: {\n\n",
    b"data: []\n\n",
    b"data: 5\n\n",
    b'data: "x"\n\n',
    b"data: \xff\n\n",
    b"data: " + b"[" * 100_000 + b"\n\n",
    frame({"type": "response.output_text.delta"}),
    frame({"type": "response.output_text.delta", "delta": 5, **WHERE}),
    frame({"type": "response.output_text.delta", "delta": "x", **WHERE, "item_id": {}}),
    frame({"type": "response.created"}),
    frame({"type": "response.created", "response": {}}),
    frame({"type": "response.created", "response": {"id": 5}}),
    frame({"type": "response.completed", "response": None}),
    frame({"type": "response.completed", "response": response(5)}),  # type: ignore[arg-type]
    frame({"type": "response.completed", "response": response(usage="x")}),
    frame({"type": "response.completed", "response": response(usage={"input_tokens": "x"})}),
    frame({"type": "response.completed", "response": response(incomplete_details="x")}),
    frame({"type": "response.completed", "response": response({"type": "function_call"})}),
    frame({"type": "response.completed", "response": {**response(), "output": 7}}),
    frame(item_event("added", {"type": "function_call"})),
    frame({"type": "response.output_item.added", "item": [1]}),
    frame({"type": ["x"]}),
    frame({"type": {}}),
]


@pytest.mark.parametrize("raw", MALFORMED, ids=lambda raw: repr(raw[:90]))
def test_malformed_events_are_protocol_errors(raw: bytes) -> None:
    """Whatever is missing or of another type, the error is typed."""
    with pytest.raises(ProtocolError):
        ResponseReader(Delivered()).feed(raw)


SAMPLE_STREAM = [
    CREATED,
    item_event("added", {**CALL_ITEM, "arguments": ""}),
    {"type": "response.output_text.delta", "delta": "Hi", **WHERE},
    {"type": "response.output_text.annotation.added", "annotation": URL, **WHERE},
    {"type": "response.function_call_arguments.delta", "delta": "{}", "item_id": "fc_1"},
    item_event("done", {"type": "mcp_call", "id": "x"}),
    {
        "type": "response.completed",
        "response": response(
            message_item("Hi", URL),
            {**CALL_ITEM, "arguments": "{}"},
            {"type": "mcp_call", "id": "x"},
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
            usage=USAGE,
            incomplete_details={"reason": "content_filter"},
            error=None,
            conversation={"id": "conv_1"},
        ),
    },
]


def recorded() -> Iterator[list[JSON]]:
    """The recorded streams, if they are here."""
    for path in sorted(RECORDINGS.glob("*stream*.json")):
        for entry in json.loads(path.read_text("utf-8"))["entries"]:
            sse = entry["response"].get("sse")
            if sse:
                lines = (line for line in sse.splitlines() if line.startswith("data: {"))
                yield [json.loads(line[6:]) for line in lines]


SEEDS = [SAMPLE_STREAM, *recorded()]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 10**30),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.just("\ud800"),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"id": 1, "type": [], "text": None}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from places(inner, (*path, key))


# Which event (the long streams are mostly deltas: their ends are broken more often), which place
# in it, what it holds instead; None: it is missing.
WOUNDS = st.lists(
    st.tuples(
        st.integers(0, 500) | st.sampled_from([-2, -1]),
        st.integers(0, 500),
        st.none() | st.tuples(JUNK),
    ),
    min_size=1,
    max_size=3,
)


def broken(seed: list[JSON], wounds: list[tuple[int, int, tuple[Any] | None]]) -> list[JSON]:
    """A stream in which some places are missing or hold something else."""
    events = copy.deepcopy(seed)
    for event, place, junk in wounds:
        holder: Any = events[event % len(events)]
        found = [*places(holder)]
        *way, key = found[place % len(found)] if found else ["type"]
        for step in way:
            holder = holder[step]
        if junk is not None:
            holder[key] = copy.deepcopy(junk[0])
        elif isinstance(holder, dict):
            holder.pop(key, None)
    return events


def check(events: list[Event]) -> None:
    """Events hold what their types say, so that nothing fails further on."""
    for event in events:
        texts = [getattr(event, name, "") for name in ("text", "name", "arguments")]
        assert all(isinstance(text, str | dict) for text in texts), event
        if isinstance(event, Usage):
            assert [int] * 3 == [
                type(n) for n in (event.input_tokens, event.output_tokens, event.total_tokens)
            ]
    fold([*events, Finished("stop", "completed")])


@examples(max_examples=300)
@given(st.integers(0, len(SEEDS) - 1), WOUNDS, st.booleans())
def test_no_stream_leads_out_of_the_error_tree(seed: int, wounds: Any, whole: bool) -> None:
    """Events with parts missing or of the wrong type are read, or refused with a typed error."""
    events = broken(SEEDS[seed], wounds)
    reader = ResponseReader(Delivered())
    got: list[Event] = []
    with suppress(AzureAgentsError):
        for raw in [stream(*events)] if whole else map(frame, events):
            got += reader.feed(raw)
    check(got)
    if reader.is_done and reader.failure is None:
        assert finish_reason(reader.response) in {"stop", "length", "content_filter", "tool_calls"}


@examples(max_examples=200)
@given(st.integers(0, len(SEEDS) - 1), WOUNDS)
def test_no_response_object_leads_out_of_the_error_tree(seed: int, wounds: Any) -> None:
    """The same for a response object that is read whole."""
    wire = broken([SEEDS[seed][-1]["response"]], wounds)[0]
    reader = ResponseReader(Delivered())
    try:
        check(reader.read(wire))
    except AzureAgentsError:
        return
    if reader.is_done:
        answer_message(reader.response)
