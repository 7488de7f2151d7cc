"""What people reported of Azure behind LangChain and the SDKs, tried on what the factories build.

Each test names the report: repository and number.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Fault
from langchain_azure_agents import init_azure_chat_model, init_azure_embeddings

SCOPE = "https://cognitiveservices.azure.com/.default"
CLAUDE = "claude-haiku-4-5"
MODELS = ["azure/dep", f"azure_ai/{CLAUDE}"]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a GPT and a Claude."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("dep", "hi")
        emulator.deploy(CLAUDE, "hi", model=f"{CLAUDE}-20251001")
        yield emulator


def build(foundry: Emulator, model: str, **more: Any) -> Any:
    """A chat model of the emulator without a key."""
    return init_azure_chat_model(
        model, **{**foundry.deployment_connection(), "api_key": None, **more}
    )


@pytest.mark.parametrize("model", MODELS)
def test_a_new_token_is_used_in_the_middle_of_retries(foundry: Emulator, model: str) -> None:
    """openai/openai-python#1526, langchain-ai/langchain#12632."""
    given: list[str] = []

    def provide() -> str:
        given.append(foundry.credential.get_token(SCOPE).token)
        return given[-1]

    foundry.faults.add(
        Fault("status_before", status=429, headers={"retry-after-ms": "1"}),
        Fault("status_before", status=401, nth=2),
    )
    assert "hi" == build(foundry, model, azure_ad_token_provider=provide).invoke("Hello").text
    assert (2, 3) == (len(given), len(foundry.requests))


@pytest.mark.parametrize("model", MODELS)
def test_a_sync_provider_never_blocks_the_event_loop(foundry: Emulator, model: str) -> None:
    """BerriAI/litellm#28627, mozilla-ai/any-llm#1348."""
    where: list[int] = []

    def provide() -> str:
        where.append(threading.get_ident())
        return str(foundry.credential.get_token(SCOPE).token)

    answer = asyncio.run(build(foundry, model, azure_ad_token_provider=provide).ainvoke("Hello"))
    assert "hi" == answer.text
    assert threading.get_ident() not in where


@pytest.mark.parametrize("model", MODELS)
def test_a_credential_outlives_its_tokens(model: str) -> None:
    """langchain-ai/langchain-azure#673: each token is good for an hour, the model for ever."""
    scopes: list[str] = []

    def get_token(*asked: str, **_: Any) -> Any:
        scopes.extend(asked)
        return SimpleNamespace(token=f"token-{len(scopes)}", expires_on=int(time.time()) + 1)

    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["authorization"])
        return httpx.Response(400, json={"error": {"message": "no"}})

    built = init_azure_chat_model(
        model,
        api_base="https://r.services.ai.azure.com",
        credential=SimpleNamespace(get_token=get_token),
        transport=httpx.MockTransport(answer),
    )
    for _ in range(2):
        with pytest.raises(Exception, match="no"):
            built.invoke("Hello")
        time.sleep(1.1)
    assert ["Bearer token-1", "Bearer token-2"] == sent
    assert {SCOPE} == set(scopes)


@pytest.mark.parametrize("model", MODELS)
def test_the_scope_of_the_caller_is_the_only_one(model: str) -> None:
    """run-llama/llama_index#14869: an inner network has a scope of its own."""
    scopes: list[str] = []

    def get_token(*asked: str, **_: Any) -> Any:
        scopes.extend(asked)
        return SimpleNamespace(token="token", expires_on=int(time.time()) + 3600)

    built = init_azure_chat_model(
        model,
        api_base="https://gateway.example",
        credential=SimpleNamespace(get_token=get_token),
        azure_scope="api://inner/.default",
        transport=httpx.MockTransport(lambda _: httpx.Response(400, json={"error": "no"})),
    )
    with pytest.raises(Exception, match="400"):
        built.invoke("Hello")
    assert ["api://inner/.default"] == scopes


@pytest.mark.parametrize(
    ("base", "version", "path"),
    [
        ("/openai/v1/", None, "/openai/v1/chat/completions"),
        ("/openai/v1", "2024-10-21", "/openai/v1/chat/completions"),
        ("/", "2024-10-21", "/openai/deployments/dep/chat/completions"),
        (
            "/openai/deployments/dep/chat/completions?api-version=2024-10-21",
            None,
            "/openai/deployments/dep/chat/completions",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:api-version 2024-10-21 was set aside")
def test_no_form_of_the_endpoint_is_a_404(
    foundry: Emulator, base: str, version: str | None, path: str
) -> None:
    """langchain-ai/langchain#13284, vibrantlabsai/ragas#478: 'Resource not found'."""
    where = {"api_base": foundry.resource + base, "api_key": foundry.api_key}
    assert "hi" == build(foundry, "azure/dep", api_version=version, **where).invoke("Hello").text
    assert path == foundry.requests[-1].path


@pytest.mark.parametrize("version", [None, "2024-10-21"])
def test_embeddings_ask_the_provider_too(foundry: Emulator, version: str | None) -> None:
    """run-llama/llama_index#18968, for LangChain's classes."""
    foundry.deploy("emb", model="text-embedding-3-small")
    where = {**foundry.deployment_connection(), "api_key": None, "api_version": version}
    embeddings = init_azure_embeddings(
        "azure/emb",
        **where,
        check_embedding_ctx_length=False,
        azure_ad_token_provider=lambda: foundry.credential.get_token(SCOPE).token,
    )
    assert (
        1536 == len(embeddings.embed_query("x")) == len(asyncio.run(embeddings.aembed_query("x")))
    )
