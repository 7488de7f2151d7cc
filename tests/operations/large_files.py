"""Sends and loads a large file over loopback, and prints how much memory that took.

Run as ``python large_files.py WAY MEGABYTES``, in a process of its own: only then is the highest
mark of the memory that of the file. The service is another process.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import azure_agents

MEGABYTE = 1024 * 1024
PIECE = b"x" * (64 * 1024)


class Handler(BaseHTTPRequestHandler):
    """A service that counts what comes, and sends as much."""

    protocol_version = "HTTP/1.1"
    size = 0

    def do_POST(self) -> None:
        """Take a form."""
        left = length = int(self.headers["content-length"])
        while left:
            left -= len(self.rfile.read(min(left, len(PIECE))))
        self._send(json.dumps({"id": "file-1", "bytes": length}).encode())

    def do_GET(self) -> None:
        """Send a file."""
        self._head(Handler.size)
        for _ in range(Handler.size // len(PIECE)):
            self.wfile.write(PIECE)

    def _send(self, body: bytes) -> None:
        self._head(len(body))
        self.wfile.write(body)

    def _head(self, length: int) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(length))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def serve(size: int, port: Any) -> None:
    """Serve until this process is ended; tells its port."""
    Handler.size = size
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(server.server_port)
    server.serve_forever()


def highest() -> int:
    """The most bytes that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def move(way: str, path: Path, megabytes: int, **where: Any) -> None:
    """Send a file of this size, and load one into its place."""
    with path.open("wb") as file:
        file.truncate(megabytes * MEGABYTE)
    if way == "sync":
        azure_agents.create_file(path, "batch", **where)
        azure_agents.file_content("file-1", **where).stream_to_file(path)
    else:
        asyncio.run(amove(path, **where))
    if path.stat().st_size != megabytes * MEGABYTE:
        raise SystemExit("the file is not whole")


async def amove(path: Path, **where: Any) -> None:
    """Do as `move` does, on an event loop."""
    await azure_agents.acreate_file(path, "batch", **where)
    answer = await azure_agents.afile_content("file-1", **where)
    await answer.astream_to_file(path)


def main() -> None:
    """Measure: once small, so that all is loaded, then large."""
    way, megabytes = sys.argv[1], int(sys.argv[2])
    mine, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(megabytes * MEGABYTE, theirs), daemon=True)
    server.start()
    where = {"api_base": f"http://127.0.0.1:{mine.recv()}", "api_key": "k"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.jsonl"
        path.write_bytes(PIECE)
        azure_agents.create_file(path, "batch", **where)
        asyncio.run(azure_agents.acreate_file(path, "batch", **where))
        before = highest()
        move(way, path, megabytes, **where)
    sys.stdout.write(f"{(highest() - before) // MEGABYTE}\n")
    server.terminate()


if __name__ == "__main__":
    main()
