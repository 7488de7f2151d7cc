"""What people reported who followed the pages and failed with LiteLLM or an SDK: here it works.

Each row does what the report did; the words of the reports are not repeated.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

import azure_agents
from azure_agents.emulator import Emulator

from .playing import Player

HELLO = [{"role": "user", "content": "Hello"}]
RESOURCE = "https://my-resource.openai.azure.com"
COGNITIVE = "https://my-resource.cognitiveservices.azure.com"
FOUNDRY = "https://my-resource.services.ai.azure.com"


def dated(version: str, host: str = RESOURCE) -> str:
    """Where a dated call goes."""
    return f"{host}/openai/deployments/dep/chat/completions?api-version={version}"


# Report, what was passed, and where the call has to go.
BASES: list[tuple[str, dict[str, Any], str]] = [
    (
        "BerriAI/litellm#8572",
        {"api_base": RESOURCE, "api_version": "2024-05-13"},
        dated("2024-05-13"),
    ),
    (
        "BerriAI/litellm#8572",
        {"api_base": f"{RESOURCE}/openai/deployments/dep", "api_version": "2024-05-13"},
        dated("2024-05-13"),
    ),
    (
        "BerriAI/litellm#8572",
        {"api_base": dated("2024-08-01-preview"), "api_version": "2024-05-13"},
        dated("2024-05-13"),
    ),
    (
        "BerriAI/litellm#9406",
        {
            "api_base": f"{RESOURCE}/openai/deployments/dep/chat/completions",
            "api_version": "api-version=2024-10-21",
        },
        dated("2024-10-21"),
    ),
    (
        "BerriAI/litellm#16577",
        {"api_base": f"{COGNITIVE}/", "api_version": "2025-03-01-preview"},
        dated("2025-03-01-preview", COGNITIVE),
    ),
    (
        "BerriAI/litellm#16577",
        {"model": "azure_ai/dep", "api_base": f"{COGNITIVE}/"},
        f"{COGNITIVE}/openai/v1/chat/completions",
    ),
    (
        "diegosouzapw/OmniRoute#9078",
        {"api_base": f"{RESOURCE}/openai/v1", "api_version": "2024-10-21"},
        f"{RESOURCE}/openai/v1/chat/completions",
    ),
    (
        "openai/openai-python#2584",
        {"api_base": f"{RESOURCE}/openai/v1/", "api_version": "preview"},
        f"{RESOURCE}/openai/v1/chat/completions?api-version=preview",
    ),
]


@pytest.mark.parametrize(("report", "given", "url"), BASES)
async def test_a_base_as_it_was_pasted(
    player: Player, report: str, given: dict[str, Any], url: str
) -> None:
    """404 there, sync and async; what was not used of a base is said."""
    player.foundry.deploy("dep", "Hi")
    arguments = {"model": "azure/dep", "api_key": player.foundry.api_key, **given}
    answer: Any = azure_agents.completion(messages=HELLO, **arguments)
    again: Any = await azure_agents.acompletion(messages=HELLO, **arguments)
    assert ("Hi", "Hi") == tuple(one.choices[0].message.content for one in (answer, again)), report
    assert [url, url] == player.urls
    differs = "2024-08" in given["api_base"] or given.get("api_version") == "2024-10-21"
    assert not answer._hidden_params.get("notes") or differs


async def test_claude_with_the_base_of_the_page(player: Player) -> None:
    """BerriAI/litellm#17765: no ``/models`` is put in; continuedev/continue#9009: both headers."""
    player.foundry.deploy("claude-sonnet-4-5", "Hi", model="claude-sonnet-4-5")
    for base in (f"{FOUNDRY}/anthropic", f"{FOUNDRY}/anthropic/v1/messages"):
        azure_agents.completion(
            "azure_ai/claude-sonnet-4-5", HELLO, api_base=base, api_key=player.foundry.api_key
        )
    assert [f"{FOUNDRY}/anthropic/v1/messages"] * 2 == player.urls
    assert {"x-api-key", "api-key"} <= set(player.network.asked[0].headers)


def token(foundry: Emulator) -> str:
    """A token of the deployments' audience."""
    return foundry.credential.get_token("https://cognitiveservices.azure.com/.default").token


async def test_a_token_of_the_environment_is_enough(player: Player) -> None:
    """BerriAI/litellm#9598: "Missing credentials" there."""
    player.foundry.deploy("dep", "Hi")
    os.environ["AZURE_AD_TOKEN"] = token(player.foundry)
    azure_agents.completion("azure/dep", HELLO, api_base=RESOURCE)
    assert player.network.asked[0].headers["authorization"].startswith("Bearer ")


async def test_a_token_that_is_passed_is_no_field_of_the_body(player: Player) -> None:
    """BerriAI/litellm#1502, and #6790 for a provider; a key of the environment does not count."""
    player.foundry.deploy("dep", "Hi")
    os.environ["AZURE_API_KEY"] = "of-another-resource"
    bearer = token(player.foundry)
    for given in ({"azure_ad_token": bearer}, {"azure_ad_token_provider": lambda: bearer}):
        azure_agents.completion("azure/dep", HELLO, api_base=RESOURCE, **given)
        request = player.network.asked[-1]
        assert f"Bearer {bearer}" == request.headers["authorization"]
        assert {"model", "messages"} == set(json.loads(request.read()))


async def test_files_and_batches_take_a_token(player: Player) -> None:
    """BerriAI/litellm#30235 (upload), #14940 and #9189 (a batch is asked for at OpenAI)."""
    player.foundry.deploy("dep", "Hi")
    given = {"api_base": RESOURCE, "azure_ad_token": token(player.foundry)}
    line = {"custom_id": "1", "method": "POST", "url": "/chat/completions"}
    body = json.dumps({**line, "body": {"model": "dep", "messages": HELLO}}).encode()
    file = azure_agents.create_file(file=("a.jsonl", body), purpose="batch", **given)
    batch = azure_agents.create_batch("24h", "/v1/chat/completions", file.id, **given)
    assert batch.id == azure_agents.retrieve_batch(batch.id, **given).id
    assert all(url.startswith(RESOURCE) for url in player.urls)
    assert all("authorization" in request.headers for request in player.network.asked)
