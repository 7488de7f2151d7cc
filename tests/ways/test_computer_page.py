"""The snippet of docs/computer.md runs."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import langchain_azure_agents
from azure_agents.emulator import ComputerCall, Emulator

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "computer.md"


def test_the_snippet_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The loop acts twice and ends with the answer."""
    acted: list[Any] = []

    def act(action: Any) -> bytes:
        acted.append(action)
        return b"picture"

    with Emulator() as foundry:
        steps = [{"type": "click", "x": 1, "y": 2}, {"type": "type", "text": "OpenAI news"}]
        tools = [{"type": "computer_use_preview"}]
        reply = [*map(ComputerCall, steps), "Here is the news."]
        foundry.create_agent("computer-agent", reply, tools=tools)
        model = partial(langchain_azure_agents.ChatAzureAgent, **foundry.connection())
        monkeypatch.setattr(langchain_azure_agents, "ChatAzureAgent", model)
        for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
            source = re.sub(r', endpoint="[^"]*"', "", snippet)
            exec(compile(source, PAGE.name, "exec"), {"act": act})  # noqa: S102 - our own page
    assert steps == acted
    assert "Here is the news.\n" == capsys.readouterr().out
