"""`embedding` on the emulator: both surfaces, sync and async."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents import aembedding, embedding
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import BadRequestError, ConfigError, InvalidRequestError, RateLimitError

from .wire import WAYS, Service, ask

SURFACES = [None, "2024-10-21"]
TEXTS = ["blue whales sing", "blue whales dive"]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a deployment of an embeddings model."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("emb", model="text-embedding-3-small")
        yield emulator


def embed(foundry: Emulator, way: str, model: str = "azure/emb", **more: Any) -> Any:
    """One call, sync or async."""
    given = {"input": TEXTS, **foundry.deployment_connection(), **more}
    if way == "sync":
        return embedding(model, **given)
    return asyncio.run(aembedding(model, **given))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_texts_become_vectors(foundry: Emulator, way: str, version: str | None) -> None:
    """On either surface, with usage, limits and what LiteLLM keeps beside the answer."""
    answer = embed(foundry, way, api_version=version, dimensions=8, user="u-1")
    assert [8, 8] == [len(one.embedding) for one in answer.data]
    assert [0, 1] == [one["index"] for one in answer["data"]]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0
    assert "azure/emb" == answer._hidden_params["model"]
    place = "v1" if version is None else "deployments/emb"
    sent = foundry.requests[-1]
    assert f"/openai/{place}/embeddings" == sent.path
    assert {"model": "emb", "input": TEXTS, "dimensions": 8, "user": "u-1"} == sent.body


@pytest.mark.parametrize("way", WAYS)
def test_both_encodings_hold_the_same_numbers(foundry: Emulator, way: str) -> None:
    """Base64 is handed out as it came: little-endian floats."""
    text = embed(foundry, way, encoding_format="base64").data[0].embedding
    numbers = embed(foundry, way).data[0].embedding
    assert numbers == list(struct.unpack(f"<{len(numbers)}f", base64.b64decode(text)))


GOOD = ["one text", ["a", "b"], [1, 2, 3], [[1, 2], [3]], ("a", "b")]


@pytest.mark.parametrize("way", WAYS)
def test_texts_and_tokens_are_taken(foundry: Emulator, way: str) -> None:
    """In every form that OpenAI documents, and as a tuple."""
    for given in GOOD:
        answer = embed(foundry, way, input=given)
        count = len(given) if isinstance(given[0], list | str) and given != GOOD[0] else 1
        assert count == len(answer.data), given


BAD = [
    ({"input": ""}, InvalidRequestError, "input is empty"),
    ({"input": []}, InvalidRequestError, "input is empty"),
    ({"input": None}, InvalidRequestError, "input must be a text or a list"),
    ({"input": {"a": 1}}, InvalidRequestError, "input must be a text or a list"),
    ({"input": [1.5]}, InvalidRequestError, r"input\[0\] must be a text or tokens, got 1.5"),
    ({"input": ["a", None]}, InvalidRequestError, r"input\[1\] must be a text or tokens"),
    ({"input": [[1, "a"]]}, InvalidRequestError, r"input\[0\] must be a text or tokens"),
    ({"model": None}, ConfigError, "embedding is asked of a deployment"),
    ({"model": "emb"}, ConfigError, "name a deployment, such as 'azure/<deployment>'"),
    ({"model": "azure_ai/agents/a"}, ConfigError, "agents are asked by completion"),
    ({"model": "azure_ai/claude-x"}, ConfigError, "embedding: .* is a Claude model"),
    ({"extra_query": {"a": object()}}, ConfigError, "extra_query"),
    ({"extra_body": 3}, InvalidRequestError, "extra_body must be a dictionary"),
    ({"custom_llm_provider": "cohere"}, ConfigError, "custom_llm_provider='cohere'"),
    ({"max_retries": -1}, ConfigError, "max_retries"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for bad, kind, said in BAD:
        with pytest.raises(kind, match=said):
            embed(foundry, way, **{"model": "azure/emb", **bad})
    assert [] == foundry.requests


def test_the_provider_may_stand_beside_the_model(foundry: Emulator) -> None:
    """LiteLLM's ``custom_llm_provider`` names the kind of a bare model."""
    answer = embed(foundry, "sync", "emb", custom_llm_provider="azure")
    assert "azure/emb" == answer._hidden_params["model"]


def test_more_goes_into_body_query_and_headers(foundry: Emulator) -> None:
    """What this version does not name is passed on."""
    more = {"extra_query": {"a": [1, True]}, "extra_headers": {"x-a": "b"}}
    embed(foundry, "sync", extra_body={"input_type": "query"}, **more)
    sent = foundry.requests[-1]
    assert "query" == sent.body["input_type"]
    seen: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": []})

    embed(foundry, "sync", transport=httpx.MockTransport(keep), **more)
    assert [("a[]", "1"), ("a[]", "true")] == seen[0].url.params.multi_items()
    assert "b" == seen[0].headers["x-a"]


@pytest.mark.parametrize("way", WAYS)
def test_faults_are_survived_or_typed(foundry: Emulator, way: str) -> None:
    """Retries and errors are those of `completion`."""
    foundry.faults.add(Fault("reset_before"), Fault("status_before", status=500, nth=2))
    assert 2 == len(embed(foundry, way, max_retries=3).data)
    with pytest.raises(BadRequestError, match="novelty"):
        embed(foundry, way, extra_body={"novelty": 1})
    foundry.deploy("few", model="text-embedding-3-small", rpm=1)
    embed(foundry, way, "azure/few")
    with pytest.raises(RateLimitError) as caught:
        embed(foundry, way, "azure/few", max_retries=0)
    assert caught.value.request_id


@pytest.mark.parametrize("way", WAYS)
def test_what_the_service_does_not_know_is_dropped_where_it_may_be(
    foundry: Emulator, way: str
) -> None:
    """Programs pass what their other models take; what is asked for is never dropped."""
    more: dict[str, Any] = {"metadata": {"a": "b"}, "drop_params": True, "max_retries": 0}
    with pytest.warns(UserWarning, match="metadata dropped, which azure/emb does not take"):
        assert 2 == len(embed(foundry, way, **more).data)
    assert [True, False] == ["metadata" in request.body for request in foundry.requests]
    with pytest.raises(BadRequestError, match="metadata"):
        embed(foundry, way, metadata={"a": "b"})
    both = {"error": {"message": "Unrecognized request arguments supplied: x, y"}}
    service = Service(httpx.Response(400, json=both), httpx.Response(200, json={"data": []}))
    with pytest.warns(UserWarning, match="x, y dropped"):
        ask(way, "embedding", service, model="azure/e", input="a", x=1, y=2, drop_params=True)
    assert {"model": "e", "input": "a"} == service.bodies[1]


# Quoted in public issues: what people paste as the base of one operation.
BASES = [
    ("embedding", "openai/deployments/dep/embeddings?api-version=2023-05-15"),
    ("embedding", "openai/deployments/dep"),
    ("image_generation", "openai/deployments/dep/images/generations?api-version=2024-02-01"),
    ("image_generation", "openai/deployments/dep/images/generations"),
    ("image_generation", "openai/"),
    ("responses", "openai/responses?api-version=2025-04-01-preview"),
    ("responses", "openai/v1/responses"),
    ("responses", "openai/deployments/dep/chat/completions?api-version=2025-04-01-preview"),
    ("text_completion", "openai/deployments/dep/completions?api-version=2023-05-15"),
]


@pytest.mark.parametrize("version", [None, "2025-04-01-preview"])
def test_an_operation_is_found_from_any_base_that_people_paste(version: str | None) -> None:
    """Never with the path of the operation in it twice."""
    paths = {
        "embedding": "/embeddings",
        "image_generation": "/images/generations",
        "responses": "/responses",
        "text_completion": "/completions",
    }
    for function, path in BASES:
        service = Service(
            httpx.Response(200, json={"id": "x", "status": "completed", "data": [], "choices": []})
        )
        asked_for = "prompt" if function in ("image_generation", "text_completion") else "input"
        base = f"https://r.openai.azure.com/{path}"
        given = {"model": "azure/dep", asked_for: "a", "api_base": base, "api_version": version}
        ask("sync", function, service, **given)
        url = service.requests[0].url
        dated = "api-version" in url.params
        below = "/deployments/dep" if dated and function != "responses" else "" if dated else "/v1"
        assert f"/openai{below}{paths[function]}" == url.path, path
        assert ("v1" in path) != dated if version else ("api-version" in path) == dated, path
