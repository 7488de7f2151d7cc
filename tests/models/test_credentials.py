"""Who calls a deployment: what is passed beats the environment, and no key goes to strangers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import azure.identity
import httpx
import pytest

from azure_agents.errors import ConfigError, CredentialError
from azure_agents.models.credentials import sign_in
from azure_agents.models.names import read_model
from azure_agents.models.settings import read_settings
from azure_agents.models.surfaces import read_surface
from azure_agents.sign_in.auth import FoundryAuth

HERE = "https://r.openai.azure.com"
ELSEWHERE = "https://other.openai.azure.com"
GATEWAY = "https://apim.example.net"
TOKEN = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.sig"


def headers_of(
    model: str,
    env: Mapping[str, str] | None = None,
    base: str | None = HERE,
    **given: Any,
) -> dict[str, str]:
    """The credential as it stands on a request."""
    model = read_model(model, base=base)
    surface = read_surface(base, None, model)
    auth = sign_in(model, surface, given, env=env or {})
    request = httpx.Request("POST", f"{surface.url.url}/x")
    signed = next(auth.sync_auth_flow(request))
    names = ("api-key", "x-api-key", "authorization")
    return {name: signed.headers[name] for name in names if name in signed.headers}


KEYS = [
    # in order: with all that stand behind it set as well, each still counts
    ("azure/d", "AZURE_AD_TOKEN", {"authorization": "Bearer the-value"}),
    ("azure/d", "AZURE_API_KEY", {"api-key": "the-value"}),
    ("azure/d", "AZURE_OPENAI_API_KEY", {"api-key": "the-value"}),
    ("azure/d", "AZURE_AI_API_KEY", {"api-key": "the-value"}),
    ("azure_ai/claude-x", "AZURE_AD_TOKEN", {"authorization": "Bearer the-value"}),
    (
        "azure_ai/claude-x",
        "ANTHROPIC_FOUNDRY_API_KEY",
        {"x-api-key": "the-value", "api-key": "the-value"},
    ),
    ("azure_ai/claude-x", "AZURE_API_KEY", {"x-api-key": "the-value", "api-key": "the-value"}),
    ("openai/gpt-4o", "OPENAI_API_KEY", {"authorization": "Bearer the-value"}),
]


@pytest.mark.parametrize(("model", "name", "expected"), KEYS)
def test_a_variable_counts_before_those_behind_it(
    model: str, name: str, expected: dict[str, str]
) -> None:
    """Alone, and with every one that stands behind it in the order set wrongly."""
    base = None if model.startswith("openai/") else HERE
    behind = [n for m, n, _ in KEYS[KEYS.index((model, name, expected)) + 1 :] if m == model]
    assert expected == headers_of(model, {name: "the-value"}, base)
    wrong = dict.fromkeys(behind, "wrong")
    assert expected == headers_of(model, {**wrong, name: "the-value"}, base)


def test_what_is_passed_beats_the_whole_environment() -> None:
    """LiteLLM lets a key of the environment beat a token that was passed."""
    env = {
        "AZURE_AD_TOKEN": "env",
        "AZURE_API_KEY": "env",
        "AZURE_CLIENT_ID": "env",
        "AZURE_CLIENT_SECRET": "env",
        "AZURE_TENANT_ID": "env",
    }
    assert {"api-key": "mine"} == headers_of("azure/d", env, api_key="mine")
    assert {"authorization": "Bearer mine"} == headers_of("azure/d", env, azure_ad_token="mine")
    provider = {"azure_ad_token_provider": lambda: "mine"}
    assert {"authorization": "Bearer mine"} == headers_of("azure/d", env, **provider)


def test_two_passed_ways_are_a_mistake_that_names_both() -> None:
    """Nobody should have to guess which one is sent."""
    with pytest.raises(ConfigError, match="api_key= and azure_ad_token= were both passed"):
        headers_of("azure/d", api_key="a", azure_ad_token="b")


PARTS = [
    ({"client_secret": "s"}, "a client secret needs tenant_id= and client_id= too"),
    ({"client_secret": "", "tenant_id": "t", "client_id": "c"}, "needs client_secret= too"),
    ({"azure_password": "s"}, "a password needs azure_username= and client_id= too"),
]


@pytest.mark.parametrize(("given", "words"), PARTS)
def test_an_identity_that_lacks_a_part_is_a_mistake_that_names_it(
    given: dict[str, str], words: str
) -> None:
    """In the environment such an identity is passed over: others may be complete."""
    with pytest.raises(ConfigError, match=words):
        headers_of("azure/d", **given)
    env = {"AZURE_CLIENT_SECRET": "s", "AZURE_PASSWORD": "p", "AZURE_API_KEY": "k"}
    assert {"api-key": "k"} == headers_of("azure/d", env)


def test_an_error_of_the_sign_in_names_the_keys_that_were_looked_for_and_why_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of Claude its own variable first."""

    def unavailable() -> None:
        raise ValueError("nobody is signed in")

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", unavailable)
    with pytest.raises(CredentialError, match="AZURE_API_KEY, AZURE_OPENAI_API_KEY, AZURE_AI_API"):
        headers_of("azure/d")
    with pytest.raises(CredentialError, match="one of ANTHROPIC_FOUNDRY_API_KEY, AZURE_API_KEY"):
        headers_of("azure_ai/claude-x", base=HERE.replace("openai", "services.ai"))
    with pytest.raises(CredentialError, match="AZURE_API_KEY is set, but AZURE_API_BASE names"):
        headers_of("azure/d", {"AZURE_API_KEY": "k", "AZURE_API_BASE": ELSEWHERE})
    with pytest.raises(CredentialError, match="AZURE_API_KEY is set, but this host is not Micros"):
        headers_of("azure/d", {"AZURE_API_KEY": "k"}, GATEWAY)


HOMES = [
    # the key's variable, the base's variable, where the call goes -> whether the key goes along
    ({"AZURE_API_KEY": "k", "AZURE_API_BASE": f"{HERE}/openai/v1"}, HERE, True),
    ({"AZURE_API_KEY": "k", "AZURE_API_BASE": ELSEWHERE}, HERE, False),
    ({"AZURE_API_KEY": "k"}, "https://r.cognitiveservices.azure.com", True),
    ({"AZURE_API_KEY": "k"}, "https://r.services.ai.azure.com", True),
    ({"AZURE_API_KEY": "k"}, "http://localhost:4000", True),
    ({"AZURE_API_KEY": "k"}, "https://openai.azure.com.example.net", False),
    ({"AZURE_API_KEY": "k"}, GATEWAY, False),
    (
        {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://apim.example.net"},
        "https://apim.example.net",
        True,
    ),
    ({"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": HERE}, HERE, True),
    ({"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": ELSEWHERE}, HERE, False),
]


@pytest.mark.parametrize(("env", "base", "goes"), HOMES)
def test_a_key_of_the_environment_goes_to_its_own_resource_only(
    env: dict[str, str], base: str, goes: bool
) -> None:
    """A foreign key never travels: another way to sign in is looked for."""
    model = read_model("azure/d")
    auth = sign_in(model, read_surface(base, None, model), {}, env=env)
    assert isinstance(auth, FoundryAuth)
    assert goes == (auth.kind == "api-key")


@pytest.mark.parametrize(
    ("base", "value"),
    [
        ("ANTHROPIC_FOUNDRY_RESOURCE", "mine"),
        ("ANTHROPIC_FOUNDRY_BASE_URL", "https://mine.services.ai.azure.com/anthropic"),
    ],
)
def test_a_key_of_claude_belongs_to_the_resource_that_stands_beside_it(
    base: str, value: str
) -> None:
    """By its name or by its URL; another resource gets the next key."""
    env = {"ANTHROPIC_FOUNDRY_API_KEY": "of-mine", "AZURE_API_KEY": "k", base: value}
    for name, expected in (("mine", "of-mine"), ("other", "k")):
        headers = headers_of("azure_ai/claude-x", env, f"https://{name}.services.ai.azure.com")
        assert {"api-key": expected, "x-api-key": expected} == headers


def test_a_deployments_key_that_is_a_token_is_refused() -> None:
    """The service would answer 401; the error names the right argument."""
    with pytest.raises(ConfigError, match="azure_ad_token="):
        headers_of("azure/d", api_key=TOKEN)
    env = {"AZURE_API_KEY": TOKEN, "AZURE_API_TYPE": "azure_ad"}
    assert {"authorization": f"Bearer {TOKEN}"} == headers_of("azure/d", env)


def test_openai_takes_no_token_of_entra() -> None:
    """A token of the environment is Azure's, and never goes to OpenAI."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        headers_of("openai/gpt-4o", {"AZURE_AD_TOKEN": "t", "AZURE_API_KEY": "k"}, None)
    for name in ("azure_ad_token", "client_secret", "azure_password", "credential"):
        with pytest.raises(ConfigError, match=f"{name}= is Entra ID's, and OpenAI takes a key"):
            headers_of("openai/gpt-4o", base=None, **{name: "t"})


SCOPES = [
    (HERE, {}, "https://cognitiveservices.azure.com/.default"),
    ("https://r.openai.azure.us", {}, "https://cognitiveservices.azure.us/.default"),
    ("https://r.services.ai.azure.com/api/projects/p", {}, "https://ai.azure.com/.default"),
    (HERE, {"AZURE_SCOPE": "https://mine/.default"}, "https://mine/.default"),
]


@pytest.mark.parametrize(("base", "env", "expected"), SCOPES)
def test_a_token_is_asked_for_with_the_scope_of_its_place(
    base: str, env: dict[str, str], expected: str
) -> None:
    """The scope follows from the base, unless the environment or the call names one."""
    model = read_model("azure/d")
    auth = sign_in(model, read_surface(base, None, model), {}, env=env)
    assert isinstance(auth, FoundryAuth)
    assert expected == auth.describe()["scope"]


@pytest.mark.parametrize("model", ["azure/d", "azure_ai/claude-x", "openai/gpt-4o"])
@pytest.mark.parametrize("name", ["Authorization", "api-key", "X-API-Key", "Cookie"])
def test_no_credential_goes_by_extra_headers(model: str, name: str) -> None:
    """It would go beside the one that was chosen, and no rule would hold for it."""
    given = {"api_base": HERE.replace("openai", "services.ai"), "extra_headers": {name: "s3cret"}}
    with pytest.raises(ConfigError, match=f"extra_headers cannot set '{name}'") as caught:
        read_settings(model, given, env={})
    assert "s3cret" not in str(caught.value)


def test_a_key_of_api_management_stands_in_for_a_credential() -> None:
    """No credential is invented beside it, and none is missed."""
    model = read_model("azure/d")
    surface = read_surface("https://apim.example.net", None, model)
    auth = sign_in(model, surface, {}, may_lack=True, env={})
    request = httpx.Request("POST", "https://apim.example.net/x")
    assert request is next(auth.sync_auth_flow(request))
    assert set() == {"authorization", "api-key"} & set(request.headers)
    with pytest.raises(ConfigError):
        next(auth.sync_auth_flow(httpx.Request("POST", "https://elsewhere.example/x")))
