"""The snippets of docs/costs.md run, in order, as one program."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

import azure_agents
from azure_agents.prices import table

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "costs.md"
ANSWER = {
    "model": "gpt-4",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
}
SAID = """0.0012
input 1000 4E-7
output 500 0.0000016
("there is no price for 'gpt-4', which the answer names: give base_model",)
0.002
"""


def test_the_snippets_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows happens."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=ANSWER))
    monkeypatch.setattr(
        azure_agents, "completion", partial(azure_agents.completion, transport=transport)
    )
    monkeypatch.setattr(table, "_DEFAULT", table._Default())  # what is registered is for this test
    names: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(snippet, PAGE.name, "exec"), names)  # noqa: S102 - our own page
    assert SAID == capsys.readouterr().out
    assert table.default_table().own("azure/my-deployment") is not None
