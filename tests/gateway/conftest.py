"""A gateway on a loopback port, in front of a served emulator."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator
from azure_agents.gateway.app import Application
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.server import make_server

HELLO = [{"role": "user", "content": "Hello"}]


@dataclass
class Gateway:
    """A running gateway."""

    url: str
    application: Application
    http: httpx.Client

    def chat(self, model: str = "gpt-4o", **more: Any) -> httpx.Response:
        """One chat."""
        body = {"model": model, "messages": HELLO, **more}
        return self.http.post("/v1/chat/completions", json=body)


@contextmanager
def running(config: str, **headers: str) -> Iterator[Gateway]:
    """A gateway in a thread of its own, until the block ends."""
    application = Application(read_config(config))
    begun, found = threading.Event(), []

    def ready(url: str) -> None:
        found.append(url)
        begun.set()

    server = make_server(application, "127.0.0.1", 0, ready)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        assert begun.wait(20)
        with httpx.Client(base_url=found[0], headers=headers, timeout=20) as http:
            yield Gateway(found[0], application, http)
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids."""
    with Emulator(seed=7) as emulator:
        yield emulator


@pytest.fixture
def resource(foundry: Emulator) -> Iterator[str]:
    """The base URL of the emulator's resource, on a loopback port."""
    with foundry.serve() as served:
        yield served.resource


Start = Callable[..., Gateway]


@pytest.fixture
def start(resource: str) -> Iterator[Start]:
    """Starts gateways on a config in which ``{resource}`` stands for the emulator."""
    with ExitStack() as stack:

        def begin(config: str, **headers: str) -> Gateway:
            text = config.replace("{resource}", resource)
            return stack.enter_context(running(text, **headers))

        yield begin
