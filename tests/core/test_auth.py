from __future__ import annotations

import asyncio
import base64
import copy
import json
import pickle
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import azure.identity
import httpx
import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError
from pydantic import SecretStr

from azure_agents.auth import FoundryAuth, make_auth
from azure_agents.config import PUBLIC_SCOPE, Endpoint, parse_endpoint
from azure_agents.credentials import Secret
from azure_agents.errors import AzureAgentsError, ConfigError, CredentialError

URL = "https://r.services.ai.azure.com/api/projects/p"
ENDPOINT = parse_endpoint(URL)
CUSTOM = parse_endpoint("https://apim.contoso.com/api/projects/p")
CANARY = "canary-5d1c"
ENV_SECRET = {
    "AZURE_CLIENT_ID": "client",
    "AZURE_CLIENT_SECRET": CANARY,
    "AZURE_TENANT_ID": "tenant",
}
DENIED = {"error": {"code": "PermissionDenied", "message": "lacks the data action"}}


def jwt(**claims: Any) -> str:
    """Make a token that nobody signed."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in ({"alg": ""}, claims)
    ]
    return ".".join([*(part.rstrip("=") for part in parts), CANARY])


class Credential:
    """Gives t1, t2, … with a chosen lifetime."""

    def __init__(self, *lifetimes: float | Exception, delay: float = 0) -> None:
        self.lifetimes = list(lifetimes)
        self.delay = delay
        self.scopes: list[str] = []
        self.threads: set[int] = set()

    def get_token(self, scope: str) -> AccessToken:
        self.scopes.append(scope)
        self.threads.add(threading.get_ident())
        time.sleep(self.delay)
        return self._next()

    def _next(self) -> AccessToken:
        count = len(self.scopes)
        lifetime = self.lifetimes[min(count, len(self.lifetimes)) - 1] if self.lifetimes else 3600
        if isinstance(lifetime, Exception):
            raise lifetime
        return AccessToken(f"t{count}", int(time.time() + lifetime))


class AsyncCredential(Credential):
    async def get_token(self, scope: str) -> AccessToken:  # type: ignore[override]
        self.scopes.append(scope)
        await asyncio.sleep(self.delay)
        return self._next()


class Service:
    """Answers a list of statuses, the last one for ever, and keeps the credentials it was sent."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers) or [(200, {})]
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        names = ("authorization", "api-key")
        self.seen.append("|".join(request.headers[n] for n in names if n in request.headers))
        status, body = self.answers[min(len(self.seen), len(self.answers)) - 1]
        return httpx.Response(status, json=body)

    def call(self, auth: FoundryAuth, url: str = URL) -> int:
        with httpx.Client(transport=httpx.MockTransport(self)) as client:
            return client.post(url, content=b"{}", auth=auth).status_code

    async def acall(self, auth: FoundryAuth, url: str = URL) -> int:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self)) as client:
            return (await client.post(url, content=b"{}", auth=auth)).status_code


def build(env: dict[str, str] | None = None, **given: Any) -> FoundryAuth:
    """Make an auth that sees no variable of this machine."""
    return make_auth(**{"endpoint": ENDPOINT, "env": env or {}, **given})


def sent(auth: FoundryAuth) -> str:
    """Give the credential that a request carries, the same in sync and async unless async only."""
    service = Service()
    asyncio.run(service.acall(auth))
    try:
        service.call(auth)
    except ConfigError:
        return service.seen[0]
    assert service.seen[0] == service.seen[1]
    return service.seen[0]


async def give_token() -> str:
    """Stand for an async token provider."""
    await asyncio.sleep(0)
    return "from-coroutine"


class GivesToken:
    async def __call__(self) -> str:
        return "from-object"


# ---------------------------------------------------------------------------------- the sources

SOURCES: list[tuple[dict[str, Any], str, str]] = [
    ({"credential": Credential()}, "credential", "Bearer t1"),
    ({"credential": AsyncCredential()}, "credential", "Bearer t1"),
    ({"credential": lambda: "from-function"}, "callable", "Bearer from-function"),
    ({"credential": give_token}, "callable", "Bearer from-coroutine"),
    ({"credential": GivesToken()}, "callable", "Bearer from-object"),
    ({"credential": lambda: give_token()}, "callable", "Bearer from-coroutine"),  # noqa: PLW0108
    ({"credential": "opaque"}, "token", "Bearer opaque"),
    ({"credential": f" Bearer {jwt()}\n"}, "token", f"Bearer {jwt()}"),
    ({"credential": SecretStr("opaque")}, "token", "Bearer opaque"),
    ({"credential": AzureKeyCredential("k")}, "api-key", "k"),
    ({"api_key": "k"}, "api-key", "k"),
    ({"api_key": SecretStr("k\n")}, "api-key", "k"),
    ({"env": {"AZURE_AD_TOKEN": "from-env"}}, "token", "Bearer from-env"),
    ({"env": {"AZURE_AI_API_KEY": "k"}}, "api-key", "k"),
    ({"env": {"AZURE_AI_API_KEY": "k", "AZURE_AI_API_BASE": URL}}, "api-key", "k"),
    ({"env": {"AZURE_API_KEY": "k", "AZURE_API_BASE": URL}}, "api-key", "k"),
    ({"env": {"AZURE_AD_TOKEN": "t", "AZURE_AI_API_KEY": "k"}}, "token", "Bearer t"),
    ({"env": {"AZURE_AD_TOKEN": "t"}, "api_key": "k"}, "api-key", "k"),
    ({"env": {"AZURE_AI_API_KEY": "k"}, "credential": "t"}, "token", "Bearer t"),
    ({"env": ENV_SECRET, "credential": "t"}, "token", "Bearer t"),
    ({"endpoint": CUSTOM, "credential": lambda: "t"}, "callable", None),
    ({"endpoint": CUSTOM, "api_key": "k"}, "api-key", None),
]


@pytest.mark.parametrize(("given", "kind", "header"), SOURCES)
def test_every_kind_of_credential(given: dict[str, Any], kind: str, header: str | None) -> None:
    """What was passed wins over the environment; each kind has its header."""
    auth = build(**given)
    assert kind == auth.kind
    if header is not None:
        assert header == sent(auth)


IDENTITY: list[tuple[dict[str, Any], str, str, tuple[Any, ...]]] = [
    ({"env": ENV_SECRET}, "client-secret", "ClientSecretCredential", ("tenant", "client", CANARY)),
    (
        {"env": {**ENV_SECRET, "AZURE_AD_TOKEN": "t", "AZURE_AI_API_KEY": "k"}},
        "client-secret",
        "ClientSecretCredential",
        ("tenant", "client", CANARY),
    ),
    (
        {"client_secret": SecretStr("s"), "client_id": "c", "env": ENV_SECRET},
        "client-secret",
        "ClientSecretCredential",
        ("tenant", "c", "s"),
    ),
    ({}, "default-credential", "DefaultAzureCredential", ()),
    (
        {"env": {"AZURE_API_KEY": "k"}},
        "default-credential",
        "DefaultAzureCredential",
        (),
    ),
    (
        {"env": {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://other.openai.azure.com"}},
        "default-credential",
        "DefaultAzureCredential",
        (),
    ),
    (
        {"env": {"AZURE_AI_API_KEY": "k", "AZURE_AI_API_BASE": "https://["}},
        "default-credential",
        "DefaultAzureCredential",
        (),
    ),
    (
        {"client_id": "c", "env": {"AZURE_AD_TOKEN": "t", "AZURE_AI_API_KEY": "k"}},
        "default-credential",
        "DefaultAzureCredential",
        (("managed_identity_client_id", "c"),),
    ),
    (
        {"env": {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t"}},
        "default-credential",
        "DefaultAzureCredential",
        (),
    ),
]


@pytest.mark.parametrize(("given", "kind", "name", "arguments"), IDENTITY)
def test_azure_identity_is_asked_last_and_late(
    given: dict[str, Any],
    kind: str,
    name: str,
    arguments: tuple[Any, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of azure-identity is made in the constructor, one object at the first token."""
    made: list[tuple[Any, ...]] = []

    def make(*values: Any, **named: Any) -> Credential:
        made.append((*values, *named.items()))
        return Credential()

    monkeypatch.setattr(azure.identity, name, make)
    auth = build(**given)
    assert (kind, []) == (auth.kind, made)
    assert "Bearer t1" == sent(auth)
    assert [arguments] == made


def test_an_explicit_tenant_is_asked_for() -> None:
    """Whoever is signed in to several tenants names the project's."""
    asked: list[dict[str, Any]] = []

    class Tenants(Credential):
        def get_token(self, scope: str, **options: Any) -> AccessToken:
            asked.append(options)
            return super().get_token(scope)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(azure.identity, "DefaultAzureCredential", Tenants)
        sent(build(tenant_id="t"))
    assert [{"tenant_id": "t"}] == asked


def test_a_credential_with_token_info_only() -> None:
    """azure-core knows two protocols; either will do."""

    class Info:
        def get_token_info(self, scope: str) -> AccessToken:
            return AccessToken(f"for {scope}".replace(" ", "-"), int(time.time() + 3600))

    assert f"Bearer for-{PUBLIC_SCOPE}" == sent(build(credential=Info()))


SCOPES: list[tuple[dict[str, Any], str]] = [
    ({}, PUBLIC_SCOPE),
    ({"env": {"AZURE_SCOPE": "https://env/.default"}}, "https://env/.default"),
    (
        {"env": {"AZURE_SCOPE": "https://env/.default"}, "scope": "https://arg/.default"},
        "https://a",
    ),
    ({"endpoint": CUSTOM, "scope": "https://arg/.default"}, "https://arg/.default"),
    ({"endpoint": CUSTOM, "env": {"AZURE_SCOPE": "https://env/.default"}}, "https://env/.default"),
]


@pytest.mark.parametrize(("given", "expected"), SCOPES)
def test_the_scope_of_a_token(given: dict[str, Any], expected: str) -> None:
    """The argument, else the variable, else what the host tells."""
    credential = Credential()
    endpoint = given.get("endpoint", ENDPOINT)
    auth = build(credential=credential, **given)
    Service().call(auth, endpoint.url)
    (asked,) = credential.scopes
    assert asked.startswith(expected)
    assert {"kind": "credential", "scope": asked, "origin": endpoint.origin} == auth.describe()


WARNED = [{"api_key": jwt()}, {"env": {"AZURE_AI_API_KEY": jwt()}}]


@pytest.mark.parametrize("given", WARNED)
def test_a_token_in_the_place_of_a_key_is_used_with_a_warning(given: dict[str, Any]) -> None:
    """It works for an hour, and then nobody would know why it stopped."""
    with pytest.warns(UserWarning, match="expires and cannot be refreshed: pass credential=") as w:
        auth = build(**given)
    assert CANARY not in str(w[0].message)
    assert ("token", f"Bearer {jwt()}") == (auth.kind, sent(auth))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"credential": "t", "api_key": CANARY}, "credential= and api_key= were both passed: pass one"),
    ({"api_key": "k", "client_secret": CANARY}, "api_key= and client_secret= were both passed"),
    ({"credential": 7}, "credential= has the type int, which is unknown: pass credential="),
    ({"api_key": object()}, "api_key= has the type object"),
    ({"api_key": ""}, "api_key is empty: pass credential="),
    ({"credential": "  "}, "credential is empty"),
    ({"api_key": f"{CANARY}\r\nX-Evil: 1"}, "api_key has characters that cannot stand in an HTTP"),
    ({"credential": f"{CANARY}é"}, "credential has characters that cannot"),
    ({"env": {"AZURE_AD_TOKEN": f"{CANARY} x"}}, "AZURE_AD_TOKEN has characters that cannot"),
    ({"credential": Credential}, "credential= is the class Credential: pass an instance"),
    ({"client_secret": CANARY, "client_id": "c"}, "a client secret needs tenant_id= too"),
    ({"client_secret": CANARY}, "a client secret needs tenant_id= and client_id= too"),
    ({"client_secret": ""}, "a client secret needs client_secret= and"),
    ({"endpoint": CUSTOM}, "no scope is known for the host 'apim.contoso.com': pass scope= or set"),
    ({"endpoint": CUSTOM, "credential": Credential()}, "no scope is known for the host"),
    ({"endpoint": CUSTOM, "env": {"AZURE_AD_TOKEN": CANARY}}, "no scope is known for the host"),
    ({"endpoint": CUSTOM, "env": ENV_SECRET}, "no scope is known for the host"),
    (
        {
            "endpoint": Endpoint("http://h/api/projects/p", "http://h", "h", "/", None),
            "api_key": "k",
        },
        "a credential is not sent over plain http to 'http://h': use https://",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED)
def test_unusable_credentials_are_refused_at_once(given: dict[str, Any], sentence: str) -> None:
    """By the constructor, with the way out and without the secret."""
    with pytest.raises(ConfigError) as caught:
        build(**given)
    assert sentence in str(caught.value)
    assert CANARY not in str(caught.value)


# ------------------------------------------------------------------------------- failing to sign


def boom() -> str:
    """Fail as a provider may."""
    raise ValueError("the vault is closed")


FAILING: list[tuple[Any, str]] = [
    (
        Credential(ClientAuthenticationError("AADSTS7000215: Invalid client secret")),
        "(ClientAuthenticationError AADSTS7000215, see the cause)",
    ),
    (Credential(OSError("no route")), "no token could be had (OSError, see the cause)"),
    (boom, "no token could be had (ValueError, see the cause)"),
    (lambda: 7, "the credential callable returned int, not a token as a string"),
    (lambda: "", "the token of the credential callable is empty"),
    (lambda: f"{CANARY}\n x", "has characters that cannot stand in an HTTP header"),
    (type("Odd", (), {"get_token": lambda _, scope: CANARY})(), "get_token returned str, which is"),
]


@pytest.mark.parametrize(("credential", "sentence"), FAILING)
def test_a_failing_credential_is_a_credential_error(credential: Any, sentence: str) -> None:
    """Nothing is sent; the cause is kept; sync and async say the same."""
    service = Service()
    auth = build(credential=credential)
    with pytest.raises(CredentialError) as caught:
        service.call(auth)
    with pytest.raises(CredentialError) as again:
        asyncio.run(service.acall(auth))
    assert str(caught.value) == str(again.value)
    assert sentence in str(caught.value)
    assert [] == service.seen
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_no_credential_at_all_names_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain of azure-identity found nobody: the error lists what can be done."""
    unavailable = azure.identity.CredentialUnavailableError("nobody is signed in")
    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", lambda: Credential(unavailable))
    with pytest.raises(CredentialError) as caught:
        Service().call(build())
    ways = "credential= api_key= AZURE_CLIENT_ID AZURE_CLIENT_SECRET AZURE_TENANT_ID AZURE_AD_TOKEN"
    ways += " AZURE_AI_API_KEY AZURE_API_KEY az managed"
    assert [] == [way for way in ways.split() if way not in str(caught.value)]
    assert caught.value.__cause__ is unavailable


def test_without_azure_identity_the_other_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package may be missing; that is said when a token is needed, not before."""
    auth = build()
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(CredentialError, match="azure-identity is not installed: install it, or"):
        Service().call(auth)


@pytest.mark.parametrize(
    "credential",
    [AsyncCredential(), give_token, GivesToken(), lambda: give_token()],  # noqa: PLW0108
)
def test_an_async_credential_cannot_serve_a_sync_call(credential: Any) -> None:
    """There may be no event loop, so the error names the sync twin; the async call still works."""
    service = Service()
    auth = build(credential=credential)
    with pytest.raises(ConfigError, match=r"async credential cannot serve a sync call: use the"):
        service.call(auth)
    assert 200 == asyncio.run(service.acall(auth))
    assert 1 == len(service.seen)


# ------------------------------------------------------------------------------ keeping a token


def in_sync(service: Service, auth: FoundryAuth) -> int:
    """Make one sync call."""
    return service.call(auth)


def in_async(service: Service, auth: FoundryAuth) -> int:
    """Make one async call, on an event loop of its own."""
    return asyncio.run(service.acall(auth))


WORLDS = [(in_sync, Credential), (in_async, Credential), (in_async, AsyncCredential)]
World = pytest.mark.parametrize(("call", "make"), WORLDS)
Call = Callable[[Service, FoundryAuth], int]


@World
def test_a_token_is_fetched_once(call: Call, make: type[Credential]) -> None:
    """And kept while it has more than five minutes to live."""
    service, auth = Service(), build(credential=make(330))
    assert [200] * 3 == [call(service, auth) for _ in range(3)]
    assert ["Bearer t1"] * 3 == service.seen


@World
def test_a_token_is_renewed_early(call: Call, make: type[Credential]) -> None:
    """With less than five minutes to live, and at once when it is dead."""
    service, auth = Service(), build(credential=make(299, -1, 3600))
    for _ in range(4):
        call(service, auth)
    assert ["Bearer t1", "Bearer t2", "Bearer t3", "Bearer t3"] == service.seen


@World
def test_a_failed_early_renewal_keeps_the_old_token(call: Call, make: type[Credential]) -> None:
    """And leaves the failing provider alone for a while."""
    credential = make(200, OSError("down"), 3600)
    service, auth = Service(), build(credential=credential)
    for _ in range(4):
        call(service, auth)
    assert ["Bearer t1"] * 4 == service.seen
    assert 2 == len(credential.scopes)


@World
def test_an_early_renewal_that_brings_nothing_is_not_repeated(
    call: Call, make: type[Credential]
) -> None:
    """azure-identity may give its own cached token again."""
    credential = make(200)
    auth = build(credential=credential)
    for _ in range(5):
        call(Service(), auth)
    assert 2 == len(credential.scopes)


@World
def test_a_401_renews_exactly_once(call: Call, make: type[Credential]) -> None:
    """The second answer is final, whatever it is."""
    unauthorized = (401, {"statusCode": 401, "message": "expired"})
    cured, hopeless = Service(unauthorized, (200, {})), Service(unauthorized)
    assert 200 == call(cured, build(credential=make()))
    assert 401 == call(hopeless, build(credential=make()))
    assert ["Bearer t1", "Bearer t2"] == cured.seen == hopeless.seen


@World
def test_a_missing_role_is_not_cured_by_a_token(call: Call, make: type[Credential]) -> None:
    """The service answers 401 for it as well."""
    service = Service((401, DENIED))
    assert 401 == call(service, build(credential=make()))
    assert ["Bearer t1"] == service.seen


@pytest.mark.parametrize("given", [{"api_key": "k"}, {"credential": "t"}])
@pytest.mark.parametrize("call", [in_sync, in_async])
def test_what_cannot_be_renewed_is_sent_once(call: Call, given: dict[str, Any]) -> None:
    """A 401 is then the answer."""
    service = Service((401, {}))
    assert 401 == call(service, build(**given))
    assert 1 == len(service.seen)


def test_a_refused_body_is_still_readable_by_the_caller() -> None:
    """The auth reads a streamed 401 to judge it; the driver reads it again for the error."""
    transport = httpx.MockTransport(Service((401, DENIED)))
    with (
        httpx.Client(transport=transport, auth=build(credential=Credential())) as client,
        client.stream("POST", URL) as response,
    ):
        assert DENIED == json.loads(b"".join(response.iter_bytes()))


CALLABLES = [
    (lambda: jwt(exp=time.time() + 3600), 1),
    (lambda: jwt(exp=time.time() - 5), 3),
    (lambda: jwt(exp="soon"), 1),
    (lambda: "opaque", 1),
    (lambda: "eyJ!.x.y", 1),
    (lambda: "eyJh.!!.y", 1),
    (lambda: "eyJh.W10.y", 1),
]


@pytest.mark.parametrize(("give", "expected"), CALLABLES)
def test_the_token_of_a_callable_is_kept_as_long_as_it_says(
    give: Callable[[], str], expected: int
) -> None:
    """A JWT says when it expires; anything else is asked for again after five minutes."""
    calls: list[str] = []

    def provider() -> str:
        calls.append(give())
        return calls[-1]

    auth = build(credential=provider)
    for _ in range(3):
        Service().call(auth)
    assert expected == len(calls)


def test_an_opaque_token_of_a_callable_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes later."""
    tokens: Iterator[str] = iter(["a", "b", "c"])
    service, auth = Service(), build(credential=lambda: next(tokens))
    now = time.time()
    for seconds in (0, 299, 301, 302):
        monkeypatch.setattr(time, "time", lambda at=now + seconds: at)
        service.call(auth)
    assert ["Bearer a", "Bearer a", "Bearer b", "Bearer b"] == service.seen


# --------------------------------------------------------------------- many threads, many loops


def test_threads_share_one_fetch() -> None:
    """Twenty threads that start together wait for one token."""
    credential = Credential(delay=0.05)
    service, auth = Service(), build(credential=credential)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: service.call(auth), range(20)))
    assert (1, {"Bearer t1"}) == (len(credential.scopes), set(service.seen))


@pytest.mark.parametrize("make", [Credential, AsyncCredential])
def test_tasks_share_one_fetch_and_the_loop_goes_on(make: type[Credential]) -> None:
    """A slow provider holds up the calls that need it and nothing else."""
    credential = make(delay=0.1)
    service, auth = Service(), build(credential=credential)

    async def run() -> int:
        calls = asyncio.gather(*(service.acall(auth) for _ in range(20)))
        ticks = 0
        while not calls.done():
            await asyncio.sleep(0.005)
            ticks += 1
        await calls
        return ticks

    assert asyncio.run(run()) > 5
    assert (1, {"Bearer t1"}) == (len(credential.scopes), set(service.seen))
    assert threading.get_ident() not in credential.threads


@pytest.mark.parametrize(("make", "most"), [(Credential, 1), (AsyncCredential, 4)])
def test_loops_in_several_threads_share_a_token(make: type[Credential], most: int) -> None:
    """A sync credential is asked once, an async one at most once per loop."""
    credential = make(delay=0.05)
    service, auth = Service(), build(credential=credential)

    async def several() -> None:
        await asyncio.gather(*(service.acall(auth) for _ in range(5)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: asyncio.run(several()), range(4)))
    assert 1 <= len(credential.scopes) <= most
    assert 20 == len(service.seen)


def test_parallel_401s_share_one_renewal() -> None:
    """Who was refused with an old token takes the new one that somebody else fetched."""
    credential = Credential(delay=0.02)
    auth = build(credential=credential)

    def answer(request: httpx.Request) -> httpx.Response:
        time.sleep(0.05)
        return httpx.Response(401 if request.headers["authorization"] == "Bearer t1" else 200)

    def call(_: int) -> int:
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            return client.post(URL, auth=auth).status_code

    with ThreadPoolExecutor(10) as pool:
        assert [200] * 10 == list(pool.map(call, range(10)))
    assert 2 == len(credential.scopes)


def test_an_early_renewal_holds_nobody_up() -> None:
    """One request renews, the others go on with the old token meanwhile."""
    credential = Credential(200, 3600)
    service, auth = Service(), build(credential=credential)
    service.call(auth)
    credential.delay = 0.2
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: service.call(auth), range(8)))
    assert 2 == len(credential.scopes)
    assert "Bearer t2" == service.seen[-1]
    assert 8 == service.seen.count("Bearer t1")


def test_a_cancelled_fetch_does_not_stop_the_next() -> None:
    """The caller who waited gives up; the one after it gets a token."""
    service, auth = Service(), build(credential=AsyncCredential(delay=0.05))

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(service.acall(auth), 0.01)
        assert 200 == await service.acall(auth)

    asyncio.run(run())
    assert ["Bearer t2"] == service.seen


# ---------------------------------------------------------------------- where the secret may go

ELSEWHERE = [
    "https://evil.com/api/projects/p",
    "http://r.services.ai.azure.com/api/projects/p",
    "https://r.services.ai.azure.com:8443/api/projects/p",
    "https://r.services.ai.azure.com.evil.com/api/projects/p",
    "https://r.services.ai.azure.com./api/projects/p",
    "https://evil.com#@r.services.ai.azure.com/",
    "https://xn--r-fka.services.ai.azure.com/",
    "https://169.254.169.254/",
    "https://[::1]/",
]


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("given", [{"api_key": CANARY}, {"credential": Credential()}])
def test_a_request_to_another_origin_is_refused_unsent(url: str, given: dict[str, Any]) -> None:
    """The credential never leaves the origin it belongs to; no token is even fetched."""
    service, auth = Service(), build(**given)
    for call in (service.call, lambda a, u: asyncio.run(service.acall(a, u))):
        with pytest.raises(ConfigError, match=r"belongs to 'https://r.services.ai.azure.com' and"):
            call(auth, url)
    assert [] == service.seen


SAME = ["https://R.services.AI.azure.com:443/x?y=z", f"{URL}/openai/v1/responses"]


@pytest.mark.parametrize("url", SAME)
def test_the_origin_is_compared_in_its_canonical_form(url: str) -> None:
    """Case and a default port make no other origin."""
    assert 200 == Service().call(build(api_key="k"), url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/api/projects/p", "http://[::1]:9/api/projects/p"]
)
def test_plain_http_on_this_machine_is_fine(url: str) -> None:
    """The emulator is served there."""
    assert 200 == Service().call(build(endpoint=parse_endpoint(url), api_key="k"), url)


def test_plain_http_elsewhere_when_it_was_allowed() -> None:
    """`allow_http` of the endpoint counts."""
    endpoint = parse_endpoint("http://emulator:9/api/projects/p", allow_http=True)
    auth = build(endpoint=endpoint, api_key="k")
    assert 200 == Service().call(auth, endpoint.url)


def secret_holders() -> list[FoundryAuth]:
    """One of each kind, used once where that is possible."""
    auths = [
        build(api_key=CANARY),
        build(credential=CANARY),
        build(credential=SecretStr(CANARY)),
        build(credential=lambda: CANARY),
        build(env=ENV_SECRET),
        build(client_secret=CANARY, client_id="c", tenant_id="t"),
    ]
    for auth in auths[:4]:
        Service().call(auth)
    return auths


@pytest.mark.parametrize("auth", secret_holders(), ids=lambda auth: auth.kind)
def test_no_secret_is_ever_shown_or_dumped(auth: FoundryAuth) -> None:
    """Neither by repr, nor by what a debugger prints of the parts, nor in a pickle."""
    shown = [repr(auth), str(auth), repr(vars(auth)), repr(auth.describe())]
    shown += [repr(vars(auth._tokens)), repr(auth._tokens.source)]
    assert [] == [text for text in shown if CANARY in text]
    with pytest.raises(TypeError, match=r"call make_auth\(\) where the client is rebuilt"):
        pickle.dumps(auth)
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(auth._tokens.source)
    assert auth is copy.copy(auth) is copy.deepcopy(auth)


def test_the_repr_says_what_it_is() -> None:
    """Kind and origin."""
    expected = "FoundryAuth(kind='api-key', origin='https://r.services.ai.azure.com')"
    assert expected == repr(build(api_key=CANARY))


def test_a_secret_keeps_itself() -> None:
    """Shown as dots, and not pickled."""
    assert "Secret(…)" == f"{Secret(CANARY)}"
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(Secret(CANARY))


@pytest.mark.parametrize("call", [in_sync, in_async])
def test_no_secret_in_a_traceback(call: Call) -> None:
    """Errors of ours on the way carry none."""
    service = Service((401, {}))
    auth = build(credential=Credential(3600, ClientAuthenticationError("AADSTS1 gone")))
    with pytest.raises(AzureAgentsError) as caught:
        call(service, auth)
    assert "t1" not in "".join(traceback.format_exception(caught.value)).split()
    assert isinstance(caught.value.__cause__, ClientAuthenticationError)


def test_building_imports_and_fetches_nothing() -> None:
    """A constructor stays quick: azure-identity is loaded with the first token."""
    code = (
        "import sys; from azure_agents.auth import make_auth; "
        "from azure_agents.config import parse_endpoint; "
        f"make_auth(endpoint=parse_endpoint({URL!r}), env={ENV_SECRET!r}); "
        f"make_auth(endpoint=parse_endpoint({URL!r}), env={{}}); "
        "print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msal')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
