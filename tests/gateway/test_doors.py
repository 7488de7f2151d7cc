"""Who may call, and what is refused: keys, places, limits and errors of each door."""

from __future__ import annotations

import json
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Failed, Fault

from .conftest import HELLO, Start

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

MASTER = "sk-master-of-this-gateway"
KEYS = {"small": "sk-small-key", "old": "sk-old-key", "other": "sk-other-key"}
CONFIG = f"""
model_list:
  - model_name: gpt-4o
    litellm_params: {{model: azure/my-gpt, api_base: "{{resource}}", api_key: upstream-secret}}
  - model_name: gpt-mini
    litellm_params: {{model: azure/my-gpt, api_base: "{{resource}}", api_key: upstream-secret}}
  - model_name: missing
    litellm_params: {{model: azure/not-there, api_base: "{{resource}}", api_key: upstream-secret}}
general_settings: {{master_key: {MASTER}, max_request_size_mb: 0.01}}
keys:
  - name: small
    hash: {sha256(KEYS["small"].encode()).hexdigest()}
    models: ["*-mini"]
  - name: old
    hash: {sha256(KEYS["old"].encode()).hexdigest()}
    expires: 2024-01-01
  - name: other
    hash: {sha256(KEYS["other"].encode()).hexdigest()}
"""


@pytest.fixture
def gateway(foundry: Emulator, start: Start) -> Any:
    """A gateway with keys."""
    foundry.deploy("my-gpt", "Hello there.")
    return start(CONFIG)


def chat(gateway: Any, key: str | None, model: str = "gpt-4o", **headers: str) -> httpx.Response:
    """One chat with a key as bearer."""
    bearer = {} if key is None else {"authorization": f"Bearer {key}"}
    body = {"model": model, "messages": HELLO}
    return gateway.http.post("/v1/chat/completions", json=body, headers={**bearer, **headers})


@pytest.mark.parametrize("name", ["authorization", "api-key", "x-api-key"])
def test_a_key_is_taken_in_each_header(gateway: Any, name: str) -> None:
    """As OpenAI's, Azure's and Anthropic's clients send it."""
    value = f"Bearer {MASTER}" if name == "authorization" else MASTER
    assert 200 == chat(gateway, None, **{name: value}).status_code


REFUSED = [
    (None, "gpt-4o", 401, "invalid_api_key"),
    ("sk-wrong", "gpt-4o", 401, "invalid_api_key"),
    (KEYS["old"], "gpt-4o", 401, "expired_api_key"),
    (KEYS["small"], "gpt-4o", 403, "model_not_allowed"),
    (KEYS["small"], "gpt-mini", 200, None),
    (MASTER, "gpt-4", 404, "model_not_found"),
    (MASTER, "missing", 502, "DeploymentNotFound"),
]


@pytest.mark.parametrize(("key", "model", "status", "code"), REFUSED)
def test_a_key_may_use_its_models(
    gateway: Any, key: str | None, model: str, status: int, code: str | None
) -> None:
    """A wrong key is a 401, an unknown model a 404, and a wrong entry is not the client's fault."""
    answer = chat(gateway, key, model)
    error = answer.json().get("error") or {"code": None}
    assert (status, code) == (answer.status_code, error["code"])


def test_two_different_keys_are_refused(gateway: Any) -> None:
    """Which of them would count is nobody's guess."""
    assert 401 == chat(gateway, MASTER, **{"api-key": KEYS["other"]}).status_code


def test_a_list_of_models_is_what_the_key_may_use(gateway: Any) -> None:
    """And a single model is found there."""
    headers = {"authorization": f"Bearer {KEYS['small']}"}
    listed = gateway.http.get("/v1/models", headers=headers).json()["data"]
    assert ["gpt-mini"] == [model["id"] for model in listed]
    assert 200 == gateway.http.get("/v1/models/gpt-mini", headers=headers).status_code
    assert 404 == gateway.http.get("/v1/models/gpt-4o", headers=headers).status_code


BODIES = [
    (b"{", 400),
    (b"[]", 400),
    (b'{"messages": []}', 400),
    (b'{"model": 7}', 400),
    (b'{"model": "gpt-4o", "x": ' + b"[" * 500 + b"]" * 500 + b"}", 400),
    (b'{"model": "gpt-4o", "x": "' + b"a" * 20_000 + b'"}', 413),
    (b'{"model": "gpt-4o", "api_base": "https://evil.example"}', 400),
    (b'{"model": "gpt-4o", "base_url": "https://evil.example"}', 400),
    (b'{"model": "gpt-4o", "azure_endpoint": "https://evil.example"}', 400),
    (b'{"model": "gpt-4o", "api_key": "other"}', 400),
    (b'{"model": "gpt-4o", "fallbacks": ["gpt-mini"]}', 400),
]
PATHS = ["/v1/chat/completions", "/v1/messages"]


@pytest.mark.parametrize(("body", "status"), BODIES)
@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_body_is_refused_in_the_form_of_its_route(
    gateway: Any, path: str, body: bytes, status: int
) -> None:
    """Nothing is sent up."""
    answer = gateway.http.post(path, content=body, headers={"x-api-key": MASTER})
    data = answer.json()
    assert status == answer.status_code
    assert isinstance(data["error"]["message"], str)
    assert ("messages" in path) == (data.get("type") == "error")


ODD = [
    ("GET", "/v1/chat/completions", 405),
    ("POST", "/v1/../v1/chat/completions", 404),
    ("POST", "//v1/chat/completions", 404),
    ("POST", "/v1/unknown", 404),
    ("POST", "/openai/deployments/../chat/completions", 404),
    ("GET", "/metrics", 200),
    ("GET", "/health/liveliness", 200),
    ("GET", "/health/readiness", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), ODD)
def test_odd_paths_are_no_routes(gateway: Any, method: str, path: str, status: int) -> None:
    """Paths are looked up whole, and each answer has a request id."""
    where = httpx.URL(gateway.url)
    with closing(HTTPConnection(where.host, where.port or 80, timeout=10)) as connection:
        connection.request(method, path, headers={"api-key": MASTER})  # httpx would tidy the path
        answer = connection.getresponse()
        assert status == answer.status
        assert answer.headers["x-request-id"]


def test_request_ids_go_in_and_out(gateway: Any) -> None:
    """A client's own id comes back."""
    assert "mine-1" == chat(gateway, MASTER, **{"x-request-id": "mine-1"}).headers["x-request-id"]


def test_spend_and_metrics_are_for_their_owners(gateway: Any) -> None:
    """A key sees its own rows, the master key all; metrics need an admin."""
    chat(gateway, KEYS["other"])
    chat(gateway, MASTER)

    def spend(key: str) -> list[str]:
        headers = {"api-key": key}
        return [row["key"] for row in gateway.http.get("/spend", headers=headers).json()["data"]]

    assert ["other"] == spend(KEYS["other"])
    assert ["master", "other"] == sorted(spend(MASTER))
    assert 403 == gateway.http.get("/metrics", headers={"api-key": KEYS["other"]}).status_code


def test_an_upstreams_error_passes_without_its_secrets(
    foundry: Emulator, gateway: Any, resource: str
) -> None:
    """Its words and status, but neither its URL nor a key."""
    foundry.deploy("my-gpt", Failed("content_filter", f"see {resource}/x, key upstream-secret"))
    answer = chat(gateway, MASTER)
    assert answer.status_code >= 400
    told = answer.text + json.dumps(dict(answer.headers))
    assert "upstream-secret" not in told
    assert resource not in told


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 8])
def test_a_stream_that_is_cut_ends_with_one_error(
    foundry: Emulator, gateway: Any, after: int
) -> None:
    """Whole events, then one error; never a [DONE]. Before the content it is asked again."""
    foundry.deploy("my-gpt", "one two three four five six seven eight")
    foundry.faults.add(Fault("cut", after_events=after))
    body = {"model": "gpt-4o", "messages": HELLO, "stream": True}
    answer = gateway.http.post("/v1/chat/completions", json=body, headers={"api-key": MASTER})
    events = [event for event in answer.text.split("\n\n") if event]
    ends = [one for one in events if "[DONE]" in one or '"error"' in one]
    assert 200 == answer.status_code
    assert events[-1:] == ends
    assert all(json.loads(one.removeprefix("data: ")) for one in events if "[DONE]" not in one)


@pytest.mark.parametrize("origin", ["https://mine.example", "https://evil.example"])
def test_only_pages_that_the_config_names_may_read_answers(
    foundry: Emulator, start: Start, origin: str
) -> None:
    """Also before they send, and also errors; without the setting none may."""
    foundry.deploy("my-gpt", "Hello there.")
    models, _, keys = CONFIG.partition("general_settings: {")
    named = start(
        f'{models}general_settings: {{cors_allow_origins: ["https://mine.example"], {keys}'
    )
    expected = origin if "mine" in origin else None
    asked = named.http.options("/v1/chat/completions", headers={"origin": origin})
    assert (200 if expected else 401) == asked.status_code
    for key in (MASTER, "sk-wrong"):
        answers = [asked, chat(named, key, origin=origin)]
        told = [answer.headers.get("access-control-allow-origin") for answer in answers]
        assert [expected, expected] == told
    assert "access-control-allow-origin" not in chat(start(CONFIG), MASTER, origin=origin).headers


def test_without_keys_only_this_machine_may_call(foundry: Emulator, start: Start) -> None:
    """A page of a browser is somebody else, also on this machine."""
    foundry.deploy("my-gpt", "Hello there.")
    open_one = start(CONFIG.partition("general_settings")[0])
    assert 200 == open_one.chat().status_code
    for headers in ({"origin": "https://evil.example"}, {"host": "rebound.example"}):
        body = {"model": "gpt-4o", "messages": HELLO}
        answer = open_one.http.post("/v1/chat/completions", json=body, headers=headers)
        assert 403 == answer.status_code
