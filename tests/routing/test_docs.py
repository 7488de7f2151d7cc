"""The snippets of docs/router.md, and the router examples of LiteLLM's pages."""

from __future__ import annotations

import re
from functools import partial
from os import getenv
from pathlib import Path
from typing import Any

import pytest

import azure_agents
from azure_agents import Router
from azure_agents.emulator import Emulator
from azure_agents.routing.settings import RouterArguments

from ..stores.servers import RedisServer
from .fleet import Fleet, Resource

PAGE = Path(__file__).parents[2] / "docs" / "router.md"


def test_the_snippets_run(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows happens."""
    for name in ("sweden", "france"):
        fleet[name].deploy(f"gpt-4o-{name}", "Hi")
    monkeypatch.setattr(Resource, "deployment_connection", Emulator.deployment_connection)
    monkeypatch.setattr(azure_agents, "Router", partial(_connected, fleet))
    names: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(snippet, PAGE.name, "exec"), names)  # noqa: S102 - our own page
    expected = r"Hi by [0-9a-f]{16}\n\['batch_[^']+'\] validating\n"
    assert re.fullmatch(expected, capsys.readouterr().out)


def _connected(fleet: Fleet, model_list: list[dict[str, Any]], **arguments: Any) -> Router:
    """A router whose entries reach the fleet instead of the network."""
    for entry in model_list:
        params = entry["litellm_params"]
        host = params["api_base"].partition("://")[2].partition(".")[0]
        there = fleet[host].deployment_connection()
        params |= {name: there[name] for name in ("api_key", "transport", "async_transport")}
    return Router(model_list, **arguments)


def test_the_page_tells_of_every_argument() -> None:
    """But for the clock of tests."""
    text = PAGE.read_text()
    untold = [name for name in RouterArguments.__annotations__ if f"`{name}" not in text]
    assert ["clock"] == untold


ASKED: dict[str, Any] = {
    "model": "gpt-3.5-turbo",
    "messages": [{"role": "user", "content": "Hey, how's it going?"}],
}


def of_litellm(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The list of both pages: two deployments of Azure and OpenAI itself, under one name."""
    azure, openai = fleet["azure"], Resource("api.openai.com", fleet.clock)
    azure.deploy("chatgpt-v-2", "one")
    azure.deploy("chatgpt-functioncalling", "two")
    monkeypatch.setenv("AZURE_API_KEY", azure.api_key)
    monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")
    monkeypatch.setenv("AZURE_API_BASE", azure.resource)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-key")
    of_azure = {
        "api_key": getenv("AZURE_API_KEY"),
        "api_version": getenv("AZURE_API_VERSION"),
        "api_base": getenv("AZURE_API_BASE"),
        "transport": azure.transport,
    }
    return [
        {
            "model_name": "gpt-3.5-turbo",
            "litellm_params": {"model": "azure/chatgpt-v-2", **of_azure},
            "tpm": 240000,
            "rpm": 1800,
        },
        {
            "model_name": "gpt-3.5-turbo",
            "litellm_params": {"model": "azure/chatgpt-functioncalling", **of_azure},
            "tpm": 240000,
            "rpm": 1800,
        },
        {
            "model_name": "gpt-3.5-turbo",
            "litellm_params": {
                "model": "gpt-3.5-turbo",
                "api_key": getenv("OPENAI_API_KEY"),
                "transport": openai.transport,
            },
            "tpm": 1000000,
            "rpm": 9000,
        },
    ]


def test_the_pages_router_runs(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with fewer tokens in use is asked first; OpenAI, where it stands, is one of the three."""
    router = Router(model_list=of_litellm(fleet, monkeypatch))
    models = [one["model"] for one in router.status()["deployments"]]
    assert "openai/gpt-3.5-turbo" == models[2]
    said = [router.completion(**ASKED).choices[0].message.content for _ in range(2)]
    assert ["one", "two"] == said


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_pages_router_with_redis_runs(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By host, port and password; here nobody listens there, and it is answered all the same."""
    monkeypatch.setenv("REDIS_HOST", "127.0.0.1")
    monkeypatch.setenv("REDIS_PORT", "1")
    monkeypatch.setenv("REDIS_PASSWORD", "a-password-of-redis")
    router = Router(
        model_list=of_litellm(fleet, monkeypatch),
        redis_host=getenv("REDIS_HOST"),
        redis_password=getenv("REDIS_PASSWORD"),
        redis_port=getenv("REDIS_PORT"),
    )
    assert "one" == router.completion(**ASKED).choices[0].message.content
    assert "Redis at redis://127.0.0.1:1/0 does not answer" in caplog.text
    router.close()


def test_a_router_counts_in_the_redis_it_is_given(fleet: Fleet) -> None:
    """And leaves nothing there that does not end by itself."""
    server = RedisServer()
    router = fleet.router(fleet["one"].entry(rpm=5, tpm=1000), redis_url=server.url)
    router.completion("gpt", ASKED["messages"])
    keys = server.command("KEYS", "azure-agents-router:*")
    assert isinstance(keys, list)
    assert {b"starts", b"tpm"} == {key.rpartition(b":")[2] for key in keys}
    assert all(0 < int(str(server.command("TTL", key.decode()))) < 70 for key in keys)
    router.close()
    server.remove()
