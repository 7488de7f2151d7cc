"""The snippets and the tables of docs/bulk.md."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure_agents.bulk
from azure_agents.bulk.columns import FORMATS, OURS
from azure_agents.cli.map import map_rows
from azure_agents.emulator import Emulator

if TYPE_CHECKING:
    import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "bulk.md").read_text()


def test_the_snippets_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows happens."""
    with Emulator() as foundry:
        foundry.create_agent("my-agent", "A service.")
        for name in azure_agents.bulk.__all__:
            door = partial(getattr(azure_agents.bulk, name), **foundry.connection())
            monkeypatch.setattr(azure_agents.bulk, name, door)
        names: dict[str, Any] = {}
        for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(snippet, "bulk.md", "exec"), names)  # noqa: S102 - our own page
    assert "1 A service.\nA service.\n" == capsys.readouterr().out


def test_the_page_tells_of_every_option_column_and_format() -> None:
    """But for those of the connection."""
    of_chat = {"--endpoint", "--timeout", "--scope", "--api-version", "--allow-http"}
    options = {one for option in map_rows.params for one in option.opts if one.startswith("--")}
    told = {*options - of_chat, *OURS, *FORMATS}
    assert set() == {name for name in told if name not in PAGE}
