"""A model string without a prefix: an agent at a project, a model of OpenAI with its key."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from azure_agents.errors import ConfigError
from azure_agents.models.settings import is_deployment, read_settings
from azure_agents.settings import environment

from ..operations.wire import call

PROJECT = "https://r.services.ai.azure.com/api/projects/p"
OWN = f"{PROJECT}/agents/a/endpoint/protocols/openai"
PROXY = "https://proxy.example/v1"
KEY = {"OPENAI_API_KEY": "sk-of-the-environment"}
ANSWER = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}],
    "data": [{"embedding": [1.0]}],
}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set but what a test sets."""
    for name, value in vars(environment).items():
        if name.startswith("ENV_"):
            monkeypatch.delenv(value, raising=False)


ROWS: list[tuple[str, dict[str, Any], dict[str, str], bool]] = [
    # model, what is passed, the environment -> whether it is OpenAI's
    ("gpt-4o", {}, {}, False),
    ("gpt-4o", {}, KEY, True),
    (" gpt-4o ", {}, KEY, True),
    ("ft:gpt-4o:org::a", {}, KEY, True),
    ("gpt-4o", {"api_key": "sk-mine"}, {}, True),
    ("gpt-4o", {"api_key": SecretStr("sk-mine")}, {}, True),
    ("gpt-4o", {"api_key": "of-azure"}, KEY, False),
    ("my-agent:1", {"api_base": PROJECT}, KEY, False),
    ("my-agent", {"base_url": PROJECT}, KEY, False),
    ("my-agent", {"endpoint": OWN}, KEY, False),
    ("my-agent", {}, {**KEY, "AZURE_AI_PROJECT_ENDPOINT": PROJECT}, False),
    ("my-agent", {}, {**KEY, "AZURE_API_BASE": PROJECT}, False),
    ("gpt-4o", {}, {**KEY, "AZURE_API_BASE": "https://r.openai.azure.com"}, True),
    ("gpt-4o", {"api_key": "sk-mine"}, {"AZURE_AI_PROJECT_ENDPOINT": PROJECT}, True),
    ("gpt-4o", {"api_base": "https://api.openai.com/v1"}, KEY, True),
    ("gpt-4o", {"api_base": PROXY}, {**KEY, "OPENAI_BASE_URL": PROXY}, True),
    ("gpt-4o", {"api_base": PROXY, "api_key": "sk-mine"}, {}, True),
    ("gpt-4o", {"api_base": PROXY}, KEY, False),  # the key would go to who knows whom
    ("gpt-4o", {"api_base": "https://r.openai.azure.com"}, KEY, False),
    ("asst_abc123", {}, KEY, False),
    ("", {}, KEY, False),
]


@pytest.mark.parametrize(("model", "given", "env", "expected"), ROWS)
def test_a_bare_name_is_openais_with_its_key_and_no_project(
    model: str,
    given: dict[str, Any],
    env: dict[str, str],
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is passed beats the environment."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert expected == is_deployment(model, given)
    if expected:
        found = read_settings(model, given)
        assert ("openai", model.strip()) == (found.model.provider, found.model.name)


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(
    ("function", "given"),
    [
        ("completion", {"messages": [{"role": "user", "content": "Hello"}]}),
        ("embedding", {"input": "Hello"}),
    ],
)
def test_it_is_asked_of_openai(
    way: str, function: str, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its key, by `completion` and by the functions beside it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=ANSWER)

    network = {name: httpx.MockTransport(answer) for name in ("transport", "async_transport")}
    call(way, function, model="gpt-4o", **given, **network)
    assert ["api.openai.com"] == [request.url.host for request in sent]
    assert "Bearer sk-of-the-environment" == sent[0].headers["authorization"]


def test_an_error_says_both_ways() -> None:
    """Where neither a project nor a key is there."""
    with pytest.raises(ConfigError, match=r"AZURE_AI_PROJECT_ENDPOINT.*OPENAI_API_KEY"):
        call("sync", "completion", model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(ConfigError, match=r"an agent's name.*azure/<deployment>.*OPENAI_API_KEY"):
        call("sync", "embedding", model="gpt-4o", input="Hi")
    two = {"api_base": PROJECT, "base_url": f"{PROJECT}2", "messages": []}
    with pytest.raises(ConfigError, match="api_base= and base_url= are the same and differ"):
        call("sync", "completion", model="my-agent", **two)
