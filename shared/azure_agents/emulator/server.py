"""The emulator behind a real socket: a small ASGI application, written by hand, and uvicorn.

Faults that break the connection really do: the protocol class below remembers each client's
socket, because ASGI has no way to hang up before the head of an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import ConfigError
from .clock import RealClock
from .credential import Gate
from .project import Emulator
from .service import Service
from .transport import ROOT, read_request
from .wireline import Actions, Break, Chunk, Head, Idle, Pondering, Wireline

if TYPE_CHECKING:
    from asyncio import BaseTransport
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .clock import Clock
    from .exchange import Request

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_MISSING = (
    'serving needs uvicorn and PyYAML; install them with: pip install "azure-agents[emulator]"'
)
DEMO_AGENTS: tuple[Mapping[str, Any], ...] = (
    {"name": "my-agent"},
    {"name": "my-classic-agent", "generation": "classic"},
)


class Application:
    """An ASGI application.

    Args:
        wireline: The emulator's end of the line.
        clock: Where waits happen.
    """

    def __init__(self, wireline: Wireline, clock: Clock) -> None:
        self._wireline = wireline
        self._clock = clock
        self.sockets: dict[Any, BaseTransport] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            request = await _read(scope, receive)
            gone = asyncio.ensure_future(_hang_up(receive))
            actions = self._wireline.exchange(request)
            try:
                await self._perform(actions, scope, send, gone)
            finally:
                gone.cancel()
                actions.close()

    async def _perform(
        self, actions: Actions, scope: Message, send: Send, gone: asyncio.Future[None]
    ) -> None:
        for action in actions:
            if gone.done():
                return
            match action:
                case Head(status, headers):
                    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
                    start = {"type": "http.response.start", "status": status, "headers": pairs}
                    await send(start)
                case Chunk(data):
                    body = {"type": "http.response.body", "body": data, "more_body": True}
                    await send(body)
                case Pondering(turn):
                    await turn.athink()
                case Idle(seconds):
                    await self._wait(seconds, gone)
                case Break():
                    self._break(scope)
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _wait(self, seconds: float, gone: asyncio.Future[None]) -> None:
        """Wait, but no longer than the client does."""
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


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(scope: Message, receive: Receive) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode()
    return read_request(scope["method"], scope["path"], query, headers, body)


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True, slots=True)
class Served:
    """A running server.

    Attributes:
        endpoint: The project endpoint to give to clients.
        port: The port it listens on.
    """

    endpoint: str
    port: int


def _uvicorn_server(app: Application, host: str, port: int) -> Any:
    try:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError as exc:
        raise ConfigError(_MISSING) from exc

    class Protocol(H11Protocol):
        """Tells the application which socket belongs to which client."""

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
    )
    return uvicorn.Server(config)


def _application(foundry: Emulator, *, strict_auth: bool) -> Application:
    world = foundry.wireline.world
    gate = foundry.gate if strict_auth else Gate(world, strict=False)
    line = foundry.wireline
    wireline = Wireline(world, Service(world, gate), line.faults, line.chunk_size, line.requests)
    return Application(wireline, foundry.clock)


@contextlib.contextmanager
def serve(
    foundry: Emulator, host: str = "127.0.0.1", port: int = 0, *, strict_auth: bool = False
) -> Iterator[Served]:
    """Serve an emulator from a thread for the length of a ``with`` block.

    Args:
        foundry: The emulator.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        strict_auth: Accept only tokens that the emulator handed out.

    Raises:
        ConfigError: uvicorn is not installed, or the port is taken.
    """
    server = _uvicorn_server(_application(foundry, strict_auth=strict_auth), host, port)
    thread = threading.Thread(target=_run, args=(server,), name="foundry-emulator", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise ConfigError(f"cannot listen on {host}:{port}; choose another port")
        time.sleep(0.005)
    bound = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://{host}:{bound}{ROOT}", bound)
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _run(server: Any) -> None:
    with contextlib.suppress(SystemExit):  # uvicorn's way to say that the port is taken
        server.run()


def read_agents(path: Path) -> list[dict[str, Any]]:
    """Read agents from a YAML file: a list of `create_agent` arguments under ``agents``.

    Raises:
        ConfigError: PyYAML is not installed, or the file has another form.
    """
    try:
        import yaml
    except ImportError as exc:
        raise ConfigError(_MISSING) from exc
    content = yaml.safe_load(path.read_text())
    agents = content.get("agents") if isinstance(content, dict) else None
    if not isinstance(agents, list) or not all(isinstance(agent, dict) for agent in agents):
        raise ConfigError(f"{str(path)!r} has no list of agents; write them under `agents:`")
    return agents


def run_server(
    host: str = "127.0.0.1",
    port: int = 8321,
    *,
    agents: Sequence[Mapping[str, Any]] = DEMO_AGENTS,
    strict_auth: bool = False,
    ready: Callable[[Served, Emulator], None] | None = None,
) -> None:
    """Serve a new emulator on the real clock until interrupted: the command line's part.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        agents: Agents to create, as arguments of `Emulator.create_agent`.
        strict_auth: Accept only tokens that the emulator handed out.
        ready: Called once it listens, for instance to print the endpoint and the agents.
    """
    foundry = Emulator(clock=RealClock())
    for agent in agents:
        foundry.create_agent(**agent)
    with serve(foundry, host, port, strict_auth=strict_auth) as served:
        if ready is not None:
            ready(served, foundry)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
