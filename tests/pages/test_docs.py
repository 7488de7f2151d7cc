"""The snippets of docs/migrating_from_litellm.md run in order; what it says of LiteLLM's names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import azure_agents
from azure_agents import errors
from azure_agents.emulator import Failed
from azure_agents.errors import InvalidRequestError

from .playing import Player

PAGE = Path(__file__).parents[2] / "docs" / "migrating_from_litellm.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


async def test_the_snippets_run(player: Player, capsys: pytest.CaptureFixture[str]) -> None:
    """What the page shows happens."""
    player.foundry.deploy("my-deployment", "Hello to you!")
    player.foundry.deploy("my-busy-deployment", Failed("rate_limit_exceeded"))
    os.environ["AZURE_API_BASE"] = "https://my-resource.openai.azure.com"
    os.environ["AZURE_API_KEY"] = player.foundry.api_key
    names: dict[str, Any] = {}
    for snippet in SNIPPETS:
        names = await player.run(snippet, names)
    said = capsys.readouterr().out.splitlines()
    assert 3 == len(said)
    assert said[0].startswith("Hello to you! ")
    assert re.fullmatch(r"Hello to you! \d+", said[1])
    assert "429 azure/my-busy-deployment" == said[2]
    assert "authorization" in player.network.asked[1].headers


def test_the_import_is_the_only_change() -> None:
    """The functions that the page names are public."""
    assert {"acompletion", "completion"} <= set(azure_agents.__all__)


def test_the_errors_of_the_table_exist() -> None:
    """Each name of the right column; those that are the same are in both."""
    table = PAGE.read_text().partition("## Errors")[2].partition("```python")[0]
    rows = re.findall(r"^\| (.*?) \| (.*?) \|$", table, re.MULTILINE)[1:]
    assert 8 == len(rows)
    for theirs, ours in rows:
        named = re.findall(r"`(\w+Error)`", theirs if ours == "the same names" else ours)
        assert named, ours
        assert [] == [name for name in named if not hasattr(errors, name)]


async def test_what_an_o_series_model_refuses_is_refused_before_it_is_sent(player: Player) -> None:
    """LiteLLM's ``UnsupportedParamsError``."""
    with pytest.raises(InvalidRequestError, match="temperature"):
        azure_agents.completion(
            "azure/o_series/dep",
            [{"role": "user", "content": "Hi"}],
            temperature=0.5,
            api_base="https://my-resource.openai.azure.com",
            api_key="k",
        )
    assert [] == player.urls
