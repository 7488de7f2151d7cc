"""Whole answers that are sent at once: the same bytes as by uvicorn's own way, for less."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from azure_agents.emulator import Emulator
from azure_agents.gateway.front import ClientConnection

from .conftest import Gateway, running

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {model: azure/my-gpt, api_base: "{resource}", api_key: upstream-secret}
general_settings: {master_key: sk-master}
"""
FIELDS = b"host: x\r\napi-key: sk-master\r\nx-request-id: mine\r\n"
GET = b"GET /v1/models HTTP/1.1\r\n" + FIELDS
CLOSE = b"connection: close\r\n\r\n"
LAST = GET + CLOSE
REQUESTS = {
    "one": LAST,
    "one after the other": GET + b"\r\n" + LAST,
    "a head": GET.replace(b"GET", b"HEAD") + b"\r\n" + LAST,
    "an older protocol": LAST.replace(b"1.1", b"1.0"),
    "an error between them": GET.replace(b"models", b"modules") + b"\r\n" + LAST,
    "a body that nobody read": GET + b"content-length: 2\r\n\r\n{}" + LAST,
    "a body that nobody asked for": GET
    + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n{}"
    + LAST,
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """A gateway with one deployment and a master key."""
    with Emulator(seed=7) as foundry:
        foundry.deploy("my-gpt", "Hello there.")
        with (
            foundry.serve() as served,
            running(CONFIG.replace("{resource}", served.resource)) as one,
        ):
            yield one


def heard(gateway: Gateway, sent: bytes) -> bytes:
    """All that comes until the connection ends."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as one:
        one.sendall(sent)
        return b"".join(iter(lambda: one.recv(65536), b""))


@pytest.mark.parametrize("name", REQUESTS)
def test_the_bytes_are_those_of_uvicorn(
    gateway: Gateway, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a request asks of the connection, an answer at once changes nothing but the time."""
    at_once = heard(gateway, REQUESTS[name])
    monkeypatch.setattr(ClientConnection, "_answer_at_once", lambda *_: False)
    assert heard(gateway, REQUESTS[name]) == at_once
    assert at_once.startswith(b"HTTP/1.1 200 OK\r\ncontent-length: ") or name.startswith("an error")


def sent_at_once(value: bytes, **differs: object) -> list[bytes]:
    """What goes out of an answer with a header of that value."""
    written: list[bytes] = []
    scope = {"method": "POST"}
    state = {
        "disconnected": False,
        "response_started": False,
        "default_headers": [],
        "keep_alive": True,
        "scope": scope,
        "message_event": SimpleNamespace(set=lambda: None),
        "on_response": lambda: None,
    }
    connection: Any = SimpleNamespace(
        cycle=SimpleNamespace(**{**state, **differs}),
        flow=SimpleNamespace(write_paused=False),
        transport=SimpleNamespace(write=written.append),
    )
    headers = ((b"x-a", b"b"), (b"x-b", value))
    made = ClientConnection._answer_at_once(connection, scope, b"{}", headers)
    assert made is bool(written)
    return written


WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: b\r\nx-b: %s\r\n\r\n{}"


@pytest.mark.parametrize("value", [b"c", b"", b"c\td", "é".encode(), b"c: d"])
def test_a_header_goes_out_as_it_is(value: bytes) -> None:
    """With all that a value may hold."""
    assert [WHOLE % value] == sent_at_once(value)


@pytest.mark.parametrize("value", [b"c\r\nx-c: d", b"c\n", b"\rc", b"c\0", b"\x7f", b"c\r\n"])
def test_no_header_makes_another(value: bytes) -> None:
    """One that holds a line break or another control character is left to uvicorn: it refuses."""
    assert [] == sent_at_once(value)


UNUSUAL = {
    "the client has gone": {"disconnected": True},
    "an answer was begun": {"response_started": True},
    "the server stops": {"default_headers": [(b"connection", b"close")]},
    "the connection ends": {"keep_alive": False},
    "another request came behind it": {"scope": {"method": "POST"}},
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_rest_is_left_to_uvicorn(name: str) -> None:
    """It knows what becomes of the connection."""
    assert [] == sent_at_once(b"c", **UNUSUAL[name])
