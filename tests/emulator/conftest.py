"""A plain HTTP client on the emulator: these tests know the wire and nothing of our own client."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpcore  # noqa: F401 - httpx loads it late, and pytester would forget it: two of each error
import httpx
import pytest

from azure_agents.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployment_wire import Resource

# `fidelity` and its parts are a script as well: there they stand on the path.
sys.path.insert(0, str(Path(__file__).parent))

SCOPE = "https://ai.azure.com/.default"


class Wire:
    """Sends requests to one emulator and reads what comes back."""

    def __init__(self, foundry: Emulator) -> None:
        self.foundry = foundry
        self.sign_in()
        self.http = httpx.Client(transport=foundry.transport, base_url=foundry.endpoint)

    def sign_in(self) -> None:
        """Take a new token."""
        self.token = self.foundry.credential.get_token(SCOPE).token

    def request(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        """Send JSON; classic and agent routes get their api-version by themselves."""
        return self.http.send(self.build(method, path, body, **query))

    def build(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Request:
        """A request that is not sent yet."""
        version = query.pop("api_version", "" if path.startswith("/openai/v1") else "v1")
        if version:
            query["api-version"] = version
        headers = {"authorization": f"Bearer {self.token}"}
        return self.http.build_request(method, path, json=body, params=query, headers=headers)

    def post(self, path: str, body: Any = None, **query: str) -> Any:
        """POST and expect success."""
        return self._good(self.request("POST", path, {} if body is None else body, **query))

    def get(self, path: str, **query: str) -> Any:
        """GET and expect success."""
        return self._good(self.request("GET", path, **query))

    def _good(self, answer: httpx.Response) -> Any:
        assert 200 == answer.status_code, answer.text
        return answer.json()

    def stream(self, path: str, body: Any) -> list[tuple[str, Any]]:
        """POST and read a whole event stream."""
        answer = self.request("POST", path, {**body, "stream": True})
        assert "text/event-stream; charset=utf-8" == answer.headers["content-type"], answer.text
        return read_events(answer.text)

    def open(self, path: str, body: Any) -> httpx.Response:
        """POST and leave the event stream open."""
        return self.http.send(self.build("POST", path, {**body, "stream": True}), stream=True)

    def respond(self, agent: object, input: Any, **fields: Any) -> Any:
        """One plain v2 turn."""
        return self.post("/openai/v1/responses", self.turn(agent, input, **fields))

    @staticmethod
    def turn(agent: object, input: Any, **fields: Any) -> dict[str, Any]:
        """Build the body of a v2 turn."""
        name, _, version = str(agent).partition(":")
        reference = {"type": "agent_reference", "name": name} | (
            {"version": version} if version else {}
        )
        return {"agent_reference": reference, "input": input, **fields}

    def start_thread(self, *texts: str) -> str:
        """A classic thread with user messages."""
        messages = [{"role": "user", "content": text} for text in texts]
        return str(self.post("/threads", {"messages": messages})["id"])

    def finish(self, thread: str, run: str) -> Any:
        """Poll a run until it ends or pauses."""
        for _ in range(5):
            wire = self.get(f"/threads/{thread}/runs/{run}")
            if wire["status"] not in {"queued", "in_progress"}:
                return wire
        raise AssertionError(wire["status"])


def read_events(text: str) -> list[tuple[str, Any]]:
    """Events of a stream whose data is one line each."""
    found = []
    for block in text.split("\n\n"):
        if block:
            event, data = block.split("\n")
            value = data.removeprefix("data: ")
            parsed = value if value == "[DONE]" else json.loads(value)
            found.append((event.removeprefix("event: "), parsed))
    return found


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids."""
    with Emulator(seed=7) as emulator:
        yield emulator


@pytest.fixture
def wire(foundry: Emulator) -> Iterator[Wire]:
    """A signed-in HTTP client on it."""
    made = Wire(foundry)
    with made.http:
        yield made


@pytest.fixture(scope="session")
def make_wire() -> type[Wire]:
    """For emulators with settings of their own."""
    return Wire


@pytest.fixture
def resource(foundry: Emulator) -> Iterator[Resource]:
    """A resource with a deployment ``dep`` that says hello."""
    from deployment_wire import Resource

    foundry.deploy("dep", "Hello there!")
    made = Resource(foundry)
    with made.http:
        yield made
