"""One worker: a process that serves on sockets which its parent has opened.

A line to the parent tells it what to do: `RELOAD`, and to stop when the line ends. So a worker also
stops, after its streams, when its parent was killed; and Windows, which has no signals, is served
in the same way.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

from ...errors import AzureAgentsError, ConfigError
from ..app import Application
from ..config.objects import GatewayConfig
from ..server import (
    check_host,
    load_config,
    make_server,
    parse_config,
    run_loop,
    serve_until_stopped,
    settle_in,
    start_log,
)
from .folder import Folder

_LOGGER = logging.getLogger("azure_agents")
READY = "ready"
RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do.

    Attributes:
        path: The config file.
        text: The file as it was when it was right last.
        host: The address that the sockets listen on.
        folder: That all workers share.
        drain: See `make_server`.
        number: Which worker this is; one that takes its place has it, too.
    """

    path: Path
    text: str
    host: str
    folder: Path
    drain: float = 0.0
    number: int = 0


def name_of(number: int, pid: int) -> str:
    """The name of a worker, which no other one of its parent has or had.

    Args:
        number: Of the worker.
        pid: Of its process.
    """
    return f"{number}-{pid}"


def work(job: Job, sockets: list[socket], line: Connection) -> None:
    """Serve until the line ends; the parent hears that this worker is ready, or why it is not.

    Args:
        job: What to do.
        sockets: That listen.
        line: To the parent.
    """
    # azure-identity logs a page about every way to sign in that it tried.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    start_log()
    try:
        application = Application(
            _settled(job), folder=Folder(job.folder, name_of(job.number, os.getpid()))
        )
        server = make_server(application, job.host, 0, lambda _: line.send(READY), drain=job.drain)
    except AzureAgentsError as error:
        line.send(str(error))
        return
    _run(_serving(server, application, job, sockets, line))


def _settled(job: Job) -> GatewayConfig:
    """The config: of the file, or what it was before somebody broke it."""
    try:
        config = load_config(job.path)
        check_host(config, job.host)
    except ConfigError as error:
        _LOGGER.error("a new worker serves by the config as it was: %s", error)  # noqa: TRY400
        config = parse_config(job.text, job.path)
    settle_in(config)
    return config


async def _serving(
    server: Any, application: Application, job: Job, sockets: list[socket], line: Connection
) -> None:
    reload, loop = asyncio.Event(), asyncio.get_running_loop()
    Thread(target=_listen, args=(line, loop, reload), daemon=True).start()
    await serve_until_stopped(
        server, application, job.path, job.host, reload=reload, sockets=sockets
    )


def _listen(line: Connection, loop: asyncio.AbstractEventLoop, reload: asyncio.Event) -> None:
    """Do what the parent says."""
    try:
        while line.recv() == RELOAD:
            loop.call_soon_threadsafe(reload.set)
    except (EOFError, OSError):
        signal.raise_signal(signal.SIGTERM)  # as if somebody had sent it: streams finish


def _run(serving: Coroutine[Any, Any, None]) -> None:
    if sys.platform != "win32":
        run_loop(serving)
        return
    # The other loop of Windows can accept on a socket in one process only.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(serving)
