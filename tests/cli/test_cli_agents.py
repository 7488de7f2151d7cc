"""Commands that change something, against a served emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azure_agents.cli.agents import read_tools
from azure_agents.cli.main import main
from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An emulator on a port, named by the environment."""
    foundry = Emulator()
    monkeypatch.setenv("AZURE_AI_API_KEY", "any")
    with foundry.serve() as server:
        monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", server.endpoint)
        yield foundry


def test_sync_declares_tools_in_a_new_version_once(
    served: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time nothing changes, so there is no third version."""
    served.create_agent("my-agent")
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([TOOL]))
    for _ in range(2):
        assert 0 == main(["agents", "sync", "my-agent", "--tools", str(path)])
    assert "my-agent:2 declares 1 of these tools\n" * 2 == capsys.readouterr().out


def test_cancel_prints_the_status_of_the_response(
    served: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ids of the wrong kind are one line on standard error."""
    served.create_agent("my-agent")
    assert 2 == main(["cancel", "my-agent", "--run-id", "run_1"])
    assert "cancelled by its response_id alone" in capsys.readouterr().err
    assert 2 == main(["cancel", "my-agent", "--response-id", "resp_unknown"])
    assert "ThreadNotFoundError" in capsys.readouterr().err


def test_tools_are_read_from_files_and_from_python_names(tmp_path: Path) -> None:
    """A JSON list, or module:name; a function becomes a tool with langchain-core's help."""
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([TOOL]))
    assert [TOOL] == read_tools(str(path))
    (tool,) = read_tools("tests.cli.some_tools:TOOLS")
    assert isinstance(tool, dict)
    assert "add" == tool["function"]["name"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nowhere.json", "cannot read 'nowhere.json'"),
        ("no_such_module:TOOLS", "cannot be imported"),
        ("tests.cli.some_tools:NAME", "is no list of tools"),
    ],
)
def test_a_source_without_a_list_of_tools_is_an_error(source: str, sentence: str) -> None:
    """The error names the source."""
    with pytest.raises(ConfigError, match=sentence):
        read_tools(source)
