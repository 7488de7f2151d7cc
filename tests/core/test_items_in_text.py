"""What belongs to the text of an answer: citations, files, reasoning, and how it ended."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.events import Citation, MediaOutput, ReasoningDelta, TextDelta
from azure_agents.protocols.classic.codec import finish_details as classic_details
from azure_agents.protocols.classic.codec import finish_reason as classic_reason
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.codec import finish_details, finish_reason
from azure_agents.protocols.responses.reader import ResponseReader

from . import item_samples as samples
from .item_samples import JSON, added, classic_stream, completed, done, response, told, v2_stream
from .items_page import read_classic, read_v2

# --- citations and files -------------------------------------------------------------------------


def classic_marker(start: int, end: int, marker: str = "【4:0†source】") -> JSON:
    """An annotation with its marker."""
    cited = {"file_id": "assistant-1"}
    return {
        "type": "file_citation",
        "text": marker,
        "start_index": start,
        "end_index": end,
        "file_citation": cited,
    }


CITED = "😄 It is【4:0†source】 and is【4:0†source】."
SPANS = [
    ((7, 19), (7, 19)),
    ((8, 20), (7, 19)),  # counted in UTF-16 units, say
    ((27, 39), (26, 38)),
    ((0, 0), (7, 19)),
]


@pytest.mark.parametrize(("given", "span"), SPANS)
def test_classic_citations_stand_where_their_markers_stand(
    given: tuple[int, int], span: tuple[int, int]
) -> None:
    """The marker in the text is the truth, the indices only say which one is meant."""
    text = {"type": "text", "text": {"value": CITED, "annotations": [classic_marker(*given)]}}
    (citation,) = [
        event
        for event in read_classic(messages=[samples.classic_message(text)])
        if isinstance(event, Citation)
    ]
    assert span == (citation.start, citation.end)
    assert citation.marker == CITED[citation.start : citation.end]


def test_classic_citations_wait_for_their_text() -> None:
    """A delta brings the marker with its annotation; the message that is over tells them all."""
    text = {"value": "It is【4:0†source】", "annotations": [classic_marker(5, 17)]}
    delta = {"content": [{"index": 0, "type": "text", "text": text}]}
    message = samples.classic_message({"type": "text", "text": text})
    raw = classic_stream(
        ("thread.message.delta", {"id": "msg_1", "delta": delta}),
        ("thread.message.completed", message),
    )
    assert [
        TextDelta("It is【4:0†source】", "msg_1", 0),
        Citation("file", "msg_1", 0, 5, 17, "【4:0†source】", file_id="assistant-1"),
    ] == RunReader(Delivered()).feed(raw)


def test_a_file_path_counts_files_not_characters() -> None:
    """v2: its index is no place in the text."""
    path = {"type": "file_path", **samples.V2_ANNOTATIONS["file_path"]}
    events = read_v2(samples.v2_message(samples.v2_text(path)))
    assert [
        TextDelta("See the file.", "msg_1", 0),
        Citation("file_path", "msg_1", 0, file_id="assistant-1"),
        MediaOutput("msg_1", "file", "assistant-1"),
    ] == events


def test_a_file_the_agent_made_is_a_citation_and_a_file() -> None:
    """Streamed or whole, the file comes once, behind its message."""
    kind = "container_file_citation"
    cited = {"type": kind, **samples.V2_ANNOTATIONS[kind]}
    item = samples.v2_message(samples.v2_text(cited))
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    raw = v2_stream(
        added({**item, "content": []}),
        {"type": "response.output_text.delta", "delta": samples.SAID, **place},
        {"type": "response.output_text.annotation.added", "annotation": cited, **place},
        done(item),
        completed(item),
    )
    expected = [
        TextDelta("See the file.", "msg_1", 0),
        Citation(
            "container_file",
            "msg_1",
            0,
            4,
            12,
            file_id="cfile_1",
            filename="plot.png",
            container_id="cntr_1",
        ),
        MediaOutput("msg_1", "image", "cfile_1", "cntr_1", None, "image/png", "plot.png"),
    ]
    assert expected == told(ResponseReader(Delivered()).feed(raw))
    assert expected == read_v2(item)


def test_a_classic_file_has_the_name_of_its_marker() -> None:
    """`sandbox:` paths in the text are what users see of a file."""
    marker = "sandbox:/mnt/data/plot.PNG"
    path = {
        "type": "file_path",
        "text": marker,
        "start_index": 0,
        "end_index": 26,
        "file_path": {"file_id": "assistant-1"},
    }
    text = {"type": "text", "text": {"value": marker, "annotations": [path]}}
    made = MediaOutput("msg_1", "image", "assistant-1", None, None, "image/png", "plot.PNG")
    assert made == read_classic(messages=[samples.classic_message(text)])[-1]


def test_an_image_by_url_keeps_its_url() -> None:
    """Not all images come as data; nobody fetches them here."""
    item = {**samples.V2_ITEMS["code_interpreter_call"]}
    item["outputs"] = [{"type": "image", "url": "https://example.com/a.png"}]
    assert MediaOutput("ci_1", "image", url="https://example.com/a.png") == read_v2(item)[-1]


# --- reasoning and ends --------------------------------------------------------------------------


def test_reasoning_is_summary_and_raw_text() -> None:
    """Parts are numbered apart; reasoning without a text is nothing to show."""
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "One."}, {"text": "Two."}],
        "content": [{"type": "reasoning_text", "text": "Raw."}],
    }
    assert [
        ReasoningDelta("One.", "rs_1", 0),
        ReasoningDelta("Two.", "rs_1", 1),
        ReasoningDelta("Raw.", "rs_1", -1),
    ] == read_v2(item)
    assert [] == read_v2({"type": "reasoning", "id": "rs_1", "summary": []})


CONSENT = samples.V2_ITEMS["oauth_consent_request"]
V2_ENDS: list[tuple[JSON, str, JSON]] = [
    (response(status="incomplete"), "length", {}),
    (response(CONSENT, status="incomplete"), "stop", {}),
    (
        response(
            status="incomplete",
            incomplete_details={"reason": "content_filter", "filter": {"hate": "high"}},
        ),
        "content_filter",
        {"incomplete_details": {"reason": "content_filter", "filter": {"hate": "high"}}},
    ),
    (
        response(content_filters=[{"blocked": False}]),
        "stop",
        {"content_filters": [{"blocked": False}]},
    ),
]


@pytest.mark.parametrize(("wire", "reason", "details"), V2_ENDS)
def test_v2_ends_are_told_with_their_details(wire: Any, reason: str, details: JSON) -> None:
    """An incomplete answer is never a good end, unless the user must sign in first."""
    assert (reason, details) == (finish_reason(wire), finish_details(wire))


APPROVAL = {"submit_tool_approval": {"tool_calls": [{"id": "c", "type": "mcp"}]}}
FUNCTION = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALL = {"submit_tool_outputs": {"tool_calls": [FUNCTION]}}
FILTERED = {"reason": "content_filter", "filter": {"hate": "high"}}
CLASSIC_ENDS: list[tuple[JSON, str, JSON]] = [
    ({"status": "requires_action", "required_action": CALL}, "tool_calls", {}),
    ({"status": "requires_action", "required_action": APPROVAL}, "stop", {}),
    (
        {"status": "incomplete", "incomplete_details": {"reason": "max_completion_tokens"}},
        "length",
        {},
    ),
    (
        {"status": "incomplete", "incomplete_details": FILTERED},
        "content_filter",
        {"incomplete_details": FILTERED},
    ),
]


@pytest.mark.parametrize(("run", "reason", "details"), CLASSIC_ENDS)
def test_classic_ends_are_told_with_their_details(run: Any, reason: str, details: JSON) -> None:
    """A pause for an approval is no tool call of the caller's."""
    assert (reason, details) == (classic_reason(run), classic_details(run))
