"""Errors on every path: status, form, type, code, ids and waits, and nothing of the upstream."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

import httpx
import pytest

from azure_agents.gateway.app import Application
from azure_agents.gateway.config.objects import GatewayConfig
from azure_agents.gateway.config.reading import read_config

from ..covering import case
from ..security.canary import unwatched
from .conftest import HELLO

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

SECRET = "upstream-secret-1234"
MASTER = "sk-master-key-9876"
KEYS = {
    "old": "expires: 2024-01-01",
    "other": "models: [nothing]",
    "poor": "budget: 0.0000001",
    "slow": "rpm: 1",
}
ENTRIES = {
    "gpt": "azure/gpt-4o",
    "claude": "azure_ai/claude-sonnet-4-5",
    "v2": "azure_ai/agents/helper:1",
    "classic": "azure_ai/agents/asst_abc",
}


def _text() -> str:
    entries = ""
    for name, model in ENTRIES.items():
        path = "/api/projects/p" if "agents" in model else ""
        entries += f"""
  - model_name: {name}
    litellm_params:
      model: {model}
      api_base: http://127.0.0.1:1{path}
      api_key: {SECRET}"""
    keys = "".join(
        f"\n  - {{name: {name}, hash: {sha256(f'sk-{name}'.encode()).hexdigest()}, {more}}}"
        for name, more in KEYS.items()
    )
    return f"""
model_list:{entries}
router_settings: {{num_retries: 0}}
general_settings: {{master_key: {MASTER}, max_request_size_mb: 0.01}}
keys:{keys}
"""


@cache
def _read() -> GatewayConfig:
    return read_config(_text())


def _config(port: int) -> GatewayConfig:
    """The config with the upstream's port; its text is read once."""

    def at(base: str) -> str:
        return base.replace(":1/", f":{port}/") if ":1/" in base else f"http://127.0.0.1:{port}"

    entries = (
        replace(one, params={**one.params, "api_base": at(one.params["api_base"])})
        for one in _read().entries
    )
    return replace(_read(), entries=tuple(entries))


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def asking(script: Script | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway whose upstream plays a script; None: nobody listens there."""
    serving: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            assert script is not None
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if script is None:
        server.close()
    application = Application(_config(port))
    inside = httpx.ASGITransport(app=application, client=("127.0.0.1", 1))
    headers = {"x-request-id": "mine-1"}
    async with httpx.AsyncClient(
        transport=inside, base_url="http://localhost", headers=headers
    ) as one:
        yield one
    await application.aclose()
    server.close()
    await asyncio.gather(*serving)
    await asyncio.sleep(0)  # in which the loop lets go of them


ROUTES = {
    "chat": ("/v1/chat/completions", "gpt", {"messages": HELLO}),
    "deployment": ("/openai/deployments/gpt/chat/completions", "gpt", {"messages": HELLO}),
    "responses": ("/v1/responses", "gpt", {"input": "Hello"}),
    "embeddings": ("/openai/v1/embeddings", "gpt", {"input": "Hello"}),
    "completions": ("/completions", "gpt", {"prompt": "Hello"}),
    "mapped": ("/v1/chat/completions", "claude", {"messages": HELLO}),
    "v2 agent": ("/v1/chat/completions", "v2", {"messages": HELLO}),
    "v2 responses": ("/v1/responses", "v2", {"input": "Hello"}),
    "classic agent": ("/v1/chat/completions", "classic", {"messages": HELLO}),
    "messages": ("/v1/messages", "claude", {"max_tokens": 9, "messages": HELLO}),
    "count": ("/anthropic/v1/messages/count_tokens", "claude", {"messages": HELLO}),
}
CLAUDES = ("messages", "count")


def check(answer: httpx.Response, route: str, status: int) -> dict[str, Any]:
    """What holds of every error, whatever it is about."""
    data = answer.json()
    assert status == answer.status_code
    assert "application/json" == answer.headers["content-type"]
    assert "mine-1" == answer.headers["x-request-id"]
    assert (route in CLAUDES) == (data.get("type") == "error")
    error: dict[str, Any] = data["error"]
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["type"], str)
    assert route in CLAUDES or error.keys() >= {"message", "type", "param", "code"}
    told = answer.text + str(answer.headers)
    for secret in (SECRET, MASTER, "127.0.0.1", "cookie", "up/1.0", "x-secret", "Traceback"):
        assert secret not in told
    return error


BODY = object()
DEEP = b'{"model":"gpt","x":' + b"[" * 500 + b"]" * 500 + b"}"
# What a client did: its key, its body, status, OpenAI's type and code.
MINE: dict[str, tuple[str | None, Any, int, str, str | None]] = {
    "no key": (None, BODY, 401, "authentication_error", "invalid_api_key"),
    "a wrong key": ("sk-wrong", BODY, 401, "authentication_error", "invalid_api_key"),
    "an expired key": ("sk-old", BODY, 401, "authentication_error", "expired_api_key"),
    "no JSON": (MASTER, b"{", 400, "invalid_request_error", None),
    "no UTF-8": (MASTER, b'{"model":"\xff"}', 400, "invalid_request_error", None),
    "nothing": (MASTER, b"", 400, "invalid_request_error", None),
    "a list": (MASTER, b"[]", 400, "invalid_request_error", None),
    "a text": (MASTER, b'"gpt"', 400, "invalid_request_error", None),
    "too deep": (MASTER, DEEP, 400, "invalid_request_error", None),
    "too long": (MASTER, b"x" * 20_000, 413, "invalid_request_error", "request_too_large"),
    "an upstream": (MASTER, b'{"api_base":"x"}', 400, "invalid_request_error", None),
}
SPENT = {
    "another's model": ("sk-other", 403, "permission_error", "model_not_allowed"),
    "no budget": ("sk-poor", 429, "insufficient_quota", "insufficient_quota"),
    "too often": ("sk-slow", 429, "rate_limit_error", "rate_limit_exceeded"),
}


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"api-key": key}


@pytest.mark.parametrize("route", ROUTES)
async def test_what_is_the_clients_fault(route: str) -> None:
    """Is told in the form of the route, and nothing is sent up."""
    path, model, fields = ROUTES[route]
    async with asking() as client:
        for name, (key, body, status, kind, code) in MINE.items():
            sent = json.dumps({"model": model, **fields}).encode() if body is BODY else body
            answer = await client.post(path, content=sent, headers=_headers(key))
            with case(name):
                error = check(answer, route, status)
                if route not in CLAUDES:
                    assert (kind, code) == (error["type"], error["code"])


@pytest.mark.parametrize("model", ["gpt", "claude", "v2", "classic"])
async def test_a_stream_is_asked_for_or_not(model: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is neither true nor false would be a stream to some who read it, and none to others."""
    async with asking() as client:
        for value in (1, 0, "true", "", [], {"a": 1}):
            sent = {"model": model, "messages": HELLO, "stream": value}
            told = await client.post(ROUTES["chat"][0], json=sent, headers=_headers(MASTER))
            with case(value):
                assert "stream" == check(told, "chat", 400)["param"]
    assert "failed" not in caplog.text  # a client's fault fills no log


# Where the price of a call is known before, so that a budget can refuse it.
PRICED = ("chat", "deployment", "responses", "messages")


@pytest.mark.parametrize("route", ROUTES)
async def test_what_a_key_may_not(route: str) -> None:
    """With the time after which it may again, where there is one."""
    path, model, fields = ROUTES[route]
    sent = {"model": model, **fields}
    async with asking() as client:
        # What `slow` may send in a minute.
        await client.post(path, json=sent, headers=_headers("sk-slow"))
        for name, (key, status, kind, code) in SPENT.items():
            if name == "no budget" and route not in PRICED:
                continue
            answer = await client.post(path, json=sent, headers=_headers(key))
            with case(name):
                error = check(answer, route, status)
                assert (status == 429) == ("retry-after" in answer.headers)
                if route not in CLAUDES:
                    assert (kind, code) == (error["type"], error["code"])


@pytest.mark.parametrize("route", ROUTES)
async def test_an_unknown_model_and_another_method(route: str) -> None:
    """404 and 405, which says what the path takes."""
    path, _, fields = ROUTES[route]
    path = path.replace("gpt/", "unknown/")
    headers = _headers(MASTER)
    async with asking() as client:
        unknown = await client.post(path, json={"model": "unknown", **fields}, headers=headers)
        missing = await client.post(path, json=fields, headers=headers)
        other = await client.put(path, json={"model": "gpt", **fields}, headers=headers)
    assert "unknown" in check(unknown, route, 404)["message"]
    check(missing, route, 404 if "unknown" in path else 400)
    check(other, route, 405)
    assert "POST" == other.headers["allow"]


FORMS: dict[str, Callable[[str], str]] = {
    "OpenAI's": lambda words: json.dumps(
        {"error": {"message": words, "type": "t", "param": None, "code": "c"}}
    ),
    "Anthropic's": lambda words: json.dumps(
        {"type": "error", "error": {"type": "t", "message": words}}
    ),
    "another": lambda words: json.dumps({"statusCode": 1, "message": words}),
    "a page": lambda words: f"<html><body>{words}</body></html>",
    "empty": lambda words: "",
}


def said(form: str, writer: asyncio.StreamWriter) -> str:
    """A body that tells what it should not."""
    address = "127.0.0.1:{}".format(writer.get_extra_info("sockname")[1])
    return FORMS[form](f"see http://{address}/x and HTTPS:\\/\\/{address}, with {SECRET}.")


# What the upstream says, and what the client hears.
STATUSES = {
    **{status: status for status in (400, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504, 529)},
    **dict.fromkeys((200, 301, 401, 403, 404), 502),
}
HEAD = (
    "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nretry-after: 1\r\nserver: up/1.0\r\n"
    f"set-cookie: a={SECRET}\r\nx-secret: {SECRET}\r\nlocation: http://127.0.0.1/\r\n"
    "connection: close\r\ncontent-length: {length}\r\n\r\n"
)
PASSED = [name for name in ROUTES if "agent" not in name and name != "mapped"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("route", PASSED)
async def test_what_the_upstream_says(
    route: str, status: int, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its status and words, but for our own credential's; no address, key or header of it."""
    caplog.set_level(logging.DEBUG)

    async def script(_reader: Any, writer: asyncio.StreamWriter) -> None:
        body = said(form, writer)
        kind = "text/html" if form == "a page" else "application/json"
        writer.write((HEAD.format(status=status, kind=kind, length=len(body)) + body).encode())
        await writer.drain()

    if status == 200 and form not in ("a page", "empty"):
        pytest.skip("this is an answer")
    path, model, fields = ROUTES[route]
    async with asking(script) as client:
        answer = await client.post(path, json={"model": model, **fields}, headers=_headers(MASTER))
    check(answer, route, STATUSES[status])
    assert status != 429 or "1" == answer.headers["retry-after"]
    assert SECRET not in caplog.text


async def _cut(_reader: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
    await writer.drain()


async def _nothing(_reader: Any, _writer: asyncio.StreamWriter) -> None:
    return


async def _no_http(_reader: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 ready for mail\r\n\r\n")
    await writer.drain()


async def _late(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


TROUBLE = {
    "nobody listens": (None, 502),
    "cut": (_cut, 502),
    "no answer": (_nothing, 502),
    "no HTTP": (_no_http, 502),
    "too late": (_late, 504),
}


@pytest.mark.parametrize("name", TROUBLE)
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("route", [name for name in PASSED if name != "count"])
async def test_an_upstream_in_trouble(route: str, name: str, streams: bool) -> None:
    """502, or 504 where it took too long; a stream that has not begun is no stream."""
    path, model, fields = ROUTES[route]
    script, status = TROUBLE[name]
    body = {"model": model, **fields, "timeout": 0.2 if status == 504 else 5}
    if route != "embeddings":
        body["stream"] = streams
    async with asking(script) as client:
        answer = await client.post(path, json=body, headers=_headers(MASTER))
    check(answer, route, status)


AGENTS = [name for name in ROUTES if "agent" in name or name in ("mapped", "v2 responses")]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
@pytest.mark.parametrize("route", AGENTS)
async def test_what_the_service_of_agents_says(
    route: str, status: int, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Agents of both generations, and chats that are mapped, keep the contract, too."""

    async def script(_reader: Any, writer: asyncio.StreamWriter) -> None:
        body = said(form, writer)
        writer.write((HEAD.format(status=status, kind="text/x", length=len(body)) + body).encode())
        await writer.drain()

    path, model, fields = ROUTES[route]
    # The library's own error repeats a key that stands bare in a sentence; the gateway's does not.
    with unwatched():
        async with asking(script) as client:
            sent = {"model": model, **fields}
            answer = await client.post(path, json=sent, headers=_headers(MASTER))
    check(answer, route, STATUSES[status])
    assert SECRET not in caplog.text
