"""Calls of models through the gateway, byte for byte, against the emulator."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import Emulator

from .conftest import HELLO, Start

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

MODELS = {
    "gpt-4o": "azure/my-gpt",
    "o4": "azure/o4-mini",
    "vectors": "azure/text-embedding-3-small",
    "claude": "azure_ai/claude-sonnet-4-5",
}
CONFIG = "model_list:" + "".join(
    f"""
  - model_name: {name}
    litellm_params: {{model: {model}, api_base: "{{resource}}", api_key: upstream-secret}}"""
    for name, model in MODELS.items()
)


@pytest.fixture
def gateway(foundry: Emulator, start: Start) -> Any:
    """A gateway with a deployment of each kind."""
    foundry.deploy("my-gpt", "Hello there, Ada.")
    foundry.deploy("o4-mini", "Thought.", model="o4-mini-2025-04-16")
    foundry.deploy("text-embedding-3-small", model="text-embedding-3-small-1")
    foundry.deploy("claude-sonnet-4-5", "Bonjour.", model="claude-sonnet-4-5-20250929")
    return start(CONFIG)


CHAT = {"model": "gpt-4o", "messages": HELLO}
ROUTES = [
    ("/v1/chat/completions", CHAT, "chat.completion"),
    ("/chat/completions", CHAT, "chat.completion"),
    ("/openai/v1/chat/completions", CHAT, "chat.completion"),
    (
        "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        {"messages": HELLO},
        "chat.completion",
    ),
    ("/v1/responses", {"model": "gpt-4o", "input": "Hello"}, "response"),
    ("/v1/embeddings", {"model": "vectors", "input": "Hello"}, "list"),
]


@pytest.mark.parametrize(("path", "body", "kind"), ROUTES)
def test_every_spelling_of_a_route_reaches_its_operation(
    gateway: Any, path: str, body: dict[str, Any], kind: str
) -> None:
    """With and without /v1, and as Azure's clients write it."""
    answer = gateway.http.post(path, json=body)
    assert (200, kind) == (answer.status_code, answer.json()["object"])


@pytest.mark.parametrize("path", ["/v1/messages", "/anthropic/v1/messages"])
def test_messages_pass_to_claude(gateway: Any, path: str) -> None:
    """Anthropic's routes pass Anthropic's form."""
    body = {"model": "claude", "max_tokens": 100, "messages": HELLO}
    answer = gateway.http.post(path, json=body).json()
    assert ("message", "Bonjour.") == (answer["type"], answer["content"][0]["text"])


def test_claude_answers_chats(gateway: Any) -> None:
    """A chat with Claude is mapped by the library."""
    answer = gateway.chat("claude").json()
    assert "Bonjour." == answer["choices"][0]["message"]["content"]


def test_a_stream_passes_whole_and_ends_once(gateway: Any) -> None:
    """Chunks add up, the usage that nobody asked for is hidden, and there is one [DONE]."""
    answer = gateway.chat(stream=True)
    assert 200 == answer.status_code
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert 1 == answer.text.count("[DONE]")
    assert answer.text.endswith("data: [DONE]\n\n")
    assert '"usage":{' not in answer.text.replace(" ", "")


@pytest.mark.parametrize("asks", [True, False])
def test_the_usage_of_a_stream_is_told_to_those_who_ask(gateway: Any, asks: bool) -> None:
    """The gateway always asks for it, for its books."""
    more = {"stream_options": {"include_usage": True}} if asks else {}
    answer = gateway.chat(stream=True, **more)
    assert asks == ('"prompt_tokens"' in answer.text)
    spent = gateway.http.get("/spend").json()["data"]
    assert [("gpt-4o", 1)] == [(row["model"], row["calls"]) for row in spent]
    assert spent[0]["output_tokens"] > 0


@pytest.mark.parametrize("model", ["gpt-4o", "claude"])
def test_streams_of_chats_are_openais(gateway: Any, model: str) -> None:
    """A mapped stream has the same form."""
    text = gateway.chat(model, stream=True).text
    assert text.startswith("data: {")
    assert 1 == text.count("[DONE]")


def test_max_tokens_of_an_o_series_model_is_renamed(gateway: Any) -> None:
    """The one rule that a reasoning model's body needs."""
    assert 200 == gateway.chat("o4", max_tokens=500).status_code


def test_a_refused_parameter_is_dropped_if_the_config_says_so(
    foundry: Emulator, start: Start
) -> None:
    """Once, aloud; without the setting it is the client's error."""
    foundry.deploy("gpt-5-mini", "Thought.", model="gpt-5-mini-2025-08-07")
    entry = CONFIG.partition("  - model_name: o4")[0].replace("my-gpt", "gpt-5-mini")
    for more, status in (("", 400), ("litellm_settings: {drop_params: true}", 200)):
        assert status == start(f"{entry}{more}").chat(temperature=0.2).status_code


def test_an_unsupported_temperature_is_the_clients_error(gateway: Any) -> None:
    """A family's rule is told before anything is sent."""
    answer = gateway.chat("o4", temperature=0.2)
    assert (400, "invalid_request_error") == (
        answer.status_code,
        answer.json()["error"]["type"],
    )
