"""The classic wire: messages out as thread messages, run events and objects in as events.

Wire shapes are those of the recordings and of azure-ai-agents' models, never of our own encoder.
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
    InvalidRequestError,
    ProtocolError,
    RateLimitError,
    RunCancelledError,
    RunExpiredError,
    RunFailedError,
    ServerError,
)
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    Event,
    Finished,
    FinishReason,
    MediaOutput,
    Other,
    Progress,
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
    Part,
    Text,
    ToolCall,
    assistant,
    system,
    tool,
    user,
)
from azure_agents.protocols.classic.codec import (
    encode_messages,
    encode_outputs,
    finish_reason,
    system_text,
)
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered

JSON = dict[str, Any]
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "classic"

# --- requests ------------------------------------------------------------------------------------

CALL = ToolCall("call_1", "get_weather", '{"city":"Oslo"}')
TOLD = '[tool call call_1: get_weather({"city":"Oslo"})]'
MESSAGES: list[Any] = [
    pytest.param(user("Hi"), [{"role": "user", "content": "Hi"}], id="user"),
    pytest.param(assistant("Hello"), [{"role": "assistant", "content": "Hello"}], id="assistant"),
    pytest.param(user(" a\n"), [{"role": "user", "content": " a\n"}], id="text verbatim"),
    pytest.param(system("Be brief."), [], id="system messages travel with the run"),
    pytest.param(
        Message("user", (Text("a"), Text("b"))),
        [{"role": "user", "content": "ab"}],
        id="texts are one string",
    ),
    pytest.param(
        assistant("", CALL), [{"role": "assistant", "content": TOLD}], id="a call is told as text"
    ),
    pytest.param(
        assistant("Let me see.", CALL, ToolCall("call_2", "f", "{")),
        [{"role": "assistant", "content": f"Let me see.\n{TOLD}\n[tool call call_2: f({{)]"}],
        id="text and calls",
    ),
    pytest.param(
        tool("call_1", "cold"),
        [{"role": "user", "content": "[tool result call_1: cold]"}],
        id="a result is told as text",
    ),
    pytest.param(
        tool("call_1", "boom", is_error=True),
        [{"role": "user", "content": "[tool error call_1: boom]"}],
        id="a failed tool is told as one",
    ),
]
IMAGES = [
    pytest.param(
        Media("image", url="https://x/y.png", detail="high"),
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "high"}},
        id="URL",
    ),
    pytest.param(
        Media("image", file_id="assistant-1"),
        {"type": "image_file", "image_file": {"file_id": "assistant-1", "detail": "auto"}},
        id="file id",
    ),
    pytest.param(
        Media("image", data=b"\x00\xff", mime_type="image/jpeg"),
        {
            "type": "image_url",
            "image_url": {"url": "data:image/jpeg;base64,AP8=", "detail": "auto"},
        },
        id="data",
    ),
]


@pytest.mark.parametrize(("message", "wire"), MESSAGES)
def test_messages_become_thread_messages(message: Message, wire: list[JSON]) -> None:
    """Threads know two roles: everything else is told as text, or travels with the run."""
    assert wire == encode_messages([message])


@pytest.mark.parametrize(("image", "part"), IMAGES)
def test_images_become_content_parts(image: Media, part: JSON) -> None:
    """An image goes by URL, by data URL or by file id, beside the text."""
    (message,) = encode_messages([Message("user", (Text("see"), image))])
    assert [{"type": "text", "text": "see"}, part] == message["content"]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (Media("file", data=b"x", name="a.txt"), "'a.txt' is not uploaded.*files.attach"),
        (Media("file", url="https://x/a.txt"), "'https://x/a.txt' is not uploaded"),
        (ApprovalReply("call_1", approve=True), "right after the answer that asked"),
    ],
)
def test_what_a_thread_cannot_hold_is_refused(part: Part, sentence: str) -> None:
    """Content that would vanish is an error that says what to do."""
    with pytest.raises(InvalidRequestError, match=sentence):
        encode_messages([Message("user", (part,))])


@pytest.mark.parametrize(
    ("name", "tool_type"),
    [("a.pdf", "file_search"), ("A.CSV", "code_interpreter"), (None, "file_search")],
)
def test_an_uploaded_file_goes_with_its_message(name: str | None, tool_type: str) -> None:
    """By its id, to the tool that reads such files."""
    part = Media("file", file_id="assistant-1", name=name)
    (message,) = encode_messages([Message("user", (Text("read"), part))])
    attached = {"file_id": "assistant-1", "tools": [{"type": tool_type}]}
    assert {"role": "user", "content": "read", "attachments": [attached]} == message


APPROVED = Message("user", (ApprovalReply("call_3", approve=True),))
OUTPUTS = [
    pytest.param(
        [tool("call_1", "cold"), tool("call_2", "boom", is_error=True)],
        {
            "tool_outputs": [
                {"tool_call_id": "call_1", "output": "cold"},
                {"tool_call_id": "call_2", "output": "boom"},
            ]
        },
        id="results",
    ),
    pytest.param(
        [APPROVED],
        {"tool_approvals": [{"tool_call_id": "call_3", "approve": True}]},
        id="approval",
    ),
    pytest.param(
        [tool("call_1", "cold"), APPROVED],
        {
            "tool_outputs": [{"tool_call_id": "call_1", "output": "cold"}],
            "tool_approvals": [{"tool_call_id": "call_3", "approve": True}],
        },
        id="both",
    ),
]


@pytest.mark.parametrize(("messages", "wire"), OUTPUTS)
def test_outputs_name_their_calls(messages: list[Message], wire: JSON) -> None:
    """What a paused run waits for goes back by call id, errors as their text."""
    assert wire == encode_outputs(messages)


def test_a_result_is_text() -> None:
    """A picture that would vanish is an error that says what to do."""
    picture = Message("tool", (Media("image", url="https://x"),), tool_call_id="call_1")
    for encode in (encode_outputs, encode_messages):
        with pytest.raises(InvalidRequestError, match="'call_1' holds an image or file"):
            encode([picture])


SYSTEMS = [
    ([user("Hi")], ""),
    ([system("a"), user("Hi")], "a"),
    ([system("a"), user("Hi"), system(""), system("b")], "a\n\nb"),
]


@pytest.mark.parametrize(("messages", "text"), SYSTEMS)
def test_system_messages_become_one_text(messages: list[Message], text: str) -> None:
    """Wherever they stand, system messages are the run's additional instructions."""
    assert text == system_text(messages)


# --- answers -------------------------------------------------------------------------------------


def frame(name: str, data: object) -> bytes:
    """One event as it goes over the wire."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"event: {name}\ndata: {text}\n\n".encode(errors="replace")


def run(status: str = "completed", **fields: Any) -> JSON:
    """A run object."""
    return {
        "id": "run_1",
        "object": "thread.run",
        "thread_id": "thread_1",
        "status": status,
    } | fields


def text_part(value: str, *annotations: JSON, **fields: Any) -> JSON:
    """A text part of a message or delta."""
    return {"type": "text", "text": {"value": value, "annotations": [*annotations]}, **fields}


def message(*content: JSON, id: str = "msg_1") -> JSON:
    """A completed message."""
    return {"id": id, "object": "thread.message", "role": "assistant", "content": [*content]}


def message_delta(*content: JSON) -> JSON:
    """A delta of a message."""
    return {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [*content]}}


def step_delta(*calls: JSON) -> JSON:
    """A delta of a step."""
    details = {"type": "tool_calls", "tool_calls": [*calls]}
    return {"id": "step_1", "object": "thread.run.step.delta", "delta": {"step_details": details}}


def step(*calls: JSON, id: str = "step_1") -> JSON:
    """A completed step."""
    return {"id": id, "step_details": {"type": "tool_calls", "tool_calls": [*calls]}}


def required(*calls: JSON) -> JSON:
    """What a run waits for: outputs of these functions."""
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [*calls]}}


def function(id: str, name: str, arguments: str) -> JSON:
    """A required function call."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


URL = {
    "type": "url_citation",
    "text": "【1†source】",
    "start_index": 3,
    "end_index": 13,
    "url_citation": {"url": "https://x", "title": "X"},
}
FILE = {
    "type": "file_citation",
    "text": "【2†source】",
    "start_index": 3,
    "end_index": 13,
    "file_citation": {"file_id": "f", "quote": "q"},
}
PATH = {
    "type": "file_path",
    "text": "sandbox:/a/b.csv",
    "start_index": 13,
    "end_index": 29,
    "file_path": {"file_id": "g"},
}
MCP = {"id": "call_1", "type": "mcp", "name": "f", "arguments": "{}", "output": None}
STARTED = Started("thread_1", "run_1")
EVENTS: list[Any] = [
    pytest.param(
        "thread.message.delta",
        message_delta(text_part("He", index=0)),
        [TextDelta("He", "msg_1", 0)],
        id="text",
    ),
    pytest.param(
        "thread.message.delta",
        message_delta({"index": 1, "type": "text", "text": {"value": "He"}}),
        [TextDelta("He", "msg_1", 1)],
        id="text without annotations, second part",
    ),
    pytest.param(
        "thread.message.delta",
        message_delta({"index": 0, "type": "image_file", "image_file": {"file_id": "f"}}),
        [MediaOutput("msg_1", "image", "f")],
        id="image",
    ),
    pytest.param(
        "thread.message.completed",
        message(text_part("Hello", URL), {"type": "new"}),
        [
            TextDelta("Hello", "msg_1", 0),
            Citation("url", "msg_1", 0, 3, 13, "【1†source】", "https://x", "X"),
            Other("new", {"type": "new"}),
        ],
        id="a message without deltas",
    ),
    pytest.param(
        "thread.message.incomplete",
        message(text_part("Hel")),
        [TextDelta("Hel", "msg_1", 0)],
        id="an incomplete message",
    ),
    pytest.param(
        "thread.message.completed",
        message(text_part("abc【2†source】sandbox:/a/b.csv", FILE, PATH, {"type": "new"})),
        [
            TextDelta("abc【2†source】sandbox:/a/b.csv", "msg_1", 0),
            Citation("file", "msg_1", 0, 3, 13, "【2†source】", file_id="f", quote="q"),
            Citation(
                "file_path",
                "msg_1",
                0,
                13,
                29,
                "sandbox:/a/b.csv",
                file_id="g",
                filename="b.csv",
            ),
            Other("annotation.new", {"type": "new"}),
            MediaOutput("msg_1", "file", "g", filename="b.csv"),
        ],
        id="file citation, file that was made, unknown annotation",
    ),
    pytest.param(
        "thread.message.completed",
        message({"type": "refusal", "refusal": "No."}),
        [RefusalDelta("No.", "msg_1", 0)],
        id="refusal",
    ),
    pytest.param(
        "thread.message.delta",
        message_delta(text_part("【1†source】", URL, index=0)),
        [TextDelta("【1†source】", "msg_1", 0)],
        id="a citation waits for the whole text",
    ),
    pytest.param(
        "thread.run.step.delta",
        step_delta({"index": 0, "type": "code_interpreter", "code_interpreter": {"input": "1+"}}),
        [
            Progress("step_1", "code_interpreter", "in_progress"),
            Progress("step_1", "code_interpreter", "coding", "1+"),
        ],
        id="code being typed",
    ),
    pytest.param(
        "thread.run.step.completed",
        step(MCP),
        [ServerToolCall("call_1", "mcp", {}, {"tool_name": "f"})],
        id="a tool has ended, its output is still to come",
    ),
    pytest.param(
        "thread.run.step.completed",
        step({"id": "call_1", "type": "new"}),
        [Other("new", {"id": "call_1", "type": "new"})],
        id="an unknown tool has ended",
    ),
    pytest.param(
        "thread.run.step.completed", step(function("call_1", "f", "{}")), [], id="a call ends"
    ),
    pytest.param("thread.run.created", run("queued"), [STARTED], id="run begins"),
    pytest.param(
        "thread.run.cancelling", run("cancelling"), [STARTED], id="run is being cancelled"
    ),
    pytest.param("thread.created", {"id": "thread_1"}, [], id="thread"),
    pytest.param("thread.new_event", {"x": 1}, [Other("thread.new_event", {"x": 1})], id="unknown"),
    pytest.param("done", "[DONE]", [], id="done"),
    *(
        pytest.param(name, {"id": "x"}, [], id=name)
        for name in ("thread.message.created", "thread.run.step.created", "thread.run.step.failed")
    ),
]


@pytest.mark.parametrize(("name", "wire", "events"), EVENTS)
def test_every_event_is_understood(name: str, wire: Any, events: list[Event]) -> None:
    """What the service sends is what we read."""
    assert events == list(RunReader(Delivered()).feed(frame(name, wire)))


def feed(*frames: bytes, deltas: bool = True) -> tuple[RunReader, list[Event]]:
    """Read these events."""
    reader = RunReader(Delivered(), deltas=deltas)
    return reader, [event for data in frames for event in reader.feed(data)]


CALL_DELTAS = [
    frame(
        "thread.run.step.delta",
        step_delta(
            {"index": 0, **function("call_1", "f", "")}, {"index": 1, **function("call_2", "g", "")}
        ),
    ),
    frame(
        "thread.run.step.delta",
        step_delta({"index": 1, "type": "function", "function": {"arguments": "[]"}}),
    ),
    frame(
        "thread.run.step.delta",
        step_delta({"index": 0, "type": "function", "function": {"arguments": "{}"}}),
    ),
]
PAUSED = frame(
    "thread.run.requires_action",
    run(
        "requires_action",
        required_action=required(function("call_1", "f", "{}"), function("call_2", "g", "[]")),
    ),
)
CALLS = [ToolCall("call_1", "f", "{}"), ToolCall("call_2", "g", "[]")]


@pytest.mark.parametrize(
    ("frames", "deltas"),
    [(CALL_DELTAS, True), ([], True), (CALL_DELTAS[:1], True), (CALL_DELTAS, False)],
    ids=["all deltas", "no deltas sent", "some deltas", "deltas skipped"],
)
def test_calls_are_those_the_run_waits_for(frames: list[bytes], deltas: bool) -> None:
    """Whatever deltas came, id, name and arguments are those of `required_action`."""
    reader, events = feed(*frames, PAUSED, deltas=deltas)
    answer = fold([*events, Finished("tool_calls", "requires_action")])
    assert (CALLS, assistant("", *CALLS), True, None) == (
        answer.tool_calls,
        reader.answer,
        reader.is_done,
        reader.failure,
    )


def test_the_output_of_a_tool_may_follow_the_end_of_its_step() -> None:
    """Recorded with MCP: a completed step is not final."""
    late = {"index": 0, "type": "mcp", "output": "text"}
    frames = [
        frame("thread.run.step.completed", step(MCP)),
        frame("thread.run.step.delta", step_delta(late)),
    ]
    told = [
        ServerToolCall("call_1", "mcp", {}, {"tool_name": "f"}),
        ServerToolResult("call_1", "mcp", "success", "text"),
    ]
    assert (told, told) == (feed(*frames)[1], feed(*frames, deltas=False)[1])


def test_an_approval_is_asked_for() -> None:
    """A paused run may wait for a permission instead of outputs."""
    action = {"submit_tool_approval": {"tool_calls": [{**MCP, "server_label": "s"}]}}
    _, events = feed(
        frame("thread.run.requires_action", run("requires_action", required_action=action))
    )
    assert [STARTED, ApprovalRequest("call_1", "f", "{}", "s")] == events


TWICE = [
    pytest.param("thread.run.created", run("queued"), id="run"),
    pytest.param("thread.message.completed", message(text_part("Hello", URL)), id="message"),
    pytest.param("thread.run.step.completed", step(MCP), id="step"),
    pytest.param("thread.run.completed", run(usage={"total_tokens": 1}), id="end"),
    pytest.param(
        "thread.run.requires_action",
        run("requires_action", required_action=required(function("call_1", "f", "{}"))),
        id="pause",
    ),
]


@pytest.mark.parametrize(("name", "wire"), TWICE)
def test_an_event_that_comes_again_adds_nothing(name: str, wire: JSON) -> None:
    """Classic repeats events: an object that ended has ended."""
    once, twice = feed(frame(name, wire)), feed(frame(name, wire), frame(name, wire))
    assert (once[1], once[0].answer) == (twice[1], twice[0].answer)


@pytest.mark.parametrize("tail", [b"data: {\n\n", frame("done", "[DONE]"), PAUSED], ids=repr)
def test_what_follows_the_end_does_not_matter(tail: bytes) -> None:
    """A whole answer is not lost over bytes after its final event."""
    reader, events = feed(frame("thread.run.completed", run()), tail)
    assert ([STARTED], "completed") == (events, reader.run["status"])


def test_deltas_nobody_wants_are_not_even_parsed() -> None:
    """Without deltas the text comes whole, from the completed message."""
    _, events = feed(
        b"event: thread.message.delta\ndata: not JSON\n\n",
        b"event: thread.run.step.delta\ndata: not JSON\n\n",
        frame("thread.message.completed", message(text_part("Hello"))),
        deltas=False,
    )
    assert [TextDelta("Hello", "msg_1", 0)] == events


def test_the_answer_is_all_messages_of_the_run() -> None:
    """Text of several messages and the id of the last are what the history needs."""
    reader, _ = feed(
        frame("thread.message.completed", message(text_part("One. "))),
        frame("thread.message.completed", message(text_part("Two."), id="msg_2")),
        frame("thread.run.completed", run()),
    )
    assert (assistant("One. Two."), "msg_2") == (reader.answer, reader.message_id)


USAGES = [
    (
        {
            "prompt_tokens": 66,
            "completion_tokens": 30,
            "total_tokens": 96,
            "prompt_token_details": {"cached_tokens": 8},
        },
        Usage(66, 30, 96, 8),
    ),
    ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, Usage(1, 2, 3)),
    (None, None),
]


@pytest.mark.parametrize(("wire", "usage"), USAGES)
def test_usage_is_that_of_the_run(wire: JSON | None, usage: Usage | None) -> None:
    """The key of the cached tokens is the recorded one."""
    _, events = feed(frame("thread.run.completed", run(usage=wire)))
    assert usage == fold([*events, Finished("stop", "completed")]).usage


ENDS: list[tuple[JSON, FinishReason]] = [
    (run("completed"), "stop"),
    (run("requires_action", required_action=required(function("c", "f", "{}"))), "tool_calls"),
    (run("requires_action"), "stop"),
    (run("incomplete", incomplete_details={"reason": "max_completion_tokens"}), "length"),
    (run("incomplete", incomplete_details={"reason": "max_prompt_tokens"}), "length"),
    (run("incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
    (run("incomplete"), "length"),
]


@pytest.mark.parametrize(("wire", "reason"), ENDS)
def test_the_finish_reason_is_in_words_of_openai(wire: Any, reason: FinishReason) -> None:
    """Why a run ended or paused is told in the words every framework knows."""
    assert reason == finish_reason(wire)


IDS = {"run_id": "run_1", "thread_id": "thread_1"}
FAILURES: list[Any] = [
    pytest.param(
        "thread.run.failed",
        run("failed", last_error={"code": "server_error", "message": "Sorry."}),
        RunFailedError,
        {"code": "server_error", **IDS},
        id="failed",
    ),
    pytest.param(
        "thread.run.failed",
        run("failed", last_error={"code": "rate_limit_exceeded", "message": "Try in 3 s."}),
        RateLimitError,
        {"code": "rate_limit_exceeded", **IDS},
        id="rate limit",
    ),
    pytest.param("thread.run.failed", run("failed"), RunFailedError, IDS, id="no reason given"),
    pytest.param("thread.run.cancelled", run("cancelled"), RunCancelledError, IDS, id="cancelled"),
    pytest.param("thread.run.expired", run("expired"), RunExpiredError, IDS, id="expired"),
    pytest.param(
        "error",
        {"error": {"code": "server_error", "message": "Sorry."}},
        ServerError,
        {"code": "server_error"},
        id="error event",
    ),
]


@pytest.mark.parametrize(("name", "wire", "cls", "facts"), FAILURES)
def test_a_bad_end_is_a_failure(
    name: str, wire: JSON, cls: type[AzureAgentsError], facts: JSON
) -> None:
    """A run that ended badly is never an answer; its error has the facts."""
    reader, _ = feed(frame(name, wire))
    assert reader.failure is not None
    assert (cls, facts, True) == (type(reader.failure), reader.failure.facts, reader.is_done)


@pytest.mark.parametrize(("name", "wire", "cls", "facts"), FAILURES[:-1])
def test_a_stored_run_fails_as_the_streamed_one(
    name: str, wire: JSON, cls: type[AzureAgentsError], facts: JSON
) -> None:
    """A run that is found again ended as its stream would have told."""
    reader = RunReader(Delivered())
    reader.read(wire, ())
    assert reader.failure is not None
    assert (cls, facts, True) == (type(reader.failure), reader.failure.facts, reader.is_done)


# --- malformed -----------------------------------------------------------------------------------

MALFORMED = [
    frame("thread.run.completed", "{"),
    frame("thread.run.completed", []),
    frame("thread.run.completed", {}),
    frame("thread.run.completed", {"id": "run_1"}),
    frame("thread.run.completed", {"id": 1, "status": "completed"}),
    frame("thread.run.completed", run(usage="x")),
    frame("thread.run.completed", run(usage={"prompt_tokens": "x"})),
    frame("thread.run.incomplete", run("incomplete", incomplete_details="x")),
    frame("thread.run.requires_action", run("requires_action", required_action=5)),
    frame(
        "thread.run.requires_action",
        run("requires_action", required_action=required({"id": "call_1"})),
    ),
    frame("thread.created", {}),
    frame("thread.message.delta", {"id": "msg_1"}),
    frame("thread.message.delta", message_delta(5)),  # type: ignore[arg-type]
    frame("thread.message.delta", message_delta(text_part(5))),  # type: ignore[arg-type]
    frame("thread.message.completed", message({"type": "text", "text": "x"})),
    frame("thread.message.completed", message({"type": "image_file"})),
    frame("thread.message.completed", {"content": []}),
    frame("thread.run.step.completed", {"id": "step_1", "step_details": "x"}),
    frame("thread.run.step.delta", {"id": "step_1", "delta": None}),
    b"event: new\ndata: \xff\n\n",
]


@pytest.mark.parametrize("raw", MALFORMED, ids=lambda raw: repr(raw[:100]))
def test_malformed_events_are_protocol_errors(raw: bytes) -> None:
    """Whatever is missing or of another type, the error is typed."""
    with pytest.raises(ProtocolError):
        RunReader(Delivered()).feed(raw)


SAMPLE: list[tuple[str, JSON]] = [
    ("thread.run.created", run("queued")),
    ("thread.run.step.delta", step_delta({"index": 0, **function("call_1", "f", "{}")})),
    ("thread.run.step.delta", step_delta({"index": 0, "type": "code_interpreter"})),
    ("thread.message.delta", message_delta(text_part("Hi", URL, index=0))),
    ("thread.message.completed", message(text_part("Hi", URL, FILE, PATH))),
    ("thread.run.step.completed", step(MCP)),
    (
        "thread.run.requires_action",
        run(
            "requires_action",
            required_action=required(function("call_1", "f", "{}")),
            usage=USAGES[0][0],
            incomplete_details={"reason": "content_filter"},
        ),
    ),
]


def recorded() -> Iterator[list[tuple[str, JSON]]]:
    """The recorded streams, if they are here."""
    for path in sorted(RECORDINGS.glob("*.json")):
        for entry in json.loads(path.read_text("utf-8"))["entries"]:
            sse = entry["response"].get("sse")
            if sse:
                pairs = (block.split("\ndata: ") for block in sse.strip().split("\n\n"))
                yield [(n[7:], json.loads(data)) for n, data in pairs if data != "[DONE]"]


SEEDS = [SAMPLE, *recorded()]
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


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from places(inner, (*path, key))


def broken(
    seed: list[tuple[str, JSON]], wounds: list[tuple[int, int, tuple[Any] | None]]
) -> list[tuple[str, JSON]]:
    """A stream in which some places are missing or hold something else."""
    events = copy.deepcopy(seed)
    for event, place, junk in wounds:
        holder: Any = events[event % len(events)][1]
        found = [*places(holder)]
        *way, key = found[place % len(found)] if found else ["id"]
        for part in way:
            holder = holder[part]
        if junk is not None:
            holder[key] = copy.deepcopy(junk[0])
        elif isinstance(holder, dict):
            holder.pop(key, None)
    return events


def check(events: list[Event]) -> None:
    """Events hold what their types say, so that nothing fails further on."""
    for event in events:
        if isinstance(event, TextDelta | RefusalDelta | ToolCallDelta):
            names = ("text", "id", "name", "arguments")
            assert all(isinstance(getattr(event, name, ""), str) for name in names), event
        if isinstance(event, Usage):
            assert [int] * 3 == [
                type(n) for n in (event.input_tokens, event.output_tokens, event.total_tokens)
            ]
    fold([*events, Finished("stop", "completed")])


@examples(max_examples=300)
@given(st.integers(0, len(SEEDS) - 1), WOUNDS, st.booleans())
def test_no_stream_leads_out_of_the_error_tree(seed: int, wounds: Any, deltas: bool) -> None:
    """Events with parts missing or of the wrong type are read, or refused with a typed error."""
    reader = RunReader(Delivered(), deltas=deltas)
    got: list[Event] = []
    with suppress(AzureAgentsError):
        for name, data in broken(SEEDS[seed], wounds):
            got += reader.feed(frame(name, data))
        assert isinstance(reader.answer.text, str)
        assert finish_reason(reader.run) in {"stop", "length", "content_filter", "tool_calls"}
    check(got)


@examples(max_examples=200)
@given(st.integers(0, len(SEEDS) - 1), WOUNDS)
def test_no_stored_run_leads_out_of_the_error_tree(seed: int, wounds: Any) -> None:
    """The same for a run and messages that are read whole."""
    source = SEEDS[seed]
    objects = [data for name, data in source if name == "thread.message.completed"]
    *messages, wire = (d for _, d in broken([("", o) for o in [*objects, source[-1][1]]], wounds))
    reader = RunReader(Delivered())
    with suppress(AzureAgentsError):
        check(reader.read(wire, messages))
        assert isinstance(reader.answer.text, str)
