"""Everything that is read from the wire has an end: sizes, depths, numbers, lengths of messages."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import repeat
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken

from azure_agents.client import Agents
from azure_agents.drivers import bounds
from azure_agents.emulator import Emulator
from azure_agents.envelopes import error_from_event, error_from_last_error, error_from_reply
from azure_agents.errors import (
    AzureAgentsError,
    DeadlineError,
    ProtocolError,
    ServiceError,
    TransportError,
)
from azure_agents.jsonio import MAX_DEPTH, loads
from azure_agents.messages import ToolCall, assistant
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.reader import ResponseReader
from azure_agents.retry import MAX_RETRY_AFTER
from azure_agents.sse import MAX_EVENT_BYTES, SSEDecoder
from azure_agents.threads.digest import digest_of

from .peers import HI, WAYS, Recorder, connect

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
    assert (0, 0, []) == (decoder._held, decoder._pending, decoder._pieces)


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


# --- bodies --------------------------------------------------------------------------------------


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body without an end; counts what was taken of it."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in repeat(self.piece):
            self.taken += len(piece)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


BODY = {"content-type": "application/json"}


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("status", [200, 201])
def test_a_body_has_an_end(way: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that goes on and on is given up, and its connection with it."""
    monkeypatch.setattr(bounds, "MAX_BODY", 4 * MEGABYTE)
    body = Endless(b" " * MEGABYTE)
    network = Recorder(lambda _: httpx.Response(status, headers=BODY, stream=body))
    with pytest.raises(ProtocolError, match="larger than"):
        WAYS[way](connect(network, sign_in={"api_key": "x"}), HI)
    assert body.taken <= 6 * MEGABYTE


class Credential:
    """Has a new token each time, so that a 401 is looked into."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("token", 4_000_000_000)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500])
def test_of_an_error_the_first_page_is_read(status: int, way: str) -> None:
    """An endless error is the error it is."""
    bodies: list[Endless] = []

    def answer(_: httpx.Request) -> httpx.Response:
        bodies.append(Endless(b"<p>no</p>" * 1000))
        return httpx.Response(status, stream=bodies[-1])

    network = Recorder(answer)
    with pytest.raises(ServiceError) as caught:
        WAYS[way](connect(network, sign_in={"credential": Credential()}), HI)
    assert status == caught.value.status
    assert max(body.taken for body in bodies) < 2 * bounds.MAX_ERROR
    assert len(str(caught.value)) < 2000


BOMB = b" " * (40 * MEGABYTE)
PACKED: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip.compress(BOMB)),
    "deflate": ("deflate", zlib.compress(BOMB)),
    "x-gzip": ("x-gzip", gzip.compress(BOMB)),
    "gzip twice": ("gzip, gzip", gzip.compress(gzip.compress(BOMB))),
    "gzip ten times": (", ".join(["gzip"] * 10), gzip.compress(BOMB)),
    "Brotli": ("br", b"\x00"),
    "Zstandard": ("zstd", b"\x00"),
    "unknown": ("x-bomb", b"\x00"),
    "a long name": ("x" * 5000, b"\x00"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("encoding", "data"), PACKED.values(), ids=PACKED)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_packed_body_has_an_end(
    status: int, encoding: str, data: bytes, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One layer of what was asked for is unpacked, as far as a body may go."""
    monkeypatch.setattr(bounds, "MAX_BODY", 4 * MEGABYTE)
    headers = {"content-encoding": encoding, "content-type": "text/event-stream"}
    network = Recorder(lambda _: httpx.Response(status, headers=headers, stream=Whole(data)))
    with pytest.raises(AzureAgentsError) as caught:
        WAYS[way](connect(network, sign_in={"credential": Credential()}), HI)
    assert len(str(caught.value)) < 2000
    assert {"gzip, deflate"} == {request.headers["accept-encoding"] for request in network.requests}


class Whole(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces as a socket gives them."""

    def __init__(self, data: bytes) -> None:
        self.pieces = [data[at : at + 65536] for at in range(0, len(data), 65536)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def test_what_is_packed_once_is_read() -> None:
    """A proxy may pack an answer."""
    with Emulator(strict_auth=False) as foundry:
        foundry.create_agent("my-agent", "Hello")

        def packed(request: httpx.Request) -> httpx.Response:
            answer = foundry.transport.handle_request(request)
            data = gzip.compress(b"".join(answer.stream))  # type: ignore[arg-type]
            headers = {"content-encoding": "gzip", "content-type": answer.headers["content-type"]}
            return httpx.Response(answer.status_code, headers=headers, stream=Whole(data))

        for way in ("sync", "sync stream", "async", "async stream"):
            clients = connect(Recorder(packed), endpoint=foundry.endpoint, sign_in={"api_key": "x"})
            assert "Hello" in repr(WAYS[way](clients, HI))


class Ticking:
    """Every look at the clock takes a tenth of a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        self.now += 0.1
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("piece", [b": ping\n\n", b"data: {}\n\n", b"event: x\n", b"\r\n", b"x"])
def test_a_stream_that_only_keeps_alive_ends_with_the_turn(piece: bytes) -> None:
    """Bytes that are no answer do not keep a turn alive beyond its time."""
    body = Endless(piece)
    headers = {"content-type": "text/event-stream"}
    network = Recorder(lambda _: httpx.Response(200, headers=headers, stream=body))
    made = connect(network, sign_in={"api_key": "x"}, timeout=10.0)
    agents = Agents(made.settings, made.auth, transport=network, clock=Ticking())
    with pytest.raises(DeadlineError):
        list(agents.stream(HI))
    assert body.taken < 10_000


# --- headers, on real sockets --------------------------------------------------------------------

HEADS: dict[str, bytes] = {
    "a header of 2 MB": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2 * MEGABYTE + b"\r\n\r\n",
    "a header without an end": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 4 * MEGABYTE,
    "50,000 headers": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000 + b"\r\n",
    "a status line of 2 MB": b"HTTP/1.1 200 " + b"y" * 2 * MEGABYTE + b"\r\n\r\n",
    "no HTTP": b"\x00" * MEGABYTE,
    "a status that is none": b"HTTP/1.1 9999999 OK\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
    "a negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
    "a length too long": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n{}",
    "a chunk too long": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffff\r\n{}",
    "a chunk size without an end": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"0" * MEGABYTE
    ),
    "informational answers without an end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000,
    "a NUL in a header": b"HTTP/1.1 200 OK\r\nx: a\x00b\r\ncontent-length: 2\r\n\r\n{}",
    "a line break in a header": b"HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 2\r\n\r\n{}",
}


class Shouting(StreamRequestHandler):
    """Sends its bytes whatever it is asked."""

    def handle(self) -> None:
        with suppress(OSError):
            self.request.recv(65536)
            self.request.sendall(self.server.data)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def shouting() -> Iterator[ThreadingTCPServer]:
    """A server that knows nothing of HTTP."""
    with ThreadingTCPServer(("127.0.0.1", 0), Shouting) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS)
def test_heads_of_answers_have_an_end(shouting: Any, data: bytes, way: str) -> None:
    """A lost connection, or an answer that is none: typed, short, and at once."""
    shouting.data = data
    endpoint = f"http://127.0.0.1:{shouting.server_address[1]}/api/projects/p"
    with pytest.raises((TransportError, ProtocolError, ServiceError)) as caught:
        WAYS[way](connect(endpoint=endpoint, sign_in={"api_key": "x"}, timeout=20.0), HI)
    assert len(str(caught.value)) < 2000


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


def test_a_service_cannot_make_a_client_wait_for_ever() -> None:
    """More than two minutes is the caller's decision: the error is raised at once."""
    headers = {"retry-after": str(MAX_RETRY_AFTER + 1)}
    network = Recorder(lambda _: httpx.Response(429, headers=headers, json={}))
    with pytest.raises(ServiceError):
        WAYS["sync"](connect(network, sign_in={"api_key": "x"}, max_retries=5, timeout=None), HI)
    assert 1 == len(network.requests)


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
        lambda r: httpx.Response(200 if r.method == "POST" else 500, headers=headers, content=body)
    )
    with pytest.raises(AzureAgentsError) as caught:
        WAYS["sync stream"](connect(network, model=model, sign_in={"api_key": "x"}), HI)
    assert len(str(caught.value)) < 3000
