"""The emulator behind a socket."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents import AgentClient
from azure_agents.emulator import Delayed, Emulator, Fault
from azure_agents.emulator.served.command import read_agents
from azure_agents.errors import ConfigError
from azure_agents.messages import TurnRequest, user

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


def test_turns_work_over_a_socket(foundry: Emulator, http: Any) -> None:
    """Plain and streamed; the emulator's own state sees them."""
    assert "completed" == http.post(V2, json=BODY).json()["status"]
    with http.stream("POST", V2, json={**BODY, "stream": True}) as answer:
        chunks = list(answer.iter_raw())
    assert len(chunks) > 5
    assert b"".join(chunks).endswith(b"\n\n")
    assert 2 == len(foundry.seen)


@pytest.mark.parametrize("kind", ["refuse", "lost", "cut"])
def test_faults_break_the_socket(foundry: Emulator, http: Any, kind: Any) -> None:
    """The client sees a broken connection, and may try again."""
    foundry.faults.add(Fault(kind, after_events=3))
    with (
        pytest.raises(httpx.TransportError),
        http.stream("POST", V2, json={**BODY, "stream": True}) as answer,
    ):
        answer.read()
    assert 200 == http.post(V2, json=BODY).status_code


def test_a_body_cut_without_an_error_looks_whole(foundry: Emulator, http: Any) -> None:
    """The body of a stream has no length: a client cannot tell that there should be more."""
    foundry.faults.add(Fault("cut", after_events=3, mode="eof"))
    with http.stream("POST", V2, json={**BODY, "stream": True}) as answer:
        assert 3 == answer.read().count(b"\n\n")


def test_strict_servers_accept_issued_tokens_only(foundry: Emulator) -> None:
    """`strict_auth=True` refuses all others."""
    with foundry.serve(strict_auth=True) as served:
        path = f"{served.endpoint}/agents?api-version=v1"
        token = foundry.credential.get_token("https://ai.azure.com/.default").token
        statuses = [
            httpx.get(path, headers={"authorization": f"Bearer {value}"}).status_code
            for value in ("any", token)
        ]
    assert [401, 200] == statuses


def test_missing_packages_are_named(
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


def test_served_agents_come_from_a_file(tmp_path: Path) -> None:
    """A YAML list of what `create_agent` takes."""
    path = tmp_path / "agents.yaml"
    path.write_text("agents:\n- {name: a, reply: hi}\n- {name: b, generation: classic}\n")
    foundry = Emulator()
    for agent in read_agents(path):
        foundry.create_agent(**agent)
    assert ["a", "b"] == [agent.name for agent in foundry.agents]
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


def test_time_really_passes_while_it_is_served(foundry: Emulator) -> None:
    """A client's timeout is a real one; `advance` still moves the clock; then it stands again."""
    agent = foundry.create_agent("slow", Delayed(30, "late"))
    body = {"agent_reference": {"name": agent.name}, "input": "hi"}
    headers = {"authorization": "Bearer any"}
    with foundry.serve() as served:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{served.endpoint}{V2}", json=body, headers=headers, timeout=0.3)
        assert time.monotonic() - began < 20
        before = foundry.clock.time()
        foundry.clock.advance(3600)
        time.sleep(0.01)
        assert 3600 < foundry.clock.time() - before < 3700
    before = foundry.clock.time()
    time.sleep(0.01)
    assert foundry.clock.time() == before


def test_real_time_false_costs_no_time(foundry: Emulator) -> None:
    """For suites that do not want to wait."""
    agent = foundry.create_agent("slow", Delayed(3600, "late"))
    body = {"agent_reference": {"name": agent.name}, "input": "hi"}
    with foundry.serve(real_time=False) as served:
        url, headers = f"{served.endpoint}{V2}", {"authorization": "Bearer any"}
        assert 200 == httpx.post(url, json=body, headers=headers, timeout=20).status_code


def test_a_served_emulator_keeps_the_newest_only(foundry: Emulator) -> None:
    """Requests, seen turns and responses are bounded; a conversation goes on all the same."""
    agent = foundry.create_agent("my-agent")
    headers = {"authorization": "Bearer any"}
    with foundry.serve(keep=3) as served, httpx.Client(headers=headers) as http:
        talk = http.post(f"{served.endpoint}/openai/v1/conversations", json={}).json()["id"]
        body = {"agent_reference": {"name": agent.name}, "input": "hi", "conversation": talk}
        made = [http.post(f"{served.endpoint}{V2}", json=body).json()["id"] for _ in range(5)]
        statuses = [http.get(f"{served.endpoint}{V2}/{id}").status_code for id in made]
        listed = http.get(f"{served.endpoint}{V2}").json()["data"]
    assert [404, 404, 200, 200, 200] == statuses
    assert [one["id"] for one in listed] == made[:1:-1]
    assert (3, 3) == (len(foundry.requests), len(foundry.seen))
    assert 9 == len(foundry.seen[-1].messages)
    assert foundry.keep is None


@pytest.mark.parametrize("tls", [False, True])
def test_a_served_emulator_has_a_connection(foundry: Emulator, tmp_path: Path, tls: bool) -> None:
    """As the emulator in process has: what a client needs, also for TLS and strict sign-in."""
    foundry.create_agent("my-agent", "Hello!")
    folder = tmp_path if tls else None
    with foundry.serve(strict_auth=True, tls=folder) as served:
        assert "credential" not in repr(served)
        with closing(AgentClient(model="my-agent", **served.connection())) as client:
            assert "Hello!" == client.complete(TurnRequest((user("hi"),))).text


def test_the_root_lists_agents_and_control_routes(foundry: Emulator) -> None:
    """Without a token; nothing for a web page or another host."""
    foundry.create_agent("my-agent")
    with foundry.serve() as served:
        root = served.endpoint.removesuffix("/api/projects/demo")
        seen = httpx.get(f"{root}/").json()
        assert ["my-agent"] == [agent["name"] for agent in seen["agents"]]
        assert "PATCH /_emulator/weather" in seen["routes"]
        assert seen == httpx.get(served.control).json()
        assert 401 == httpx.get(f"{root}/", headers={"origin": "https://x.example"}).status_code
        assert 401 == httpx.post(f"{root}/").status_code
