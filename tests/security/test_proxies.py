"""Proxies that the environment names: alike for sync and async calls, with nothing shown of them.

The proxy is a real one on loopback that takes CONNECT; behind every name it finds the emulator.
"""

from __future__ import annotations

import base64
import socket
import traceback
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from azure_agents.emulator import Emulator
from azure_agents.emulator.served import server
from azure_agents.emulator.served.certificate import make_certificate
from azure_agents.errors import AzureAgentsError, ConfigError, NotSentError
from azure_agents.settings.timeouts import Timeouts

from .peers import HI, WAYS, connect

HOST = "r.services.ai.azure.com"
PASSWORD = "canary-71c0de55aa10"
pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


class Proxy(ThreadingHTTPServer):
    """Takes CONNECT from whoever knows the password, and leads all of them to one port."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.port = port
        self.asked: list[str] = []
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, password: str = PASSWORD) -> str:
        """The proxy with a user and a password."""
        return f"http://ada:{password}@127.0.0.1:{self.server_address[1]}"


class Tunnel(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        proxy: Any = self.server
        proxy.asked.append(self.path)
        if self.headers.get("proxy-authorization") != f"Basic {as_header(PASSWORD)}":
            self.send_error(407)
            return
        self.close_connection = True
        with socket.create_connection(("127.0.0.1", proxy.port)) as project:
            self.send_response(200)
            self.end_headers()
            Thread(target=pipe, args=(project, self.connection), daemon=True).start()
            pipe(self.connection, project)

    def log_message(self, *args: Any) -> None:
        pass


def pipe(source: socket.socket, sink: socket.socket) -> None:
    """Hand on what comes, until it ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy, and behind it a project with an agent `a` that calls itself `HOST`."""
    monkeypatch.setattr(server, "make_certificate", partial(make_certificate, hosts=(HOST,)))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    foundry = Emulator()
    foundry.create_agent("a", "Hello.")
    with foundry.serve(tls=tmp_path) as served:
        monkeypatch.setenv("SSL_CERT_FILE", str(served.authority))
        proxy = Proxy(served.port)
        monkeypatch.setattr(proxy, "endpoint", served.endpoint, raising=False)
        yield proxy
        proxy.shutdown()
        proxy.server_close()


def ask(way: str, proxy: Any, host: str = HOST) -> Any:
    """One call to the project behind the proxy."""
    endpoint = proxy.endpoint.replace(f"127.0.0.1:{proxy.port}", host)
    timeout = Timeouts(connect=5, turn=20)
    clients = connect(endpoint=endpoint, model="a", sign_in={"api_key": "key"}, timeout=timeout)
    return WAYS[way](clients, HI)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_call_goes_by_the_proxy(
    variable: str, way: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sync and async, with the password that the URL of the proxy holds."""
    monkeypatch.setenv(variable, proxy.url())
    answer = ask(way, proxy)
    said = "completed" if "stream" in way else "Hello."
    told = answer[-1].status if "stream" in way else answer.text
    assert (said, [f"{HOST}:443"]) == (told, proxy.asked)


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(
    "exceptions", [HOST, "services.ai.azure.com", ".azure.com", "a.example, azure.com", "*"]
)
def test_no_proxy_is_heeded(
    exceptions: str, way: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts and domains, as `urllib` reads them; the name leads nowhere here."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url())
    monkeypatch.setenv("NO_PROXY", exceptions)
    with pytest.raises(AzureAgentsError):
        ask(way, proxy)
    assert [] == proxy.asked


@pytest.mark.parametrize("way", WAYS)
def test_this_machine_is_never_asked_by_a_proxy(
    way: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment says; the certificate is another host's, so it ends there."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url())
    with pytest.raises(AzureAgentsError):
        ask(way, proxy, f"127.0.0.1:{proxy.port}")
    assert [] == proxy.asked


@pytest.mark.parametrize("way", WAYS)
def test_a_proxy_that_refuses_shows_no_password(
    way: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the error nor its causes nor any local variable of a frame."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url("wrong-" + PASSWORD))
    with pytest.raises(NotSentError) as caught:
        ask(way, proxy)
    assert [] == shown_of(caught.value, PASSWORD, as_header("wrong-" + PASSWORD))


def as_header(password: str) -> str:
    """What a password looks like in a header."""
    return base64.b64encode(f"ada:{password}".encode()).decode()


def shown_of(error: BaseException, *secrets: str) -> list[str]:
    """What of these a tool would show that prints local variables."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [line for line in shown.format() if "/tests/" not in line]
    return [line for line in ours if any(secret in line for secret in secrets)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "url",
    [f"ftp://ada:{PASSWORD}@proxy:1", f"http://ada:{PASSWORD}@:x/", f"socks5://a:{PASSWORD}@h:1"],
)
def test_a_proxy_that_cannot_be_used_is_said(
    url: str, way: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which variable is meant, and what to write; never its value."""
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        ask(way, proxy)
    assert [] == shown_of(caught.value, PASSWORD)
