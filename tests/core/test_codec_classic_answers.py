"""What the classic codec reads."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import (
    AzureAgentsError,
    RateLimitError,
    RunCancelledError,
    RunExpiredError,
    RunFailedError,
    ServerError,
    StreamInterruptedError,
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
    Usage,
)
from azure_agents.fold import fold
from azure_agents.messages import ToolCall, assistant
from azure_agents.protocols.classic.codec import finish_reason
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered

from .classic_samples import (
    FILE,
    JSON,
    MCP,
    PATH,
    URL,
    USAGES,
    frame,
    function,
    message,
    message_delta,
    required,
    run,
    step,
    step_delta,
    text_part,
)

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


MARKED = "ab【1】cd【1】"
# where the service says the marker is, and where it is
PLACES = [
    pytest.param((2, 5), (2, 5), id="as told"),
    pytest.param((7, 10), (7, 10), id="as told, the second"),
    pytest.param((3, 6), (2, 5), id="a little before"),
    pytest.param((6, 9), (7, 10), id="a little behind"),
    pytest.param((2, 6), (2, 5), id="another end"),
    pytest.param((90, 93), (7, 10), id="behind the text"),
]


@pytest.mark.parametrize(("told", "found"), PLACES)
def test_a_marker_is_looked_for_where_it_really_is(
    told: tuple[int, int], found: tuple[int, int]
) -> None:
    """Whoever cuts markers out of the text by these places must not cut words."""
    places = {"start_index": told[0], "end_index": told[1]}
    cited = message(text_part(MARKED, {**URL, "text": "【1】", **places}))
    _, events = feed(frame("thread.message.completed", cited))
    assert [found] == [(e.start, e.end) for e in events if isinstance(e, Citation)]


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


TOLD = frame("thread.message.delta", message_delta(text_part("Hello, w", index=0)))


def test_a_finished_run_may_not_lack_what_a_cut_stream_delivered() -> None:
    """The answer was generated again, and shorter: what the caller has read is not part of it."""
    delivered = Delivered()
    RunReader(delivered).feed(TOLD)
    again = RunReader(delivered)
    again.feed(frame("thread.message.completed", message(text_part("Hello"))))
    with pytest.raises(StreamInterruptedError) as caught:
        again.feed(frame("thread.run.completed", run()))
    assert "Hello, w" == caught.value.partial_text


def test_deltas_that_came_twice_are_noticed_at_the_end() -> None:
    """Classic numbers no event, so only the completed message tells that a delta was repeated."""
    reader, _ = feed(TOLD, TOLD)
    reader.feed(frame("thread.message.completed", message(text_part("Hello, w"))))
    with pytest.raises(StreamInterruptedError):
        reader.feed(frame("thread.run.completed", run()))


def test_a_run_is_whole_when_every_message_that_began_has_ended() -> None:
    """The end of a run may overtake the end of a message: then its text is read where it lies."""
    begun = frame("thread.message.created", {"id": "msg_1"})
    ended = frame("thread.message.completed", message(text_part("Hello")))
    over = frame("thread.run.completed", run())
    failed = frame("thread.run.failed", run("failed"))
    streams = [(over,), (begun, over), (begun, ended, over), (begun, failed)]
    assert [True, False, True, True] == [feed(*frames)[0].is_whole for frames in streams]


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
