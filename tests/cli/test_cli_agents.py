"""Commands that change something, against a served emulator."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azure_agents.cli.main import azure_agents, main
from azure_agents.cli.tool_files import read_tools
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


def test_agents_are_made_shown_changed_and_deleted(
    served: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From nothing to an agent with two tools and a file, and all of it down again."""
    handbook, told = tmp_path / "handbook.md", tmp_path / "told.txt"
    handbook.write_text("30 days.")
    told.write_text("Be kind.")
    made = ["--model", "gpt-4o", "--instructions", f"@{told}", "--file", str(handbook)]
    servers = ["--code-interpreter", "--mcp", "docs=https://h.example/mcp"]
    assert 0 == main(["agents", "create", "helper", *made, *servers])
    assert 0 == main(["agents", "update", "helper", "--description", "It helps."])
    assert 0 == main(["agents", "list"])
    assert 0 == main(["agents", "show", "helper", "--versions"])
    out = capsys.readouterr().out.splitlines()
    assert ["helper:1", "helper:2"] == out[:2]
    row = "helper:2  helper  gpt-4o  file_search, code_interpreter, mcp  It helps."
    assert row == out[3]
    assert 0 == main(["agents", "show", "helper"])
    assert "instructions: Be kind." in capsys.readouterr().out
    assert 0 == main(["agents", "delete", "helper", "--and-files", "--yes"])
    assert 0 == main(["agents", "list"])
    assert ("", "The project has no agents.\n") == capsys.readouterr()


def test_agents_are_kept_in_a_file(
    served: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `export` prints, `import` makes again; what is there already stays as it is."""
    for generation in ("v2", "classic"):
        named = ["agents", "create", f"in-{generation}", "--generation", generation]
        assert 0 == main([*named, "--model", "gpt-4o", "--instructions", "Größe: groß."])
    first = capsys.readouterr().out
    assert 0 == main(["agents", "export"])
    kept = tmp_path / "agents.yaml"
    kept.write_text(capsys.readouterr().out, encoding="utf-8")
    assert 0 == main(["agents", "import", str(kept)])
    assert first == capsys.readouterr().out
    kept.write_text(kept.read_text("utf-8").replace("groß", "klein"), encoding="utf-8")
    assert 0 == main(["agents", "import", str(kept)])
    assert "in-v2:2" == capsys.readouterr().out.splitlines()[0]


REFUSED = {
    "no such agent": (["agents", "show", "nobody"], "AgentNotFoundError: "),
    "no pair": (["agents", "create", "a", "--model", "m", "--mcp", "docs"], "must be label=value"),
    "no file": (["agents", "create", "a", "--model", "m", "--file", "no.md"], "there is no file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_about_agents_is_one_line(
    served: Emulator, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, with exit code 2."""
    arguments, expected = REFUSED[case]
    assert 2 == main(arguments)
    error = capsys.readouterr().err
    assert expected in error
    assert 1 == len(error.splitlines())


def test_a_file_that_is_no_yaml_is_named(
    served: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is made of half a file."""
    kept = tmp_path / "agents.yaml"
    kept.write_text("name: a\ndefinition: {model: m}\n---\n[1,")
    assert 2 == main(["agents", "import", str(kept)])
    assert "is no YAML" in capsys.readouterr().err
    assert 0 == main(["agents", "list"])


def test_nothing_is_deleted_without_a_yes(
    served: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question names the agent."""
    served.create_agent("my-agent")
    monkeypatch.setattr("click.confirm", lambda question: "Delete my-agent?" != question)
    assert 1 == main(["agents", "delete", "my-agent"])
    assert 1 == len(served.agents)


def test_every_command_is_on_the_page() -> None:
    """docs/command_line.md names each, and those of `agents`."""
    page = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text("utf-8")
    names = [*azure_agents.commands, *azure_agents.commands["agents"].commands]  # type: ignore[attr-defined]
    assert [] == [name for name in names if name not in page]


def test_threads_are_listed_shown_and_pruned(
    served: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said, and what goes away."""
    from azure_agents import AgentClient

    ids = []
    for generation in ("v2", "classic"):
        agent = served.create_agent("a", ["Hello, Ada."], generation=generation)  # type: ignore[arg-type]
        client = AgentClient(agent.model, threads="conversation", **served.connection())
        ids.append(client.complete("I am Ada.").finished.thread_id)
    assert 0 == main(["threads", "list"])
    listed = capsys.readouterr().out
    assert [True, True] == [id in listed for id in ids]
    for id in ids:
        assert 0 == main(["threads", "show", id])
        assert "user: I am Ada.\nassistant: Hello, Ada.\n" == capsys.readouterr().out
    assert 0 == main(["threads", "delete", ids[0]])
    monkeypatch.setattr("click.confirm", lambda question: "older than 30 days" not in question)
    assert 1 == main(["threads", "prune", "--older-than", "30"])
    capsys.readouterr()
    later = time.time() + 40 * 86_400
    monkeypatch.setattr("azure_agents.drivers.clock.SystemClock.time", lambda _: later)
    assert 0 == main(["threads", "prune", "--older-than", "30", "--yes"])
    assert f"{ids[1]}\n" == capsys.readouterr().out
    assert 0 == main(["threads", "list"])
    assert "The project has no threads.\n" == capsys.readouterr().err
    assert 2 == main(["threads", "show", "x"])
    assert 1 == len(capsys.readouterr().err.splitlines())
