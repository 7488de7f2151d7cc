"""A redis-server of our own, on a unix socket: no network, and free to be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redis


class RedisServer:
    """One redis-server; what it saves survives `start` after `kill`."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            if os.environ.get("CI") == "true":
                pytest.fail("redis-server is missing, and CI must not skip its tests")
            pytest.skip("redis-server is not installed")
        self._program = program
        # Not pytest's directory: the path of a socket may have about a hundred characters.
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._folder}/socket"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ("--port", "0", "--unixsocket", "socket", "--dir", str(self._folder))
        options += ("--save", "", "--loglevel", "warning")
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        with redis.Redis.from_url(self.url) as client:
            for _ in range(500):
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.01)
                else:
                    return
        pytest.fail("redis-server does not answer")

    def command(self, *words: str) -> object:
        """Give it a command."""
        with redis.Redis.from_url(self.url) as client:
            return client.execute_command(*words)

    def kill(self) -> None:
        """As if the power failed: what it did not save is lost."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Let it take connections and never answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and delete its files."""
        self.kill()
        shutil.rmtree(self._folder)
