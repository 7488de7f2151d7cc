"""Bodies and heads of answers have an end: endless, packed, trickling, or no HTTP at all."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from functools import cache, reduce
from itertools import repeat
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken

from azure_agents.drivers import bounds
from azure_agents.emulator import Emulator
from azure_agents.errors import (
    AzureAgentsError,
    ConnectionLostError,
    DeadlineError,
    InvalidRequestError,
    ProtocolError,
    ServiceError,
)
from azure_agents.protocols.retry import MAX_RETRY_AFTER

from .peers import HI, WAYS, Clients, Recorder, Whole, connect

MEGABYTE = 1024 * 1024

# --- bodies --------------------------------------------------------------------------------------


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body without an end; counts what was taken of it."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in repeat(self.piece, 20_000):
            self.taken += len(piece)
            yield piece
        raise AssertionError("nobody stops reading")

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
# Unpacked as far as a body or an event may go; left by httpx as it is; refused.
UNPACKED = r"larger than \d+ bytes"
AS_IT_IS = r"not JSON|not the service's|ended before"
REFUSED = "has the content encoding"
# Header, what packs the body (nothing packs one that is never looked into), and the refusal.
PACKED: dict[str, tuple[str, tuple[Callable[[bytes], bytes], ...], str]] = {
    "gzip": ("gzip", (gzip.compress,), UNPACKED),
    "deflate": ("deflate", (zlib.compress,), UNPACKED),
    "x-gzip": ("x-gzip", (gzip.compress,), AS_IT_IS),
    "gzip twice": ("gzip, gzip", (gzip.compress, gzip.compress), REFUSED),
    "gzip ten times": (", ".join(["gzip"] * 10), (gzip.compress,), REFUSED),
    "Brotli": ("br", (), REFUSED),
    "Zstandard": ("zstd", (), REFUSED),
    "unknown": ("x-bomb", (), REFUSED),
    "a long name": ("x" * 5000, (), REFUSED),
}


@cache  # packing takes longer than reading
def _packed(*packers: Callable[[bytes], bytes]) -> bytes:
    if not packers:
        return b"\x00"
    return reduce(lambda data, pack: pack(data), packers, BOMB)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_packed_body_has_an_end(
    status: int, packed: tuple[str, Any, str], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One layer of what was asked for is unpacked, as far as a body may go."""
    encoding, packers, end = packed
    data = _packed(*packers)
    monkeypatch.setattr(bounds, "MAX_BODY", 4 * MEGABYTE)
    headers = {"content-encoding": encoding, "content-type": "text/event-stream"}
    network = Recorder(lambda _: httpx.Response(status, headers=headers, stream=Whole(data)))
    with pytest.raises(AzureAgentsError, match=end) as caught:
        WAYS[way](connect(network, sign_in={"credential": Credential()}), HI)
    assert len(str(caught.value)) < 2000
    assert {"gzip, deflate"} == {request.headers["accept-encoding"] for request in network.requests}


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


LOADS: dict[str, Callable[[], httpx.Response]] = {
    "announced": lambda: httpx.Response(200, headers={"content-length": "9999"}, stream=Whole(b"")),
    "without an end": lambda: httpx.Response(200, stream=Endless(b"x" * 1000)),
    "in one piece": lambda: httpx.Response(200, stream=Whole(b"x" * 9999)),
    "packed": lambda: httpx.Response(
        200, headers={"content-encoding": "gzip"}, stream=Whole(_packed(gzip.compress))
    ),
}


def _aloaded(clients: Clients, _: Path) -> object:
    return asyncio.run(clients.aio().files.content("file-abc12345", max_size=5000))


LOADING: dict[str, Callable[[Clients, Path], object]] = {
    "content": lambda made, _: made.sync().files.content("file-abc12345", max_size=5000),
    "save": lambda made, at: made.sync().files.save("file-abc12345", at, max_size=5000),
    "async content": _aloaded,
}


@pytest.mark.parametrize("act", LOADING.values(), ids=LOADING)
@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_a_download_has_an_end(
    load: Callable[[], httpx.Response], act: Any, tmp_path: Path
) -> None:
    """No more is held or written than the caller allows, and no part of a file stays behind."""
    made = connect(Recorder(lambda _: load()), sign_in={"api_key": "x"})
    with pytest.raises(InvalidRequestError, match="larger than max_size=5000 bytes"):
        act(made, tmp_path)
    assert [] == list(tmp_path.iterdir())


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


@pytest.mark.parametrize("way", ["sync stream", "async stream"])
@pytest.mark.parametrize("piece", [b": ping\n\n", b"data: {}\n\n", b"event: x\n", b"\r\n", b"x"])
def test_a_stream_that_only_keeps_alive_ends_with_the_turn(piece: bytes, way: str) -> None:
    """Bytes that are no answer do not keep a turn alive beyond its time."""
    body = Endless(piece)
    headers = {"content-type": "text/event-stream"}
    network = Recorder(lambda _: httpx.Response(200, headers=headers, stream=body))
    made = connect(network, sign_in={"api_key": "x"}, timeout=10.0, clock=Ticking())
    with pytest.raises(DeadlineError):
        WAYS[way](made, HI)
    assert body.taken < 10_000


def test_a_service_cannot_make_a_client_wait_for_ever() -> None:
    """More than two minutes is the caller's decision: the error is raised at once."""
    headers = {"retry-after": str(MAX_RETRY_AFTER + 1)}
    network = Recorder(lambda _: httpx.Response(429, headers=headers, json={}))
    clock = Ticking()
    made = connect(network, sign_in={"api_key": "x"}, max_retries=5, timeout=None, clock=clock)
    with pytest.raises(ServiceError):
        WAYS["sync"](made, HI)
    assert (1, True) == (len(network.requests), clock.now < MAX_RETRY_AFTER)


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
    """The connection counts as lost: typed, short, and at once."""
    shouting.data = data
    endpoint = f"http://127.0.0.1:{shouting.server_address[1]}/api/projects/p"
    with pytest.raises(ConnectionLostError) as caught:
        WAYS[way](connect(endpoint=endpoint, sign_in={"api_key": "x"}, timeout=20.0), HI)
    assert len(str(caught.value)) < 2000
