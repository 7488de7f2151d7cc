"""docs/gateway.md is true: its config, its snippet, its routes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openai
import pytest

from azure_agents.emulator import Emulator
from azure_agents.gateway.cold.table import paths
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.routes import find_route

from .conftest import Start, running

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
CONFIG = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/dep, api_base: "{resource}", api_key: any}
"""


def test_the_config_of_the_page_is_read() -> None:
    """Without a note: nothing in it is set aside."""
    text = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    config = read_config(text, env={"AZURE_API_KEY": "key", "GATEWAY_MASTER_KEY": "sk-master"})
    assert ["gpt-4o", "helper"] == [entry.name for entry in config.entries]
    assert ("my-app", ()) == (config.keys[0].name, config.notes)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_snippet_runs(
    foundry: Emulator,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the port of this test's gateway."""
    foundry.deploy("dep", "Hello from the page.")
    url, made = start(CONFIG).url, openai.OpenAI
    clients: list[Any] = []

    def client(**given: Any) -> Any:
        clients.append(made(**{**given, "base_url": f"{url}/v1"}))
        return clients[-1]

    monkeypatch.setattr(openai, "OpenAI", client)
    for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(snippet, "gateway.md", "exec"), {})  # noqa: S102 - our own page
    for one in clients:
        one.close()
    assert "Hello from the page.\n" == capsys.readouterr().out


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_page_runs_without_azure(tmp_path: Path) -> None:
    """Its config with the bases and the key that it names, on the emulator of its second file."""
    config, agents = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[:2]
    (tmp_path / "agents.yaml").write_text(agents)
    with Emulator() as foundry:
        foundry.load(tmp_path / "agents.yaml")
        with foundry.serve() as served:
            bases = [
                served.endpoint.partition("/api/")[0],
                f"{served.endpoint}\n      api_key: any",
            ]
            text = re.sub(r"(?<=api_base: ).*", lambda _: bases.pop(0), config)
            text = text.replace("os.environ/AZURE_API_KEY", "any")
            with running(
                text.replace("os.environ/GATEWAY_MASTER_KEY", "sk-all"),
                authorization="Bearer sk-all",
            ) as gateway:
                answers = [gateway.chat(name) for name in ("gpt-4o", "helper")]
    assert [200, 200] == [answer.status_code for answer in answers]
    assert "Hello!" == answers[0].json()["choices"][0]["message"]["content"]
    assert "thread_id" in answers[1].json()


def test_the_routes_of_the_page_are_routes() -> None:
    """Those for models; the others have tests of their own."""
    rows = PAGE.partition("## Routes")[2].partition("## Agents")[0]
    named = re.findall(r"`(/v1/[a-z_/]+)`", rows)
    others = {path for path in named if find_route(path) is None}
    assert {"/v1/models"} == others - paths().keys()
    assert len(named) > 5
