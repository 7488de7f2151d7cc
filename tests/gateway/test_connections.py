"""Answers of upstreams in every shape that HTTP/1.1 allows, and in those that it does not.

Both clients read the same table: the one of direct connections, and aiohttp's, which asks upstreams
behind proxies.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from yarl import URL

from azure_agents.errors import (
    ConfigError,
    ConnectionLostError,
    NotSentError,
    ProtocolError,
    TimedOutError,
)
from azure_agents.gateway.exchange import Call
from azure_agents.gateway.proxied import Proxied
from azure_agents.gateway.upstream import Upstream

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CLIENTS = ["direct", "proxied"]
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


class Server:
    """Plays a script for each request, and remembers what came."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                self.requests.append(head + await reader.readexactly(int(length or 0)))
                await self._script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Asker:
    """One of the two clients, and a server."""

    def __init__(self, client: Any, server: Server) -> None:
        self.client, self.server = client, server

    async def __call__(self, **more: Any) -> Any:
        """Ask; returns the answer, its head read."""
        url = URL(f"http://127.0.0.1:{self.server.port}/a%20b?c=d", encoded=True)
        given = {"headers": {"x-a": "b"}, "body": b"question", "read": 5.0, **more}
        return await self.client.ask(Call(url, **given), "testing")


@asynccontextmanager
async def asking(name: str, script: Script) -> AsyncIterator[Asker]:
    """A client in front of a server."""
    server = Server(script)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    client = Upstream() if name == "direct" else Proxied(ssl.create_default_context(), 55.0)
    try:
        yield Asker(client, server)
    finally:
        await client.aclose()
        listening.close()


def plays(data: bytes, *, closes: bool = False) -> Script:
    """Answers with bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if closes:
            writer.close()

    return script


GOOD: dict[str, tuple[bytes, bool, int, bytes]] = {
    # name: bytes, whether the connection is closed behind them, status, body
    "a length": (OK + b"content-length: 2\r\n\r\nhi", False, 200, b"hi"),
    "chunks": (CHUNKED + b"2\r\nhi\r\n3;ext=1\r\n yo\r\n0\r\n\r\n", False, 200, b"hi yo"),
    "trailers": (CHUNKED + b"2\r\nhi\r\n0\r\nx-trailer: 1\r\n\r\n", False, 200, b"hi"),
    "until the end": (OK + b"connection: close\r\n\r\nhi", True, 200, b"hi"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhi", True, 200, b"hi"),
    "100 first": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi",
        False,
        200,
        b"hi",
    ),
    "103 first": (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK + b"content-length: 0\r\n\r\n",
        False,
        200,
        b"",
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", False, 204, b""),
    "an error": (b"HTTP/1.1 429 Slow\r\ncontent-length: 2\r\n\r\n{}", False, 429, b"{}"),
    "a redirect": (
        b"HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        False,
        307,
        b"",
    ),
    "large": (OK + b"content-length: 300000\r\n\r\n" + b"x" * 300_000, False, 200, b"x" * 300_000),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", GOOD)
async def test_an_answer_is_read(client: str, name: str) -> None:
    """Twice, on one connection where its end is known."""
    data, closes, status, body = GOOD[name]
    async with asking(client, plays(data, closes=closes)) as ask:
        for _ in range(2):
            answer = await ask()
            assert (status, body) == (answer.status, await answer.whole())
            answer.close()
        assert (2 if closes else 1) == ask.server.connections


WRONG: dict[str, bytes] = {
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi",
    "a length beside chunks": OK
    + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "no length": OK + b"content-length: two\r\n\r\nhi",
    "a sign": OK + b"content-length: +2\r\n\r\nhi",
    "a name with a space": OK + b"content-length : 2\r\n\r\nhi",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    "a folded header": OK + b"x-a: b\r\n c\r\ncontent-length: 2\r\n\r\nhi",
    "a NUL": OK + b"x\x00: b\r\ncontent-length: 2\r\n\r\nhi",
    "a long head": OK + b"x-a: " + b"b" * 100_000,
    "endless 1xx": b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000,
    "another coding": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "packed": OK + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi",
    "another protocol": b"HTTP/1.1 101 Switch\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_could_be_read_in_two_ways_is_refused(name: str) -> None:
    """And the connection is closed, so nothing of it is the answer to the next request."""
    async with asking("direct", plays(WRONG[name])) as ask:
        for connections in (1, 2):
            with pytest.raises(ProtocolError):
                await ask()
            assert connections == ask.server.connections


CUT: dict[str, bytes] = {
    "in the head": OK + b"content-le",
    "in a length": OK + b"content-length: 5\r\n\r\nhi",
    "in a chunk": CHUNKED + b"5\r\nhi",
    "between chunks": CHUNKED + b"2\r\nhi\r\n",
    "before the last line": CHUNKED + b"2\r\nhi\r\n0\r\n",
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", CUT)
async def test_an_answer_that_is_cut_says_so(client: str, name: str) -> None:
    """What came before is given."""
    async with asking(client, plays(CUT[name], closes=True)) as ask:
        if name == "in the head":
            with pytest.raises(ConnectionLostError):
                await ask()
            return
        answer = await ask()
        assert b"hi" == await answer.read()
        with pytest.raises(ConnectionLostError):
            await answer.read()
        answer.close()


@pytest.mark.parametrize("extra", [b"junk", OK + b"content-length: 6\r\n\r\nstolen"])
async def test_what_comes_behind_an_answer_is_no_other(extra: bytes) -> None:
    """Its connection is closed."""
    async with asking("direct", plays(OK + b"content-length: 2\r\n\r\nhi" + extra)) as ask:
        for _ in range(3):
            answer = await ask()
            assert b"hi" == await answer.whole()
        assert 3 == ask.server.connections


@pytest.mark.parametrize("may_repeat", [True, False])
async def test_a_kept_connection_that_dies_at_a_request(may_repeat: bool) -> None:
    """The request is made once more where a second one harms nobody; never on a new connection."""
    served = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        if served == 2:
            writer.transport.abort()
        else:
            writer.write(OK + b"content-length: 2\r\n\r\nhi")

    async with asking("direct", script) as ask:
        await (await ask()).whole()
        if may_repeat:
            assert b"hi" == await (await ask(may_repeat=True)).whole()
            assert 3 == served
            return
        with pytest.raises(ConnectionLostError):
            await ask()
        assert 2 == served


async def test_a_new_connection_that_dies_is_no_reason_to_ask_again() -> None:
    """It was not kept, so the service had the request."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with asking("direct", script) as ask:
        with pytest.raises(ConnectionLostError):
            await ask(may_repeat=True)
        assert 1 == len(ask.server.requests)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("begun", [b"", CHUNKED, CHUNKED + b"2\r\nhi\r\n"])
async def test_silence_is_a_timeout(client: str, begun: bytes) -> None:
    """Before the head, and between two reads."""
    async with asking(client, plays(begun)) as ask:
        with pytest.raises(TimedOutError):
            await (await ask(read=0.1)).whole()


@pytest.mark.parametrize("client", CLIENTS)
async def test_nobody_there_is_not_sent(client: str) -> None:
    """So it may always be sent elsewhere."""
    async with asking(client, plays(b"")) as ask:
        ask.server.port = 1
        with pytest.raises(NotSentError):
            await ask()


async def test_a_slow_reader_holds_the_upstream_back() -> None:
    """At most some reads wait in memory, and nothing is lost; a pause is no timeout."""
    size, sent = 40_000_000, 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(OK + b"content-length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(b"x" * 100_000)
            sent += 100_000
            await writer.drain()

    async with asking("direct", script) as ask:
        answer = await ask(read=0.2)
        await asyncio.sleep(0.5)
        assert sent < size
        assert size == len(await answer.whole())


@pytest.mark.parametrize("begun", [b"", OK + b"content-length: 5\r\n\r\nhi"])
async def test_an_answer_that_nobody_waits_for_is_closed(begun: bytes) -> None:
    """Before its head as behind it: an upstream must not work for nobody."""
    gone = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        try:
            await reader.readexactly(1)
        finally:
            gone.set()

    async with asking("direct", script) as ask:
        asked = asyncio.create_task(ask())
        await asyncio.sleep(0.05)
        waits = asyncio.create_task((await asked).whole()) if begun else asked
        await asyncio.sleep(0.05)
        waits.cancel()
        await asyncio.wait_for(gone.wait(), 5)


@pytest.mark.parametrize("client", CLIENTS)
async def test_an_end_that_comes_late_is_waited_for_aside(client: str) -> None:
    """Then the connection is used again, and nobody waited."""
    goes_on = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"2\r\nhi\r\n")
        await goes_on.wait()
        writer.write(b"3\r\nbye\r\n0\r\n\r\n")

    async with asking(client, script) as ask:
        answer = await ask()
        assert b"hi" == await answer.read()
        answer.finish()
        goes_on.set()
        await asyncio.sleep(0.1)
        await (await ask()).whole()
        assert 1 == ask.server.connections


async def test_what_goes_up() -> None:
    """The path as it is, the host, the headers, the length."""
    async with asking("direct", plays(GOOD["204"][0])) as ask:
        await ask()
        await ask(method="GET", body=b"")
    sent = b"POST /a%%20b?c=d HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nx-a: b\r\n" % ask.server.port
    assert sent + b"content-length: 8\r\n\r\nquestion" == ask.server.requests[0]
    assert sent.replace(b"POST", b"GET") + b"\r\n" == ask.server.requests[1]


@pytest.mark.parametrize("value", ["a\r\nx-b: c", "a\nx-b: c", "a\rb", "a\0b", "\u20ac"])
async def test_no_header_becomes_two(value: str) -> None:
    """Refused before anything is sent, and not shown."""
    async with asking("direct", plays(GOOD["204"][0])) as ask:
        with pytest.raises(ConfigError) as caught:
            await ask(headers={"api-key": value})
        assert value not in str(caught.value)
        assert [] == ask.server.requests


async def test_old_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that nobody needed, and those that the other side would soon close."""
    told = OK + b"keep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nhi"
    monkeypatch.setattr("azure_agents.gateway.upstream._REAP", 0.05)
    async with asking("direct", plays(told)) as ask:
        await (await ask()).whole()
        await asyncio.sleep(0.15)
        assert (0, {}) == (len(ask.client._all), ask.client._idle)
        await (await ask()).whole()
        assert 2 == ask.server.connections


async def test_a_body_in_pieces_goes_up_too() -> None:
    """By the other client."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n" == await reader.readuntil(b"0\r\n\r\n")
        writer.write(GOOD["a length"][0])

    async with asking("direct", script) as ask:
        assert b"hi" == await (await ask(body=pieces())).whole()


async def test_the_head_of_an_answer_has_no_body_when_only_it_was_asked_for() -> None:
    """Whatever length it tells."""
    async with asking("direct", plays(OK + b"content-length: 5\r\n\r\n")) as ask:
        answer = await ask(method="HEAD", body=b"")
        assert (200, b"") == (answer.status, await answer.whole())
