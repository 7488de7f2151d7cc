"""The snippets of docs/stores.md run, in order, as one program."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import langchain_azure_agents
from azure_agents.emulator import Emulator

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "stores.md"


def test_the_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows works, and the model made there answers."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with Emulator() as foundry:
        agent = foundry.create_agent("my-agent", reply="hello", generation="classic")
        model = partial(langchain_azure_agents.ChatAzureAgent, **foundry.connection())
        monkeypatch.setattr(langchain_azure_agents, "ChatAzureAgent", model)
        for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
            source = snippet.replace("asst_abc123", agent.model)
            if "RedisThreadStore(" in source:
                names["file"] = names["store"]
            exec(compile(source, PAGE.name, "exec"), names)  # noqa: S102 - our own page
        assert "hello" == names["llm"].invoke("hi").content
    assert (tmp_path / "threads.db").exists()
    names["file"].close()
