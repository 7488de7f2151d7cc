"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PLUGIN = "azure_agents.emulator.pytest_plugin"

HEAD = """
import httpx
import pytest

def ask(foundry, text, agent="my-agent"):
    token = foundry.credential.get_token("https://ai.azure.com/.default").token
    headers = {"authorization": f"Bearer {token}"}
    body = {"agent_reference": {"name": agent}, "input": text}
    with httpx.Client(transport=foundry.transport, base_url=foundry.endpoint) as client:
        answer = client.post("/openai/v1/responses", json=body, headers=headers)
    answer.raise_for_status()
    return answer.json()["output"][0]["content"][0]["text"]
"""
AGENTS = "agents:\n- {name: my-agent, reply: From the file.}\n- {name: other, reply: Other.}\n"


@pytest.fixture
def play(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a test file with the plugin and nothing else."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(source: str, *options: str, ini: str = "") -> pytest.RunResult:
        pytester.makefile(".yaml", agents=AGENTS)
        pytester.makeini(f"[pytest]\n{ini}")
        pytester.makepyfile(HEAD + source)
        return pytester.runpytest_inprocess("-p", PLUGIN, "--strict-markers", *options)

    return run


def test_every_test_has_its_own_emulator(play: Any) -> None:
    """Requests and what agents saw are there to assert on."""
    result = play("""
def test_one(foundry):
    foundry.create_agent("my-agent", "Hello!")
    assert ask(foundry, "hi") == "Hello!"
    assert foundry.seen[-1].last_user_text == "hi"
    assert [request.path for request in foundry.requests] == ["/openai/v1/responses"]

def test_two(foundry):
    assert foundry.agents == []
""")
    result.assert_outcomes(passed=2)


def test_the_marker_creates_agents(play: Any) -> None:
    """From YAML files beside the test file, and mappings; the closest marker wins."""
    result = play("""
pytestmark = pytest.mark.foundry_agents("agents.yaml")

def test_file(foundry):
    assert ask(foundry, "hi") == "From the file."

@pytest.mark.foundry_agents({"name": "my-agent", "reply": ["Mine.", "Still mine."]})
def test_mapping(foundry):
    assert [ask(foundry, "hi") for _ in range(2)] == ["Mine.", "Still mine."]
    assert ask(foundry, "hi", "other") == "Other."

RULES = [{"when": "hello (\\\\w+)", "say": "Hi {1}!"}]

@pytest.mark.foundry_agents({"name": "r", "replies": RULES})
def test_rules(foundry):
    assert ask(foundry, "hello Ann", "r") == "Hi Ann!"
""")
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("options", "ini"),
    [(("--foundry-agents", "agents.yaml"), ""), ((), "foundry_agents_file = agents.yaml")],
)
def test_one_file_gives_all_tests_agents(play: Any, options: Any, ini: str) -> None:
    """By option or setting."""
    source = """
def test_file(foundry):
    assert ask(foundry, "hi") == "From the file."
"""
    play(source, *options, ini=ini).assert_outcomes(passed=1)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_foundry_server_serves_the_same_emulator(play: Any) -> None:
    """What comes over the socket is in `foundry.seen`."""
    result = play("""
@pytest.mark.foundry_agents({"name": "my-agent", "reply": "Served."})
def test_served(foundry, foundry_server):
    body = {"agent_reference": {"name": "my-agent"}, "input": "hi"}
    url = f"{foundry_server.endpoint}/openai/v1/responses"
    answer = httpx.post(url, json=body, headers={"authorization": "Bearer any"}).json()
    assert answer["output"][0]["content"][0]["text"] == "Served."
    assert len(foundry.seen) == 1
""")
    result.assert_outcomes(passed=1)


def test_faults_can_be_planned_by_name(play: Any) -> None:
    """They hit turns; an unknown name lists the known ones."""
    result = play("""
def test_throttled(foundry):
    foundry.create_agent("my-agent", "Hello!")
    foundry.faults.plan("throttled")
    with pytest.raises(httpx.HTTPStatusError, match="429"):
        ask(foundry, "hi")
    assert ask(foundry, "hi") == "Hello!"
    with pytest.raises(ValueError, match="no fault is called 'rain'; use one of 'connection"):
        foundry.faults.plan("rain")
""")
    result.assert_outcomes(passed=1)


def test_a_failed_test_shows_the_traffic(play: Any) -> None:
    """The report has the requests and what the agents saw."""
    result = play("""
def test_wrong(foundry):
    foundry.create_agent("my-agent", "Hello!")
    assert ask(foundry, "hi") == "Bye!"
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*Foundry requests*",
            "POST /openai/v1/responses -> 200",
            "*Foundry agents saw*",
            "turn 1 of my-agent:1",
            "  user      hi",
            "  answered  Hello!",
        ]
    )


def test_loading_the_plugin_imports_nothing() -> None:
    """Every test run of everybody who has the package loads it."""
    code = f"import json, sys, {PLUGIN}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert set() == loaded & {
        "httpx",
        "uvicorn",
        "yaml",
        "pydantic",
        "azure_agents.emulator.world.state",
    }


def test_the_entry_point_is_declared() -> None:
    """Installing the package is all that users have to do."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"azure_agents": PLUGIN}
