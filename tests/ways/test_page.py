"""The snippets of docs/endpoints.md run, in order, as one program."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import langchain_azure_agents
from azure_agents.emulator import Emulator
from azure_agents.settings.endpoint import parse_endpoint

PAGE = Path(__file__).parents[2] / "docs" / "endpoints.md"


def test_the_snippets_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows works, and the session of the page remembers."""
    names: dict[str, Any] = {}
    with Emulator() as foundry:
        foundry.create_agent("hosted", definition={"kind": "hosted"})
        connection = foundry.connection() | {"endpoint": foundry.endpoint_of("hosted")}
        model = partial(langchain_azure_agents.ChatAzureAgent, **connection)
        monkeypatch.setattr(langchain_azure_agents, "ChatAzureAgent", model)
        for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
            source = re.sub(r'endpoint="[^"]*"', "", snippet).replace("…", "key")
            exec(compile(source, PAGE.name, "exec"), names)  # noqa: S102 - our own page
        sessions = [turn.messages[0].text for turn in foundry.seen]
        assert ["Hello", "Hello", "Hello", "Hello"] == sessions


@pytest.mark.parametrize("row", [0, 1])
def test_the_versions_of_the_table(row: int) -> None:
    """As the code has them."""
    rows = re.findall(r"\| `(/[^`]+)` \| `([^`]+)` \|", PAGE.read_text())
    path, version = rows[row]
    path = path.replace("<agent>", "a").replace("<application>", "a")
    own = parse_endpoint(f"https://x.services.ai.azure.com/api/projects/p{path}").own
    assert own is not None
    assert (path, version) == (own.path, own.api_version)
