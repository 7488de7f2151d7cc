"""Secrets of deployments: every operation, every way to sign in, every outcome, the Router too."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import azure.identity
import httpx
import pytest
from pydantic import SecretStr

from azure_agents import Router
from azure_agents.emulator import Emulator
from azure_agents.errors import AzureAgentsError
from azure_agents.models.recent_clients import recent_clients
from azure_agents.models.settings import read_settings

from ..faults.operation_calls import ROWS, Row, Stage, call
from .peers import Recorder
from .test_canary import CANARY, JWT, OUTCOMES, AsyncCredential, Credential, Failing, _acall, _told

HOST = "r.openai.azure.com"
BASE = f"https://{HOST}"
WAYS = ["sync", "async"]
pytestmark = pytest.mark.filterwarnings("ignore:Microsoft retires the sign-in:DeprecationWarning")
KEPT = ("authorization", "api-key", "x-api-key", "ocp-apim-subscription-key")
PRINCIPAL = {"tenant_id": "tenant", "client_id": "client"}
# name: arguments of a call, environment
PLACES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "key": ({"api_key": CANARY}, {}),
    "hidden key": ({"api_key": SecretStr(CANARY)}, {}),
    "token": ({"azure_ad_token": CANARY}, {}),
    "hidden token": ({"azure_ad_token": SecretStr(JWT)}, {}),
    "provider": ({"azure_ad_token_provider": lambda: CANARY}, {}),
    "async provider": ({"azure_ad_token_provider": _acall}, {}),
    "credential": ({"credential": Credential()}, {}),
    "async credential": ({"credential": AsyncCredential()}, {}),
    "failing credential": ({"credential": Failing()}, {}),
    "client secret": ({**PRINCIPAL, "client_secret": CANARY}, {}),
    "password": ({"client_id": "c", "azure_username": "u", "azure_password": CANARY}, {}),
    "subscription key": (
        {"extra_headers": {"Ocp-Apim-Subscription-Key": CANARY}, "api_key": "a-key"},
        {},
    ),
    "subscription key alone": ({"extra_headers": {"Ocp-Apim-Subscription-Key": CANARY}}, {}),
    "token of the environment": ({}, {"AZURE_AD_TOKEN": CANARY}),
    "key of the environment": ({}, {"AZURE_OPENAI_API_KEY": CANARY}),
    "key with a base": ({}, {"AZURE_API_KEY": CANARY, "AZURE_API_BASE": BASE}),
    "secret of the environment": (
        {},
        {
            "AZURE_TENANT_ID": "tenant",
            "AZURE_CLIENT_ID": "client",
            "AZURE_CLIENT_SECRET": CANARY,
        },
    ),
}


@pytest.fixture(autouse=True)
def _no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing in needs no network here."""
    for name in ("ClientSecretCredential", "UsernamePasswordCredential"):
        monkeypatch.setattr(azure.identity, name, lambda *_, **__: Credential(), raising=False)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What an application that logs everything writes."""
    out, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(out)
    before = {name: logging.getLogger(name).level for name in ("", "azure_agents", "httpx")}
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield out
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@cache
def given_of(name: str) -> dict[str, Any]:
    """The arguments of a call, with ids that an emulator made."""
    stage = Stage()
    try:
        return ROWS[name].given(stage)
    finally:
        stage.foundry.close()


class Events(list[Any]):
    """An observer."""

    def record(self, event: Any) -> None:
        """Keep what is told."""
        self.append(event)


class Network(Recorder):
    """Notes the requests, with their headers: what is pickled is not to hold it."""

    def __reduce__(self) -> Any:
        raise TypeError("a network is not pickled")


def _shown(one: Any) -> Iterator[str]:
    """Every way in which a program may show or keep an object."""
    yield repr(one)
    yield str(one)
    yield repr(getattr(one, "__dict__", ""))
    yield repr([getattr(one, name, "") for name in getattr(type(one), "__slots__", ())])
    yield repr(getattr(one, "_hidden_params", ""))
    with suppress(TypeError, AttributeError, pickle.PicklingError):
        yield repr(pickle.dumps(one))


def _set(patch: pytest.MonkeyPatch, place: str) -> dict[str, Any]:
    """Put a secret into its place; give the arguments of a call."""
    arguments, env = PLACES[place]
    for name, value in env.items():
        patch.setenv(name, value)
    return arguments


def _said(error: AzureAgentsError, place: str) -> Iterator[str]:
    """What an error says; with local variables where the secret did not come as a plain text.

    What a caller passes as a text stands in the caller's own frames (`test_locals`).
    """
    arguments, _ = PLACES[place]
    return _plainly(error) if CANARY in repr(arguments) else _told(error)


def _plainly(error: AzureAgentsError) -> Iterator[str]:
    yield repr(error)
    yield repr(vars(error))
    yield repr(pickle.dumps(error))
    yield "".join(traceback.format_exception(error))


def _leaks(texts: list[str]) -> list[str]:
    return [text for text in texts if CANARY in text]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ROWS)
def test_a_failed_call_tells_no_secret(
    name: str,
    place: str,
    outcome: str,
    way: str,
    *,
    written: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No error, log, event, settings or client has it; it goes to one host, in its own header."""
    arguments, network, events = _set(monkeypatch, place), Network(OUTCOMES[outcome]), Events()
    seams = {"transport": network, "async_transport": network, "observer": events}
    given = {**given_of(name), **arguments, **seams, "api_base": BASE, "max_retries": 0}
    seen: list[str] = []
    try:
        call(ROWS[name], way, given, [])
    except AzureAgentsError as error:
        seen += _said(error, place)
        logging.getLogger("app").critical("%r", error, exc_info=error)
    settings = read_settings("azure/dep", given)
    for one in (settings, *recent_clients(settings), events):
        seen += _shown(one)
    assert [] == _leaks([*seen, written.getvalue()])
    assert network.requests or place.startswith(("failing", "async"))
    for request in network.requests:
        assert HOST == request.url.host
        _check_request(request)


def _check_request(request: httpx.Request) -> None:
    others = {name: value for name, value in request.headers.items() if name not in KEPT}
    assert CANARY not in f"{request.url} {others}"
    assert CANARY.encode() not in request.content


class _Both(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Both transports of an emulator as one; checks what passes."""

    def __init__(self, foundry: Emulator) -> None:
        self._foundry = foundry

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        _check_request(request)
        return self._foundry.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        _check_request(request)
        return await self._foundry.async_transport.handle_async_request(request)


def _connected(stage: Stage, row: Row, arguments: dict[str, Any]) -> dict[str, Any]:
    both = _Both(stage.foundry)
    where = {"api_base": stage.foundry.resource, "clock": stage.foundry.clock}
    return {**row.given(stage), **arguments, **where, "transport": both, "async_transport": both}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "place", sorted(PLACES.keys() - {"failing credential", "subscription key alone"})
)
@pytest.mark.parametrize("name", ROWS)
def test_an_answer_tells_no_secret(
    name: str, place: str, way: str, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do its chunks, its bytes, what is hidden in it, and what the observer hears."""
    if place.startswith("async") and way == "sync":
        pytest.skip("an async credential is for async calls")
    stage, events = Stage(strict_auth=False), Events()
    try:
        arguments = {**_set(monkeypatch, place), "observer": events}
        if place == "key with a base":
            monkeypatch.setenv("AZURE_API_BASE", stage.foundry.resource)
        came: list[Any] = []
        answer = call(ROWS[name], way, _connected(stage, ROWS[name], arguments), came)
    finally:
        stage.foundry.close()
    shown = [text for one in (answer, *came, events) for text in _shown(one)]
    assert events
    assert [] == _leaks([*shown, repr(stage.foundry.requests), written.getvalue()])


@pytest.mark.parametrize("name", ["chat streamed", "responses streamed", "speech", "file_content"])
def test_an_open_answer_tells_no_secret(name: str) -> None:
    """A stream, or bytes, before anybody reads it."""
    import azure_agents

    stage, row = Stage(strict_auth=False), ROWS[name]
    given = {**_connected(stage, row, {"api_key": CANARY}), "stream": True}

    async def atexts() -> list[str]:
        answer = await getattr(azure_agents, f"a{row.function}")(**given)
        texts = list(_shown(answer))
        await answer.aclose()
        return texts

    answer = getattr(azure_agents, row.function)(**given)
    texts = [*_shown(answer), *asyncio.run(atexts())]
    answer.close()
    stage.foundry.close()
    assert [] == _leaks(texts)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("place", PLACES)
def test_a_router_tells_no_secret(
    place: str,
    outcome: str,
    way: str,
    written: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor its status, its entries and the errors that it ends with; it is not pickled."""
    arguments, network = _set(monkeypatch, place), Network(OUTCOMES[outcome])
    where = {"api_base": BASE, "transport": network, "async_transport": network}
    entry = {"model": "azure/dep", **arguments, **where}
    router = Router([{"model_name": "m", "litellm_params": entry}], num_retries=0)
    seen: list[str] = []
    messages = [{"role": "user", "content": "Hello"}]
    try:
        if way == "sync":
            router.completion("m", messages)
        else:
            asyncio.run(router.acompletion("m", messages))
    except AzureAgentsError as error:
        seen += _said(error, place)
        logging.getLogger("app").critical("%r of %r", error, router, exc_info=error)
    seen += [*_shown(router), *_shown(router._engine), repr(router.status())]
    with pytest.raises(TypeError):
        pickle.dumps(router)
    assert [] == _leaks([*seen, written.getvalue()])
    assert {HOST} >= {request.url.host for request in network.requests}


WRONG: dict[str, dict[str, Any]] = {
    "line break in a key": {"api_key": f"{CANARY}\nx"},
    "letter outside ASCII": {"azure_ad_token": f"{CANARY}ü"},
    "a token as a key": {"api_key": JWT},
    "two at once": {"api_key": CANARY, "azure_ad_token": CANARY},
    "a list": {"api_key": [CANARY]},
    "bytes": {"azure_ad_token": CANARY.encode()},
    "a dictionary": {"credential": {"key": CANARY}},
    "nearly a key": {"apikey": CANARY},
    "a key as the base": {"api_key": "x", "api_base": CANARY},
    "a key in the base": {"api_key": "x", "api_base": f"https://u:{CANARY}@{HOST}"},
    "a key in the query": {"api_key": "x", "api_base": f"{BASE}?api-key={CANARY}"},
    "headers of a key": {"api_key": "x", "extra_headers": {"api-key": CANARY}},
    "headers that are a text": {"api_key": "x", "extra_headers": f"api-key: {CANARY}"},
}


@pytest.mark.parametrize("name", ["chat", "Claude", "embedding", "create_batch", "file_content"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_secret_that_is_refused_is_not_repeated(wrong: str, name: str) -> None:
    """The error names the argument and never its value; nothing is sent."""
    network = Network(OUTCOMES["refused"])
    seams = {"transport": network, "async_transport": network, "api_base": BASE}
    with pytest.raises(AzureAgentsError) as caught:
        call(ROWS[name], "sync", {**given_of(name), **seams, **WRONG[wrong]}, [])
    assert [] == _leaks(list(_plainly(caught.value)))
    if wrong != "a key in the query":  # it is left out of the query, and said in the notes
        assert [] == network.requests
