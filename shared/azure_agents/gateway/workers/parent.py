"""Serves with several workers: opens the port, starts them, and starts those again that end.

The port is opened once, and all workers accept on it, so no connection is lost with a worker that
was killed. SIGTERM and Ctrl-C let all of them finish their streams, SIGHUP lets them read the
config anew. A worker that ends again and again is started ever more rarely.
"""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import TypeAlias, cast

from ...errors import ConfigError
from ..config.objects import GatewayConfig
from ..server import GRACE, check_host, listen, parse_config, read_text, stamp, url_of
from .folder import bury
from .worker import READY, RELOAD, Job, name_of, work

_LOGGER = logging.getLogger("azure_agents")
_TICK = 0.5  # seconds between two looks around
_YOUNG = 10.0  # a worker that lives shorter failed to start
_FIRST_REST, _LONGEST_REST = 0.5, 30.0  # seconds before another one is started in its place
_STOP = GRACE + 30  # seconds after which workers are killed
_SPAWN = multiprocessing.get_context("spawn")
_STOPPING = ("SIGTERM", "SIGINT", "SIGBREAK")
_Handler: TypeAlias = Callable[[int, FrameType | None], object]


def serve_with_workers(
    path: Path,
    host: str,
    port: int,
    workers: int,
    ready: Callable[[str], object],
    *,
    drain: float = 0.0,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        path: The config file.
        host: Address to listen on.
        port: Port to listen on; 0: any.
        workers: How many.
        ready: Is told the URL.
        drain: See `make_server`.

    Raises:
        ConfigError: The file is wrong, a package is missing, the port is taken, no folder for
            temporary files can be written to, or other machines could call without a key.
    """
    text = read_text(path)
    config = parse_config(text, path)
    check_host(config, host)
    warning = shares_nothing(config, workers)
    if warning is not None:
        _LOGGER.warning("%s", warning)
    folder = _folder()
    try:
        sockets = listen(host, port)
        url = url_of(sockets[0].getsockname())
        Parent(Job(path, text, host, folder, drain), sockets, workers, lambda: ready(url)).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shares_nothing(config: GatewayConfig, workers: int) -> str | None:
    """What several workers cannot keep exactly without Redis, for people; None: nothing.

    Args:
        config: The file.
        workers: How many.
    """
    if workers == 1 or {"redis_url", "redis_host"} & config.router.keys():
        return None
    return (
        f"{workers} workers without Redis: each counts limits and budgets for itself, so together "
        f"they may let {workers} times as much through; set router_settings.redis_url"
    )


def _folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="azure-agents-"))
    except OSError as error:
        raise ConfigError(
            "several workers need a folder for temporary files that can be written to: give the "
            "container one at /tmp, or set TMPDIR, or serve with --workers 1"
        ) from error


@contextmanager
def _handling(stop: _Handler, reload: _Handler) -> Iterator[None]:
    """Handle signals, as far as this system has them, and let those before handle them again."""
    wanted = {**dict.fromkeys(_STOPPING, stop), "SIGHUP": reload}
    numbers = {name: getattr(signal, name) for name in wanted if hasattr(signal, name)}
    before = {number: signal.signal(number, wanted[name]) for name, number in numbers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    line: Connection
    begun: float
    is_ready: bool = False


class Parent:
    """The parent of some workers.

    Args:
        job: Of each of them, but for its number.
        sockets: That listen.
        workers: How many.
        ready: Is told when all of them serve.
    """

    def __init__(
        self,
        job: Job,
        sockets: list[socket.socket],
        workers: int,
        ready: Callable[[], object],
    ) -> None:
        self._job, self._sockets, self._ready = job, sockets, ready
        self._seen = stamp(job.path)
        self._is_stopping = self._is_reloading = self._is_announced = False
        self._workers: dict[int, _Worker | None] = dict.fromkeys(range(workers))
        self._failures = dict.fromkeys(range(workers), 0)
        self._again_at = dict.fromkeys(range(workers), 0.0)

    def run(self) -> None:
        """Keep the workers running until a signal comes.

        Raises:
            ConfigError: One could not begin.
        """
        with _handling(self._stop, self._reload):
            try:
                while not self._is_stopping:
                    self._turn()
            finally:
                self._end()

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler
        self._is_stopping = True

    def _reload(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler
        self._is_reloading = True

    def _turn(self) -> None:
        self._remember_file()
        for number, worker in self._workers.items():
            if worker is None and monotonic() >= self._again_at[number]:
                self._start(number)
        if self._is_reloading:
            self._is_reloading = False
            self._tell(RELOAD)
        self._wait()
        for number, worker in self._workers.items():
            if worker is not None:
                self._look_at(number, worker)
        if not self._is_announced and all(one and one.is_ready for one in self._workers.values()):
            self._is_announced = True
            self._ready()

    def _remember_file(self) -> None:
        """Keep a right config for workers that begin when the file is wrong."""
        seen = stamp(self._job.path)
        if seen == self._seen:
            return
        self._seen = seen
        with suppress(Exception):  # each worker logs it
            text = read_text(self._job.path)
            check_host(parse_config(text, self._job.path), self._job.host)
            self._job = replace(self._job, text=text)

    def _start(self, number: int) -> None:
        ours, its = _SPAWN.Pipe()
        job = replace(self._job, number=number)
        process = _SPAWN.Process(
            target=work, args=(job, self._sockets, its), name=f"worker-{number}"
        )
        process.start()
        its.close()  # so that the line ends with the worker
        self._workers[number] = _Worker(process, ours, monotonic())

    def _wait(self) -> None:
        running = [one for one in self._workers.values() if one is not None]
        lines = [one.line for one in running if not one.is_ready]
        wait([*lines, *(one.process.sentinel for one in running)], _TICK)

    def _tell(self, what: str) -> None:
        for worker in self._workers.values():
            if worker is not None:
                with suppress(OSError):  # it has just ended
                    worker.line.send(what)

    def _look_at(self, number: int, worker: _Worker) -> None:
        if not worker.is_ready:
            self._hear(worker)
        if worker.process.exitcode is not None:
            self._replace(number, worker)

    def _hear(self, worker: _Worker) -> None:
        said = ""
        with suppress(EOFError, OSError):
            said = worker.line.recv() if worker.line.poll() else ""
        worker.is_ready = said == READY
        if said and not worker.is_ready and not self._is_announced:
            raise ConfigError(said)
        if said and not worker.is_ready:
            _LOGGER.error("a worker could not begin: %s", said)

    def _replace(self, number: int, worker: _Worker) -> None:
        _LOGGER.warning(
            "worker %d (process %d) ended with code %s; another one is started",
            number,
            worker.process.pid,
            worker.process.exitcode,
        )
        bury(self._job.folder, name_of(number, cast(int, worker.process.pid)))
        worker.line.close()
        is_young = monotonic() - worker.begun < _YOUNG
        failures = self._failures[number] = self._failures[number] + 1 if is_young else 0
        rest = min(_FIRST_REST * 2 ** (failures - 1), _LONGEST_REST) if failures > 1 else 0.0
        self._again_at[number] = monotonic() + rest
        self._workers[number] = None

    def _end(self) -> None:
        """Take no more connections, and let the workers finish."""
        for one in self._sockets:
            one.close()
        running = [one for one in self._workers.values() if one is not None]
        for worker in running:
            worker.line.close()
        deadline = monotonic() + self._job.drain + _STOP
        for worker in running:
            worker.process.join(max(0.0, deadline - monotonic()))
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
