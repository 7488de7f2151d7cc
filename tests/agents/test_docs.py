"""The page's code runs as one program, and its table is true."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure_agents
from azure_agents.emulator import Emulator

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"


def test_the_snippets_run(
    foundry: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From nothing to an answer, and down again; a function is declared."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handbook.md").write_text("Everybody has 30 days of holidays.")
    for name in ("AgentClient", "Agents"):
        made = partial(getattr(azure_agents, name), **foundry.connection())
        monkeypatch.setattr(azure_agents, name, made)
    names: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        source = re.sub(r'ENDPOINT = "[^"]*"', f'ENDPOINT = "{foundry.endpoint}"', snippet)
        exec(compile(source, PAGE.name, "exec"), names)  # noqa: S102 - our own page
    said = capsys.readouterr().out.splitlines()
    assert ["helper:1", "['function', 'mcp']"] == [said[0], said[-1]]
    assert ["shop"] == [agent.name for agent in foundry.agents]


def test_the_page_names_every_method_and_tool() -> None:
    """What is public is on it."""
    page = PAGE.read_text("utf-8")
    methods = [n for n in vars(azure_agents.Agents) if not n.startswith("_") and n != "close"]
    tools = [name for name in azure_agents.__all__ if name.endswith("Tool")]
    assert [] == [name for name in [*methods, *tools] if f"`{name}(" not in page]
