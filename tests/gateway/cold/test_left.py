"""A client that leaves while a form goes up, a picture is painted or speech comes down."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ..conftest import Gateway, running

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
FORM = {
    "purpose": b'Content-Disposition: form-data; name="purpose"\r\n\r\nuser_data',
    "file": b'Content-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + bytes(2**20),
}
UPLOAD = b"".join(b"--b\r\n%s\r\n" % part for part in FORM.values()) + b"--b--\r\n"
PICTURE = json.dumps({"model": "x", "prompt": "A cat"}).encode()
SPEECH = json.dumps({"model": "x", "input": "Hello", "voice": "alloy"}).encode()
EVENTS = json.dumps({"model": "x", "prompt": "A cat", "stream": True}).encode()
EVENT = b'data: {"type": "image_generation.partial_image", "b64_json": "eA=="}\n\n'


class Slow(ThreadingHTTPServer):
    """A resource that takes what comes, and does not come to an end with its answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.begun, self.is_left = threading.Event(), threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Answers of such a resource."""

    server: Slow
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a request; what is streamed begins, what is whole never comes."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.begun.set()
        is_speech = self.path.endswith("/speech")
        if is_speech or b'"stream"' in body:
            kind = "audio/mpeg" if is_speech else "text/event-stream"
            piece = bytes(2**16) if is_speech else EVENT
            self.send_response(200)
            self.send_header("content-type", kind)
            self.end_headers()
            self.stream(piece)
        elif not self.connection.recv(1):  # what whoever closes the connection sends
            self.server.is_left.set()
        self.close_connection = True

    def stream(self, piece: bytes) -> None:
        """Send pieces until nobody takes them."""
        try:
            while True:
                self.wfile.write(piece)
                time.sleep(0.001)
        except OSError:
            self.server.is_left.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def slow() -> Iterator[tuple[Slow, Gateway]]:
    """Such a resource behind a gateway."""
    with Slow() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            params = f'{{model: azure/x, api_base: "{base}", api_key: up-secret}}'
            with running(f"model_list: [{{model_name: x, litellm_params: {params}}}]") as gateway:
                yield server, gateway
        finally:
            server.shutdown()
            thread.join(10)


def begin(gateway: Gateway, path: str, body: bytes, *, size: int | None = None) -> socket.socket:
    """Send a request, or the first bytes of one."""
    kind = "multipart/form-data; boundary=b" if body is UPLOAD else "application/json"
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n"
    where = gateway.http.base_url
    made = socket.create_connection((where.host, where.port or 80), timeout=10)
    made.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:size])
    return made


def soon(what: Callable[[], bool]) -> bool:
    """Whether something is so within some seconds."""
    end = time.monotonic() + 5
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()


def running_calls(gateway: Gateway) -> int:
    """What the gateway still works on."""
    return gateway.application._counters.running


CALLS = {
    "an upload": ("/v1/files", UPLOAD),
    "a picture": ("/v1/images/generations", PICTURE),
    "a streamed picture": ("/v1/images/generations", EVENTS),
    "speech": ("/v1/audio/speech", SPEECH),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_upstream_is_left_at_once(name: str) -> None:
    """Whether it has answered or not; nothing is under way after that, and it is told as a 499."""
    path, body = CALLS[name]
    with slow() as (server, gateway):
        with closing(begin(gateway, path, body)) as client:
            assert server.begun.wait(5)
            if body in (SPEECH, EVENTS):
                assert client.recv(2**16).startswith(b"HTTP/1.1 200")
        assert server.is_left.wait(5)
        assert soon(lambda: running_calls(gateway) == 0)
        assert soon(lambda: 'status="499"' in gateway.http.get("/metrics").text)


def test_half_a_form_goes_nowhere() -> None:
    """It goes up when it is whole, so a resource never hears of one whose client left."""
    with slow() as (server, gateway):
        with closing(begin(gateway, "/v1/files", UPLOAD, size=2**19)):
            assert soon(lambda: running_calls(gateway) == 1)
        assert soon(lambda: running_calls(gateway) == 0)
        assert not server.begun.is_set()
