"""Every recorded answer of the real service goes through our codecs, and nothing of it is lost.

What a recording says is read here without any of our code, and compared with what the readers
make of it. The recordings live beside the repository; where they are absent this is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from azure_agents.envelopes import error_from_reply
from azure_agents.errors import (
    AgentNotFoundError,
    BadRequestError,
    PermissionDeniedError,
    RunCancelledError,
    ServiceError,
    ThreadNotFoundError,
)
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    Event,
    Finished,
    Other,
    ServerToolCall,
    ServerToolResult,
    Usage,
)
from azure_agents.fold import Completion, TextBlock, fold
from azure_agents.messages import ToolCall
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.reader import ResponseReader

FOLDER = Path(__file__).parents[3] / "shared" / "recordings"
if not FOLDER.is_dir():
    pytest.skip(f"the recordings are not here: {FOLDER}", allow_module_level=True)

JSON = dict[str, Any]
END = Finished("stop", "completed")


class Entry(NamedTuple):
    """One recorded request with its answer."""

    file: str
    number: int
    path: str
    status: int
    headers: JSON
    body: Any
    sse: str

    @property
    def frames(self) -> list[tuple[str, JSON]]:
        """The events of a stream, read in the simplest way: recorded frames are one line each."""
        blocks = (block.splitlines() for block in self.sse.split("\n\n") if block.strip())
        pairs = ((name[len("event: ") :], data[len("data: ") :]) for name, data in blocks)
        return [(name, json.loads(data)) for name, data in pairs if data != "[DONE]"]

    def data(self, *names: str) -> list[JSON]:
        """The data of all events of these names."""
        return [data for name, data in self.frames if name in names]


def load(path: Path) -> Iterator[Entry]:
    """The entries of one file."""
    name = f"{path.parent.name}/{path.stem}"
    for number, entry in enumerate(json.loads(path.read_text("utf-8"))["entries"]):
        answer = entry["response"]
        yield Entry(
            name,
            number,
            entry["request"]["path"],
            answer["status"],
            answer["headers"],
            answer.get("body"),
            answer.get("sse") or "",
        )


ENTRIES = [entry for path in sorted(FOLDER.glob("*/*.json")) for entry in load(path)]
STREAMS = [e for e in ENTRIES if e.sse]
V2_STREAMS = [e for e in STREAMS if e.path.endswith("/responses")]
CLASSIC_STREAMS = [e for e in STREAMS if e not in V2_STREAMS]
RESPONSES = [e for e in ENTRIES if isinstance(e.body, dict) and "output" in e.body]
RUNS = [e for e in ENTRIES if isinstance(e.body, dict) and e.body.get("object") == "thread.run"]
ERRORS = [e for e in ENTRIES if e.status >= 400]


def label(entry: Entry | TextAnswer | ErrorFacts) -> str:
    """How an entry is called in a test's name."""
    return f"{entry.file}[{entry.number}]"


def entry_of(file: str, number: int) -> Entry:
    """One entry by its place."""
    return next(e for e in ENTRIES if (e.file, e.number) == (file, number))


def reader_for(entry: Entry, *, deltas: bool = True) -> ResponseReader | RunReader:
    """A reader of the entry's generation."""
    if entry in V2_STREAMS or entry in RESPONSES:
        return ResponseReader(Delivered())
    return RunReader(Delivered(), deltas=deltas)


def streamed(entry: Entry) -> list[Event]:
    """The events of a recorded stream."""
    return list(reader_for(entry).feed(entry.sse.encode()))


def folded(events: list[Event]) -> Completion:
    """The completion of one source."""
    return fold([*events, END])


def others(events: list[Event]) -> list[tuple[str, JSON]]:
    """What was passed on whole."""
    return [(event.kind, event.data) for event in events if isinstance(event, Other)]


def texts(completion: Completion) -> list[str]:
    """The answer's text blocks."""
    return [block.text for block in completion.blocks if isinstance(block, TextBlock)]


def usage_of(counts: JSON) -> Usage:
    """Recorded token counts of either generation, in our words."""
    read = counts.get("input_tokens_details") or counts.get("prompt_token_details") or {}
    written = counts.get("output_tokens_details") or {}
    return Usage(
        counts.get("input_tokens", counts.get("prompt_tokens", 0)),
        counts.get("output_tokens", counts.get("completion_tokens", 0)),
        counts["total_tokens"],
        read.get("cached_tokens"),
        written.get("reasoning_tokens"),
    )


# --- exactly -------------------------------------------------------------------------------------


class TextAnswer(NamedTuple):
    """What a recorded text answer says, written down by hand."""

    file: str
    number: int
    text: str
    tokens: tuple[int, int]
    thread: str | None
    turn: str
    items: list[str]


JOKE = (
    "Of course! Here's a joke for you:\n\nWhy don\u2019t skeletons fight each other?\n\n"
    "Because they don\u2019t have the guts! 😄"
)
TEXT_ANSWERS = [
    TextAnswer(
        "v2/prompt_text_stream",
        2,
        "The capital of France is **Paris**.",
        (27, 13),
        "conv_aa55cfcaf41110c6002mLtHhVGAkDxi67qaB7ywdWgZqlB7FbA",
        "resp_aa55cfcaf41110c60069a7db5173b48190b8ba360f10bcc9da",
        ["message"],
    ),
    TextAnswer(
        "v2/prompt_text_conversation",
        4,
        "The capital city of France is **Paris**.",
        (94, 14),
        "conv_66d7656c903cefdc00C4nCwFdSOggrRJPJp06CAIlEoBOEhND5",
        "resp_66d7656c903cefdc0069a291676c5c8190ba145c80f0170ca3",
        ["message"],
    ),
    TextAnswer(
        "v2/function_tool",
        2,
        "Seattle weather: **72°F**, **Sunny**, **45% humidity**.",
        (147, 20),
        None,
        "resp_0c5a11fbc24099c80069a7dfa9b2fc8196932f46ea0cdc5c20",
        ["message"],
    ),
    TextAnswer(
        "v2/function_tool_stream",
        2,
        "Boston weather: **65°F** and **cloudy**.",
        (111, 17),
        "conv_01dd9fc7fc1b7cac00qOiD9k7iEqmbh0xn6qBmiKmoQFyFI15z",
        "resp_01dd9fc7fc1b7cac0069a7d7dd93e08190a3402238831d2b04",
        ["message"],
    ),
    TextAnswer(
        "v2/function_tool_stream_preview_api",
        3,
        "The weather in Seattle is currently 72°F and sunny.",
        (112, 14),
        "conv_0c4507a97a7aca9f00nTckYvVoz9GzquRTOWCdWveKKN2u7DIo",
        "resp_0c4507a97a7aca9f0069337329e9148190832a4da24a65c991",
        ["message"],
    ),
    TextAnswer(
        "v2/structured_output",
        2,
        '{"name":"Science fair","date":"2025-11-07","participants":["Alice","Bob"]}',
        (129, 30),
        "conv_975a6f4c22e396f0008rUdauOmm71KIcRBZuJsRNqU9OKFqmOM",
        "resp_975a6f4c22e396f00069a2922b80e081908840b9e2d6b16ef6",
        ["message"],
    ),
    TextAnswer(
        "v2/error_404_response_deleted",
        0,
        "Hello! How can I help you today?",
        (10, 53),
        None,
        "resp_0275e5eea6b6e1dd00698e4c87fd888194a1b8d4381af45781",
        ["message"],
    ),
    TextAnswer(
        "v2/mcp_approved_call",
        0,
        "Your GitHub username is **howiefoundry**.",
        (4803, 33),
        None,
        "resp_357f27d340544e9d0069a28cceadfc8190b7622c5db229b088",
        ["mcp", "message"],
    ),
    TextAnswer(
        "v2/workflow_stream",
        4,
        "Correct! 1 + 1 = 2. **[COMPLETE]**",
        (0, 0),
        "conv_ee13ea1c437f2eaa00oqxRbay3YHl27e32nxE6ifqqVOIp2m22",
        "wfresp_ee13ea1c437f2eaa00sDiWuMhO4JxZwx536s1JhZHHUr7FGwmC",
        [*["workflow"] * 6, "message", *["workflow"] * 2],
    ),
    TextAnswer(
        "classic/create_stream",
        3,
        JOKE,
        (66, 30),
        "thread_7ISSfUbj0zxL9ZaHrp4zC8ma",
        "run_YzrfmWISvOtaM0dCxyDqZzRj",
        ["message"],
    ),
    TextAnswer(
        "classic/submit_tool_outputs_to_stream",
        4,
        "It's currently 12:30 PM on October 10th, 2024. How can I assist you further?",
        (629, 40),
        "thread_2jnWQKk1saIC1btsQqMgjTvG",
        "run_7wOy3dKJ4VhKMlNrVWcls19N",
        ["message"],
    ),
    TextAnswer(
        "classic/tool_streaming_connected_agent",
        4,
        "The current stock price of Microsoft is $350 .",
        (419, 39),
        "thread_bhT5wLxsDJKa4DVlproxa9Ii",
        "run_W2leXEp540D9EN3AVFNwrvRI",
        ["connected_agent", "message"],
    ),
]


@pytest.mark.parametrize("row", TEXT_ANSWERS, ids=label)
def test_text_answers_are_read_exactly(row: TextAnswer) -> None:
    """Final text, usage, ids and the order of the items are those of the recording."""
    entry = entry_of(row.file, row.number)
    reader = reader_for(entry)
    if isinstance(reader, ResponseReader):
        events = reader.feed(entry.sse.encode()) if entry.sse else reader.read(entry.body)
        ids = (reader.conversation_id, reader.response_id)
    else:
        events = reader.feed(entry.sse.encode())
        ids = (reader.thread_id, reader.run_id)
    answer = folded(events)
    blocks = [block for block in answer.blocks if not isinstance(block, ServerToolResult)]
    kinds = [block.name if isinstance(block, ServerToolCall) else "message" for block in blocks]
    usage = answer.usage or Usage(-1, -1, -1)
    assert row == TextAnswer(
        row.file,
        row.number,
        answer.text,
        (usage.input_tokens, usage.output_tokens),
        ids[0],
        ids[1] or "",
        kinds,
    )
    assert (None, True) == (reader.failure, reader.is_done)


CALLS = [
    (
        "v2/function_tool",
        1,
        ToolCall("call_dRy9LxpKojP7z5IKIO59bfOn", "get_weather", '{"location":"Seattle"}'),
    ),
    (
        "v2/function_tool_stream",
        1,
        ToolCall("call_QR2Yntl8BPHUa0hlSBmPQ0iS", "get_weather", '{"location":"Boston"}'),
    ),
    (
        "v2/function_tool_stream_preview_api",
        2,
        ToolCall("call_02x2oqHWBA1RsRZzmMEjTPLK", "get_weather", '{"location":"Seattle"}'),
    ),
    (
        "classic/submit_tool_outputs_to_stream",
        3,
        ToolCall("call_Rksj1imNgadFAccoRamVgTZ5", "fetch_current_datetime_recordings", "{}"),
    ),
    (
        "classic/cancel_run",
        3,
        ToolCall(
            "call_JpLA9QuJgjWFR6Wdg2qwzUJJ",
            "GetHumidityByAddress",
            '{"addresses":[{"street":"456 2nd Ave","city":"Seattle"}]}',
        ),
    ),
]


@pytest.mark.parametrize(("file", "number", "call"), CALLS, ids=[row[0] for row in CALLS])
@pytest.mark.parametrize("deltas", [True, False], ids=["deltas", "no deltas"])
def test_function_calls_are_read_exactly(
    file: str, number: int, call: ToolCall, deltas: bool
) -> None:
    """Call id, name and the raw argument text are those of the recording."""
    entry = entry_of(file, number)
    reader = reader_for(entry, deltas=deltas)
    if entry.sse:
        events = reader.feed(entry.sse.encode())
    else:
        assert isinstance(reader, ResponseReader)
        events = reader.read(entry.body)
    answer = folded(events)
    assert ([call], "", []) == (answer.tool_calls, answer.text, answer.blocks)


# --- nothing is dropped --------------------------------------------------------------------------


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


def expected_of_response(response: JSON) -> tuple[list[str], list[ToolCall], list[Any], int]:
    """Texts, calls, everything else, and the number of annotations of a response object."""
    output = response["output"]
    parts = [p for item in output if item["type"] == "message" for p in item["content"]]
    calls = [item for item in output if item["type"] == "function_call"]
    # No recorded reasoning has a text: there is nothing to tell.
    told = ("message", "function_call", "reasoning")
    rest = [item for item in output if item["type"] not in told]
    return (
        [part["text"] for part in parts],
        [ToolCall(call["call_id"], call["name"], call["arguments"]) for call in calls],
        sorted(item["id"] for item in rest),
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
    assert (usage_of(entry.body["usage"]) if reader.is_done else None) == folded(events).usage


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


# --- errors --------------------------------------------------------------------------------------


class ErrorFacts(NamedTuple):
    """What a recorded error says, written down by hand."""

    file: str
    number: int
    cls: type[ServiceError]
    code: str | None
    param: str | None
    request_id: str | None
    sentence: str


ERROR_FACTS = [
    ErrorFacts(
        "classic/error_thread_not_found",
        3,
        ThreadNotFoundError,
        None,
        None,
        "fbf2a8ae-8b15-4402-99f0-502caacebb3f",
        "No thread found with id 'thread_2RisdHuAm98lz0arpEfhrnMu'.",
    ),
    ErrorFacts(
        "v2/conversation_operations_404",
        8,
        ThreadNotFoundError,
        "not_found",
        None,
        "54faf1835f0037670f3faeac6770f314",
        "Conversation 'conv_31f06dd2a2f9ac5000xyf69JQ5yAVo4ZfMtz0y3FCYDQd2Ajz2' not found",
    ),
    ErrorFacts(
        "v2/error_400_unsupported_file",
        2,
        BadRequestError,
        "unsupported_file",
        "file_id",
        "8b38bfc190d8a6a7fbe3e15bcf2f0757",
        "Files with extensions [.csv] are not supported for retrieval.",
    ),
    ErrorFacts(
        "v2/error_403_preview_feature_required",
        0,
        PermissionDeniedError,
        "preview_feature_required",
        None,
        "29e158bef0361c73beae395a5cf92e18",
        "Include the 'Foundry-Features: WorkflowAgents=V1Preview' header",
    ),
    ErrorFacts(
        "v2/error_404_response_deleted",
        3,
        ThreadNotFoundError,
        None,
        None,
        "1b1d6144-936f-442f-a193-4b93540dc29b",
        "Response with id 'resp_0275e5eea6b6e1dd00698e4c87fd888194a1b8d4381af45781' not found.",
    ),
    ErrorFacts(
        "v2/error_404_unknown_agent",
        0,
        AgentNotFoundError,
        "not_found",
        None,
        "3ad40610a5fc06174b10354d589a0f40",
        "Agent SomeAgentNameThatReallyDoesNotExistAndNeverShould3490 doesn't exist",
    ),
]


@pytest.mark.parametrize("row", ERROR_FACTS, ids=label)
def test_recorded_errors_keep_their_facts(row: ErrorFacts) -> None:
    """Class, status, code, param and request id are those of the recording."""
    entry = entry_of(row.file, row.number)
    body = json.dumps(entry.body).encode()
    error = error_from_reply(entry.status, entry.headers, body, doing="testing")
    said = row.sentence if row.sentence in error.message else error.message
    facts = ErrorFacts(
        row.file, row.number, type(error), error.code, error.param, error.request_id, said
    )
    assert (row, entry.status) == (facts, error.status)


def test_every_recorded_error_is_in_the_table() -> None:
    """A recording that is added later does not go untested."""
    assert [(e.file, e.number) for e in ERRORS] == [row[:2] for row in ERROR_FACTS]


def test_every_recording_is_used() -> None:
    """Each file holds at least one answer that a test here reads."""
    read = {e.file for e in (*STREAMS, *RESPONSES, *RUNS, *ERRORS)}
    lists = {"classic/list_messages", "v2/agents_crud", "v2/conversation_items_crud"}
    assert {e.file for e in ENTRIES} == read | lists  # what only keeps objects has no answers
