"""What HTTP clients do by themselves: proxies of the environment, cookies, frames of libraries.

On real sockets, since it is the network libraries that do it.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from azure_agents.drivers.clients import LoopClients
from azure_agents.errors import AzureAgentsError
from azure_agents.settings.timeouts import Timeouts

from .peers import HI, WAYS, Clients, connect

CANARY = "canary-2f6d83c1aa90be47"
KINDS = {"bearer": {"credential": CANARY}, "api-key": {"api_key": CANARY}}
pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


WHOLE = {
    "type": "response.completed",
    "response": {"id": "resp_1", "status": "completed", "output": []},
}


class Server(ThreadingHTTPServer):
    """Notes the headers of what it is asked, and does to the connection what it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, str]] = []
        self.act: Callable[[BaseHTTPRequestHandler], None] = refuse
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        server: Any = self.server
        server.asked.append({name.lower(): value for name, value in self.headers.items()})
        with suppress(OSError):
            server.act(self)

    def log_message(self, *args: Any) -> None:
        pass


def refuse(handler: BaseHTTPRequestHandler) -> None:
    """An error, with a cookie."""
    handler.send_response(400)
    handler.send_header("set-cookie", "session=of-somebody; Path=/")
    handler.send_header("content-length", "2")
    handler.end_headers()
    handler.wfile.write(b"{}")


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """No answer at all."""
    handler.close_connection = True
    handler.connection.close()


def dawdle(handler: BaseHTTPRequestHandler) -> None:
    """No answer as long as the client waits for one."""
    handler.close_connection = True
    handler.connection.settimeout(30)
    handler.connection.recv(1)


def break_off(handler: BaseHTTPRequestHandler) -> None:
    """The beginning of an answer."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")


def babble(handler: BaseHTTPRequestHandler) -> None:
    """An answer with a head that is none."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: a\x00b\r\n\r\n")


def go_on(handler: BaseHTTPRequestHandler) -> None:
    """A whole answer, and a sign of life every now and then behind it, without an end."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    handler.wfile.write(b"event: response.completed\ndata: " + json.dumps(WHOLE).encode() + b"\n\n")
    for _ in range(600):
        handler.wfile.write(b": ping\n\n")
        time.sleep(0.05)


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """A project on this machine, and a proxy."""
    pair = Server(), Server()
    yield pair
    for server in pair:
        server.shutdown()
        server.server_close()


def _failed(way: str, clients: Clients) -> AzureAgentsError:
    with pytest.raises(AzureAgentsError) as caught:
        WAYS[way](clients, HI)
    return caught.value


# --- proxies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_credential_for_this_machine_does_not_leave_it(
    variable: str, way: str, servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain http is allowed to this machine; by way of a proxy it would cross the network."""
    project, proxy = servers
    monkeypatch.setenv(variable, proxy.url)
    _failed(way, connect(endpoint=f"{project.url}/api/projects/p", sign_in=KINDS["api-key"]))
    assert ([], [CANARY]) == (proxy.asked, [headers["api-key"] for headers in project.asked])


# --- cookies -------------------------------------------------------------------------------------


def _twice(clients: Clients) -> None:
    agents = clients.sync()
    for _ in range(2):
        with pytest.raises(AzureAgentsError):
            agents.complete(HI)
    agents.close()


def _atwice(clients: Clients) -> None:
    async def ask() -> None:
        agents = clients.aio()
        for _ in range(2):
            with pytest.raises(AzureAgentsError):
                await agents.complete(HI)

    asyncio.run(ask())


@pytest.mark.parametrize("ask", [_twice, _atwice])
def test_a_cookie_of_one_answer_goes_along_with_no_other_question(
    ask: Callable[[Clients], None], servers: tuple[Server, Server]
) -> None:
    """A client serves many users; what a gateway gave to one is not the next one's."""
    project, _ = servers
    ask(connect(endpoint=f"{project.url}/api/projects/p", sign_in=KINDS["api-key"]))
    assert [None, None] == [headers.get("cookie") for headers in project.asked]


def test_the_clients_of_event_loops_keep_no_cookie_either() -> None:
    """Also where they stand on httpx alone."""

    async def kept() -> int:
        client = await LoopClients(httpx.MockTransport(lambda _: httpx.Response(200))).get()
        answer = httpx.Response(200, headers={"set-cookie": "a=b"})
        answer.request = httpx.Request("GET", "https://r.services.ai.azure.com")
        client.cookies.extract_cookies(answer)
        return len(client.cookies)

    assert 0 == asyncio.run(kept())


# --- frames --------------------------------------------------------------------------------------


def _frames(error: BaseException) -> Iterator[str]:
    """All that a tool shows that prints local variables: of every library, but not of this test."""
    chain: Any = traceback.TracebackException.from_exception(error, capture_locals=True)
    while chain is not None:
        for frame in chain.stack:
            if "/tests/" not in frame.filename and "/_pytest/" not in frame.filename:
                yield f"{frame.filename}: {frame.name}: {frame.locals}"
        yield "".join(chain.format_exception_only())
        chain = chain.__cause__ or chain.__context__


def _causes(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__


# The wait for an answer ends before the turn does: its error has the library's as its cause.
SHORT = Timeouts(read=0.2, first_event=0.2, between_events=0.2, turn=30)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sign_in", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("act", [hang_up, dawdle, break_off, babble])
def test_no_frame_of_a_library_shows_the_credential(
    act: Any, sign_in: dict[str, Any], way: str, servers: tuple[Server, Server]
) -> None:
    """Headers and bytes of a request are local variables there, and parts of some errors."""
    project, _ = servers
    project.act = act
    clients = connect(endpoint=f"{project.url}/api/projects/p", sign_in=sign_in, timeout=SHORT)
    error = _failed(way, clients)
    assert error.__cause__ is not None
    assert [] == [text for text in (*_frames(error), *_causes(error)) if CANARY in text]


class Ring(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Raises an exception that is the cause of its own cause."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        first, second = httpx.ReadError("first"), OSError("second")
        first.__cause__, second.__context__ = second, first
        raise first

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


@pytest.mark.parametrize("way", WAYS)
def test_causes_in_a_ring_have_an_end(way: str) -> None:
    """The error is told, and no loop follows its causes for ever."""
    assert "first" in str(_failed(way, connect(Ring(), sign_in=KINDS["api-key"])))


@pytest.mark.parametrize("way", WAYS)
def test_a_host_that_is_none_is_a_typed_error(way: str) -> None:
    """The network libraries trip over what looks like an international name and is none."""
    endpoint = "https://xn--r-services/api/projects/p"
    error = _failed(way, connect(endpoint=endpoint, sign_in=KINDS["api-key"]))
    assert "could not connect" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["sync stream", "async stream"])
def test_a_stream_that_goes_on_behind_its_answer_is_left(
    way: str, servers: tuple[Server, Server]
) -> None:
    """The answer is whole: nobody waits for the end of the connection, or for ever."""
    project, _ = servers
    project.act = go_on
    start = time.monotonic()
    clients = connect(endpoint=f"{project.url}/api/projects/p", sign_in=KINDS["api-key"])
    *_, last = WAYS[way](clients, HI)
    assert ("completed", True) == (last.status, time.monotonic() - start < 15.0)
