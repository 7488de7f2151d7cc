"""Credentials of every kind become headers, and failures say what to do."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from typing import Any

import azure.identity
import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError
from pydantic import SecretStr

from azure_agents.errors import ConfigError, CredentialError
from azure_agents.settings.endpoint import PUBLIC_SCOPE, Endpoint, parse_endpoint
from azure_agents.sign_in.auth import FoundryAuth
from azure_agents.sign_in.sources import CredentialSource

from .sign_in import (
    CANARY,
    ENDPOINT,
    ENV_SECRET,
    URL,
    AsyncCredential,
    Credential,
    Service,
    build,
    jwt,
)

CUSTOM = parse_endpoint("https://apim.contoso.com/api/projects/p")


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
def test_azure_identity_is_the_last_choice_and_imported_late(
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


def test_tenant_id_is_passed_to_the_default_credential() -> None:
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


def test_a_credential_with_only_get_token_info_works() -> None:
    """azure-core knows two protocols; either will do."""

    class Info:
        def get_token_info(self, scope: str) -> AccessToken:
            return AccessToken(f"for {scope}".replace(" ", "-"), int(time.time() + 3600))

    assert f"Bearer for-{PUBLIC_SCOPE}" == sent(build(credential=Info()))


def test_the_newer_protocol_gets_its_options_in_one_mapping() -> None:
    """Claims that the service asks for, and the tenant."""
    asked: list[dict[str, Any]] = []

    class Info:
        def get_token_info(self, *_: str, options: dict[str, Any]) -> AccessToken:
            asked.append(options)
            return AccessToken("token", int(time.time() + 3600))

    CredentialSource(Info, PUBLIC_SCOPE, "credential", tenant_id="t").fetch("{}")
    assert [{"tenant_id": "t", "claims": "{}", "enable_cae": True}] == asked


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
