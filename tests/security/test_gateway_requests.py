"""A client of the gateway names models: no upstream, credential or path, and nobody's thread."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator

from ..gateway.conftest import HELLO, Gateway, running

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

SECRET = "upstream-secret-77aa"
KEYS = {"ann": "sk-ann-key", "bob": "sk-bob-key"}
EVIL = "https://evil.example"
CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {model: azure/my-gpt, api_base: "{resource}", api_key: upstream-secret-77aa}
  - model_name: claude
    litellm_params:
      {model: azure_ai/claude-sonnet-4-5, api_base: "{resource}", api_key: upstream-secret-77aa}
  - model_name: "azure/*"
    litellm_params:
      model: azure/*
      api_base: "{resource}"
      api_key: upstream-secret-77aa
      api_version: 2024-10-21
  - model_name: helper
    litellm_params: {model: {agent}, api_base: "{project}", api_key: any}
keys:
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """A gateway with a model, a wildcard, Claude and an agent, and two keys."""
    hashes = "".join(
        f"  - {{name: {name}, hash: {sha256(key.encode()).hexdigest()}}}\n"
        for name, key in KEYS.items()
    )
    with Emulator(seed=7) as foundry:
        foundry.deploy("my-gpt", "Hello there.")
        foundry.deploy("claude-sonnet-4-5", "Bonjour.", model="claude-sonnet-4-5-20250929")
        agent = foundry.create_agent("helper", lambda seen: f"{len(seen.messages)} messages.")
        with foundry.serve() as served:
            text = (CONFIG + hashes).replace("{resource}", served.resource)
            text = text.replace("{project}", served.endpoint)
            name = f"azure_ai/agents/{agent.model.removeprefix('azure_ai/agents/')}"
            with running(text.replace("{agent}", name), **{"api-key": KEYS["ann"]}) as one:
                yield one


NAMED = [
    *("api_base", "base_url", "endpoint", "azure_endpoint", "api_version", "custom_llm_provider"),
    *("api_key", "azure_ad_token", "azure_ad_token_provider", "credential", "client_secret"),
    *("tenant_id", "client_id", "azure_username", "azure_password", "azure_scope"),
    *("extra_headers", "extra_body", "extra_query", "allow_http", "transport", "observer"),
    *("fallbacks", "model_list", "litellm_params", "user_config", "owner", "user_identity"),
    *("anchor_key", "thread_store", "base_model", "drop_params", "input_cost_per_token"),
]
PATHS = ["/v1/chat/completions", "/v1/responses", "/v1/messages"]
MODELS = {"/v1/messages": "claude"}


def body(path: str, **more: Any) -> dict[str, Any]:
    """A body that is good but for what is added."""
    said = {"input": "Hello"} if path.endswith("responses") else {"messages": HELLO}
    limit = {"max_tokens": 9} if path in MODELS else {}
    return {"model": MODELS.get(path, "gpt"), **said, **limit, **more}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("path", PATHS)
def test_a_setting_is_no_part_of_a_request(gateway: Gateway, path: str, name: str) -> None:
    """Named, and not repeated; also where the key is written with escapes, or stands twice."""
    value = {"x": EVIL} if name.startswith("extra") else EVIL
    escaped = f'"\\u{ord(name[0]):04x}{name[1:]}"'
    plain = json.dumps(body(path, **{name: value}))
    twice = plain[:-1] + f', "{name}": null}}'
    for sent in (plain, plain.replace(f'"{name}"', escaped), twice):
        answer = gateway.http.post(path, content=sent.encode())
        assert 400 == answer.status_code
        assert name in answer.json()["error"]["message"]
        assert "evil" not in answer.text


ELSEWHERE: dict[str, dict[str, Any]] = {
    "in metadata": {"metadata": {"api_base": EVIL, "api_key": "x"}},
    "in a tool": {"tools": [{"type": "function", "api_base": EVIL, "function": {"name": "f"}}]},
    "in upper case": {"API_BASE": EVIL, "Api-Key": "x"},
    "with a hyphen": {"api-base": EVIL, "base-url": EVIL},
    "full width": {"\uff41pi_base": EVIL},
    "another script": {"\u0430pi_base": EVIL, "base_ur\u217c": EVIL},
    "a zero-width space": {"api\u200b_base": EVIL},
    "a space": {" api_base": EVIL, "api_base ": EVIL},
    "camel case": {"apiBase": EVIL, "baseURL": EVIL},
    "LiteLLM's": {"litellm_credential_name": "x", "litellm_embedding_config": {"api_base": EVIL}},
    "others'": {"proxy": EVIL, "deployment_id": "../x", "organization": "x", "url": EVIL},
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_only_looks_like_a_setting_is_none(gateway: Gateway, name: str) -> None:
    """It is a field of the body like any other: the answer, or refusal, is of the same upstream."""
    for path in PATHS:
        answer = gateway.http.post(path, json=body(path, **ELSEWHERE[name]))
        assert answer.status_code in (200, 400)
        assert "evil" not in str(answer.headers)


HEADERS = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-for": "127.0.0.1",
    "forwarded": "host=evil.example",
    "x-original-url": "/metrics",
    "x-rewrite-url": "/metrics",
    "x-http-method-override": "DELETE",
    "x-litellm-api-base": EVIL,
    "x-portkey-custom-host": EVIL,
    "ocp-apim-subscription-key": "x",
    "x-ms-user-identity": "somebody",
    "cookie": "a=b",
    "proxy-authorization": "Basic eDp5",
    "connection": "api-key",
    "openai-organization": "x",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_changes_no_upstream(gateway: Gateway, name: str) -> None:
    """The same answer as without it."""
    sent = {name: HEADERS[name]}
    answer = gateway.http.post(PATHS[0], json=body(PATHS[0]), headers=sent)
    assert 200 == answer.status_code
    assert "evil" not in str(answer.headers)


ODD_MODELS = [
    *("", "a/../../x", "../x", "..", ".", "a%2f..%2fb", "a?api-version=x", "a#x", "a;b", "a\\b"),
    *("http://evil.example/x", "//evil.example", "@evil.example", "a\r\nx: y", "a\0", "a b"),
    *("*", "\u00e9", "\uff0e\uff0e\uff0f", "agents/asst_1", "openai/gpt-4o", "x" * 300),
]
PREFIXES = ["", "azure/", "openai/", "azure_ai/"]


@pytest.mark.parametrize("model", ODD_MODELS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_model_is_a_name_and_no_path(gateway: Gateway, prefix: str, model: str) -> None:
    """Also behind a wildcard, whose deployments clients name."""
    answer = gateway.http.post(PATHS[0], json=body(PATHS[0], model=prefix + model))
    assert answer.status_code in (400, 404)
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/audio/speech"])
def test_a_model_that_is_not_deployed_is_unknown(gateway: Gateway, path: str) -> None:
    """404, and not an entry of ours that is wrong: it was the client who named it."""
    for _ in range(2):
        sent = {**body(PATHS[0], model="azure/nobodys"), "input": "Hello", "voice": "alloy"}
        answer = gateway.http.post(path, json=sent)
        assert (404, "model_not_found") == (answer.status_code, answer.json()["error"]["code"])


TARGETS = {
    **dict.fromkeys(["/v1%2fmodels", "http://evil.example/v1/models", "/v1/models?x=/../y"], 200),
    **dict.fromkeys(["/v1/models/%2e%2e", "/v1/models/..%2f..", "/v1/x/../models"], 404),
    **dict.fromkeys(["//v1/models", "/v1//models", "/v1/models;a=b", "/V1/Models"], 404),
    **dict.fromkeys(["/v1/models%00", "/v1/models%0d%0aset-cookie:x", "/v1/./models"], 404),
    **dict.fromkeys(["/openai/deployments/..%2fx/chat/completions", "*", "/%"], 404),
    "/" + "a" * 60_000: 404,
}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target[:40])
def test_a_path_is_a_route_or_none(gateway: Gateway, target: str) -> None:
    """Nothing is tidied, and nothing is reached without a key by another spelling."""
    where = httpx.URL(gateway.url)
    for key, status in ((KEYS["ann"], TARGETS[target]), ("sk-wrong", 401)):
        with closing(HTTPConnection(where.host, where.port or 80, timeout=10)) as connection:
            connection.putrequest("GET", target)
            connection.putheader("api-key", key)
            connection.endheaders()
            answer = connection.getresponse()
            assert status == answer.status
            assert answer.headers["set-cookie"] is None


def test_packed_bodies_are_refused(gateway: Gateway) -> None:
    """A bomb is not unpacked."""
    for packed in ("gzip", "deflate", "br", "zstd", "identity, gzip"):
        answer = gateway.http.post(
            PATHS[0],
            content=gzip.compress(b"[" * 1_000_000),
            headers={"content-encoding": packed},
        )
        assert 415 == answer.status_code


FORGED = {
    "as it is": lambda thread: thread,
    "without its seal": lambda thread: thread.rpartition(".")[0],
    "cut": lambda thread: thread[:-1],
    "longer": lambda thread: f"{thread}0",
    "in upper case": lambda thread: thread.rpartition(".")[0] + "." + thread[-24:].upper(),
    "another thread": lambda thread: f"x{thread}",
    "an empty seal": lambda thread: thread.rpartition(".")[0] + ".",
    "only the seal": lambda thread: "." + thread.rpartition(".")[2],
    "of other letters": lambda thread: thread[:-1] + "\u0661",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_thread_belongs_to_its_key(gateway: Gateway, name: str) -> None:
    """Another key's handle, and a forged one, is a thread that does not exist."""
    thread = gateway.chat("helper").json()["thread_id"]
    forged = FORGED[name](thread)
    for key in KEYS.values() if name != "as it is" else [KEYS["bob"]]:
        sent = {"model": "helper", "messages": HELLO, "thread_id": forged}
        answer = gateway.http.post(PATHS[0], json=sent, headers={"api-key": key})
        assert (404, "thread_not_found") == (answer.status_code, answer.json()["error"]["code"])
