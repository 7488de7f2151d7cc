"""Secrets stay where they belong: every way to give one, every log level, every outcome."""

from __future__ import annotations

import copy
import dataclasses
import io
import logging
import pickle
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import azure.identity
import httpx
import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError
from pydantic import SecretStr

from azure_agents.emulator import Emulator
from azure_agents.errors import AzureAgentsError, ConnectionLostError

from .canary import WATCH, Watch, _hooked, unwatched
from .peers import ENDPOINT, HI, ORIGIN, WAYS, Clients, Recorder, connect

ROOT = Path(__file__).parents[2]
OURS = ("azure_agents", "langchain_azure_agents", "llamaindex_azure_agents")
CANARY = "canary-5d1c9e77b2a04f6f"
JWT = f"eyJhbGciOiJub25lIn0.eyJleHAiOjQwMDAwMDAwMDB9.{CANARY}"


# --- the watch itself ----------------------------------------------------------------------------


def _ask_with(**given: Any) -> Callable[[], object]:
    def ask() -> object:
        with httpx.Client(transport=Recorder(lambda _: httpx.Response(200))) as client:
            return client.request("POST", **{"url": ORIGIN, **given})

    return ask


LEAKS: dict[str, Callable[[], object]] = {
    "URL": _ask_with(url=f"{ORIGIN}/?key={CANARY}"),
    "header": _ask_with(headers={"x-key": CANARY}),
    "body": _ask_with(json={"azure_ad_token": CANARY}),
    "log": lambda: logging.getLogger("azure_agents").debug("using %s", CANARY),
    "log of an object": lambda: logging.getLogger("azure.core").info("%s", {"key": CANARY}),
    "error": lambda: AzureAgentsError(f"the key {CANARY} is wrong"),
    "fact of an error": lambda: AzureAgentsError("wrong", param=CANARY),
    "pickle": lambda: pickle.dumps({"key": CANARY}),
}
FINE: dict[str, Callable[[], object]] = {
    "token": _ask_with(headers={"Authorization": f"Bearer {CANARY}"}),
    "key": _ask_with(headers={"api-key": CANARY}),
    "silence": lambda: logging.getLogger("azure_agents").debug("nothing"),
}


@pytest.mark.parametrize(
    ("act", "is_leak"),
    [(act, True) for act in LEAKS.values()] + [(act, False) for act in FINE.values()],
    ids=[*LEAKS, *FINE],
)
def test_the_watch_finds_every_kind_of_leak(act: Callable[[], object], is_leak: bool) -> None:
    """A watch that finds nothing proves nothing."""
    watch = Watch()
    watch.learn(CANARY)
    with unwatched(), pytest.MonkeyPatch.context() as patch:
        _hooked(watch, patch)
        act()
    assert is_leak == bool(watch.take())


def test_the_watch_is_on() -> None:
    """In this very session: what the client is given is known a moment later."""
    secret = f"canary-{time.monotonic_ns()}"
    connect(sign_in={"api_key": secret})
    logging.getLogger("azure_agents").debug("here it is: %s", secret)
    assert [True] == [secret in found for found in WATCH.take()]


# --- the places a secret can come from -----------------------------------------------------------


class Credential:
    """As those of azure-identity."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(CANARY, 4_000_000_000)


class AsyncCredential:
    """As those of azure.identity.aio."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(CANARY, 4_000_000_000)


class Failing:
    """A credential that cannot sign in, and says so without the secret."""

    secret = CANARY

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        raise ClientAuthenticationError("AADSTS7000215: Invalid client secret provided.")


async def _acall() -> str:
    return CANARY


def _service_principal(*_: str) -> Credential:
    return Credential()


PRINCIPAL = {"tenant_id": "tenant", "client_id": "client"}
PRINCIPAL_ENV = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client"}
# name: arguments of `make_auth`, environment, further settings
PLACES: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, Any]]] = {
    "token": ({"credential": CANARY}, {}, {}),
    "key": ({"api_key": CANARY}, {}, {}),
    "hidden key": ({"api_key": SecretStr(CANARY)}, {}, {}),
    "key of azure.core": ({"credential": AzureKeyCredential(CANARY)}, {}, {}),
    "token as a key": ({"api_key": JWT}, {}, {}),
    "callable": ({"credential": lambda: CANARY}, {}, {}),
    "async callable": ({"credential": _acall}, {}, {}),
    "credential": ({"credential": Credential()}, {}, {}),
    "async credential": ({"credential": AsyncCredential()}, {}, {}),
    "failing credential": ({"credential": Failing()}, {}, {}),
    "client secret": ({**PRINCIPAL, "client_secret": CANARY}, {}, {}),
    "token of the environment": ({}, {"AZURE_AD_TOKEN": CANARY}, {}),
    "key of the environment": ({}, {"AZURE_AI_API_KEY": CANARY}, {}),
    "key with a base": ({}, {"AZURE_API_KEY": CANARY, "AZURE_API_BASE": ENDPOINT}, {}),
    "secret of the environment": ({}, {**PRINCIPAL_ENV, "AZURE_CLIENT_SECRET": CANARY}, {}),
    "anchor key": ({"api_key": "x"}, {}, {"anchor_key": CANARY}),
    "anchor key of the environment": ({"api_key": "x"}, {"AZURE_AGENTS_ANCHOR_KEY": CANARY}, {}),
}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("connection reset", request=request)


def _unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def _echo(request: httpx.Request) -> httpx.Response:
    """A service that repeats what it was sent, as proxies' error pages do."""
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return httpx.Response(401, json={"error": {"code": "401", "message": headers}})


OUTCOMES: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "refused": lambda _: httpx.Response(401, json={"error": {"message": "Access denied"}}),
    "denied": lambda _: httpx.Response(403, json={"error": {"code": "PermissionDenied"}}),
    "echoed": _echo,
    "limited": lambda _: httpx.Response(429, headers={"retry-after": "0"}, json={}),
    "failed": lambda _: httpx.Response(500, text="<html>Internal Server Error</html>"),
    "redirected": lambda _: httpx.Response(302, headers={"location": "https://evil.example"}),
    "garbled": lambda _: httpx.Response(200, text="<html>"),
    "lost": _lost,
    "unreachable": _unreachable,
}


@pytest.fixture(autouse=True)
def _no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing in as a service principal needs no network here."""
    monkeypatch.setattr(azure.identity, "ClientSecretCredential", _service_principal)


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What an application that logs everything from one level on writes."""
    out, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(pathname)s"))
    before = {
        name: logging.getLogger(name).level for name in ("", "azure_agents", "httpx", "azure")
    }
    for name in before:
        logging.getLogger(name).setLevel(request.param)
    root.addHandler(handler)
    yield out
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def _clients(place: str, transport: Any, endpoint: str = ENDPOINT) -> Clients:
    sign_in, env, settings = PLACES[place]
    env = {name: value.replace(ENDPOINT, endpoint) for name, value in env.items()}
    with warnings.catch_warnings(action="ignore"):  # a token as a key is warned about
        return connect(transport, endpoint=endpoint, sign_in=sign_in, env=env, **settings)


def _shown(clients: Clients) -> Iterator[str]:
    """Every way in which a program may show or keep the objects it holds."""
    for one in (clients.sync(), clients.aio(), clients.auth, clients.settings):
        yield repr(one)
        yield str(one)
        yield repr(getattr(one, "__dict__", ""))
        with suppress(TypeError):  # secrets are not pickled
            yield repr(pickle.dumps(one))
    yield repr(clients.auth.describe())
    yield repr(dataclasses.asdict(clients.settings))
    yield repr(copy.deepcopy(clients.settings))
    yield repr(copy.deepcopy(clients.auth))


def _told(error: BaseException) -> Iterator[str]:
    """Every way in which an error may be shown, also by a tool that shows the local variables."""
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    if isinstance(error, AzureAgentsError):
        yield repr(pickle.dumps(error))
        yield repr(pickle.loads(pickle.dumps(error)))  # noqa: S301 - made on the line above
    chain: Any = traceback.TracebackException.from_exception(error, capture_locals=True)
    while chain is not None:
        for frame in chain.stack:
            if any(f"/{package}/" in frame.filename for package in OURS):
                yield f"{frame.name}: {frame.locals}"
        yield "".join(chain.format_exception_only())
        chain = chain.__cause__ or chain.__context__


def _failed(place: str, outcome: str, way: str) -> tuple[Clients, AzureAgentsError]:
    clients = _clients(place, Recorder(OUTCOMES[outcome]))
    with pytest.raises(AzureAgentsError) as caught:
        WAYS[way](clients, HI)
    return clients, caught.value


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_in_no_error_and_no_object(place: str, outcome: str) -> None:
    """Whatever the end, four ways to get there: no text, traceback, repr, copy or pickle has it."""
    seen: list[str] = []
    for way in WAYS:
        clients, error = _failed(place, outcome, way)
        seen += _told(error)
    seen += _shown(clients)
    assert [] == [text for text in seen if CANARY in text]


@pytest.mark.parametrize("written", LEVELS, indirect=True, ids=str)
@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_in_no_log(place: str, written: io.StringIO) -> None:
    """Nor in what an application logs that shows its error and its client."""
    for outcome in OUTCOMES:
        for way in ("sync", "async stream"):
            clients, error = _failed(place, outcome, way)
            logging.getLogger("app").critical("%r failed: %r", clients.sync(), error)
    logging.getLogger("app").critical("with its cause", exc_info=error)
    assert CANARY not in written.getvalue()


@pytest.mark.parametrize("written", LEVELS, indirect=True, ids=str)
def test_a_secret_of_a_good_turn_is_told_to_nobody(written: io.StringIO) -> None:
    """Success logs no more than failure."""
    for place in PLACES.keys() - {"failing credential"}:
        for way, ask in WAYS.items():
            if place.startswith("async") and not way.startswith("async"):
                continue
            with Emulator(strict_auth=False) as foundry:
                foundry.create_agent("my-agent", "Hello")
                clients = _clients(place, _both(foundry), foundry.endpoint)
                assert CANARY not in repr(ask(clients, HI))
                assert CANARY not in repr(foundry.requests)
    assert CANARY not in written.getvalue()


def _both(foundry: Emulator) -> Any:
    """Both transports of an emulator as one object."""

    class Both(httpx.BaseTransport, httpx.AsyncBaseTransport):
        handle_request = staticmethod(foundry.transport.handle_request)
        handle_async_request = staticmethod(foundry.async_transport.handle_async_request)

    return Both()


ENDPOINTS = {
    "password": f"https://user:{CANARY}@r.services.ai.azure.com/api/projects/p",
    "query": f"{ENDPOINT}?api-key={CANARY}",
    "fragment": f"{ENDPOINT}#{CANARY}",
    "the key in its place": CANARY,
    "connection string": f"r.api.azureml.ms;{CANARY};group;project",
    "no URL": f"https://[{CANARY}@x/api/projects/p",
}


@pytest.mark.parametrize("text", ENDPOINTS.values(), ids=ENDPOINTS)
def test_a_secret_in_the_wrong_place_is_not_repeated(text: str) -> None:
    """An endpoint that is refused is shown without what may be secret in it."""
    with pytest.raises(AzureAgentsError) as caught:
        connect(endpoint=text)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


WRONG: dict[str, dict[str, Any]] = {
    "line break in a key": {"api_key": f"{CANARY}\nx"},
    "letter outside ASCII": {"credential": f"{CANARY}ü"},
    "two at once": {"api_key": CANARY, "credential": CANARY},
    "secret without its tenant": {"client_secret": CANARY, "client_id": "c"},
    "bytes": {"api_key": CANARY.encode()},
    "list": {"api_key": [CANARY]},
    "dictionary": {"credential": {"key": CANARY}},
}


@pytest.mark.parametrize("sign_in", WRONG.values(), ids=WRONG)
def test_a_secret_that_is_refused_is_not_repeated(sign_in: dict[str, Any]) -> None:
    """The error names the argument and never its value."""
    with pytest.raises(AzureAgentsError) as caught:
        connect(sign_in=sign_in)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


# --- what is kept --------------------------------------------------------------------------------

FORMS = (
    r"ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.",  # a JWT
    r"(?i)[\"' ]api-key[\"']?: *[\"']?[A-Za-z0-9+/=]{16,}",
    r"(?i)bearer [A-Za-z0-9._~+/=-]{16,}",
    r"[?&]sig=[A-Za-z0-9%]{8,}",
    r"AccountKey=[A-Za-z0-9+/=]{16,}",
    r"emulator-(?:token|key)-[0-9a-f]{8}",
)
KEPT = (
    "cassettes",
    "docs",
    "notebooks",
    "langchain_azure_agents",
    "llamaindex_azure_agents",
    "shared",
)


@pytest.mark.parametrize("form", FORMS)
def test_no_file_holds_a_secret(form: str) -> None:
    """Cassettes, notebooks, pages and code: nothing that has the form of one."""
    import re

    pattern = re.compile(form)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for folder in KEPT
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix in {".yaml", ".md", ".ipynb", ".py", ".json"}
        for match in pattern.finditer(path.read_text("utf-8"))
    ]
    assert [] == found


def test_a_cassette_loses_the_secret_wherever_it_stands() -> None:
    """In a header, in the body of the same request, in an answer that repeats it."""
    from ..cassettes.cassette_file import scrub

    request = {
        "method": "POST",
        "uri": f"{ENDPOINT}/openai/v1/responses?sig={CANARY}",
        "headers": {"Authorization": [f"Bearer {CANARY}"], "api-key": [CANARY]},
        "body": f'{{"azure_ad_token": "{CANARY}", "api_key": "{CANARY}"}}',
    }
    response = {
        "status": {"code": 401, "message": f"bad {CANARY}"},
        "headers": {"www-authenticate": [CANARY], "content-type": ["application/json"]},
        "body": {"string": f'{{"error": {{"message": "wrong key {CANARY}"}}}}'},
    }
    cassette = {"version": 1, "interactions": [{"request": request, "response": response}]}
    assert CANARY not in repr(scrub(cassette, endpoint=ENDPOINT))


def test_lost_answers_name_no_headers() -> None:
    """The network library's own words are bounded and hold no header."""
    with pytest.raises(ConnectionLostError) as caught:
        WAYS["sync"](connect(Recorder(_lost), sign_in={"api_key": CANARY}), HI)
    assert len(str(caught.value)) < 500
