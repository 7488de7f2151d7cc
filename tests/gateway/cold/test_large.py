"""Large bodies pass with flat memory, what is cut looks cut, and a client that leaves is let go."""

from __future__ import annotations

import resource
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from ..conftest import running

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
PIECE = bytes(2**16)
FILE = b'{"id": "file-large", "object": "file", "purpose": "user_data"}'


class Resource(ThreadingHTTPServer):
    """A resource that keeps nothing: it counts uploads, and has files of zeros."""

    daemon_threads = True
    size = 2**20  # bytes of a file
    sent = 2**20  # bytes of it that are sent
    got = 0
    is_left = False


class Handler(BaseHTTPRequestHandler):
    """Answers of such a resource."""

    server: Resource
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take an upload."""
        left = int(self.headers["content-length"])
        while left:
            piece = self.rfile.read(min(left, 2**16))
            left -= len(piece)
            self.server.got += len(piece)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE)

    def do_GET(self) -> None:
        """Send a file, or a part of it."""
        self.send_response(200)
        self.send_header("content-type", "application/octet-stream")
        self.send_header("content-length", str(self.server.size))
        self.end_headers()
        try:
            for _ in range(0, self.server.sent, len(PIECE)):
                self.wfile.write(PIECE)
        except OSError:
            self.server.is_left = True
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def upstream(**more: int) -> Iterator[tuple[Resource, httpx.Client]]:
    """Such a resource behind a gateway, and a client of the gateway."""
    with Resource(("127.0.0.1", 0), Handler) as server:
        for name, value in more.items():
            setattr(server, name, value)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            params = f'{{model: azure/x, api_base: "{base}", api_key: up-secret}}'
            config = f"model_list: [{{model_name: x, litellm_params: {params}}}]"
            with running(config) as gateway:
                yield server, gateway.http
        finally:
            server.shutdown()
            thread.join(10)


def pass_through(size: int) -> None:
    """A file of some bytes goes up and comes down."""
    with upstream(size=size, sent=size) as (server, http), tempfile.TemporaryFile() as file:
        file.truncate(size)
        upload = {"file": ("zeros.bin", file)}
        answer = http.post("/v1/files", files=upload, data={"purpose": "user_data"}, timeout=120)
        assert (200, True) == (answer.status_code, size < server.got < size + 2_000)
        with http.stream("GET", "/v1/files/file-large/content", timeout=120) as down:
            assert size == sum(map(len, down.iter_raw(2**16)))


def test_a_file_passes_both_ways() -> None:
    """Every byte of it."""
    pass_through(8 * 2**20)


@pytest.mark.slow
def test_memory_stays_flat() -> None:
    """Half a gigabyte up and down needs no more than a few megabytes beside the first file."""
    pass_through(8 * 2**20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pass_through(512 * 2**20)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # kilobytes on Linux
    assert grown < 48 * 1024


def test_half_a_file_does_not_look_like_a_whole_one() -> None:
    """The client hears that the connection broke."""
    with upstream(size=2**22, sent=2**21) as (_, http), pytest.raises(httpx.RemoteProtocolError):
        http.get("/v1/files/file-large/content")


def test_a_client_that_leaves_is_left_upstream() -> None:
    """In the middle of a file."""
    with upstream(size=2**30, sent=2**30) as (server, http):
        with http.stream("GET", "/v1/files/file-large/content") as down:
            next(down.iter_raw(2**16))
        end = time.monotonic() + 5
        while not server.is_left and time.monotonic() < end:
            time.sleep(0.02)
        assert server.is_left


def test_too_much_is_refused_before_it_is_read() -> None:
    """By its length."""
    with upstream() as (_, http):
        where = http.base_url
        head = (
            b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999999999\r\n"
            b"content-type: multipart/form-data; boundary=b\r\n\r\n"
        )
        with socket.create_connection((where.host, where.port or 80), timeout=5) as one:
            one.sendall(head)
            assert one.recv(2**16).startswith(b"HTTP/1.1 413")
