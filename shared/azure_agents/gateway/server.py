"""The server: uvicorn, with httptools and uvloop, in front of the application.

SIGTERM tells balancers that this gateway is not ready, stops taking connections, and lets requests
finish. SIGHUP, or a changed file, reads the config anew: a file that is wrong changes nothing, and
the log says what is wrong.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import stat
from collections.abc import Callable, Coroutine
from contextlib import suppress
from errno import EADDRINUSE
from pathlib import Path
from socket import AI_PASSIVE, SOCK_STREAM, create_server, getaddrinfo, socket
from time import monotonic
from typing import Any

from ..errors import AzureAgentsError, ConfigError
from ..prices.table import default_table, register_prices
from ..settings.urls import is_loopback
from .app import Application
from .config.objects import GatewayConfig
from .config.reading import read_config

_LOGGER = logging.getLogger("azure_agents")
_MISSING = 'the gateway needs uvicorn, install it with: pip install "azure-agents[gateway]"'
_LOOK = 2.0  # seconds between two looks at the file
_AT_REST = 0.5  # seconds without a change: half a file may be right, and lack its keys
_MOST_BYTES = 4 * 2**20  # of a config file
GRACE = 600  # seconds that requests have to finish after SIGTERM
_TIME = "%Y-%m-%dT%H:%M:%S%z"
_DRAIN_TICK = 0.1  # seconds
BACKLOG = 4096
# New objects between two searches for circles. Calls leave none behind, and with Python's 700 the
# search takes a tenth of a busy gateway's time: it finds the calls that run, again and again.
_NEW_OBJECTS = 20_000


def start_log() -> None:
    """Write this package's log to standard error, with times, unless there is a log already."""
    if _LOGGER.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", _TIME))
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)  # that Redis is back is news, too


def load_config(path: Path) -> GatewayConfig:
    """Read a config file.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read, or is wrong.
    """
    return parse_config(read_text(path), path)


def read_text(path: Path) -> str:
    """Read a file.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would hold its reader for ever
            raise ConfigError(f"{str(path)!r} is no file: a config is read again when it changes")
        if found.st_size > _MOST_BYTES:
            raise ConfigError(f"{str(path)!r} is longer than {_MOST_BYTES} bytes")
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {str(path)!r} ({type(error).__name__})") from error


def parse_config(text: str, path: Path) -> GatewayConfig:
    """Read the text of a config file.

    Args:
        text: Of the file.
        path: The file, for errors.

    Raises:
        ConfigError: It is wrong.
    """
    config = read_config(text, path.name)
    default_table().with_prices(config.prices)  # wrong ones are an error now, not at an answer
    return config


def settle_in(config: GatewayConfig) -> None:
    """Let this process have what the file says of variables and prices.

    Args:
        config: The file.
    """
    os.environ.update(config.environment)
    register_prices(config.prices)


def serve(
    path: Path,
    host: str,
    port: int,
    ready: Callable[[str], object] | None = None,
    *,
    drain: float = 0.0,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        path: The config file.
        host: Address to listen on.
        port: Port to listen on; 0: any.
        ready: Is told the URL.
        drain: See `make_server`.

    Raises:
        ConfigError: The file is wrong, a package is missing, the port is taken, or other machines
            could call without a key.
    """
    config = load_config(path)
    check_host(config, host)
    settle_in(config)
    application = Application(config)
    server = make_server(application, host, port, ready, drain=drain)
    sockets = listen(host, port)
    run_loop(serve_until_stopped(server, application, path, host, sockets=sockets))


def check_host(config: GatewayConfig, host: str) -> None:
    """Refuse to let other machines in without a key.

    Args:
        config: The file.
        host: Address to listen on.

    Raises:
        ConfigError: They could call.
    """
    if config.has_keys or is_loopback(host):
        return
    raise ConfigError(
        f"--host {host} lets other machines in, and the config has no key: set "
        "general_settings.master_key, or make a key with 'azure-agents keys new'"
    )


async def serve_until_stopped(
    server: Any,
    application: Application,
    path: Path,
    host: str,
    *,
    reload: asyncio.Event | None = None,
    sockets: list[socket] | None = None,
) -> None:
    """Serve, and read the config anew when it changes.

    Args:
        server: From `make_server`.
        application: What it serves.
        path: The config file.
        host: The address that it listens on.
        reload: Set when the file is to be read anew; besides SIGHUP.
        sockets: That listen already; None: the server opens its own.
    """
    loop = asyncio.get_running_loop()
    reload = asyncio.Event() if reload is None else reload
    with suppress(NotImplementedError, AttributeError, ValueError):  # Windows, other threads
        loop.add_signal_handler(signal.SIGHUP, reload.set)
    watching = asyncio.create_task(_watch(path, application, reload, host))
    try:
        await server.serve(sockets)
    finally:
        watching.cancel()


async def _watch(path: Path, application: Application, reload: asyncio.Event, host: str) -> None:
    """Read the file again when it changes, or when somebody says so."""
    seen = stamp(path)
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK):
                await reload.wait()
        now = stamp(path)
        while now != seen and not reload.is_set():
            await asyncio.sleep(_AT_REST)  # who writes it may be in the middle
            before, now = now, stamp(path)
            if now == before:
                break
        if reload.is_set() or now != seen:
            reload.clear()
            seen = now
            await asyncio.to_thread(reload_config, path, application, host)


def stamp(path: Path) -> tuple[int, int] | None:
    """When a file was changed, and how long it is; None: it is not there.

    Args:
        path: The file.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def reload_config(path: Path, application: Application, host: str) -> None:
    """Serve by the file as it is now; one that is wrong is logged, and changes nothing.

    Args:
        path: The config file.
        application: What serves.
        host: The address that it listens on: a file without keys must not open it to others.
    """
    before = dict(os.environ)
    try:
        config = load_config(path)
        check_host(config, host)
        _check_open(config, application)
        os.environ.update(config.environment)  # entries may look there
        application.change(config)
        settle_in(config)
    except AzureAgentsError as error:
        _undo(before, application)
        _LOGGER.error("the config was not changed: %s", error)  # noqa: TRY400 - it is one line
    except Exception:  # else the file would never be looked at again
        _undo(before, application)
        _LOGGER.exception("the config was not changed")
    else:
        application.note_reload("ok")
        _LOGGER.warning("the config was read again")


def listen(host: str, port: int) -> list[socket]:
    """Listen on every address of the host, on one port.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0: any.

    Raises:
        ConfigError: The port is taken, or the host is none of this machine.
    """
    opened: list[socket] = []
    try:
        found = getaddrinfo(host, port, type=SOCK_STREAM, flags=AI_PASSIVE)
        for family, *_, at in dict.fromkeys(found):
            number = opened[0].getsockname()[1] if opened else port  # 0 is any port, but one
            place: Any = (at[0], number, *at[2:])
            opened.append(create_server(place, family=family, backlog=BACKLOG))
    except OSError as error:
        for one in opened:
            one.close()
        is_taken = error.errno == EADDRINUSE
        why = "it is taken, choose another with --port" if is_taken else error.strerror
        raise ConfigError(f"cannot listen on {host} port {port}: {why}") from error
    return opened


def _check_open(config: GatewayConfig, application: Application) -> None:
    if application.has_keys and not config.has_keys:
        raise ConfigError("it has no key, and a gateway with keys is not opened: start it anew")


def _undo(environment: dict[str, str], application: Application) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    application.note_reload("wrong")


def make_server(
    application: Application,
    host: str,
    port: int,
    ready: Callable[[str], object] | None = None,
    *,
    drain: float = 0.0,
) -> Any:
    """Make a uvicorn server.

    Args:
        application: What it serves.
        host: Address to listen on.
        port: Port to listen on; 0: any.
        ready: Is told the URL when it listens.
        drain: Seconds after SIGTERM in which requests are still taken, while readiness says no:
            until every balancer has seen that.

    Raises:
        ConfigError: A package is missing.
    """
    try:
        import uvicorn

        from .front import ClientConnection
    except ImportError as missing:
        raise ConfigError(_MISSING) from missing

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if ready is not None and self.started:
                ready(url_of(self.servers[0].sockets[0].getsockname()))

        async def shutdown(self, sockets: Any = None) -> None:
            application.is_stopping = True
            self.server_state.default_headers.append((b"connection", b"close"))
            end = monotonic() + drain
            while monotonic() < end and not self.force_exit:  # noqa: ASYNC110 - uvicorn's flag
                await asyncio.sleep(_DRAIN_TICK)
            await super().shutdown(sockets)

    settings = uvicorn.Config(
        application,
        host=host,
        port=port,
        http=ClientConnection,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )
    return Server(settings)


def url_of(address: tuple[Any, ...]) -> str:
    """The URL of a listening address.

    Args:
        address: As a socket tells it.
    """
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}"


def run_loop(serving: Coroutine[Any, Any, None]) -> None:
    """Run on an event loop: uvloop's, where there is one. It is what this process is for.

    Args:
        serving: What to run.
    """
    gc.collect()
    gc.freeze()  # modules and the config stay: to search them for circles finds none
    gc.set_threshold(_NEW_OBJECTS)
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(serving)
    else:
        uvloop.run(serving)
