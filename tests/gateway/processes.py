"""Gateways in processes of their own, as people run them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from .conftest import HELLO


@dataclass
class Served:
    """A gateway that runs; what it writes to standard error goes to a file."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> httpx.Response:
        """One request on a connection of its own, so that any worker may take it."""
        return httpx.get(self.url + path, headers=self.headers, timeout=20)

    def chat(self, model: str = "gpt-4o", **more: object) -> httpx.Response:
        """One chat, likewise."""
        body = {"model": model, "messages": HELLO, **more}
        url = f"{self.url}/v1/chat/completions"
        return httpx.post(url, json=body, headers=self.headers, timeout=20)

    def metric(self, series: str) -> float:
        """A number of `/metrics`; 0 where it is not there."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return 0.0 if found is None else float(found[1])

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = task.read_text().split()
        return [int(pid) for pid in found if "spawn_main" in _command(pid)]


def _command(pid: str) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@contextmanager
def served(config: Path, *options: str, key: str = "", **env: str) -> Iterator[Served]:
    """Run `azure-agents serve` until the block ends."""
    command = [sys.executable, "-m", "azure_agents.cli", "serve", "--port", "0", "-c", str(config)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
    log = config.with_suffix(f".{os.urandom(4).hex()}.log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )
    try:
        assert process.stdout is not None
        url = re.search(r"http://\S+(?=/v1)", process.stdout.readline())
        assert url is not None, log.read_text()
        headers = {"authorization": f"Bearer {key}"} if key else {}
        yield Served(process, url[0], log, headers)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def wait_until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for what other processes do."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
