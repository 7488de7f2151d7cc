"""A peer on real sockets, and flows to run against it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import httpx

from azure_agents.drivers.aio import AsyncDriver
from azure_agents.drivers.clients import LoopClients, SyncClient
from azure_agents.drivers.clock import SystemClock
from azure_agents.drivers.sync import SyncDriver
from azure_agents.drivers.turn import Wiring
from azure_agents.errors import AzureAgentsError
from azure_agents.protocols.commands import Flow, Pump, Reply, Route, Send
from azure_agents.protocols.sse import SSEDecoder
from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.settings.timeouts import Timeouts
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore

PROJECT = "/api/projects/demo"
PATIENT = Timeouts(connect=30, read=30, first_event=30, between_events=30, turn=30)


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


def silence(connection: socket.socket) -> None:
    """Say nothing until the client goes."""
    connection.settimeout(60)
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


def run_sync(flow: Flow[None], url: str, timeouts: Timeouts = PATIENT) -> list[Any]:
    """Run a flow in this thread."""
    client = SyncClient()
    driver = SyncDriver(wiring(url, timeouts), MemoryThreadStore(), client.get)
    with closing(driver.events(flow)) as events, closing(client):
        return list(events)


def run_async(flow: Flow[None], url: str, timeouts: Timeouts = PATIENT) -> list[Any]:
    """Run a flow on a new event loop, over aiohttp."""

    async def run() -> list[Any]:
        driver = AsyncDriver(wiring(url, timeouts), MemoryThreadStore(), LoopClients().get)
        async with aclosing(driver.events(flow)) as events:
            return [event async for event in events]

    return asyncio.run(run())


def run_async_on_httpx(flow: Flow[None], url: str, timeouts: Timeouts = PATIENT) -> list[Any]:
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


POST = Send("POST", Route("/threads"), b"{}")
STREAM = Send("POST", Route("/threads/runs"), b"{}", stream=True)


def outcomes(run: Run, peer: Peer, *commands: Send, timeouts: Timeouts = PATIENT) -> list[Any]:
    """What a flow is told: statuses, and classes of errors."""
    box: list[Any] = []
    run(asking(box, *commands, pump=True), peer.url, timeouts)
    return [told.status if isinstance(told, Reply) else type(told) for told in box]
