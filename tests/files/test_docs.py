"""The snippets of docs/files.md run, in order, as one program."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure_agents
from azure_agents.emulator import CodeInterpreter, Emulator, Text

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "files.md"
PNG = b"\x89PNG\r\n\x1a\n"


def test_the_snippets_run(
    foundry: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The page's code runs as one program and prints what the page says."""
    id = foundry.add_file("plot.png", PNG, container_id="cntr_1")
    cited = {"type": "container_file_citation", "file_id": id, "container_id": "cntr_1"}
    plot = Text("Here.", citations=[cited | {"filename": "plot.png", "start_index": 0}])
    foundry.create_agent("my-agent", ["A cat.", [CodeInterpreter("plot()"), plot]])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "downloads").mkdir()
    for name in ("report.pdf", "photo.png", "handbook.md"):
        (tmp_path / name).write_bytes(PNG)
    connect(monkeypatch, foundry)
    names: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        source = re.sub(r'endpoint="[^"]*"', f'endpoint="{foundry.endpoint}"', snippet)
        exec(compile(source, PAGE.name, "exec"), names)  # noqa: S102 - our own page
    said = capsys.readouterr()
    assert "report.pdf 0.0 of 0.0 MB (100 %)" in said.err
    assert ["A cat.", f"{names['store'].id} 2", "plot.png image/png"] == said.out.splitlines()[2:]
    assert PNG == names["data"] == (tmp_path / "downloads" / "plot.png").read_bytes()


def connect(monkeypatch: pytest.MonkeyPatch, foundry: Emulator) -> None:
    """Let the page's client find the emulator."""
    given = {**foundry.connection(), "clock": foundry.clock}
    client = partial(azure_agents.AgentClient, **given)
    monkeypatch.setattr(azure_agents, "AgentClient", client)
