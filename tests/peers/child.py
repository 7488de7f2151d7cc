"""A client's process, in its own environment.

Every order has a limit. A client that exceeds it is ended, and started anew for the next one.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from typing import IO, Any

from .verdicts import Told
from .ways import HERE, Way

LIMIT = 75.0  # seconds for one order: the longest wait that a client has of itself is a minute
START = 60.0  # seconds until a client is imported


class Child:
    """A client in a process of its own, which starts when it is first needed.

    Args:
        way: The client.
        environment: Where the emulator is.
        complaints: File for what it writes to stderr.
    """

    def __init__(self, way: Way, environment: dict[str, str], complaints: IO[str]) -> None:
        self._command = [str(way.python), str(HERE / way.script)]
        self._environment = environment
        self._complaints = complaints
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader: threading.Thread | None = None

    def order(self, limit: float = LIMIT, **order: Any) -> Told:
        """Have something done."""
        process = self._running()
        assert process.stdin is not None
        began = time.monotonic()
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        try:
            told = self._answer(began + limit)
        except queue.Empty:
            self.end()
            return Told(hangs=True, seconds=limit)
        return Told(**told | {"calls": tuple(told.get("calls", ()))})

    def _answer(self, until: float) -> dict[str, Any]:
        while True:
            line = self._lines.get(timeout=max(0.01, until - time.monotonic()))
            if not line:
                self._complaints.seek(0)
                raise RuntimeError(f"{self._command[-1]} ended\n{self._complaints.read()[-2000:]}")
            if line.startswith('{"told": '):
                told: dict[str, Any] = json.loads(line)["told"]
                return told

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._lines = queue.Queue()
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                text=True,
            )
            assert self._process.stdout is not None
            pipe = (self._process.stdout, self._lines)
            self._reader = threading.Thread(target=_read, args=pipe)
            self._reader.start()
        return self._process

    def end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or self._reader is None:
            return
        process.kill()
        process.wait()
        self._reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _read(pipe: IO[str], lines: queue.Queue[str]) -> None:
    for line in pipe:
        lines.put(line)
    lines.put("")  # the end
