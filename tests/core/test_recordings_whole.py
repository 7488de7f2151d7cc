"""Nothing of a recording is dropped."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from azure_agents.errors import RunCancelledError
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    Event,
    Other,
    Progress,
    ServerToolCall,
    ServerToolResult,
    Started,
    Usage,
)
from azure_agents.fold import Completion, TextBlock
from azure_agents.messages import ToolCall
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.codec import item_events
from azure_agents.protocols.responses.reader import ResponseReader

from .recorded import (
    ENTRIES,
    JSON,
    RESPONSES,
    RUNS,
    STREAMS,
    V2_STREAMS,
    Entry,
    entry_of,
    folded,
    label,
    reader_for,
)

CLASSIC_STREAMS = [e for e in STREAMS if e not in V2_STREAMS]


def streamed(entry: Entry) -> list[Event]:
    """The events of a recorded stream."""
    return list(reader_for(entry).feed(entry.sse.encode()))


def others(events: list[Event]) -> list[tuple[str, JSON]]:
    """What was passed on whole."""
    return [(event.kind, event.data) for event in events if isinstance(event, Other)]


def texts(completion: Completion) -> list[str]:
    """The answer's text blocks."""
    return [block.text for block in completion.blocks if isinstance(block, TextBlock)]


def usage_of(counts: JSON) -> Usage:
    """Recorded token counts of either generation, in our words."""
    reads = ("input_tokens_details", "prompt_token_details", "input_token_details")
    read = next((counts[name] for name in reads if counts.get(name)), {})
    written = counts.get("output_tokens_details") or counts.get("output_token_details") or {}
    return Usage(
        counts.get("input_tokens", counts.get("prompt_tokens", 0)),
        counts.get("output_tokens", counts.get("completion_tokens", 0)),
        counts["total_tokens"],
        read.get("cached_tokens"),
        written.get("reasoning_tokens"),
    )


@pytest.mark.parametrize("entry", STREAMS, ids=label)
@examples(max_examples=12)
@given(data=st.data())
def test_the_cuts_of_a_recorded_stream_do_not_matter(entry: Entry, data: st.DataObject) -> None:
    """Fed in pieces of any size, a recorded stream gives the events it gives at once."""
    raw = entry.sse.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=30)))
    reader = reader_for(entry)
    events = [e for a, b in pairwise([0, *cuts, len(raw)]) for e in reader.feed(raw[a:b])]
    assert (streamed(entry), True) == (events, reader.is_done)


def id_of(item: JSON) -> str:
    """The id by which a call and its result know each other."""
    return str(item.get("call_id") or item["id"])


def expected_of_response(response: JSON) -> tuple[list[str], list[ToolCall], list[Any], int]:
    """Texts, calls, everything else, and the number of annotations of a response object."""
    output = response["output"]
    parts = [p for item in output if item["type"] == "message" for p in item["content"]]
    calls = [item for item in output if item["type"] == "function_call"]
    # No recorded reasoning has a text: there is nothing to tell.
    told = ("message", "function_call", "reasoning")
    rest = [item for item in output if item["type"] not in told]
    rest = [item for item in rest if not item["type"].endswith("_output")]  # a result, see below
    return (
        [part["text"] for part in parts],
        [ToolCall(call["call_id"], call["name"], call["arguments"]) for call in calls],
        sorted(id_of(item) for item in rest),
        sum(len(part.get("annotations") or ()) for part in parts),
    )


def got(events: list[Event]) -> tuple[list[str], list[ToolCall], list[Any], int]:
    """The same of what our reader made of it."""
    answer = folded(events)
    known = ServerToolCall | ApprovalRequest
    rest = [block.id for block in answer.blocks if isinstance(block, known)]
    assert [] == others(events)
    return texts(answer), answer.tool_calls, sorted(rest), len(answer.citations)


@pytest.mark.parametrize("entry", V2_STREAMS, ids=label)
def test_a_v2_stream_loses_nothing(entry: Entry) -> None:
    """Every item, annotation and count of the final response is an event, once."""
    (final,) = entry.data("response.completed")
    events = streamed(entry)
    assert expected_of_response(final["response"]) == got(events)
    assert usage_of(final["response"]["usage"]) == folded(events).usage


@pytest.mark.parametrize("entry", RESPONSES, ids=label)
def test_a_v2_answer_without_stream_loses_nothing(entry: Entry) -> None:
    """Every item, annotation and count of a response object is an event, in its order."""
    reader = ResponseReader(Delivered())
    events = reader.read(entry.body)
    assert expected_of_response(entry.body) == got(events)
    assert (entry.body["status"] == "completed") == reader.is_done
    counts = entry.body.get("usage")  # a hosted agent counts nothing
    assert (usage_of(counts) if counts else None) == folded(events).usage


KEPT = [
    *(e.data("response.completed")[0]["response"] for e in V2_STREAMS),
    *(e.body for e in RESPONSES),
    *entry_of("v2/responses_list", 0).body["data"],
]


@pytest.mark.parametrize("response", KEPT, ids=lambda response: response["id"])
def test_a_tool_that_answers_in_an_item_of_its_own_has_its_result(response: JSON) -> None:
    """Every output item belongs to the call of its id and keeps its output as it is."""
    answers = [item for item in response["output"] if item["type"].endswith("_output")]
    ids = {id_of(item) for item in answers}
    events = ResponseReader(Delivered()).read(response)
    results = [e for e in events if isinstance(e, ServerToolResult) and e.id in ids]
    calls = [e.id for e in events if isinstance(e, ServerToolCall) and e.id in ids]
    assert [(id_of(item), item["output"]) for item in answers] == [
        (result.id, result.output) for result in results
    ]
    assert [result.id for result in results] == calls


def test_counts_under_a_misspelt_name_are_read() -> None:
    """A listed response has null details; what they count stands under names without an s."""
    (response,) = entry_of("v2/responses_list", 0).body["data"]
    events = ResponseReader(Delivered()).read(response)
    assert Usage(16741, 1149, 17890, cached_tokens=0, reasoning_tokens=0) == folded(events).usage


def test_keepalives_tell_nothing_and_count() -> None:
    """Eight keepalive events came while a browser was at work; none of them is an event here."""
    entry = entry_of("v2/browser_automation_keepalive_stream", 1)
    numbers = [data["sequence_number"] for data in entry.data("keepalive")]
    reader = reader_for(entry)
    assert isinstance(reader, ResponseReader)
    frames = [f"{frame}\n\n".encode() for frame in entry.sse.split("\n\n")]
    begun, silent = reader.feed(b"".join(frames[:3])), reader.feed(b"".join(frames[3:11]))
    assert ([Started, Progress], []) == ([type(e) for e in begun], silent)
    assert (list(range(3, 11)), 10) == (numbers, reader.sequence_number)


def test_a_compaction_item_keeps_its_text() -> None:
    """The encrypted text of a compaction, which is no turn, is the result of its item."""
    output = entry_of("v2/compaction", 0).body["output"]
    (item,) = [item for item in output if item["type"] == "compaction"]
    _, result = item_events(item, 0)
    kept = ServerToolResult(item["id"], "compaction", "success", item["encrypted_content"])
    assert kept == result


@pytest.mark.parametrize("entry", V2_STREAMS, ids=label)
def test_a_stored_v2_answer_is_the_streamed_one(entry: Entry) -> None:
    """The final object folds to what the stream folds to, but for items that overlap in time."""
    (final,) = entry.data("response.completed")
    stored = ResponseReader(Delivered()).read(final["response"])
    stream = streamed(entry)
    assert (got(stored), folded(stored).citations) == (got(stream), folded(stream).citations)
    assert folded(stored).usage == folded(stream).usage


def expected_of_run(entry: Entry) -> tuple[list[str], list[ToolCall], list[Any], int]:
    """Texts, calls, everything else and the number of annotations of a classic stream."""
    messages = entry.data("thread.message.completed")
    parts = [part["text"] for message in messages for part in message["content"]]
    steps = [step["step_details"] for step in entry.data("thread.run.step.completed")]
    tools = [call for step in steps for call in step.get("tool_calls") or ()]
    tools = [call for call in tools if call["type"] != "function"]
    tools += [activity for step in steps for activity in step.get("activities") or ()]
    actions = [run["required_action"] for run in entry.data("thread.run.requires_action")]
    calls = [c for a in actions for c in (a.get("submit_tool_outputs") or {}).get("tool_calls", ())]
    asked = [
        c for a in actions for c in (a.get("submit_tool_approval") or {}).get("tool_calls", ())
    ]
    return (
        [part["value"] for part in parts],
        [ToolCall(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in calls],
        sorted(tool["id"] for tool in [*tools, *asked]),
        sum(len(part["annotations"]) for part in parts),
    )


def late(entry: Entry) -> list[JSON]:
    """Tool outputs that came as a delta after their step had ended (recorded with MCP)."""
    over: set[str] = set()
    found: list[JSON] = []
    for name, data in entry.frames:
        if name == "thread.run.step.completed":
            over.add(data["id"])
        if name == "thread.run.step.delta" and data["id"] in over:
            found += data["delta"]["step_details"]["tool_calls"]
    return found


@pytest.mark.parametrize("entry", CLASSIC_STREAMS, ids=label)
@pytest.mark.parametrize("deltas", [True, False], ids=["deltas", "no deltas"])
def test_a_classic_stream_loses_nothing(entry: Entry, deltas: bool) -> None:
    """Every message, tool call of a step, required call and annotation is an event, once."""
    reader = reader_for(entry, deltas=deltas)
    events = list(reader.feed(entry.sse.encode()))
    assert expected_of_run(entry) == got(events)
    final = entry.data("thread.run.completed", "thread.run.requires_action")[-1]
    assert (usage_of(final["usage"]) if final["usage"] else None) == folded(events).usage


def test_the_late_output_of_a_tool_is_its_result() -> None:
    """The odd case is really there: an MCP output after its step was completed."""
    ((entry, call),) = [(entry, call) for entry in CLASSIC_STREAMS for call in late(entry)]
    results = [event for event in streamed(entry) if isinstance(event, ServerToolResult)]
    assert [("mcp", call["output"])] == [(result.name, result.output) for result in results]


@pytest.mark.parametrize("entry", CLASSIC_STREAMS, ids=label)
def test_a_stored_classic_answer_is_the_streamed_one(entry: Entry) -> None:
    """The run and its messages read by themselves fold to what the stream folds to."""
    run = entry.data("thread.run.completed", "thread.run.requires_action")[-1]
    stored = folded(RunReader(Delivered()).read(run, entry.data("thread.message.completed")))
    stream = folded(streamed(entry))
    assert (texts(stream), stream.citations, stream.tool_calls, stream.usage) == (
        texts(stored),
        stored.citations,
        stored.tool_calls,
        stored.usage,
    )


LISTED = [
    entry
    for entry in CLASSIC_STREAMS
    if any(
        e.file == entry.file
        and e.path.endswith("/messages")
        and e.number > entry.number
        and isinstance(e.body, dict)
        and e.body["data"]
        for e in ENTRIES
    )
    and entry.data("thread.message.completed")
]


@pytest.mark.parametrize("entry", LISTED, ids=label)
def test_listed_messages_are_the_streamed_ones(entry: Entry) -> None:
    """The messages that the thread lists afterwards read as the stream did."""
    pages = [e.body["data"] for e in ENTRIES if e.file == entry.file and e.number > entry.number]
    (run,) = entry.data("thread.run.completed")
    listed = {m["id"]: m for page in pages for m in page if m["run_id"] == run["id"]}
    events = RunReader(Delivered()).read(run, reversed(listed.values()))
    stream = folded(streamed(entry))
    assert (stream.text, stream.citations) == (folded(events).text, folded(events).citations)


def test_a_polled_run_is_read_with_its_messages() -> None:
    """The recorded polling scenario gives the answer, usage and ids of its last answers."""
    *_, run, listed = (e for e in ENTRIES if e.file == "classic/submit_tool_outputs_to_run")
    reader = RunReader(Delivered())
    answer = folded(reader.read(run.body, reversed(listed.body["data"])))
    said = [m["content"][0]["text"]["value"] for m in listed.body["data"] if m["run_id"]]
    assert (said, usage_of(run.body["usage"]), run.body["id"], True) == (
        [answer.text],
        answer.usage,
        reader.run_id,
        reader.is_done,
    )


RUN_STATES = {
    "queued": True,
    "in_progress": True,
    "requires_action": True,
    "completed": True,
    "cancelled": False,
}


@pytest.mark.parametrize("entry", RUNS, ids=label)
def test_a_run_in_any_state_is_read(entry: Entry) -> None:
    """Every recorded run object can be read, and only a good end is no failure."""
    reader = RunReader(Delivered())
    answer = folded(reader.read(entry.body, ()))
    action = entry.body.get("required_action") or {}
    wanted = (action.get("submit_tool_outputs") or {}).get("tool_calls") or []
    assert (RUN_STATES[entry.body["status"]], [call["id"] for call in wanted]) == (
        reader.failure is None,
        [call.id for call in answer.tool_calls],
    )


def test_a_cancelled_run_is_a_failure_with_its_ids() -> None:
    """The recorded cancelled run is an error that names run and thread."""
    entry = entry_of("classic/cancel_run", 4)
    reader = RunReader(Delivered())
    reader.read(entry.body, ())
    facts = {"run_id": entry.body["id"], "thread_id": entry.body["thread_id"]}
    assert (RunCancelledError, facts) == (
        type(reader.failure),
        reader.failure.facts if reader.failure else None,
    )


def test_an_approval_request_is_read_exactly() -> None:
    """The recorded MCP approval of a classic run becomes a request for permission."""
    events = streamed(entry_of("classic/mcp_tool_streaming", 3))
    request = ApprovalRequest(
        "call_7xWS61tAxJO9euluKVIX5aJH", "fetch_azure_rest_api_docs", "{}", "github"
    )
    assert [request] == [event for event in events if isinstance(event, ApprovalRequest)]


FILE = "assistant-T1RucdPjGJaN1yDakMgfzQ"
CITATIONS = [
    (
        entry_of("classic/bing_grounding_tool_streaming", 3),
        [
            Citation(
                "url",
                "msg_p66tzdgzNCb5YaCUFnK9jU9y",
                0,
                634,
                646,
                marker="【3:0†source】",
                url="https://en.wikipedia.org/wiki/Euler%27s_identity",
                title="Euler's identity - Wikipedia",
            )
        ],
    ),
    (
        entry_of("classic/file_search_tool_streaming", 7),
        [
            Citation(
                "file",
                "msg_2mLpw9dtm4jk4qHz77zA0T7a",
                0,
                231,
                243,
                marker="【4:0†source】",
                file_id="assistant-6xP3kL6Brf1dohgzr3ZZ4n",
            )
        ],
    ),
    (
        entry_of("v2/file_search_stream", 6),
        [
            Citation(
                "file",
                "msg_08138e83895bc4b80069a7df6c878c8195a7c83bf603cff1f9",
                0,
                at,
                at,
                file_id=FILE,
                filename="product_info.md",
            )
            for at in (144, 515)
        ],
    ),
]


@pytest.mark.parametrize(("entry", "citations"), CITATIONS, ids=lambda v: getattr(v, "file", ""))
def test_citations_are_read_exactly(entry: Entry, citations: list[Citation]) -> None:
    """Where a citation stands and what it names are those of the recorded annotation."""
    assert citations == [event for event in streamed(entry) if isinstance(event, Citation)]


@pytest.mark.parametrize("entry", [row[0] for row in CITATIONS[:2]], ids=label)
def test_classic_citations_cover_their_markers(entry: Entry) -> None:
    """The indices of a classic citation are those of its marker in the text."""
    answer = folded(streamed(entry))
    assert [c.marker for c in answer.citations] == [
        answer.text[c.start : c.end] for c in answer.citations
    ]
