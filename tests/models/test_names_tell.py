"""What a name tells where the prefix leaves it open, and what a pasted base says of itself."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from azure_agents import completion
from azure_agents.models.names import read_model
from azure_agents.models.settings import read_settings

HELLO = [{"role": "user", "content": "Hello"}]
BASE = "https://r.openai.azure.com"
PASTED = f"{BASE}/openai/deployments/d/chat/completions?api-version=2025-04-01-preview"


@pytest.mark.parametrize(
    ("model", "base_model", "rules"),
    [
        ("openai/gpt-5-mini", None, "gpt5"),
        ("openai/o3-mini", None, "o_series"),
        ("openai/gpt-4o", None, "chat"),
        ("azure_ai/gpt-5-mini", None, "gpt5"),
        ("azure_ai/o4-mini", None, "o_series"),
        ("azure_ai/mine", "gpt-5", "gpt5"),
        ("azure_ai/grok-3", None, "chat"),
        ("azure/o_series/mine", None, "o_series"),
        ("azure_text/o1", None, "text"),
        ("azure/responses/o3-mini", None, "o_series"),
    ],
)
def test_rules_follow_the_model_whatever_its_prefix(
    model: str, base_model: str | None, rules: str
) -> None:
    """A reasoning model is one at OpenAI and on the surface of Foundry's models, too."""
    assert rules == read_model(model, base_model=base_model).rules


@pytest.mark.parametrize("model", ["openai/gpt-5-mini", "azure_ai/gpt-5-mini"])
def test_a_reasoning_model_gets_the_tokens_by_its_name(model: str) -> None:
    """``max_tokens`` would be refused."""
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        message = {"role": "assistant", "content": "Hi"}
        return httpx.Response(200, json={"choices": [{"index": 0, "message": message}]})

    network = httpx.MockTransport(answer)
    where = {} if model.startswith("openai") else {"api_base": BASE}
    completion(model, HELLO, max_tokens=9, api_key="sk-a", transport=network, **where)
    assert (9, None) == (sent[0].get("max_completion_tokens"), sent[0].get("max_tokens"))


def test_the_version_of_a_passed_base_beats_a_variable() -> None:
    """And the variable is said to be set aside; an argument beats both."""
    env = {"AZURE_API_VERSION": "2024-02-01", "AZURE_API_KEY": "k"}
    surface = read_settings("azure/d", {"api_base": PASTED}, env).surface
    assert "2025-04-01-preview" == surface.version
    counts = "api-version 2025-04-01-preview of api_base counts"
    assert (f"AZURE_API_VERSION=2024-02-01 was set aside: {counts}",) == surface.notes
    both = {"api_base": PASTED, "api_version": "2024-10-21"}
    assert "2024-10-21" == read_settings("azure/d", both, env).surface.version
    alone = {**env, "AZURE_API_BASE": PASTED}
    assert "2024-02-01" == read_settings("azure/d", {}, alone).surface.version


def test_a_base_of_another_deployment_is_said() -> None:
    """The base counts, as it is given."""
    surface = read_settings("azure/other", {"api_base": PASTED}, {"AZURE_API_KEY": "k"}).surface
    assert "d" == surface.deployment
    assert ("'other' was set aside: the base names the deployment 'd'",) == surface.notes


def chunk(text: str, end: str | None = None, tokens: int | None = None) -> dict[str, Any]:
    """A chunk of a model that tells its usage beside its text."""
    made: dict[str, Any] = {"choices": [{"index": 0, "delta": {"content": text}}]}
    made["choices"][0]["finish_reason"] = end
    return made if tokens is None else {**made, "usage": {"total_tokens": tokens}}


@pytest.mark.parametrize("asked", [True, False])
def test_usage_comes_once_though_every_chunk_has_it(asked: bool) -> None:
    """Who sums it up counts right: in a chunk of its own if asked for, else with the finish."""
    chunks = [chunk("a", tokens=1), chunk("b", tokens=2), chunk("", "stop", 3)]
    data = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks)
    kind = {"content-type": "text/event-stream"}
    network = httpx.MockTransport(
        lambda _: httpx.Response(200, headers=kind, content=data + b"data: [DONE]\n\n")
    )
    options = {"stream_options": {"include_usage": True}} if asked else {}
    given = {"api_base": BASE, "api_key": "k", "transport": network, **options}
    came = [one.model_dump() for one in completion("azure/d", HELLO, stream=True, **given)]
    told = [(one["usage"]["total_tokens"], not one["choices"]) for one in came if one.get("usage")]
    assert [(3, asked)] == told
