"""Everything that is read from the wire has an end: sizes, depths, numbers, lengths of messages."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from itertools import repeat
from typing import Any

import httpx
import pytest

from azure_agents.errors import AzureAgentsError, ProtocolError
from azure_agents.jsonio import MAX_DEPTH, loads
from azure_agents.messages import ToolCall, assistant
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.reader import ResponseReader
from azure_agents.protocols.sse import MAX_EVENT_BYTES, SSEDecoder
from azure_agents.service_errors.envelopes import (
    error_from_event,
    error_from_last_error,
    error_from_reply,
)
from azure_agents.threads.digest import digest_of

from .peers import HI, WAYS, Recorder, Whole, connect

MEGABYTE = 1024 * 1024
READERS = {"v2": ResponseReader, "classic": RunReader}

# --- events --------------------------------------------------------------------------------------

ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "one line": (b"data: ", b"x" * MEGABYTE),
    "many data lines": (b"", b"data: " + b"x" * (MEGABYTE - 7) + b"\n"),
    "a comment": (b":", b"x" * MEGABYTE),
    "a name": (b"event: ", b"x" * MEGABYTE),
    "a field of no meaning": (b"x", b"x" * MEGABYTE),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(("start", "piece"), ENDLESS.values(), ids=ENDLESS)
def test_an_event_that_never_ends_is_cut_off(start: bytes, piece: bytes, reader: Any) -> None:
    """After 32 MB at most, whatever it is that does not end."""
    decoder = reader(Delivered())
    decoder.feed(start)
    pieces = repeat(piece, 2 * MAX_EVENT_BYTES // MEGABYTE)
    with pytest.raises(ProtocolError, match="a server-sent event is larger than"):
        deque(map(decoder.feed, pieces), maxlen=0)


def test_data_lines_that_hold_nothing_count_too() -> None:
    """Each costs memory although it has no data."""
    decoder = SSEDecoder(limit=MEGABYTE)
    with pytest.raises(ProtocolError, match="a server-sent event is larger than"):
        deque(map(decoder.feed, repeat(b"data:\n" * 1000, 1000)), maxlen=0)


def test_events_without_number_hold_no_memory() -> None:
    """What is over is forgotten: only the event in the making is kept."""
    decoder = SSEDecoder(limit=1000)
    for _ in range(10_000):
        decoder.feed(b": keep alive\n\nevent: x\ndata: " + b"y" * 900 + b"\n\n")
    assert (0, b"", b"") == (decoder._held, decoder._line, decoder._data)


# --- JSON ----------------------------------------------------------------------------------------

NESTED: dict[str, Callable[[int], str]] = {
    "arrays": lambda n: "[" * n + "]" * n,
    "objects": lambda n: '{"a":' * n + "1" + "}" * n,
    "both": lambda n: '[{"a":' * (n // 2) + "1" + "}]" * (n // 2),
    "wide and deep": lambda n: "[" + "[]," * 50 + "[" * n + "]" * n + "]",
    "unclosed arrays": lambda n: "[" * n,
    "unclosed objects": lambda n: '{"a":' * n,
}
DEPTHS = (MAX_DEPTH + 2, 500, 1_000, 10_000, 200_000)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
def test_json_has_a_depth(nested: Callable[[int], str], depth: int) -> None:
    """Deeper than any answer is an error, as a text and as bytes, and wherever it stands."""
    text = nested(depth)
    for data in (text, text.encode()):
        with pytest.raises(ProtocolError):
            loads(data)
    event = f'{{"type":"error","x":{text}}}'.encode()
    for reader in READERS.values():
        with pytest.raises(ProtocolError):
            reader(Delivered()).feed(b"event: error\ndata: " + event + b"\n\n")
    error = error_from_reply(500, {}, text.encode(), doing="x")
    assert len(str(error)) < 1000
    assert digest_of([assistant("", ToolCall("call_1", "f", text))])


@pytest.mark.parametrize("nested", list(NESTED.values())[:3], ids=list(NESTED)[:3])
def test_what_an_answer_may_hold_is_read(nested: Callable[[int], str]) -> None:
    """The limit is far away from what any service sends."""
    assert loads(nested(MAX_DEPTH)) is not None


NUMBERS = (
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "-Infinity",
    "9" * 5000,
    "0." + "1" * 5000 + "e999",
)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: n[:10])
def test_numbers_have_an_end(number: str) -> None:
    """No infinity, no integer that takes seconds to write down."""
    with pytest.raises(ProtocolError):
        loads(f'{{"usage": {number}}}')


# --- errors --------------------------------------------------------------------------------------

LONG = "x " * MEGABYTE
FIELDS = ("message", "code", "param", "type")
ENVELOPES: dict[str, Any] = {
    **{name: {"error": {name: LONG}} for name in FIELDS},
    "all": {"error": dict.fromkeys(FIELDS, LONG)},
    "details": {"error": {"message": "m", "details": [{"message": LONG, "param": LONG}] * 5}},
    "request id": {"error": {"message": "m", "additionalInfo": {"request_id": LONG}}},
    "text": {"error": LONG},
    "list": [{"error": {"message": LONG}}] * 3,
    "statusCode": {"statusCode": 401, "message": LONG},
    "no object": LONG,
    "numbers": {"error": {"message": 10**17, "code": 10**4000, "param": -(10**4000)}},
}


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)
def test_messages_of_errors_are_short(envelope: Any) -> None:
    """A service cannot fill a log."""
    made = (
        error_from_reply(400, {}, json.dumps(envelope).encode(), doing="asking"),
        error_from_event(envelope, doing="asking"),
        error_from_last_error(envelope, doing="asking"),
    )
    assert [True] * 3 == [len(str(error)) < 2000 for error in made]


@pytest.mark.parametrize("name", ["location", "retry-after", "retry-after-ms", "x-request-id"])
@pytest.mark.parametrize(
    "value", [LONG, "9" * 100_000, "-1", "1e400", "NaN", "\x00", "Mon, " * 9999]
)
@pytest.mark.parametrize("status", [302, 429])
def test_headers_of_errors_are_read_with_care(status: int, name: str, value: str) -> None:
    """Neither a wait without an end nor a message without one."""
    error = error_from_reply(status, {name: value}, b"{}", doing="asking")
    assert len(str(error)) < 2000
    assert error.retry_after is None or 0 <= error.retry_after < float("inf")


@pytest.mark.parametrize(
    "events",
    [
        b'event: response.created\ndata: {"type":"response.created","response":{"id":"%s"}}\n\n',
        b'event: thread.run.created\ndata: {"id":"%s","status":"queued","thread_id":"t"}\n\n',
    ],
    ids=["v2", "classic"],
)
def test_ids_from_the_wire_do_not_fill_a_message(events: bytes) -> None:
    """An id is a fact of the error, whole; its sentence shows the beginning."""
    model = "my-agent" if b"response" in events else "asst_1"
    headers = {"content-type": "text/event-stream"}
    body = events % (b"i" * MEGABYTE)
    network = Recorder(
        lambda r: httpx.Response(
            200 if r.method == "POST" else 500, headers=headers, stream=Whole(body)
        )
    )
    with pytest.raises(AzureAgentsError) as caught:
        WAYS["sync stream"](connect(network, model=model, sign_in={"api_key": "x"}), HI)
    assert len(str(caught.value)) < 3000
