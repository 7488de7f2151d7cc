"""What is no request, and clients that are slow: bounded in length and in time, without a key."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from azure_agents.emulator import Emulator
from azure_agents.gateway import front

from .conftest import Gateway, running

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

KEY = b"api-key: sk-master\r\n"
CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {model: azure/my-gpt, api_base: "{resource}", api_key: upstream-secret}
general_settings: {master_key: sk-master}
"""
BODY = b'{"model":"gpt","messages":[{"role":"user","content":"Hello"}]}'
LENGTH = b"content-length: %d\r\n" % len(BODY)
CHUNKED = b"transfer-encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + KEY
GET = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n" + KEY
NEXT = GET + b"\r\n"
H2C = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
WEBSOCKET = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """A gateway with one deployment and a master key."""
    with Emulator(seed=7) as foundry:
        foundry.deploy("my-gpt", "Hello there.")
        with (
            foundry.serve() as served,
            running(CONFIG.replace("{resource}", served.resource)) as one,
        ):
            yield one


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is waited for may take a moment."""
    for name, seconds in {"look": 0.05, "patience": 0.2, "reader_patience": 0.2}.items():
        monkeypatch.setattr(front.ClientConnection, name, seconds)


def _address(gateway: Gateway) -> tuple[str, int]:
    host, port = gateway.url.removeprefix("http://").split(":")
    return host, int(port)


@asynccontextmanager
async def connected(gateway: Gateway) -> AsyncIterator[Any]:
    """A connection to it."""
    reader, writer = await asyncio.open_connection(*_address(gateway))
    try:
        yield reader, writer
    finally:
        writer.close()


async def _answers(gateway: Gateway, sent: bytes, wait: float = 0.3) -> bytes:
    """All that comes until the connection ends, or nothing more comes."""
    told = b""
    async with connected(gateway) as (reader, writer):
        writer.write(sent)
        try:
            while data := await asyncio.wait_for(reader.read(65536), wait if told else 5):
                told += data
        except (TimeoutError, ConnectionError):
            return told
        return told + b"<closed>"


def answers(gateway: Gateway, sent: bytes) -> bytes:
    """The same, in a loop of its own."""
    return asyncio.run(_answers(gateway, sent))


SMUGGLED = {
    "a length and chunks": POST + LENGTH + CHUNKED + b"\r\n0\r\n\r\n" + NEXT,
    "chunks and a length": POST + CHUNKED + LENGTH + b"\r\n0\r\n\r\n" + NEXT,
    "two lengths": POST + LENGTH + LENGTH + b"\r\n" + BODY,
    "two other lengths": POST + LENGTH + b"content-length: 3\r\n\r\n" + BODY,
    "a list of lengths": POST + b"content-length: 5, 5\r\n\r\n" + BODY,
    "a length with a sign": POST + b"content-length: +62\r\n\r\n" + BODY,
    "a hexadecimal length": POST + b"content-length: 0x10\r\n\r\n" + BODY,
    "a negative length": POST + b"content-length: -1\r\n\r\n" + BODY,
    "an endless length": POST + b"content-length: " + b"9" * 30 + b"\r\n\r\n" + BODY,
    "nearly chunked": POST + b"transfer-encoding: xchunked\r\n\r\n" + CHUNKS,
    "chunked, then packed": POST + b"transfer-encoding: chunked, gzip\r\n\r\n" + CHUNKS,
    "identity": POST + b"transfer-encoding: identity\r\n" + LENGTH + b"\r\n" + BODY,
    "chunked twice": POST + CHUNKED + b"transfer-encoding: identity\r\n\r\n0\r\n\r\n" + NEXT,
    "a vertical tab": POST + b"transfer-encoding:\x0bchunked\r\n" + LENGTH + b"\r\n" + BODY,
    "a folded header": GET + b"x-a: b\r\n c\r\n\r\n",
    "folded chunks": POST + b"transfer-encoding:\r\n chunked\r\n" + LENGTH + b"\r\n" + BODY,
    "a space before the colon": POST + b"transfer-encoding : chunked\r\n\r\n" + CHUNKS,
    "a space in a name": GET + b"x a: b\r\n\r\n",
    "no name": GET + b": b\r\n\r\n",
    "a null in a value": GET + b"x-a: b\0c\r\n\r\n",
    "a null in a name": GET + b"x\0a: b\r\n\r\n",
    "lines without CR": b"GET /v1/models HTTP/1.1\nhost: x\n\n",
    "lines without LF": GET + b"x-a: b\rapi-key: other\r\n\r\n",
    "a chunk of no size": POST + CHUNKED + b"\r\nzz\r\n" + BODY,
    "a chunk with a sign": POST + CHUNKED + b"\r\n+3\r\nabc\r\n0\r\n\r\n",
    "a chunk with 0x": POST + CHUNKED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "an endless chunk": POST + CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n",
    "chunks without CR": POST + CHUNKED + b"\r\n3\nabc\n0\n\n",
    "a chunk that is longer": POST + CHUNKED + b"\r\n3\r\nabcdef\r\n0\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + b"a" * 200,
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n" + KEY + b"\r\n",
    "no method": b"FOO /v1/models HTTP/1.1\r\nhost: x\r\n\r\n",
    "bytes in the path": b"GET /v1/mod\xc3\xa9ls HTTP/1.1\r\nhost: x\r\n\r\n",
    "a null in the path": b"GET /v1/models\0 HTTP/1.1\r\nhost: x\r\n\r\n",
    "a backslash": b"GET \\v1\\models HTTP/1.1\r\nhost: x\r\n\r\n",
    "random": b"\x00\x01\x02\xff" * 100,
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_two_servers_might_read_differently_is_refused(
    gateway: Gateway, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One 400 in the form of every error, then the end: nothing behind it is a request."""
    caplog.set_level(logging.INFO)
    told = answers(gateway, SMUGGLED[name])
    assert told.startswith(b"HTTP/1.1 400 ")
    assert 1 == told.count(b"HTTP/1.1 ")
    body = told.partition(b"\r\n\r\n")[2].removesuffix(b"<closed>")
    assert "invalid_request_error" == json.loads(body)["error"]["type"]
    assert [] == caplog.records  # a scanner fills no log


WHOLE = {
    "chunks": (POST + CHUNKED + b"\r\n" + CHUNKS, 1),
    "chunks with extensions": (POST + CHUNKED + b"\r\n" + CHUNKS.replace(b"\r", b";a=b\r", 1), 1),
    "one after the other": (NEXT * 3, 3),
    "HTTP/2 offered, with a body": (POST + LENGTH + H2C + b"\r\n" + BODY, 1),
    "HTTP/2 offered, with chunks": (POST + CHUNKED + H2C + b"\r\n" + CHUNKS, 1),
    "HTTP/2 offered, twice": ((POST + LENGTH + H2C + b"\r\n" + BODY) * 2, 1),
    "a websocket offered": (GET + WEBSOCKET + b"\r\n", 1),
    "a websocket offered, and more": (GET + WEBSOCKET + b"\r\n" + NEXT, 1),
    "the whole URL": (NEXT.replace(b"/v1", b"http://evil.example/v1"), 1),
}


@pytest.mark.parametrize("name", WHOLE)
def test_other_spellings_of_a_request_are_answered(gateway: Gateway, name: str) -> None:
    """An offer of another protocol is passed over, as Java's clients expect; nothing is doubled."""
    sent, count = WHOLE[name]
    told = answers(gateway, sent)
    assert (count, count) == (told.count(b"HTTP/1.1 200 OK"), told.count(b"HTTP/1.1 "))
    assert ("offered" in name) == told.endswith(b"<closed>")


PACKED = [
    b"transfer-encoding: gzip, chunked\r\n",
    CHUNKED + b"content-encoding: gzip\r\n",
    CHUNKED + b"content-encoding: identity\r\ncontent-encoding: br\r\n",
]


@pytest.mark.parametrize("fields", PACKED)
def test_a_packed_body_is_refused(gateway: Gateway, fields: bytes) -> None:
    """Whatever it would be unpacked."""
    assert answers(gateway, POST + fields + b"\r\n" + CHUNKS).startswith(b"HTTP/1.1 415 ")


def test_a_key_behind_the_body_is_none(gateway: Gateway) -> None:
    """Trailers are not headers."""
    bare = POST.replace(KEY, b"") + CHUNKED + b"\r\n"
    assert answers(gateway, bare + CHUNKS[:-2] + KEY + b"\r\n").startswith(b"HTTP/1.1 401 ")


def _pieces(first: bytes, piece: bytes) -> Iterator[bytes]:
    yield first
    for _ in range(2_000):
        yield piece


ENDLESS = {
    "a path": (b"GET /", b"a" * 4096),
    "a header": (GET + b"x: ", b"a" * 4096),
    "headers": (GET, b"x-a: b\r\n" * 500),
    "lines before it": (b"", b"\r\n" * 2000),
    "a trailer": (POST + CHUNKED + b"\r\n0\r\nx: ", b"a" * 4096),
    "an extension of a chunk": (POST + CHUNKED + b"\r\n1;", b"a" * 4096),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_a_head_has_an_end(gateway: Gateway, name: str) -> None:
    """Whatever grows without being a body is cut off long before it is 8 MB."""
    async with connected(gateway) as (reader, writer):
        sent = 0
        try:
            for piece in _pieces(*ENDLESS[name]):
                writer.write(piece)
                sent += len(piece)
                await writer.drain()
                await asyncio.sleep(0)
            await asyncio.wait_for(reader.read(), 5)
        except ConnectionError:
            pass
        assert sent < 6_000_000


@pytest.mark.parametrize("count", [20, 5_000])
async def test_only_some_requests_wait_behind_another(gateway: Gateway, count: int) -> None:
    """All of a few are answered; who sends thousands before it reads is cut off."""
    told = await _answers(gateway, NEXT * count, 1)
    assert (count == 20) == (told.count(b"HTTP/1.1 200") == count)


SLOW = {
    "nothing": (b"", b"", b""),
    "a head": (b"GET /v1/models HTTP/1.1\r\n", b"x", b"408"),
    "a second head": (NEXT + b"GET /", b"x", b"408"),
    "a body": (POST + b"content-length: 99999\r\n\r\n{", b"x", b"408"),
    "a body in chunks": (POST + CHUNKED + b"\r\n", b"1\r\nx\r\n", b"408"),
    "a body without a key": (
        b"POST /v1/responses HTTP/1.1\r\ncontent-length: 99999\r\n\r\n{",
        b"x",
        b"401",
    ),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", SLOW)
async def test_a_slow_request_ends(gateway: Gateway, name: str) -> None:
    """Also one that goes on byte by byte."""
    first, more, status = SLOW[name]

    async def trickle(writer: Any) -> None:
        writer.write(first)
        while True:
            await asyncio.sleep(0.03)
            writer.write(more)

    async with connected(gateway) as (reader, writer):
        trickling = asyncio.create_task(trickle(writer))
        try:
            told = await asyncio.wait_for(reader.read(), 3)
        except ConnectionError:
            told = status
        trickling.cancel()
    assert status in told
    assert told.count(b"HTTP/1.1 ") - told.count(b"200 OK") <= 1


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_does_not_read_is_left() -> None:
    """Its stream would wait for it in memory, and the upstream with it."""
    told = asyncio.Event()

    async def talks(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(receive())
        while not gone.done():
            await send({"type": "http.response.body", "body": b"a" * 65536, "more_body": True})
        told.set()

    settings = uvicorn.Config(talks, lifespan="off", log_level="warning")
    settings.load()
    made = partial(front.ClientConnection, settings, ServerState(), {})
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1024)
        writer.write(NEXT)
        await asyncio.wait_for(told.wait(), 3)
        writer.close()
