"""What the v2 codec refuses to read."""

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
from azure_agents.events import Event, Finished, Usage
from azure_agents.fold import fold
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
from .wounds import WOUNDS, broken

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "v2"


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


@pytest.mark.slow
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
