"""The snippets of docs/completion.md run, in order, as one program."""

from __future__ import annotations

import ast
import inspect
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure_agents
from azure_agents.emulator import Emulator, McpApproval, McpCall, ToolCalls

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "completion.md"
WEATHER = {"type": "function", "name": "get_weather", "parameters": {}}


async def test_the_snippets_run(
    foundry: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows happens, and prints what a reader expects."""
    foundry.create_agent("my-agent")
    foundry.create_agent(
        "weather-agent",
        [ToolCalls(("get_weather", {"city": "Rome"})), "Sunny."],
        tools=[WEATHER],
    )
    deleted = [McpCall("server", "delete", "{}"), "Deleted."]
    foundry.create_agent("careful-agent", [McpApproval("server", "delete"), deleted])
    connection = foundry.connection()
    endpoint = connection.pop("endpoint")
    monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", endpoint)
    for name in ("completion", "acompletion"):
        monkeypatch.setattr(azure_agents, name, partial(getattr(azure_agents, name), **connection))
    names: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        source = re.sub(r'api_base="[^"]*"', f'api_base="{endpoint}"', snippet)
        code = compile(source, PAGE.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)  # noqa: S307 - our own page
        if inspect.iscoroutine(result):
            await result
    said = capsys.readouterr().out
    for line in ("Nice to meet you, Alice.", "Your name is Alice.", "You said: Hello", "Sunny."):
        assert line in said
    assert "Deleted." == names["response"].choices[0].message.content
