"""Every stream ends once, whatever the upstream and the client do; against a scripted upstream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from azure_agents.gateway.app import Application
from azure_agents.gateway.config.reading import read_config

from .conftest import HELLO
from .test_frames import CHAT, DONE, ERROR, FILTER, ROLE, WORD

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class Upstream:
    """A server that plays a script for each request, and remembers what became of it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.closed = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                await self.script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.set()
        finally:
            writer.close()


@asynccontextmanager
async def gateway(script: Script, more: str = "", **params: str) -> AsyncIterator[Any]:
    """The application, in process, in front of a scripted upstream."""
    upstream = Upstream(script)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    base = f"http://127.0.0.1:{upstream.port}"
    given = {"model": "azure/dep", "api_base": base, "api_key": "upstream-secret", **params}
    entry = json.dumps({"model_name": "gpt", "litellm_params": given})
    config = f"model_list: [{entry}]\nrouter_settings: {{num_retries: 0}}\n{more}"
    application = Application(read_config(config))
    try:
        yield application, upstream
    finally:
        await application.aclose()
        server.close()


class Client:
    """One request through ASGI; it leaves when told to."""

    def __init__(self, body: dict[str, Any], path: str = "/v1/chat/completions") -> None:
        self._body = json.dumps(body).encode()
        self._sent = False
        self._leaves = asyncio.Event()
        self.path = path
        self.sends: list[tuple[bytes, bytes]] = []  # more headers
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.pieces: list[bytes] = []
        self.ends = 0
        self.has_more = asyncio.Event()

    @property
    def text(self) -> bytes:
        """All that came."""
        return b"".join(self.pieces)

    async def receive(self) -> dict[str, Any]:
        """The body, then nothing until the client leaves."""
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """What the application answers."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        self.pieces.append(message.get("body", b""))
        self.ends += not message.get("more_body", False)
        self.has_more.set()

    def leave(self) -> None:
        """Close the connection."""
        self._leaves.set()

    async def ask(self, application: Any) -> Client:
        """Make the request."""
        scope = {
            "type": "http",
            "method": "POST",
            "path": self.path,
            "headers": [(b"host", b"localhost"), *self.sends],
            "client": ("127.0.0.1", 1),
        }
        await application(scope, self.receive, self.send)
        return self


def body(**more: Any) -> dict[str, Any]:
    """A streamed chat."""
    return {"model": "gpt", "messages": HELLO, "stream": True, **more}


async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A good stream in one write."""
    writer.write(HEAD + chunk(CHAT) + END)


async def test_what_came_in_one_read_goes_out_in_one_write() -> None:
    """And the connection is used again."""
    async with gateway(whole) as (application, upstream):
        for _ in range(3):
            client = await Client(body(stream_options={"include_usage": True})).ask(application)
            assert [CHAT] == client.pieces
        assert 3 == len(upstream.requests)
        assert not upstream.closed.is_set()


async def test_only_the_model_is_rewritten() -> None:
    """The other bytes of a body go up as they came, with the entry's credential."""
    asked = body(model="gpt", temperature=1e-7, stream=False)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with gateway(plain) as (application, upstream):
        await Client(asked).ask(application)
    head, _, sent = upstream.requests[0].partition(b"\r\n\r\n")
    assert (
        json.dumps(asked).replace('"gpt"', '"dep"').replace('": "dep"', '":"dep"').encode() == sent
    )
    assert b"api-key: upstream-secret" in head
    assert b"accept-encoding" not in head.lower()


@pytest.mark.slow
async def test_a_stream_cut_anywhere_ends_once() -> None:
    """At every byte: whole events and one end; before the first content an error with a status."""
    cuts = iter(range(len(CHAT) + 1))

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        part = CHAT[: next(cuts)]
        writer.write(HEAD + (chunk(part) if part else b""))
        await writer.drain()
        writer.close()

    wrong = []
    async with gateway(cut, "general_settings: {first_content_timeout: 5}") as (application, _):
        for at in range(len(CHAT) + 1):
            client = await Client(body(stream_options={"include_usage": True})).ask(application)
            if not _is_good(client):
                wrong.append((at, client.status, client.text))
    assert [] == wrong


def _is_good(client: Client) -> bool:
    if client.status != 200:
        return client.status == 502 and b'"error"' in client.text and client.ends == 1
    events = client.text.split(b"\n\n")
    ends = [one for one in events if one == DONE.strip() or b'"error":' in one]
    parsed = [json.loads(one.removeprefix(b"data: ")) for one in events[:-2]]
    return len(ends) == 1 and events[-1] == b"" and client.ends == 1 and len(parsed) >= 1


async def test_an_error_in_the_stream_passes_as_it_came() -> None:
    """And nothing behind it."""

    async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + chunk(ROLE + WORD + ERROR + DONE) + END)

    async with gateway(fail) as (application, _):
        client = await Client(body()).ask(application)
    assert (200, ROLE + WORD + ERROR) == (client.status, client.text)


async def test_an_error_before_the_first_content_has_a_status() -> None:
    """A 200 whose first event is an error is that error."""

    async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + chunk(FILTER + ERROR) + END)

    async with gateway(fail) as (application, _):
        client = await Client(body()).ask(application)
    assert 429 == client.status
    assert 1 == client.ends


async def test_a_status_waits_for_the_first_content_and_no_longer() -> None:
    """Then comments come, and what fails is the last event."""
    goes_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await goes_on.wait()
        writer.write(HEAD + chunk(ERROR) + END)

    waits = "general_settings: {first_content_timeout: 0.1}"
    async with gateway(slow, waits) as (application, _):
        client = Client(body())
        asking = asyncio.create_task(client.ask(application))
        await client.has_more.wait()
        assert (200, True) == (client.status, client.text.startswith(b": "))
        goes_on.set()
        await asking
    last = client.text.split(b"\n\n")[-2]
    comment, _, said = last.partition(b"\ndata: ")
    assert comment.startswith(b": ")
    assert "rate_limit_error" == json.loads(said)["error"]["type"]
    assert 1 == client.ends


PHASES = ["before the head", "before the content", "in the stream", "whole"]


@pytest.mark.parametrize("phase", PHASES)
async def test_when_the_client_leaves_the_upstream_is_left(phase: str) -> None:
    """In every phase: the connection is closed, and the place given back."""
    began = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if phase == "before the content":
            writer.write(HEAD + chunk(ROLE))
        elif phase == "in the stream":
            writer.write(HEAD + chunk(ROLE + WORD))
        began.set()
        await reader.readexactly(1)  # until the other side hangs up

    async with gateway(hang) as (application, upstream):
        client = Client(body(stream=phase != "whole"))
        asking = asyncio.create_task(client.ask(application))
        await began.wait()
        if phase == "in the stream":
            await client.has_more.wait()
        await asyncio.sleep(0.05)
        client.leave()
        await asyncio.wait_for(asking, 5)
        await asyncio.wait_for(upstream.closed.wait(), 5)
        board = application._serving.board
        assert [0] == [board.engine.desk.counts.running(one) for one in board.deployments]
        assert 0 == client.ends


async def test_a_kept_connection_that_died_is_made_anew() -> None:
    """The upstream closed it while it idled: nobody hears of that."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + chunk(CHAT) + END)
        await writer.drain()
        writer.close()

    async with gateway(close) as (application, upstream):
        for _ in range(3):
            assert 200 == (await Client(body()).ask(application)).status
        assert 3 == len(upstream.requests)


async def test_a_service_that_refuses_stream_options_is_asked_without() -> None:
    """Once more, and from then on at once without."""
    refused = b'{"error":{"message":"Unrecognized request argument supplied: stream_options"}}'

    async def picky(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"stream_options" in upstream.requests[-1]:
            head = (
                b"HTTP/1.1 400 No\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            )
            writer.write(head % len(refused) + refused)
        else:
            await whole(reader, writer)

    async with gateway(picky) as (application, upstream):
        for _ in range(2):
            assert 200 == (await Client(body()).ask(application)).status
        assert 3 == len(upstream.requests)


async def test_no_redirect_is_followed() -> None:
    """A credential stays where it belongs; the client hears of no address."""

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = b"http://127.0.0.1:%d/elsewhere" % upstream.port
        writer.write(b"HTTP/1.1 307 Go\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n" % place)

    async with gateway(redirect) as (application, upstream):
        client = await Client(body()).ask(application)
        assert 502 == client.status
        assert str(upstream.port).encode() not in client.text
        assert 1 == len(upstream.requests)
