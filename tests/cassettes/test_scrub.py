"""Nothing secret reaches a cassette, wherever it stood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cassette_file import ENDPOINT, KEPT_HEADERS, CassetteFile, scrub
from record import SCENES

RECORDED = "https://contoso-ai.services.ai.azure.com/api/projects/payroll"
TENANT = "8d3b2a10-5f6e-4c7d-9a1b-0c2d3e4f5a6b"
CANARIES = {
    "token": "eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOiJ0b2tlbiJ9.c2lnbmF0dXJl",
    "opaque token": "canary-opaque-token-0123456789",
    "key": "canarykey0123456789abcdef01234567",
    "tenant": TENANT,
    "tenant in capitals": TENANT.upper(),
    "tenant's domain": "contoso-canary.onmicrosoft.com",
    "client secret": "Cnry8Q~secret_value.of-a.service-principal",
    "request id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "user agent": "canary-agent/9.9.9-internal",
    "host": "contoso-ai.services.ai.azure.com",
    "host of the same resource": "contoso-ai.openai.azure.com",
    "resource in a path": "providers/accounts/contoso-ai",
    "project in a path": "accounts/contoso-ai/projects/payroll",
    "person": "canary.person@contoso.example",
}


def _everywhere(canary: str) -> dict[str, Any]:
    """A cassette with the canary in every place that its kind can stand in."""
    fields = {"error": {"message": f"no access for {canary}", "innererror": [{"id": canary}]}}
    request = {
        "method": "POST",
        "uri": f"{RECORDED}/threads?api-version=v1&after={canary}",
        "body": json.dumps({**fields, "metadata": {canary: canary}}),
        "headers": {
            "Authorization": [f"Bearer {canary}"],
            "api-key": [canary],
            "Cookie": [f"session={canary}; path=/"],
            "User-Agent": [canary],
            "Content-Type": ["application/json"],
        },
    }
    response = {
        "status": {"code": 403, "message": f"Forbidden for {canary}"},
        "headers": {
            "Set-Cookie": [f"session={canary}", f"tenant={canary}; Secure"],
            "X-Request-ID": [canary],
            "www-authenticate": [f'Bearer realm="{canary}"'],
            "Location": [f"https://{canary}.example/{canary}"],
            "Retry-After": ["1"],
        },
        "body": {"string": f"event: error\ndata: {json.dumps(fields)}\n\n"},
    }
    return {"version": 1, "interactions": [{"request": request, "response": response}]}


@pytest.mark.parametrize("kind", CANARIES)
def test_a_canary_never_reaches_the_file(kind: str) -> None:
    """Headers, query, bodies, keys of JSON, status line, server-sent events."""
    canary = CANARIES[kind]
    text = CassetteFile("a test", "a test", canary, RECORDED).serialize(_everywhere(canary))
    assert canary.lower() not in text.lower()


def test_a_secret_is_found_by_its_place() -> None:
    """What no header knows and no form shows: a field or query that says what it holds."""
    body = '{"api_key": "x1", "client_secret": "x2", "prompt_tokens": 3}'
    cassette = _one(body=body, uri=f"{RECORDED}/files?sig=x4&api-version=v1")
    clean = scrub(cassette, endpoint=RECORDED)["interactions"][0]["request"]
    removed = '{"api_key": "(removed)", "client_secret": "(removed)", "prompt_tokens": 3}'
    assert removed == clean["body"]
    assert f"{ENDPOINT}/files?sig=(removed)&api-version=v1" == clean["uri"]


def test_a_secret_can_be_named() -> None:
    """Values of the environment go whatever they look like."""
    clean = scrub(_one(body="so hush-hush"), endpoint=RECORDED, secrets=("hush-hush",))
    assert "so (removed)" == clean["interactions"][0]["request"]["body"]


@pytest.mark.parametrize(
    "text",
    [
        "My name is Ada.",
        "resp_f4f59ea974735f5b006b0023f08beaa19409409ae78420426b",
        "thread_EovdIPorn6aPZKiNNNnzqpHa",
        '{"usage": {"prompt_tokens": 19, "total_tokens": 30}}',
        "event: response.created\ndata: {}\n\n",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Texts, ids of the service and token counts are what cassettes are for."""
    clean = scrub(_one(body=text), endpoint=RECORDED)
    assert text == clean["interactions"][0]["request"]["body"]


def _one(*, body: str, uri: str = RECORDED) -> dict[str, Any]:
    request = {"method": "POST", "uri": uri, "body": body, "headers": {"Accept": ["*/*"]}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": ""}}
    return {"version": 1, "interactions": [{"request": request, "response": response}]}


def test_what_was_written_is_read_again() -> None:
    """JSON and event streams survive the readable form."""
    cassette = _one(body='{"a": ["b", 1.0, null, "1"]}')
    stream = 'event: x\ndata: {"delta": " to"}\n\nevent: done\ndata: [DONE]\n\n'
    cassette["interactions"][0]["response"]["body"]["string"] = stream
    file = CassetteFile("a test", "a test", "my-agent", RECORDED)
    one = file.deserialize(file.serialize(cassette))["interactions"][0]
    assert '{"a": ["b", 1.0, null, "1"]}' == one["request"]["body"]
    assert stream == one["response"]["body"]["string"]


@pytest.mark.parametrize("path", [scene.path for scene in SCENES], ids=lambda path: path.stem)
def test_committed_cassettes_are_clean(path: Path) -> None:
    """They are a fixed point of the scrubber, of readable size, and say where they come from."""
    text = path.read_text(encoding="utf-8")
    cassette = yaml.safe_load(text)
    assert cassette == scrub(cassette, endpoint=ENDPOINT)
    assert f"# Recorded from: {cassette['recorded_from']}." == text.splitlines()[1]
    assert len(text) < 100_000
    for one in cassette["interactions"]:
        assert one["request"]["uri"].startswith(f"{ENDPOINT}/")
        assert {*one["request"]["headers"], *one["response"]["headers"]} <= KEPT_HEADERS
