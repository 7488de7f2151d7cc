"""Everything an agent does beside text: each item, step and pause becomes its own kind of event."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from azure_agents.events import (
    ApprovalRequest,
    ConsentRequest,
    Event,
    MediaOutput,
    Other,
    ServerToolCall,
    ServerToolResult,
)
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.classic.step_tools import ACTIVITIES, CALLS
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.items import ITEMS, PAIRS
from azure_agents.protocols.responses.reader import ResponseReader

from . import item_samples as samples
from .item_samples import JSON
from .items_page import read_classic, read_v2

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
ARGUMENTS = {"query": "answer"}


# --- the recordings ------------------------------------------------------------------------------


def recorded() -> Iterator[Any]:
    """Every recorded answer and what reads it."""
    for path in sorted(RECORDINGS.glob("*/*.json")):
        for number, entry in enumerate(json.loads(path.read_text("utf-8"))["entries"]):
            body, sse = entry["response"].get("body"), entry["response"].get("sse")
            name = f"{path.parent.name}/{path.stem}[{number}]"
            if sse and path.parent.name == "v2":
                yield pytest.param(
                    lambda s=sse: ResponseReader(Delivered()).feed(s.encode()), id=name
                )
            elif sse:
                yield pytest.param(lambda s=sse: RunReader(Delivered()).feed(s.encode()), id=name)
            elif isinstance(body, dict) and body.get("object") == "response" and "output" in body:
                yield pytest.param(lambda b=body: ResponseReader(Delivered()).read(b), id=name)


ANSWERS = list(recorded()) or [
    pytest.param(None, marks=pytest.mark.skip(f"no recordings: {RECORDINGS} is not here"))
]


@pytest.mark.parametrize("read", ANSWERS)
def test_no_recorded_answer_holds_anything_unknown(read: Callable[[], list[Event]]) -> None:
    """All of the recorded traffic has events of its own; there are no exceptions."""
    events = read()
    calls = [event for event in events if isinstance(event, ServerToolCall)]
    results = [event for event in events if isinstance(event, ServerToolResult)]
    assert [] == [event for event in events if isinstance(event, Other)]
    assert len({call.id for call in calls}) == len(calls)
    assert {result.id for result in results} <= {call.id for call in calls}


# --- the tables ----------------------------------------------------------------------------------

LOGS = [{"type": "logs", "logs": "42"}]
FOUND = {"query": "answer"}
# A sample of each kind of v2 item that is read in a way of its own, and its events.
V2_ITEMS: dict[str, list[Event]] = {
    "file_search_call": [
        ServerToolCall("fs_1", "file_search", {"queries": ["answer"]}),
        ServerToolResult(
            "fs_1", "file_search", "success", samples.V2_ITEMS["file_search_call"]["results"]
        ),
    ],
    "web_search_call": [
        ServerToolCall(
            "ws_1", "web_search", {"type": "search", "query": "answer", "queries": ["answer"]}
        ),
        ServerToolResult(
            "ws_1", "web_search", "success", [{"type": "url", "url": "https://example.com"}]
        ),
    ],
    "code_interpreter_call": [
        ServerToolCall(
            "ci_1", "code_interpreter", {"code": "print(6 * 7)"}, {"container_id": "cntr_1"}
        ),
        ServerToolResult("ci_1", "code_interpreter", "success", LOGS),
        MediaOutput("ci_1", "image", data=samples.PNG, mime_type="image/png"),
    ],
    "image_generation_call": [
        ServerToolCall(
            "ig_1",
            "image_generation",
            {"revised_prompt": "A cat."},
            {
                "background": "opaque",
                "output_format": "png",
                "quality": "medium",
                "size": "1024x1024",
            },
        ),
        ServerToolResult("ig_1", "image_generation", "success"),
        MediaOutput("ig_1", "image", data=samples.PNG, mime_type="image/png"),
    ],
    "mcp_list_tools": [
        ServerToolCall("mcpl_1", "mcp_list_tools", {}, {"server_label": "docs"}),
        ServerToolResult("mcpl_1", "mcp_list_tools", "success", [samples.TOOL]),
    ],
    "mcp_call": [
        ServerToolCall(
            "mcp_1",
            "mcp",
            ARGUMENTS,
            {"server_label": "docs", "approval_request_id": "mcpr_1", "tool_name": "find"},
        ),
        ServerToolResult("mcp_1", "mcp", "success", "It is 42."),
    ],
    "mcp_approval_request": [ApprovalRequest("mcpr_1", "find", '{"query":"answer"}', "docs")],
    "oauth_consent_request": [ConsentRequest("oauthreq_1", "https://login.example.com", "mail")],
    "workflow_action": [
        ServerToolCall(
            "wfa_1",
            "workflow",
            {
                "kind": "SetVariable",
                "action_id": "set_variable",
                "parent_action_id": "my_workflow",
                "previous_action_id": "my_workflow",
            },
        ),
        ServerToolResult("wfa_1", "workflow", "success"),
    ],
    "structured_outputs": [
        ServerToolCall("so_1", "structured_outputs"),
        ServerToolResult("so_1", "structured_outputs", "success", {"answer": 42}),
    ],
    "a2a_preview_call": [ServerToolCall("call_1", "a2a", ARGUMENTS, {"tool_name": "helper"})],
    "a2a_preview_call_output": [ServerToolResult("call_1", "a2a", "success", "It is 42.")],
    "computer_call_output": [
        ServerToolResult("call_1", "computer_use", "success", {"type": "computer_screenshot"}),
        MediaOutput("call_1", "image", data=samples.PNG, mime_type="image/png"),
    ],
    "tool_search_output": [ServerToolResult("call_1", "tool_search", "success", [samples.TOOL])],
    "program_output": [ServerToolResult("call_1", "program", "success", "42")],
}


@pytest.mark.parametrize(("kind", "events"), V2_ITEMS.items(), ids=V2_ITEMS)
def test_v2_items_are_events_of_their_own(kind: str, events: list[Event]) -> None:
    """What a tool was asked, what it told, and what it made."""
    assert events == read_v2(samples.V2_ITEMS[kind])


CLASSIC_CALLS: dict[str, list[Event]] = {
    "file_search": [
        ServerToolCall(
            "call_1",
            "file_search",
            {},
            {"ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0}},
        ),
        ServerToolResult(
            "call_1", "file_search", "success", samples.NESTED["file_search"]["results"]
        ),
    ],
    "code_interpreter": [
        ServerToolCall("call_1", "code_interpreter", {"code": "print(6 * 7)"}),
        ServerToolResult("call_1", "code_interpreter", "success", LOGS),
        MediaOutput("call_1", "image", file_id="assistant-plot"),
    ],
    "bing_grounding": [
        ServerToolCall(
            "call_1",
            "bing_grounding",
            {"requesturl": "https://api.bing.microsoft.com/v7.0/search?q=answer"},
        ),
        ServerToolResult("call_1", "bing_grounding", "success", "{'market': 'en-US'}"),
    ],
    "connected_agent": [
        ServerToolCall(
            "call_1",
            "connected_agent",
            ARGUMENTS,
            {
                "assistant_id": "asst_2",
                "thread_id": "thread_2",
                "run_id": "run_2",
                "tool_name": "helper",
            },
        ),
        ServerToolResult("call_1", "connected_agent", "success", "42"),
    ],
    "mcp": [
        ServerToolCall("call_1", "mcp", ARGUMENTS, {"server_label": "docs", "tool_name": "find"}),
        ServerToolResult("call_1", "mcp", "success", "It is 42."),
    ],
    "openapi": [
        ServerToolCall("call_1", "openapi", ARGUMENTS, {"tool_name": "weather"}),
        ServerToolResult("call_1", "openapi", "success", "42"),
    ],
    "azure_ai_search": [
        ServerToolCall("call_1", "azure_ai_search", {"input": "answer"}),
        ServerToolResult("call_1", "azure_ai_search", "success", "{'documents': ['42']}"),
    ],
    "browser_automation": [
        ServerToolCall("call_1", "browser_automation", {"input": "look"}),
        ServerToolResult(
            "call_1",
            "browser_automation",
            "success",
            {"output": "seen", "steps": [samples.STEPS]},
        ),
    ],
    # The pause of the run told the call.
    "computer_use_preview": [
        ServerToolResult(
            "call_1",
            "computer_use",
            "success",
            {"type": "computer_screenshot", "file_id": "assistant-shot"},
        ),
        MediaOutput("call_1", "image", file_id="assistant-shot"),
    ],
}


@pytest.mark.parametrize(("kind", "events"), CLASSIC_CALLS.items(), ids=CLASSIC_CALLS)
def test_classic_calls_are_events_of_their_own(kind: str, events: list[Event]) -> None:
    """The same words for the same tools; what is no JSON stays the text that it is."""
    assert events == read_classic(steps=[samples.step(samples.CLASSIC_CALLS[kind])])


@pytest.mark.parametrize("kind", CALLS)
def test_a_classic_call_is_read_wherever_it_says_it(kind: str) -> None:
    """Under its type's name, under ``function`` as recorded of OpenAPI, or flat as of MCP."""
    sample = samples.CLASSIC_CALLS[kind]
    inner = samples.NESTED.get(kind) or {n: v for n, v in sample.items() if n not in ("id", "type")}
    places = ({kind: inner}, {"function": inner}, inner)
    told = [
        read_classic(steps=[samples.step({"id": "call_1", "type": kind, **place})])
        for place in places
    ]
    assert [read_classic(steps=[samples.step(sample)])] * 3 == told


def test_both_generations_list_mcp_tools_alike() -> None:
    """Classic has a map where v2 has a list."""
    listed = samples.step(samples.CLASSIC_ACTIVITIES["mcp_list_tools"], activities=True)
    assert [
        ServerToolCall("activity_1", "mcp_list_tools", {}, {"server_label": "docs"}),
        ServerToolResult("activity_1", "mcp_list_tools", "success", [samples.TOOL]),
    ] == read_classic(steps=[listed])


def test_every_row_has_a_sample() -> None:
    """A type that is added to a table is shown and tested."""
    assert set(ITEMS) == set(samples.V2_ITEMS)
    assert set(CALLS) == set(samples.CLASSIC_CALLS)
    assert set(ACTIVITIES) == set(samples.CLASSIC_ACTIVITIES)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_call_that_brings_its_output_needs_no_second_item(kind: str) -> None:
    """Whichever way the service tells a result, it is one result."""
    item = {**samples.V2_ITEMS[kind], "output": "x", "tools": ["x"], "result": "x"}
    if kind == "computer_call":
        item["output"] = {"type": "computer_screenshot"}
    events = read_v2(item)
    assert [ServerToolCall, ServerToolResult] == [type(event) for event in events]


UNKNOWN = {"type": "wormhole_call", "id": "w_1", "depth": 3}


def test_what_nobody_knows_stays_whole() -> None:
    """Unknown items, calls and activities reach the caller as they came."""
    call = {"id": "call_1", "type": "wormhole", "wormhole": {"depth": 3}}
    assert [Other("wormhole_call", UNKNOWN)] == read_v2(UNKNOWN)
    assert [Other("wormhole", call)] == read_classic(steps=[samples.step(call)])
    assert [Other("wormhole", call)] == read_classic(steps=[samples.step(call, activities=True)])


ARGUMENT_TEXTS: list[tuple[Any, JSON]] = [
    ('{"a": 1}', {"a": 1}),
    ({"a": 1}, {"a": 1}),
    ("", {}),
    (None, {}),
    ("{}", {}),
    ("not JSON", {"input": "not JSON"}),
    ("[1]", {"input": [1]}),
    ("{'a': 1}", {"input": "{'a': 1}"}),
]


@pytest.mark.parametrize(("given", "arguments"), ARGUMENT_TEXTS)
def test_arguments_are_always_an_object(given: Any, arguments: JSON) -> None:
    """Nothing is evaluated, and nothing is lost."""
    call, _ = read_v2({"type": "mcp_call", "id": "mcp_1", "arguments": given})
    assert ServerToolCall("mcp_1", "mcp", arguments) == call


ENDS: list[tuple[JSON, ServerToolResult]] = [
    ({"status": "completed"}, ServerToolResult("x", "mcp", "success")),
    # A finished answer whose search was still `searching` has been recorded.
    ({"status": "searching"}, ServerToolResult("x", "mcp", "success")),
    ({}, ServerToolResult("x", "mcp", "success")),
    ({"status": "failed"}, ServerToolResult("x", "mcp", "error")),
    ({"status": "incomplete"}, ServerToolResult("x", "mcp", "error")),
    ({"status": "failed", "error": "no"}, ServerToolResult("x", "mcp", "error", "no")),
    ({"error": {"code": 1}}, ServerToolResult("x", "mcp", "error", {"code": 1})),
    ({"error": "no", "output": "half"}, ServerToolResult("x", "mcp", "error", "half")),
]


@pytest.mark.parametrize(("fields", "result"), ENDS)
def test_a_tool_that_failed_is_an_error(fields: JSON, result: ServerToolResult) -> None:
    """A tool ends in one of two ways, and an error is told."""
    assert result == read_v2({"type": "mcp_call", "id": "x", **fields})[1]


def test_a_classic_step_that_failed_is_an_error() -> None:
    """Its last error is what the tool told."""
    failed = samples.step(
        {"id": "call_1", "type": "openapi", "openapi": {"name": "weather", "arguments": "{}"}},
        status="failed",
        last_error={"code": "tool_user_error", "message": "no"},
    )
    assert [
        ServerToolCall("call_1", "openapi", {}, {"tool_name": "weather"}),
        ServerToolResult(
            "call_1", "openapi", "error", {"code": "tool_user_error", "message": "no"}
        ),
    ] == read_classic(steps=[failed])
