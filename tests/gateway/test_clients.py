"""Well-known programs behind the gateway: what they send is answered, and goes up as it came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest

from azure_agents.emulator import Emulator

from .conftest import Gateway, running
from .wire import COUNTED, DISCOVERED, KEY, MODELS, SENT, Sent

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {{model: azure/dep, api_base: "{base}", api_key: upstream-key}}
  - model_name: gpt-5
    litellm_params: {{model: azure/gpt5_series/five, api_base: "{base}", api_key: upstream-key}}
  - model_name: claude-opus
    litellm_params: {{model: azure_ai/claude-opus-4-8, api_base: "{base}", api_key: upstream-key}}
general_settings: {{master_key: sk-master}}
"""
SAID = "Hello, Ada."
NAMES = ["gpt", "gpt-5", "claude-opus"]
HEADERS_UP = {"anthropic-beta", "anthropic-version"}


@pytest.fixture(scope="module")
def foundry() -> Iterator[Emulator]:
    """An emulator for all programs."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("dep", SAID, model="gpt-4o-2024-08-06")
        emulator.deploy("five", SAID, model="gpt-5-2025-08-07")
        emulator.deploy("claude-opus-4-8", SAID, model="claude-opus-4-8")
        yield emulator


@pytest.fixture(scope="module")
def gateway(foundry: Emulator) -> Iterator[Gateway]:
    """One gateway for all programs."""
    with foundry.serve() as served, running(CONFIG.format(base=served.resource)) as front:
        yield front


def asked(gateway: Gateway, sent: Sent) -> httpx.Response:
    """Send what a program sends."""
    if sent.body is None:
        return gateway.http.get(sent.path, headers=sent.headers)
    return gateway.http.post(sent.path, headers=sent.headers, json=sent.body)


def told(answer: httpx.Response) -> str:
    """The text of an answer, whole or streamed, in any of the three formats."""
    if "event-stream" not in answer.headers["content-type"]:
        return str(answer.json()["choices"][0]["message"]["content"])
    found = re.findall(r"^data: (\{.*\})$", answer.text.replace("\r", ""), re.MULTILINE)
    return "".join(_piece(json.loads(one)) for one in found)


def _piece(event: dict[str, Any]) -> str:
    if event.get("type") == "response.output_text.delta":
        return str(event["delta"])
    if event.get("type") == "content_block_delta":
        return str(event["delta"].get("text", ""))
    choices = event.get("choices") or [{}]
    return choices[0].get("delta", {}).get("content") or ""


@pytest.mark.parametrize("name", SENT)
def test_a_program_is_answered(foundry: Emulator, gateway: Gateway, name: str) -> None:
    """What it sent goes up, with another model; its key, cookies and names of users do not."""
    sent = SENT[name]
    answer = asked(gateway, sent)
    assert 200 == answer.status_code, answer.text
    assert SAID == told(answer)
    up = foundry.requests[-1]
    body = sent.body or {}
    added = {"model"} | ({"stream_options"} - body.keys())
    kept = {k: v for k, v in up.body.items() if k not in added}
    assert kept == {k: v for k, v in body.items() if k not in {"model", *sent.lost}}
    assert sent.goes_up == tuple(up.headers[one] for one in sorted(HEADERS_UP & up.headers.keys()))
    assert not {"cookie", "x-openwebui-user-email", "originator"} & up.headers.keys()
    assert KEY not in str(up.headers)


def test_claude_code_counts_tokens(gateway: Gateway) -> None:
    """Before it asks, to see whether a history must be shortened."""
    assert asked(gateway, COUNTED).json()["input_tokens"] > 0


@pytest.mark.parametrize("name", MODELS)
def test_a_program_lists_models(gateway: Gateway, name: str) -> None:
    """In OpenAI's form: a menu is filled from it."""
    data = asked(gateway, MODELS[name]).json()
    assert ("list", NAMES) == (data["object"], [one["id"] for one in data["data"]])
    assert {"id", "object", "created", "owned_by"} == data["data"][0].keys()


def test_claude_code_finds_models(gateway: Gateway) -> None:
    """In Anthropic's form, as that SDK reads it, too."""
    data = asked(gateway, DISCOVERED).json()
    found = [(one["type"], one["id"], one["display_name"]) for one in data["data"]]
    assert [("model", name, name) for name in NAMES] == found
    assert ("gpt", "claude-opus", False) == (data["first_id"], data["last_id"], data["has_more"])
    for base in ("", "/anthropic"):
        with anthropic.Anthropic(base_url=gateway.url + base, api_key=KEY) as client:
            assert NAMES == [one.id for one in client.models.list()]
            assert "claude-opus" == client.models.retrieve("claude-opus").id


@pytest.mark.parametrize("path", ["/model/info", "/v1/model/info"])
def test_cline_and_roo_code_find_models(gateway: Gateway, path: str) -> None:
    """In LiteLLM's form (RooCodeInc/Roo-Code#11898, cline/cline#12406), without the upstream."""
    data = gateway.http.get(path, headers={"x-api-key": KEY}).json()["data"]
    assert NAMES == [one["model_name"] for one in data]
    assert NAMES == [one["litellm_params"]["model"] for one in data]
    assert all(one["model_info"] for one in data)


PLAIN = [
    ("HEAD", "/v1/models", 200),
    ("HEAD", "/health/readiness", 200),
    ("GET", "/v1/models/gpt", 200),
    ("GET", "/v1/models/nothing", 404),
    ("OPTIONS", "/v1/chat/completions", 405),
    ("GET", "/v1/responses", 405),  # Codex's websocket, where a provider is said to have one
]


@pytest.mark.parametrize(("method", "path", "status"), PLAIN)
def test_what_programs_look_for(gateway: Gateway, method: str, path: str, status: int) -> None:
    """A clear yes or no; the answer to HEAD is that to GET without its body."""
    headers = {"authorization": f"Bearer {KEY}"}
    answer = gateway.http.request(method, path, headers=headers)
    assert status == answer.status_code
    assert (method == "HEAD") == (answer.content == b"")


NO_ROUTES = [
    ("/v1/v1/messages", "leave it out of its base"),
    ("//v1/chat/completions", "ends in a slash"),
    ("/key/generate", "azure-agents keys new"),
    ("/spend/logs", "GET /spend"),
    ("/v2/model/info", "GET /v1/models"),
    ("/model/new", "config file"),
    ("/health", "/health/readiness"),
    ("/health/services", "/health/readiness"),
    ("/team/list", "azure-agents keys new"),
    ("/v1/moderations", "content filter"),
    ("/v1/assistants", "/v1/chat/completions"),
    ("/v1/rerank", "only Azure"),
]


@pytest.mark.parametrize(("path", "hint"), NO_ROUTES)
def test_a_path_that_is_no_route_hears_what_to_do(gateway: Gateway, path: str, hint: str) -> None:
    """LiteLLM's routes for its database, and bases with a part too much."""
    url = httpx.URL(gateway.url).copy_with(raw_path=path.encode())
    answer = gateway.http.post(url, headers={"authorization": f"Bearer {KEY}"}, json={})
    assert (404, "not_found") == (answer.status_code, _error(answer).get("code", "not_found"))
    assert hint in _error(answer)["message"]


def _error(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    return error
