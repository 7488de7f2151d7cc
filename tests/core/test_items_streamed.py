"""Tools at work: shown while they run, told once, whoever tells it."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import StreamInterruptedError
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    Event,
    MediaOutput,
    Progress,
    ServerToolCall,
    ServerToolResult,
    TextDelta,
)
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.classic.step_tools import CALLS
from azure_agents.protocols.delivery import Attempt, Delivered
from azure_agents.protocols.responses.items import ITEMS
from azure_agents.protocols.responses.reader import ResponseReader

from . import item_samples as samples
from .item_samples import JSON, added, classic_stream, completed, done, response, told, v2_stream
from .items_page import read_classic, read_v2

ARGUMENTS = {"query": "answer"}


# --- while they run ------------------------------------------------------------------------------

BLANK = {"queries": [], "arguments": "", "code": "", "result": None, "revised_prompt": None}


@pytest.mark.parametrize("kind", sorted(ITEMS))
def test_a_streamed_item_is_delivered_once(kind: str) -> None:
    """Begun, done, and repeated by the final object: the same events as of the whole answer."""
    item = samples.V2_ITEMS[kind]
    opening = {key: value for key, value in BLANK.items() if key in item}
    raw = v2_stream(added(item, status="in_progress", **opening), done(item), completed(item))
    assert read_v2(item) == told(ResponseReader(Delivered()).feed(raw))


@pytest.mark.parametrize("kind", sorted(ITEMS))
@pytest.mark.parametrize("cut", [1, 2])
def test_a_cut_stream_and_the_stored_answer_deliver_an_item_once(kind: str, cut: int) -> None:
    """What the stream had told before it was cut is not told again."""
    item, delivered = samples.V2_ITEMS[kind], Delivered()
    events = [{"type": "response.created", "response": response(status="in_progress")}]
    events += [added(item, status="in_progress"), done(item)]
    first = ResponseReader(delivered).feed(v2_stream(*events[: cut + 1]))
    assert read_v2(item) == told([*first, *ResponseReader(delivered).read(response(item))])


@pytest.mark.parametrize("kind", sorted(CALLS))
def test_a_streamed_step_is_delivered_once(kind: str) -> None:
    """Classic: the step's end tells the call; a stream cut behind it and the stored run agree."""
    call, delivered = samples.CLASSIC_CALLS[kind], Delivered()
    whole = samples.step(call)
    delta = {"step_details": {"tool_calls": [{**call, "index": 0}]}}
    raw = classic_stream(
        ("thread.run.created", {"id": "run_1", "status": "queued"}),
        ("thread.run.step.delta", {"id": "step_1", "delta": delta}),
        ("thread.run.step.completed", whole),
        ("thread.run.step.completed", whole),
    )
    first = RunReader(delivered).feed(raw)
    again = RunReader(delivered).read({"id": "run_1", "status": "completed"}, (), [whole])
    assert read_classic(steps=[whole]) == told([*first, *again])
    assert Progress("call_1", CALLS[kind].name, "in_progress") in first


EARLY = {
    "workflow_action": ServerToolCall,
    "mcp_list_tools": ServerToolCall,
    "a2a_preview_call": ServerToolCall,
    "oauth_consent_request": ConsentRequest,
    "file_search_call": None,
    "mcp_approval_request": None,
}


@pytest.mark.parametrize(("kind", "event"), EARLY.items(), ids=EARLY)
def test_a_server_tool_call_is_delivered_as_soon_as_it_is_known(
    kind: str, event: type | None
) -> None:
    """A workflow shows its steps when they begin, not when they are over."""
    raw = v2_stream(added(samples.V2_ITEMS[kind], status="in_progress"))
    told_early = [type(event) for event in ResponseReader(Delivered()).feed(raw)]
    assert ([] if event is None else [event]) == told_early


def test_arguments_that_are_not_whole_yet_are_waited_for() -> None:
    """A call whose arguments are still typed is shown as progress."""
    item = samples.V2_ITEMS["bing_grounding_call"]
    for typed in ("", '{"query'):
        raw = v2_stream(added(item, arguments=typed))
        assert [Progress("call_1", "bing_grounding", "in_progress")] == ResponseReader(
            Delivered()
        ).feed(raw)


WHERE = {"item_id": "item_1", "output_index": 0}
PROGRESS: list[tuple[JSON, Progress]] = [
    (
        {"type": "response.mcp_call_arguments.delta", "delta": "{", **WHERE},
        Progress("item_1", "mcp", "calling", "{"),
    ),
    (
        {"type": "response.code_interpreter_call_code.delta", "delta": "1+", **WHERE},
        Progress("item_1", "code_interpreter", "coding", "1+"),
    ),
    (
        {
            "type": "response.image_generation_call.partial_image",
            "partial_image_b64": "AA==",
            "partial_image_index": 0,
            **WHERE,
        },
        Progress("item_1", "image_generation", "partial_image", image="AA=="),
    ),
    (
        {"type": "response.mcp_call.failed", **WHERE},
        Progress("item_1", "mcp", "failed"),
    ),
    (
        {"type": "response.bing_custom_search_preview_call.searching", **WHERE},
        Progress("item_1", "bing_custom_search", "searching"),
    ),
    (
        {"type": "response.wormhole_call.in_progress", **WHERE},
        Progress("item_1", "wormhole", "in_progress"),
    ),
    (
        {"type": "response.compaction.compacting", **WHERE},
        Progress("item_1", "compaction", "compacting"),
    ),
]


@pytest.mark.parametrize(("wire", "progress"), PROGRESS)
def test_tools_at_work_are_shown(wire: JSON, progress: Progress) -> None:
    """What a notebook shows while it waits."""
    assert [progress] == ResponseReader(Delivered()).feed(v2_stream(wire))


def test_progress_has_the_id_of_its_call() -> None:
    """Events name the item, calls and results go by the call."""
    item = samples.V2_ITEMS["bing_grounding_call"]
    event = {"type": "response.bing_grounding_call.searching", **WHERE}
    raw = v2_stream(added(item), event)
    assert [
        ServerToolCall("call_1", "bing_grounding", ARGUMENTS),
        Progress("call_1", "bing_grounding", "searching"),
    ] == ResponseReader(Delivered()).feed(raw)


def test_consent_is_asked_for_once() -> None:
    """The service says it in an item and in an event of its own, with or without an id."""
    item = samples.V2_ITEMS["oauth_consent_request"]
    event = {
        "type": "response.oauth_consent_requested",
        "consent_link": item["consent_link"],
        "server_label": "mail",
    }
    consent = ConsentRequest("oauthreq_1", "https://login.example.com", "mail")
    for extra in ({**event, "id": "oauthreq_1"}, {**event, "item_id": "oauthreq_1"}):
        for events in ([added(item), extra, done(item)], [extra, added(item), done(item)], [extra]):
            raw = v2_stream(*events, completed(item))
            assert [consent] == told(ResponseReader(Delivered()).feed(raw))
    raw = v2_stream(added(item), event, done(item), completed(item))
    assert [consent] == told(ResponseReader(Delivered()).feed(raw))


# --- several sources of one answer ---------------------------------------------------------------


def call(id: str, name: str = "web_search") -> ServerToolCall:
    """A call."""
    return ServerToolCall(id, name)


def result(id: str, name: str = "web_search") -> ServerToolResult:
    """Its result."""
    return ServerToolResult(id, name, "success")


A, B, C = call("a"), call("b", "file_search"), call("c")
RA, RB, RC = result("a"), result("b", "file_search"), result("c")
# before the cut, the stored answer (same ids), what that adds
STORED: list[Any] = [
    pytest.param([A, B, RB], [A, RA, B, RB], [RA], id="two tools interleaved"),
    pytest.param([A, C, RC], [A, RA, C, RC], [RA], id="results out of order"),
    pytest.param([C, RC], [A, RA, C, RC], [A, RA], id="the second call was over first"),
    pytest.param([A], [A, RA], [RA], id="the result is missing"),
    pytest.param(
        [MediaOutput("m", "image", "f_2")],
        [MediaOutput("m", "image", "f_1"), MediaOutput("m", "image", "f_2")],
        [MediaOutput("m", "image", "f_1")],
        id="images",
    ),
    pytest.param(
        [MediaOutput("step", "image", "f_1")],
        [MediaOutput("step", "image", "f_1"), MediaOutput("msg", "image", "f_1")],
        [],
        id="an image of a tool that its message shows again",
    ),
    pytest.param(
        [Citation("url", "m", 0, 5, 6, url="u2")],
        [Citation("url", "m", 0, 1, 2, url="u1"), Citation("url", "m", 0, 5, 6, url="u2")],
        [Citation("url", "m", 0, 1, 2, url="u1")],
        id="a citation that came first stands second",
    ),
    pytest.param(
        [Citation("url", "m", 0, 1, 2, url="u")],
        [Citation("url", "m", 0, 1, 2, url="u"), Citation("url", "m", 0, 1, 2, url="u")],
        [Citation("url", "m", 0, 1, 2, url="u")],
        id="a source cited twice at one place",
    ),
]


@pytest.mark.parametrize(("before", "stored", "added_events"), STORED)
def test_things_are_matched_by_name(
    before: list[Event], stored: list[Event], added_events: list[Event]
) -> None:
    """In one answer things keep their ids, whatever order a source tells them in."""
    delivered = Delivered()
    stream = Attempt(delivered)
    stream.belongs_to("resp_1")
    stream.take_all(before)
    final = Attempt(delivered, repeats=stream)
    assert added_events == final.take_all(stored)
    again = Attempt(delivered)
    again.belongs_to("resp_1")
    assert [] == again.take_all(stored)


def test_an_answer_generated_again_stands_for_the_first() -> None:
    """Its ids are others: calls are matched by tool and order, and the first ids stay."""
    delivered = Delivered()
    first = Attempt(delivered)
    first.belongs_to("resp_1")
    first.take_all([A, B, RB])
    second = Attempt(delivered)
    second.belongs_to("resp_2")
    story = [call("x"), result("x"), call("y", "file_search"), result("y", "file_search")]
    news = [call("z"), result("z")]
    assert [result("a"), *news] == second.take_all([*story, *news])
    final = Attempt(delivered, repeats=second)
    assert [] == final.take_all([*story, *news])


def test_an_approval_of_another_answer_is_a_contradiction() -> None:
    """The user would approve what the agent that goes on has not asked for."""
    delivered = Delivered()
    first = Attempt(delivered)
    first.belongs_to("resp_1")
    first.take_all([ApprovalRequest("mcpr_1", "f", "{}")])
    second = Attempt(delivered)
    second.belongs_to("resp_2")
    with pytest.raises(StreamInterruptedError):
        second.take(ApprovalRequest("mcpr_2", "f", "{}"))


def test_a_classic_answer_that_was_cut_still_has_its_tools() -> None:
    """A stored run is read with its steps, in the order in which all of it came."""
    made = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
    steps = [
        samples.step(samples.CLASSIC_CALLS["code_interpreter"]),
        {"object": "thread.run.step", "id": "step_2", "status": "completed", "step_details": made},
        samples.step(samples.CLASSIC_CALLS["bing_grounding"], id="step_3", status="in_progress"),
    ]
    events = read_classic(messages=[samples.classic_message(samples.classic_text())], steps=steps)
    assert [*read_classic(steps=steps[:1]), TextDelta(samples.SAID, "msg_1", 0)] == events


def test_an_output_that_never_comes_is_no_output() -> None:
    """An MCP call whose step ended without one has a result once the run is over."""
    silent = samples.step({**samples.CLASSIC_CALLS["mcp"], "output": None})
    assert ServerToolResult("call_1", "mcp", "success") == read_classic(steps=[silent])[-1]
