"""What the classic codec refuses to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from azure_agents.errors import AzureAgentsError, ProtocolError
from azure_agents.events import Event, Finished, RefusalDelta, TextDelta, ToolCallDelta, Usage
from azure_agents.fold import fold
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
from .wounds import WOUNDS, Wounds
from .wounds import broken as wounded

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "classic"
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


def broken(seed: list[tuple[str, JSON]], wounds: Wounds) -> list[tuple[str, JSON]]:
    """A stream with wounds in its data; the names of its events are whole."""
    names, data = zip(*seed, strict=True)
    return list(zip(names, wounded(list(data), wounds), strict=True))


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


@pytest.mark.slow
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
