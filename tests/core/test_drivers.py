"""Both drivers on real sockets: what the network does, and what a flow is told of it.

The peer is a few lines of raw sockets, so that a connection can break, stall and trickle exactly
where a test wants it to; no HTTP library tidies anything up.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import httpx
import pytest

from azure_agents.auth import make_auth
from azure_agents.client import Agents, AsyncAgents
from azure_agents.commands import Flow, Pump, Reply, Send
from azure_agents.config import Timeouts, resolve_settings
from azure_agents.drivers.aio import AsyncDriver
from azure_agents.drivers.call import Wiring
from azure_agents.drivers.clients import LoopClients, SyncClient
from azure_agents.drivers.clock import SystemClock
from azure_agents.drivers.sync import SyncDriver
from azure_agents.endpoint import parse_endpoint
from azure_agents.errors import (
    AzureAgentsError,
    ConnectionLostError,
    DeadlineError,
    NotSentError,
    ServiceError,
    TimedOutError,
)
from azure_agents.events import Event, Finished, TextDelta
from azure_agents.messages import TurnRequest, user
from azure_agents.sse import ServerSentEvent, SSEDecoder
from azure_agents.threads.memory import MemoryThreadStore

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PROJECT = "/api/projects/demo"
QUICK = Timeouts(connect=5, read=5, first_event=5, between_events=5, turn=5)

# --- the peer ------------------------------------------------------------------------------------


@dataclass
class Asked:
    """A request as it came over the socket."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


Act: TypeAlias = Callable[[socket.socket], bool | None]  # True: the connection stays open


def send(*pieces: bytes | float, keep: bool = False) -> Act:
    """Send these bytes, one TCP segment each; a number is a pause in seconds."""

    def act(connection: socket.socket) -> bool:
        for piece in pieces:
            if isinstance(piece, bytes):
                connection.sendall(piece)
            else:
                time.sleep(piece)
        return keep

    return act


def head(*headers: str, status: str = "200 OK") -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; the empty one ends it."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK", keep: bool = True) -> Act:
    """A whole answer."""
    return send(head(f"content-length: {len(body)}", *headers, status=status) + body, keep=keep)


EVENT_STREAM = head("content-type: text/event-stream", "transfer-encoding: chunked")


def stream(*pieces: bytes | float, end: bool = True) -> Act:
    """A chunked event stream."""
    body = [chunk(piece) if isinstance(piece, bytes) else piece for piece in pieces]
    return send(EVENT_STREAM, *body, *([chunk(b"")] if end else []), keep=end)


def reset(*pieces: bytes | float) -> Act:
    """Send these and break the connection with a RST."""

    def act(connection: socket.socket) -> None:
        send(*pieces)(connection)
        time.sleep(0.05)  # what was sent shall be read before the reset overtakes it
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return act


def silence(connection: socket.socket) -> None:
    """Say nothing until the client goes."""
    connection.settimeout(10)
    with suppress(OSError):
        while connection.recv(1024):
            pass


def then(*acts: Act) -> Act:
    """Do one after the other."""

    def act(connection: socket.socket) -> bool | None:
        return [step(connection) for step in acts][-1]

    return act


@dataclass
class Peer:
    """A server that answers the n-th request as the n-th act says, and then as the last."""

    script: list[Act]
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    @property
    def url(self) -> str:
        """The project endpoint."""
        return f"http://127.0.0.1:{self.port}{PROJECT}"

    @property
    def lines(self) -> list[str]:
        """Method and path of every request, in order."""
        return [asked.line.replace(PROJECT, "") for asked in self.asked]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            thread = threading.Thread(
                target=self._serve, args=(connection, self.connections), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as file:
            while True:
                line = file.readline()
                if not line:
                    return
                headers = {}
                while raw := file.readline().strip():
                    name, _, value = raw.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = file.read(int(headers.get("content-length", 0)))
                with self._lock:
                    self.asked.append(Asked(line.decode().rsplit(" ", 1)[0], headers, body, number))
                    act = self.script[min(len(self.asked), len(self.script)) - 1]
                if not act(connection):
                    return


# --- running flows -------------------------------------------------------------------------------


class Frames:
    """A decoder for tests: events of the stream, done at the one named ``end``."""

    def __init__(self) -> None:
        self._sse = SSEDecoder()
        self.is_done = False

    def feed(self, data: bytes) -> list[Any]:
        frames = self._sse.feed(data)
        self.is_done = self.is_done or any(frame.name == "end" for frame in frames)
        return frames


Run: TypeAlias = Callable[..., list[Any]]


def run_sync(flow: Flow[None], url: str, timeouts: Timeouts = QUICK) -> list[Any]:
    """Run a flow in this thread."""
    client = SyncClient()
    driver = SyncDriver(wiring(url, timeouts), MemoryThreadStore(), client.get)
    with closing(driver.events(flow)) as events, closing(client):
        return list(events)


def run_async(flow: Flow[None], url: str, timeouts: Timeouts = QUICK) -> list[Any]:
    """Run a flow on a new event loop, over aiohttp."""

    async def run() -> list[Any]:
        driver = AsyncDriver(wiring(url, timeouts), MemoryThreadStore(), LoopClients().get)
        async with aclosing(driver.events(flow)) as events:
            return [event async for event in events]

    return asyncio.run(run())


def run_async_on_httpx(flow: Flow[None], url: str, timeouts: Timeouts = QUICK) -> list[Any]:
    """Run a flow on a new event loop, over httpx's own transport."""

    async def run() -> list[Any]:
        async with httpx.AsyncHTTPTransport() as transport:
            clients = LoopClients(transport)
            driver = AsyncDriver(wiring(url, timeouts), MemoryThreadStore(), clients.get)
            async with aclosing(driver.events(flow)) as events:
                return [event async for event in events]

    return asyncio.run(run())


def wiring(url: str, timeouts: Timeouts) -> Wiring:
    """What a driver needs to know."""
    auth = make_auth(api_key="canary", endpoint=parse_endpoint(url))
    return Wiring(url, auth, timeouts, SystemClock(), None)


@pytest.fixture(params=[run_sync, run_async, run_async_on_httpx], ids=["sync", "aiohttp", "httpx"])
def run(request: pytest.FixtureRequest) -> Run:
    """One of the three ways a request can go out."""
    return request.param  # type: ignore[no-any-return]


def asking(box: list[Any], *commands: Send, pump: bool = False) -> Flow[None]:
    """A flow that sends these, reads what is open, and keeps what it is told."""
    for command in commands:
        try:
            reply = yield command
            box.append(reply)
            if reply.is_open and pump:
                yield Pump(Frames())
        except AzureAgentsError as error:
            box.append(error)


POST = Send("POST", "/threads", b"{}")
GET = Send("GET", "/threads")
STREAM = Send("POST", "/threads/runs", b"{}", stream=True)


def outcomes(run: Run, peer: Peer, *commands: Send, timeouts: Timeouts = QUICK) -> list[Any]:
    """What a flow is told: statuses, and classes of errors."""
    box: list[Any] = []
    run(asking(box, *commands, pump=True), peer.url, timeouts)
    return [told.status if isinstance(told, Reply) else type(told) for told in box]


# --- broken connections --------------------------------------------------------------------------

LOST: list[Any] = [
    pytest.param([reset()], POST, id="reset before the head"),
    pytest.param([send()], POST, id="closed before the head"),
    pytest.param([reset(b"HTTP/1.1 200 OK\r\nconte")], POST, id="reset in the head"),
    pytest.param([send(b"HTTP/1.1 200 OK\r\nconte")], POST, id="closed in the head"),
    pytest.param([send(b"garbage\r\n\r\n")], POST, id="no HTTP"),
    pytest.param([send(head("content-length: 9") + b"{}")], POST, id="closed in the body"),
    pytest.param([reset(head("content-length: 9") + b"{}")], POST, id="reset in the body"),
    pytest.param(
        [answer(b"not gzip", "content-encoding: gzip")], POST, id="a body that cannot be unpacked"
    ),
    pytest.param([reset()], STREAM, id="a stream is reset before its head"),
]


@pytest.mark.parametrize(("script", "command"), LOST)
def test_an_answer_that_is_lost_is_not_a_request_that_was_not_sent(
    run: Run, script: list[Act], command: Send
) -> None:
    """Once a request was sent its fate is unknown, whatever the transport calls the failure."""
    with Peer(script) as peer:
        assert ([ConnectionLostError], 1) == (outcomes(run, peer, command), len(peer.asked))


@pytest.mark.parametrize(
    "breaks", [send(), reset()], ids=["closed on the second request", "reset on the second request"]
)
def test_a_kept_connection_may_break_under_a_request(run: Run, breaks: Act) -> None:
    """A server that closes a kept connection loses the answer, and nobody sends it again."""
    with Peer([answer(), breaks, answer()]) as peer:
        assert [200, ConnectionLostError] == outcomes(run, peer, POST, POST)
        assert ([1, 1], 2) == ([asked.connection for asked in peer.asked], len(peer.asked))


def test_a_kept_connection_that_was_closed_meanwhile_is_not_used(run: Run) -> None:
    """A connection that the server has closed between two requests is noticed and replaced."""

    def flow(box: list[Any]) -> Flow[None]:
        yield from asking(box, POST)
        time.sleep(0.2)
        yield from asking(box, GET)

    with Peer([answer(keep=False), answer()]) as peer:
        box: list[Any] = []
        run(flow(box), peer.url)
        assert [200, 200] == [reply.status for reply in box]


def test_a_refused_connection_was_not_used(run: Run) -> None:
    """Nobody listens: nothing was sent, so trying again is always safe."""
    with Peer([]) as peer:
        pass
    assert [NotSentError, NotSentError] == outcomes(run, peer, POST, STREAM)


CUTS: list[Any] = [
    pytest.param([stream(b"data: 1\n\n", 0.05, end=False)], id="closed"),
    pytest.param([reset(EVENT_STREAM, chunk(b"data: 1\n\n"))], id="reset"),
]


@pytest.mark.parametrize("script", CUTS)
def test_a_stream_that_is_cut_says_so_after_what_came(run: Run, script: list[Act]) -> None:
    """Events before the cut are delivered, then the flow is told of it."""
    with Peer(script) as peer:
        box: list[Any] = []
        events = run(asking(box, STREAM, pump=True), peer.url)
        assert ([ServerSentEvent("message", b"1")], [Reply, ConnectionLostError]) == (
            events,
            [type(told) for told in box],
        )


END = b"event: end\ndata: 1\n\n"
ENDS: list[Any] = [
    pytest.param([stream(END)], id="whole"),
    pytest.param([stream(END, end=False)], id="closed without the last chunk"),
    pytest.param([reset(EVENT_STREAM, chunk(END))], id="reset"),
    pytest.param([then(stream(END, end=False), silence)], id="left open"),
]


@pytest.mark.parametrize("script", ENDS)
def test_after_the_final_event_the_rest_does_not_matter(run: Run, script: list[Act]) -> None:
    """An answer that is whole is not lost over the end of its stream, nor waited for long."""
    with Peer(script) as peer:
        start = time.monotonic()
        assert [200] == outcomes(run, peer, STREAM)
        assert time.monotonic() - start < 2.5


# --- waiting -------------------------------------------------------------------------------------

WAITS: list[Any] = [
    pytest.param({"read": 0.3}, POST, [silence], [TimedOutError], id="read: no head"),
    pytest.param(
        {"read": 0.3},
        POST,
        [then(send(head("content-length: 9")), silence)],
        [TimedOutError],
        id="read: no body",
    ),
    pytest.param({"first_event": 0.3}, STREAM, [silence], [TimedOutError], id="first event"),
    pytest.param(
        {"between_events": 0.3},
        STREAM,
        [then(stream(b"data: 1\n\n", end=False), silence)],
        [200, TimedOutError],
        id="between events",
    ),
    pytest.param({"turn": 0.3}, POST, [silence], [DeadlineError], id="turn: no head"),
    pytest.param(
        {"turn": 0.3},
        STREAM,
        [then(stream(b"data: 1\n\n", end=False), silence)],
        [200, DeadlineError],
        id="turn: no more events",
    ),
]


@pytest.mark.parametrize(("limits", "command", "script", "told"), WAITS)
def test_every_wait_has_its_limit(
    run: Run, limits: dict[str, float], command: Send, script: list[Act], told: list[Any]
) -> None:
    """The shortest limit that applies ends a wait, and says which it was."""
    timeouts = Timeouts(**{"read": 5, "first_event": 5, "between_events": 5, "turn": 5} | limits)
    with Peer(script) as peer:
        start = time.monotonic()
        assert told == outcomes(run, peer, command, timeouts=timeouts)
        assert 0.25 < time.monotonic() - start < 1.3


SLOW: list[Any] = [
    pytest.param(
        STREAM,
        then(stream(*[b": ping\n\n", 0.15] * 4, end=False), silence),
        id="a stream goes silent late",
    ),
    pytest.param(STREAM, stream(*[b": ping\n\n", 0.05] * 60), id="a stream of pings"),
    pytest.param(
        POST, send(head("content-length: 99"), *[b"x", 0.05] * 60), id="a body that trickles"
    ),
    pytest.param(
        POST,
        then(send(head("content-length: 99"), *[b"x", 0.15] * 4), silence),
        id="a body goes silent late",
    ),
]


@pytest.mark.parametrize(("command", "act"), SLOW)
def test_the_deadline_of_a_turn_holds_whatever_trickles_in(
    run: Run, command: Send, act: Act
) -> None:
    """Bytes that keep coming do not move the end of the turn."""
    timeouts = Timeouts(read=5, first_event=5, between_events=5, turn=0.8)
    with Peer([act]) as peer:
        start = time.monotonic()
        assert DeadlineError is outcomes(run, peer, command, timeouts=timeouts)[-1]
        assert 0.75 < time.monotonic() - start < 1.4


# --- bodies --------------------------------------------------------------------------------------

EVENTS = [ServerSentEvent("a", "é😀".encode()), ServerSentEvent("message", b"2")]
RAW = "event: a\r\ndata: é😀\r\n\r\n: ping\n\ndata: 2\n\n".encode()
ZIPPED = gzip.compress(RAW)
BODIES: list[Any] = [
    pytest.param([stream(RAW)], id="one chunk"),
    pytest.param([stream(*(RAW[i : i + 1] for i in range(len(RAW))))], id="a byte a chunk"),
    pytest.param([stream(RAW[:12], 0.1, RAW[12:14], 0.1, RAW[14:])], id="slow"),
    pytest.param([send(head("content-type: text/event-stream") + RAW)], id="until the close"),
    pytest.param(
        [
            send(
                head("transfer-encoding: chunked", "content-encoding: gzip"),
                *(chunk(ZIPPED[i : i + 5]) for i in range(0, len(ZIPPED), 5)),
                chunk(b""),
            )
        ],
        id="gzip",
    ),
]


@pytest.mark.parametrize("script", BODIES)
def test_the_events_of_a_stream_do_not_depend_on_the_wire(run: Run, script: list[Act]) -> None:
    """Chunked by bytes, slow or compressed, a stream has the same events."""
    with Peer(script) as peer:
        assert EVENTS == run(asking([], STREAM, pump=True), peer.url)


@pytest.mark.parametrize(
    "act",
    [answer(b'{"a":1}'), answer(gzip.compress(b'{"a":1}'), "content-encoding: gzip")],
    ids=["plain", "gzip"],
)
def test_an_answer_is_read_whole(run: Run, act: Act) -> None:
    """The body of an answer arrives unpacked, with its headers in lower case."""
    with Peer([act]) as peer:
        box: list[Reply] = []
        run(asking(box, POST), peer.url)
        assert [(200, b'{"a":1}', False)] == [(r.status, r.body, r.is_open) for r in box]


def test_a_stream_that_is_refused_has_a_body(run: Run) -> None:
    """An error status instead of a stream is read whole: its body says why."""
    with Peer([answer(b'{"error":{}}', status="429 Too Many", keep=True)]) as peer:
        box: list[Reply] = []
        run(asking(box, STREAM, pump=True), peer.url)
        assert [(429, b'{"error":{}}', False)] == [(r.status, r.body, r.is_open) for r in box]


def test_connections_are_kept(run: Run) -> None:
    """Answers and streams that were read to their end leave the connection for the next."""
    with Peer([answer(), stream(END), answer()]) as peer:
        outcomes(run, peer, POST, STREAM, GET)
        assert [1, 1, 1] == [asked.connection for asked in peer.asked]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(run: Run, status: str) -> None:
    """A redirect is an answer like any other; the credential goes nowhere else."""
    with Peer([answer()]) as elsewhere:
        location = f"location: http://127.0.0.1:{elsewhere.port}{PROJECT}/threads"
        with Peer([answer(b"", location, status=status)]) as peer:
            assert [int(status[:3])] == outcomes(run, peer, POST)
            assert ("canary", []) == (peer.asked[0].headers["api-key"], elsewhere.asked)


# --- callers who leave ---------------------------------------------------------------------------


def sse(name: str, data: Any) -> bytes:
    """One event of a classic stream."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


RUN = {"id": "run_1", "thread_id": "thread_1", "status": "in_progress"}
TEXT = {
    "id": "msg_1",
    "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "Hi"}}]},
}
BEGUN = sse("thread.run.created", RUN) + sse("thread.message.delta", TEXT)
RUNS, CANCEL = "POST /threads/runs", "POST /threads/thread_1/runs/run_1/cancel"
BUSY: list[Act] = [then(stream(BEGUN, end=False), silence), answer()]


def settings(peer: Peer, model: str = "asst_1", timeout: float = 5.0) -> Any:
    """Settings of a client of this peer, and its credential."""
    found = resolve_settings(model=model, endpoint=peer.url, timeout=timeout, max_retries=0, env={})
    return found, make_auth(credential=lambda: "canary", endpoint=found.endpoint)


ASK = TurnRequest((user("Hi"),))


def paths(peer: Peer) -> list[str]:
    """Method and path of every request, without the query."""
    return [line.partition("?")[0] for line in peer.lines]


def test_a_sync_caller_who_leaves_ends_the_run() -> None:
    """Closing the generator closes the stream and cancels the run on the server."""
    with Peer(BUSY) as peer:
        agents = Agents(*settings(peer))
        with closing(agents.stream(ASK)) as events:
            assert TextDelta("Hi", "msg_1", 0) in (next(events), next(events))
        agents.close()
        assert [RUNS, CANCEL] == paths(peer)


async def test_an_async_caller_who_leaves_ends_the_run() -> None:
    """The same for an async generator: when it is closed the cancel has been sent."""
    with Peer(BUSY) as peer:
        agents = AsyncAgents(*settings(peer))
        async with aclosing(agents.stream(ASK)) as events:
            assert TextDelta("Hi", "msg_1", 0) in (await anext(events), await anext(events))
        assert [RUNS, CANCEL] == paths(peer)
        await agents.aclose()


@pytest.mark.parametrize("streams", [True, False], ids=["stream", "complete"])
async def test_a_cancelled_task_ends_the_run_before_it_ends(streams: bool) -> None:
    """Cancellation waits, shielded and bounded, until the run was told to stop."""
    with Peer(BUSY) as peer:
        agents = AsyncAgents(*settings(peer))

        async def call() -> None:
            if streams:
                async with aclosing(agents.stream(ASK)) as events:
                    async for _ in events:
                        pass
            else:
                await agents.complete(ASK)

        task = asyncio.create_task(call())
        await asyncio.sleep(0.3)  # the run has begun and its stream has gone silent
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [RUNS, CANCEL] == paths(peer)
        await agents.aclose()


async def test_a_run_that_cannot_be_cancelled_does_not_hold_the_caller_for_long() -> None:
    """Clean-up is bounded: a service that does not answer the cancel is left alone."""
    with Peer([BUSY[0], silence]) as peer:
        agents = AsyncAgents(*settings(peer))
        events = agents.stream(ASK)
        await anext(events)
        start = time.monotonic()
        await events.aclose()
        assert 1.5 < time.monotonic() - start < 3.0
        await agents.aclose()


def test_the_deadline_ends_the_run() -> None:
    """A turn that took too long is stopped on the server, too."""
    with Peer(BUSY) as peer:
        agents = Agents(*settings(peer, timeout=0.5))
        with pytest.raises(DeadlineError, match=r"longer than timeout=0\.5 seconds") as caught:
            list(agents.stream(ASK))
        agents.close()
        assert ([RUNS, CANCEL], DeadlineError) == (paths(peer), caught.type)


def test_a_redirect_is_an_error_that_names_the_way_out() -> None:
    """The caller learns where the service wanted to send the request."""
    with Peer([answer(b"", "location: https://evil.example/x?sig=1", status="302 Found")]) as peer:
        agents = Agents(*settings(peer, model="my-agent"))
        with pytest.raises(ServiceError, match=r"a redirect to 'https://evil\.example'") as caught:
            agents.complete(ASK)
        agents.close()
        assert (302, 1) == (caught.value.status, len(peer.asked))


# --- event loops ---------------------------------------------------------------------------------

RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
        }
    ],
}
HELLO = answer(json.dumps(RESPONSE).encode())


@pytest.fixture
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing may be left unclosed: asyncio and aiohttp log what they find."""
    with caplog.at_level(logging.WARNING):
        yield
        gc.collect()
    assert [] == [record.getMessage() for record in caplog.records]


@pytest.mark.usefixtures("no_complaints")
def test_one_client_serves_one_event_loop_after_another() -> None:
    """Each `asyncio.run` has its own connections, closed with it, and leaves nothing behind."""
    with Peer([HELLO]) as peer:
        agents = AsyncAgents(*settings(peer, model="my-agent"))

        async def twice() -> list[str]:
            return [(await agents.complete(ASK)).text for _ in range(2)]

        assert [["Hello"] * 2] * 3 == [asyncio.run(twice()) for _ in range(3)]
        assert [1, 1, 2, 2, 3, 3] == [asked.connection for asked in peer.asked]
        gc.collect()
        assert 0 == len(agents._clients._alive)


@pytest.mark.usefixtures("no_complaints")
def test_a_stream_that_was_not_closed_ends_with_its_loop() -> None:
    """A caller who forgets `aclosing` costs nothing but time: the loop closes what is open."""
    with Peer(BUSY) as peer:
        agents = AsyncAgents(*settings(peer, model="asst_1"))

        async def forgetful() -> Event:
            return await anext(agents.stream(ASK))

        asyncio.run(forgetful())
        assert [RUNS, CANCEL] == paths(peer)


def test_event_loops_in_threads_do_not_share_connections() -> None:
    """One client may be used by several loops at once, each with connections of its own."""
    with Peer([HELLO]) as peer:
        agents = AsyncAgents(*settings(peer, model="my-agent"))
        barrier = threading.Barrier(3)
        texts: list[str] = []

        async def twice() -> None:
            for _ in range(2):
                texts.append((await agents.complete(ASK)).text)
                barrier.wait(5)

        threads = [threading.Thread(target=asyncio.run, args=(twice(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        used = [asked.connection for asked in peer.asked]
        assert (["Hello"] * 6, [1, 1, 2, 2, 3, 3]) == (texts, sorted(used))


def test_threads_share_one_sync_client() -> None:
    """A sync client may be used by many threads at once."""
    with Peer([HELLO]) as peer:
        agents = Agents(*settings(peer, model="my-agent"))
        texts: list[str] = []
        threads = [
            threading.Thread(target=lambda: texts.append(agents.complete(ASK).text))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        agents.close()
        assert ["Hello"] * 8 == texts


async def test_many_parallel_calls_do_not_wait_for_each_other() -> None:
    """There is no hidden limit on connections: 120 streams are open at the same time."""
    count = 120
    barrier = threading.Barrier(count + 1)

    def meet(connection: socket.socket) -> bool | None:
        barrier.wait(10)
        return HELLO(connection)

    with Peer([meet]) as peer:
        agents = AsyncAgents(*settings(peer, model="my-agent", timeout=10))
        calls = [asyncio.create_task(agents.complete(ASK)) for _ in range(count)]
        await asyncio.to_thread(barrier.wait, 10)
        answers = await asyncio.gather(*calls)
        await agents.aclose()
        assert ["Hello"] * count == [found.text for found in answers]
        assert all(isinstance(found.finished, Finished) for found in answers)
