"""The snippets of docs/models.md run, in order, as one program."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

import azure_agents

from .claude import message, text, thought
from .responses import response, spoken
from .test_chat import ANSWER, Service

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
VECTORS = {"data": [{"embedding": [0.5, 1]}], "usage": {"prompt_tokens": 4}}


def test_the_snippets_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows happens."""
    claude = message(thought("s-t-r…"), text("Three"))
    answers = [
        httpx.Response(200, json=answer)
        for answer in (ANSWER, VECTORS, response(spoken("4")), claude)
    ]
    transport = httpx.MockTransport(Service(*answers))
    for name in ("completion", "embedding"):
        function = partial(getattr(azure_agents, name), transport=transport)
        monkeypatch.setattr(azure_agents, name, function)
    names: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(snippet, PAGE.name, "exec"), names)  # noqa: S102 - our own page
    assert "Hi\n2 4\n4\ns-t-r… Three\n" == capsys.readouterr().out
