"""The emulator behind a real socket: a small ASGI application, and uvicorn.

Faults really break the connection. ASGI cannot hang up before the head of an answer, so the
protocol class below remembers each client's socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
import time
from asyncio import BaseTransport
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

from ... import jsonio
from ...errors import ConfigError
from ..line.transport import ROOT, read_request, trusting
from ..line.wireline import Actions, AwaitReply, Break, Chunk, Head, Idle, Wireline
from ..project import Project
from ..service import Service
from ..world.clock import Clock, FakeClock
from ..world.credential import Gate
from ..world.exchange import Request
from .address import Served
from .agents_file import MISSING
from .certificate import Certificate, make_certificate
from .control import ROOT as CONTROL
from .control import control, is_allowed

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class Application:
    """An ASGI application.

    Args:
        project: The emulator that is served and controlled.
        wireline: Its end of the connections.
    """

    def __init__(self, project: Project, wireline: Wireline) -> None:
        self._project = project
        self._wireline = wireline
        self._clock: Clock = project.clock
        self.sockets: dict[Any, BaseTransport] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and _is_control(scope):
            await self._control(scope, receive, send)
        elif scope["type"] == "http":
            request = await _whole_request(scope, receive)
            gone = asyncio.ensure_future(_hang_up(receive))
            actions = self._wireline.exchange(request)
            try:
                await self._perform(actions, scope, send, gone)
            finally:
                gone.cancel()
                actions.close()

    async def _control(self, scope: Message, receive: Receive, send: Send) -> None:
        request = await _whole_request(scope, receive)
        method, path = scope["method"], scope["path"]
        path = CONTROL if path == "/" else path
        status, answer = control(self._project, method, path, request.query, request.body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": jsonio.dumps(answer)})

    async def _perform(
        self, actions: Actions, scope: Message, send: Send, gone: asyncio.Future[None]
    ) -> None:
        has_length = False
        for action in actions:
            if gone.done():
                return
            match action:
                case Head(status, headers):
                    has_length = "content-length" in headers
                    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
                    start = {"type": "http.response.start", "status": status, "headers": pairs}
                    await send(start)
                case Chunk(data):
                    body = {"type": "http.response.body", "body": data, "more_body": True}
                    await send(body)
                    await asyncio.sleep(0)  # lets `gone` end if the client has hung up
                case AwaitReply(turn):
                    await turn.ask_agent_async()
                case Idle(seconds):
                    await self._wait(seconds, gone)
                case Break("") if not has_length:
                    break  # as if the body ended here: the client sees a whole answer
                case Break():
                    self._break(scope)
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _wait(self, seconds: float, gone: asyncio.Future[None]) -> None:
        """Wait for these seconds, or until the client has gone."""
        if seconds == float("inf"):
            await asyncio.wait([gone])
            return
        waiting = asyncio.ensure_future(self._clock.asleep(seconds))
        await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    def _break(self, scope: Message) -> None:
        socket = self.sockets.get(scope.get("client"))
        if socket is not None:
            socket.abort()  # type: ignore[attr-defined]  # a write transport


def _is_control(scope: Message) -> bool:
    is_root = scope["path"] == "/" and scope["method"] == "GET"
    inside = is_root or scope["path"] == CONTROL or scope["path"].startswith(f"{CONTROL}/")
    client = scope["client"][0] if scope.get("client") else ""
    return inside and is_allowed(client, _headers(scope))


def _headers(scope: Message) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _whole_request(scope: Message, receive: Receive) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    headers = _headers(scope)
    query = scope["query_string"].decode()
    read = read_request(scope["method"], scope["path"], query, headers, body)
    return dataclasses.replace(read, scheme=scope["scheme"])


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _uvicorn_server(app: Application, host: str, port: int, certificate: Certificate | None) -> Any:
    try:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError as exc:
        raise ConfigError(MISSING) from exc

    class Protocol(H11Protocol):
        """Lends the application each client's socket."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            app.sockets[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            app.sockets.pop(self.client, None)
            super().connection_lost(exc)

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Protocol,
        log_level="critical",
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate.chain if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )
    return uvicorn.Server(config)


def _application(project: Project, *, strict_auth: bool) -> Application:
    world = project.wireline.world
    gate = project.gate if strict_auth else Gate(world, strict=False)
    line = project.wireline
    wireline = Wireline(world, Service(world, gate), line.faults, line.chunk_size, line.requests)
    return Application(project, wireline)


@contextlib.contextmanager
def serve(
    project: Project,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    strict_auth: bool = False,
    tls: Path | None = None,
    real_time: bool = True,
    keep: int | None = 10_000,
) -> Iterator[Served]:
    """Serve an emulator from a thread for the length of a ``with`` block.

    Args:
        project: The emulator.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        strict_auth: Accept only tokens that the emulator handed out.
        tls: Folder for a certificate made for it; None serves plain http.
        real_time: Let a `FakeClock` run meanwhile, so that waits and timeouts are real ones;
            False leaves it standing: waits of the emulator take no time.
        keep: How many requests, seen turns and responses it remembers, the newest ones; None
            keeps all. A response that it forgot is a 404.

    Raises:
        ConfigError: uvicorn is not installed, or the port is taken.
    """
    certificate = make_certificate(tls) if tls else None
    app = _application(project, strict_auth=strict_auth)
    server = _uvicorn_server(app, host, port, certificate)
    thread = threading.Thread(target=_run, args=(server,), name="foundry-emulator", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise ConfigError(f"cannot listen on {host}:{port}; choose another port")
        time.sleep(0.005)
    bound = server.servers[0].sockets[0].getsockname()[1]
    try:
        shown = f"[{host}]" if ":" in host else host
        root = f"{'https' if certificate else 'http'}://{shown}:{bound}"
        authority = certificate.authority if certificate else None
        place = (f"{root}{ROOT}", bound, f"{root}{CONTROL}", authority, project.credential)
        with _as_served(project, keep, real_time=real_time), _trusted(authority) as transports:
            yield Served(*place, transports, project.api_key)
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextlib.contextmanager
def _trusted(authority: Path | None) -> Iterator[Mapping[str, Any]]:
    transports = trusting(authority) if authority else {}
    yield transports
    if transports:  # the other one's connections belong to an event loop
        transports["transport"].close()


@contextlib.contextmanager
def _as_served(project: Project, keep: int | None, *, real_time: bool) -> Iterator[None]:
    """Bound what the emulator keeps, and let its clock run, while it is served."""
    before = project.keep
    project.keep = keep
    runs = real_time and isinstance(project.clock, FakeClock)
    try:
        with project.clock.running() if runs else contextlib.nullcontext():
            yield
    finally:
        project.keep = before


def _run(server: Any) -> None:
    with contextlib.suppress(SystemExit):  # uvicorn exits if the port is taken
        server.run()
