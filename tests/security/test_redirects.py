"""A redirect carries nothing away: five codes, every kind of target, both headers, four ways.

First every target there may be, on a transport that stands in for the whole network. Then the same
on real sockets, with a second server that would like to be told the secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from azure_agents.errors import ServiceError

from .peers import HI, ORIGIN, WAYS, Recorder, connect

CODES = (301, 302, 303, 307, 308)
KINDS = {
    "bearer": ({"credential": "canary-token-4f1d"}, "authorization", "Bearer canary-token-4f1d"),
    "api-key": ({"api_key": "canary-key-9b2e"}, "api-key", "canary-key-9b2e"),
}
PATH = "/api/projects/p/openai/v1/responses?sig=canary-sig"
TARGETS = {
    "the same origin, another path": f"{ORIGIN}/elsewhere?sig=canary-sig",
    "another host": f"https://other.services.ai.azure.com{PATH}",
    "plain http": f"http://r.services.ai.azure.com{PATH}",
    "a look-alike": f"https://r.services.ai.azure.com.evil.example{PATH}",
    "this machine": f"http://127.0.0.1:8080{PATH}",
    "another port": f"{ORIGIN}:8443{PATH}",
}


def refused(clients: Any, way: str) -> ServiceError:
    """Ask, and give the error."""
    with pytest.raises(ServiceError, match="redirects are never followed") as caught:
        WAYS[way](clients, HI)
    return caught.value


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("code", CODES)
def test_no_redirect_is_followed(code: int, target: str, kind: str, way: str) -> None:
    """One request leaves, the error is typed, and what the target holds is not repeated."""
    sign_in, header, value = KINDS[kind]
    network = Recorder(lambda _: httpx.Response(code, headers={"location": TARGETS[target]}))
    error = refused(connect(network, sign_in=sign_in), way)
    assert [(ORIGIN.removeprefix("https://"), value)] == [
        (request.url.host, request.headers[header]) for request in network.requests
    ]
    assert (ServiceError, code, False) == (type(error), error.status, "canary" in str(error))


# --- real sockets --------------------------------------------------------------------------------


@dataclass
class Server:
    """A server on this machine: notes what it is asked, and sends everybody elsewhere."""

    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    code: int = 302
    location: str = ""
    port: int = 0

    def url(self, host: str = "127.0.0.1") -> str:
        """Where a project would be."""
        return f"http://{host}:{self.port}/api/projects/p"


def _serve(server: Server) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.do_GET()

        def do_GET(self) -> None:
            server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(server.code)
            self.send_header("location", server.location)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = httpd.server_address[1]
    Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    return httpd


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """The project's, and another."""
    pair = Server(), Server()
    running = [_serve(one) for one in pair]
    yield pair
    for httpd in running:
        httpd.shutdown()
        httpd.server_close()


def _other_port(_: Server, other: Server) -> str:
    return other.url() + "/stolen"


def _other_name(_: Server, other: Server) -> str:
    return other.url("localhost") + "/stolen"


def _same_origin(project: Server, _: Server) -> str:
    return project.url() + "/elsewhere"


@pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", [_other_port, _other_name, _same_origin])
@pytest.mark.parametrize("code", CODES)
def test_the_other_server_sees_nothing(
    servers: tuple[Server, Server], code: int, target: Any, kind: str, way: str
) -> None:
    """Also the network libraries themselves follow nothing."""
    project, other = servers
    project.code, project.location = code, target(project, other)
    project.asked.clear()
    sign_in, header, value = KINDS[kind]
    error = refused(connect(endpoint=project.url(), sign_in=sign_in), way)
    assert ([], [value]) == (other.asked, [headers[header] for _, headers in project.asked])
    assert code == error.status
