"""Secrets of a gateway's config: one in every place, every route, every outcome; none is told.

The upstream repeats each header that it was sent, in the bodies of its errors in several forms and
in its headers. What clients, the log, metrics, spans, spend and the status page hear of it is
searched, and so is what the config is shown as, also by errors about it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from itertools import cycle, product
from pathlib import Path
from typing import Any

import azure.identity
import httpx
import pytest
from azure.core.credentials import AccessToken
from click.testing import CliRunner
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from azure_agents.cli.gateway import check_config
from azure_agents.errors import AzureAgentsError, ConfigError
from azure_agents.gateway import tracing
from azure_agents.gateway.app import Application
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.server import reload_config
from azure_agents.tracing.telemetry import Telemetry

from ..covering import ALL, case
from ..gateway.conftest import HELLO
from .canary import unwatched

pytestmark = [
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.filterwarnings("ignore:Microsoft retires the sign-in:DeprecationWarning"),
]

MARK = "canary-"


def secret(place: str) -> str:
    """A secret that is found again."""
    return f"{MARK}{sha256(place.encode()).hexdigest()[:20]}"


MASTER, CLIENT = secret("master"), secret("client")
HASH = sha256(CLIENT.encode()).hexdigest()
PRINCIPAL = "tenant_id: t, client_id: c"
# How an entry signs in.
ENTRIES = {
    "api_key": f"api_key: {secret('api_key')}",
    "azure_ad_token": f"azure_ad_token: {secret('azure_ad_token')}",
    "client_secret": f"client_secret: {secret('client_secret')}, {PRINCIPAL}",
    "password": f"client_id: c, azure_username: u, azure_password: {secret('password')}",
    "environment": "api_key: os.environ/CANARY_KEY",
    "subscription": f"extra_headers: {{Ocp-Apim-Subscription-Key: {secret('subscription')}}}",
    "beside": f"api_key: {secret('of beside')}, extra_headers: {{x-functions-key: {secret('fn')}}}",
}
MODELS = {
    "gpt": ("azure/gpt", ""),
    "claude": ("azure_ai/claude-sonnet-4-5", ""),
    "responses": ("azure/responses/gpt", ""),
    "v2": ("azure_ai/agents/helper:1", "/api/projects/p"),
    "classic": ("azure_ai/agents/asst_abc", "/api/projects/p"),
}
REDIS = f"redis://u:{secret('redis')}@127.0.0.1:1/0"


def config(port: int, sign_in: str, more: str = "") -> str:
    """A config with a secret in every place."""
    entries = "".join(
        f"""
  - model_name: {name}
    litellm_params: {{model: {model}, api_base: "http://127.0.0.1:{port}{path}", {sign_in}}}"""
        for name, (model, path) in MODELS.items()
    )
    return f"""
model_list:{entries}
router_settings: {{num_retries: 0}}
general_settings:
  master_key: {MASTER}
  thread_secret: {secret("thread")}{secret("thread")}
  tracing: true
keys:
  - {{name: app, hash: {HASH}}}
environment_variables:
  CANARY_KEY: {secret("environment")}
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer {secret("otlp")}"
{more}"""


class Token:
    """Stands for azure-identity's credentials, which need a network."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.token = AccessToken(secret("token"), 4_000_000_000)

    def get_token(self, *_: Any, **__: Any) -> AccessToken:
        """The same, always."""
        return self.token


@pytest.fixture(autouse=True)
def _no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ClientSecretCredential", "UsernamePasswordCredential"):
        monkeypatch.setattr(azure.identity, name, Token)
    monkeypatch.setenv("CANARY_KEY", secret("environment"))


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """In the place of OTLP."""
    exporter = InMemorySpanExporter()
    provider, meters = TracerProvider(), MeterProvider([InMemoryMetricReader()])
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(
        tracing,
        "Telemetry",
        lambda service: Telemetry(service, tracer_provider=provider, meter_provider=meters),
    )
    yield exporter
    provider.shutdown()
    meters.shutdown()


def _error(words: str) -> bytes:
    return json.dumps({"error": {"message": words, "type": words, "code": words}}).encode()


# What the upstream says with the headers that it was sent: status, type, body.
OUTCOMES: dict[str, tuple[int, str, Callable[[str], bytes]]] = {
    "refused": (401, "application/json", _error),
    "denied": (403, "application/json", _error),
    "unknown": (404, "application/json", _error),
    "wrong": (400, "application/json", _error),
    "limited": (429, "application/json", _error),
    "failed": (500, "text/html", lambda words: f"<html>{words}</html>".encode()),
    "moved": (302, "text/plain", str.encode),
    "Anthropic's": (529, "application/json", lambda w: b'{"type":"error",' + _error(w)[1:]),
    "Azure's": (400, "application/json", lambda w: json.dumps({"message": w}).encode()),
    "escaped": (400, "application/json", lambda w: _error(w).replace(b"canary-", b"canar\\u0079-")),
}


@asynccontextmanager
async def upstream(outcome: str) -> AsyncIterator[int]:
    """Repeats what it was sent; the port."""
    status, kind, body_of = OUTCOMES[outcome]

    serving: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            sent = [line.partition(": ")[2] for line in head.split("\r\n") if MARK in line]
            words = "you sent " + " and ".join(sent)
            body = body_of(words)
            headers = f"retry-after: 1\r\nset-cookie: {words}\r\n"
            headers += f"location: https://evil.example/{sent}\r\napim-request-id: {words}\r\n"
            line = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{headers}"
            writer.write(f"{line}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode())
            writer.write(body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0)  # in which the loop lets go of them


LINE = json.dumps({"custom_id": "1", "method": "POST", "url": "/chat/completions", "body": {}})
FILE = {"file": ("a.jsonl", LINE.encode())}
SOUND = {"file": ("a.mp3", b"ID3")}
# Each: method, path, what is sent.
ROUTES: list[tuple[str, str, dict[str, Any]]] = [
    *(
        ("POST", "/v1/chat/completions", {"json": {"model": m, "messages": HELLO, "stream": s}})
        for m in MODELS
        for s in (False, True)
    ),
    ("POST", "/v1/responses", {"json": {"model": "gpt", "input": "Hello"}}),
    ("POST", "/v1/responses", {"json": {"model": "v2", "input": "Hello", "stream": True}}),
    ("POST", "/v1/embeddings", {"json": {"model": "gpt", "input": "Hello"}}),
    ("POST", "/v1/completions", {"json": {"model": "gpt", "prompt": "Hello"}}),
    ("POST", "/v1/messages", {"json": {"model": "claude", "max_tokens": 9, "messages": HELLO}}),
    ("POST", "/v1/messages/count_tokens", {"json": {"model": "claude", "messages": HELLO}}),
    ("POST", "/v1/audio/speech", {"json": {"model": "gpt", "input": "Hello", "voice": "a"}}),
    ("POST", "/v1/audio/transcriptions", {"data": {"model": "gpt"}, "files": SOUND}),
    ("POST", "/v1/images/generations", {"json": {"model": "gpt", "prompt": "A cat"}}),
    ("POST", "/v1/files", {"data": {"purpose": "batch"}, "files": FILE}),
    ("GET", "/v1/files", {}),
    ("GET", "/v1/files/file-1/content", {}),
    ("POST", "/v1/batches", {"json": {"input_file_id": "file-1", "endpoint": "/chat/completions"}}),
    ("GET", "/v1/batches/batch_1", {}),
    ("GET", "/v1/responses/resp_1", {}),
    ("POST", "/v1/fine_tuning/jobs", {"json": {"model": "gpt", "training_file": "file-1"}}),
    ("GET", "/v1/models", {}),
    ("GET", "/v1/nothing", {}),
    ("GET", "/", {}),
    ("GET", "/spend", {}),
    ("GET", "/metrics", {}),
    ("GET", "/status", {}),
]


def check(place: str, text: object) -> None:
    """No secret stands there; the hash of a key is one as well."""
    shown = str(text)
    for word in (MARK, "canar\\u0079", HASH):
        assert word not in shown, place


# Each outcome and each sign-in: they meet in `make test-all`.
CASES = [*product(OUTCOMES, ENTRIES)] if ALL else [*zip(OUTCOMES, cycle(ENTRIES), strict=False)]


@pytest.mark.parametrize(("outcome", "sign_in"), CASES)
async def test_no_secret_of_a_config_is_told(
    sign_in: str, outcome: str, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """To a client with a good key, on every route; nor to the log, metrics, spans and pages."""
    caplog.set_level(logging.DEBUG)
    with unwatched():  # the upstream says more than any recorded one
        async with upstream(outcome) as port:
            application = Application(read_config(config(port, ENTRIES[sign_in])))
            inside = httpx.ASGITransport(app=application, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=inside, base_url="http://localhost") as client:
                for key in (CLIENT, MASTER, "sk-wrong"):
                    for method, path, sent in ROUTES if key == CLIENT else ROUTES[-7:]:
                        answer = await client.request(
                            method, path, headers={"api-key": key}, **sent
                        )
                        with case(f"{method} {path} {sent}"):
                            check("the answer", f"{answer.headers} {answer.text}")
            check("the page", application._look(is_watched=True))
            await application.aclose()
    for span in spans.get_finished_spans():
        check("a span", span.to_json())
    check("the log", caplog.text)
    check("the records", [vars(record) for record in caplog.records])


@pytest.mark.parametrize("sign_in", ENTRIES)
def test_a_config_is_shown_without_its_secrets(sign_in: str, tmp_path: Path) -> None:
    """By `check-config`, and by whoever prints the objects."""
    path = tmp_path / "config.yaml"
    path.write_text(
        config(1, ENTRIES[sign_in], f"router_settings: {{redis_url: '{REDIS}'}}\n").replace(
            "router_settings: {num_retries: 0}\n", ""
        )
    )
    read = read_config(path.read_text())
    told = CliRunner().invoke(check_config, ["--config", str(path)])
    check("check-config", told.output)
    assert "gpt" in told.output
    check("the config", f"{read!r} {read.entries!r} {read.keys} {read.notes}".replace(HASH, ""))
    application = Application(read)
    check("the application", [repr(one) for one in application._serving.board.deployments])


# A secret where none belongs.
MISPLACED: dict[str, str] = {
    "an unknown key": f"sekret: {secret('misplaced')}",
    "a list": f"general_settings: [{secret('misplaced')}]",
    "keys": f"general_settings: {{master_key: {{x: {secret('misplaced')}}}}}",
    "a near miss": f"general_settings: {{master_kex: {secret('misplaced')}}}",
    "a model": f"model_list: [{secret('misplaced')}]",
    "a name": f"model_list: [{{model_name: [{secret('misplaced')}], litellm_params: {{}}}}]",
    "a hash": f"keys: [{{name: a, hash: {secret('misplaced')}}}]",
    "a number": f"router_settings: {{num_retries: {secret('misplaced')}}}",
    "a redis": f"router_settings: {{redis_url: 'http://u:{secret('misplaced')}@h'}}",
    "a redis port": f"router_settings: {{redis_url: 'redis://u:{secret('misplaced')}@h:x'}}",
    "an origin": f"general_settings: {{cors_allow_origins: ['https://u:{secret('misplaced')}@h']}}",
    "a tag": f"general_settings: {{master_key: !!int {secret('misplaced')}}}",
    "a text that is a tag": f"general_settings: {{master_key: !{secret('misplaced')}}}",
    "a text that is an alias": f"general_settings: {{master_key: *{secret('misplaced')}}}",
    "a broken line": f"general_settings: {{master_key: {secret('misplaced')}: : }}",
    "a base": (
        "model_list: [{model_name: a, litellm_params: {model: azure/a, api_key: k, "
        f"api_base: 'https://u:{secret('misplaced')}@h.openai.azure.com'}}}}]"
    ),
    "a query": (
        "model_list: [{model_name: a, litellm_params: {model: azure/a, api_key: k, "
        f"api_base: 'https://h.example/openai?code={secret('misplaced')}'}}}}]"
    ),
    "a price": f"prices: {{gpt: {{input_cost_per_token: {secret('misplaced')}}}}}",
}


@pytest.mark.parametrize("name", MISPLACED)
async def test_an_error_about_a_config_shows_no_secret(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where it stands in a wrong place: at the start, and at a reload."""
    path = tmp_path / "config.yaml"
    path.write_text(MISPLACED[name])
    told = CliRunner().invoke(check_config, ["--config", str(path)])
    check("check-config", f"{told.output} {told.exception!r}")
    with suppress(ConfigError, AzureAgentsError):
        Application(read_config(MISPLACED[name]))
    application = Application(read_config(config(1, ENTRIES["api_key"])))
    reload_config(path, application, "127.0.0.1")
    check("the log", caplog.text)
    await application.aclose()
