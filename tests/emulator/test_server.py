"""The emulator behind a socket."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Fault
from azure_agents.emulator.server import read_agents
from azure_agents.errors import ConfigError

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
V2 = "/openai/v1/responses"


@pytest.fixture
def http(foundry: Emulator) -> Any:
    """A client of a served agent."""
    foundry.create_agent("my-agent")
    headers = {"authorization": "Bearer any"}
    with (
        foundry.serve() as served,
        httpx.Client(base_url=served.endpoint, headers=headers, timeout=5) as client,
    ):
        yield client


BODY = {"agent_reference": {"name": "my-agent"}, "input": "hi"}


def test_turns_are_served(foundry: Emulator, http: Any) -> None:
    """Plain and streamed; the emulator's own state sees them."""
    assert http.post(V2, json=BODY).json()["status"] == "completed"
    with http.stream("POST", V2, json={**BODY, "stream": True}) as answer:
        chunks = list(answer.iter_raw())
    assert len(chunks) > 5
    assert b"".join(chunks).endswith(b"\n\n")
    assert len(foundry.seen) == 2


@pytest.mark.parametrize("kind", ["refuse", "lost", "cut"])
def test_connections_really_break(foundry: Emulator, http: Any, kind: Any) -> None:
    """The client sees a broken connection, and may try again."""
    foundry.faults.add(Fault(kind, after_events=3))
    with (
        pytest.raises(httpx.TransportError),
        http.stream("POST", V2, json={**BODY, "stream": True}) as answer,
    ):
        answer.read()
    assert http.post(V2, json=BODY).status_code == 200


def test_a_quiet_end_looks_like_the_end(foundry: Emulator, http: Any) -> None:
    """The body of a stream has no length: a client cannot tell that there should be more."""
    foundry.faults.add(Fault("cut", after_events=3, mode="eof"))
    with http.stream("POST", V2, json={**BODY, "stream": True}) as answer:
        assert answer.read().count(b"\n\n") == 3


def test_strict_servers_want_real_tokens(foundry: Emulator) -> None:
    """`strict_auth=True` takes only what the credential handed out."""
    with foundry.serve(strict_auth=True) as served:
        path = f"{served.endpoint}/agents?api-version=v1"
        token = foundry.credential.get_token("https://ai.azure.com/.default").token
        statuses = [
            httpx.get(path, headers={"authorization": f"Bearer {value}"}).status_code
            for value in ("any", token)
        ]
    assert statuses == [401, 200]


def test_missing_extras_are_named(
    foundry: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without uvicorn or PyYAML the error says what to install."""
    for name in ("uvicorn", "yaml"):
        monkeypatch.setitem(sys.modules, name, None)
    sentence = r'pip install "azure-agents\[emulator\]"'
    with pytest.raises(ConfigError, match=sentence), foundry.serve():
        pass
    with pytest.raises(ConfigError, match=sentence):
        read_agents(tmp_path / "agents.yaml")


def test_agents_come_from_a_file(tmp_path: Path) -> None:
    """A YAML list of what `create_agent` takes."""
    path = tmp_path / "agents.yaml"
    path.write_text("agents:\n- {name: a, reply: hi}\n- {name: b, generation: classic}\n")
    foundry = Emulator()
    for agent in read_agents(path):
        foundry.create_agent(**agent)
    assert [agent.name for agent in foundry.agents] == ["a", "b"]
    path.write_text("- a")
    with pytest.raises(ConfigError, match="has no list of agents"):
        read_agents(path)


def test_a_taken_port_is_a_clear_error(foundry: Emulator) -> None:
    """The error names the address."""
    with (
        foundry.serve() as served,
        pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{served.port}"),
        Emulator().serve(port=served.port),
    ):
        pass
