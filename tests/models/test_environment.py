"""Every variable of the environment: alone it is enough, and it counts before those behind it.

A variable behind it is set wrongly: to what would fail, or go elsewhere, if it were looked at.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import azure.identity
import httpx
import pytest

from azure_agents import acompletion, completion
from azure_agents.errors import ConfigError
from azure_agents.settings import environment

from .claude import message, text
from .test_chat import ANSWER

BASE = "https://mine.openai.azure.com"
FOUNDRY = "https://mine.services.ai.azure.com"
PROJECT = f"{FOUNDRY}/api/projects/p"
DATED = "2024-10-21"
WRONG_BASE, WRONG_VERSION, WRONG_KEY = "no url at all", "yesterday", "wrong"
VARIABLES = {value for name, value in vars(environment).items() if name.startswith("ENV_")}
OF_AGENTS = {"AZURE_AI_PROJECT_ENDPOINT", "AZURE_AI_AGENT", "AZURE_AGENTS_ANCHOR_KEY"}
HELLO = [{"role": "user", "content": "Hello"}]


class Credential:
    """What azure-identity makes; its token says of whom it is."""

    def __init__(self, kind: str, *parts: str, **named: str) -> None:
        self.kind = " ".join([kind, *parts, *named.values()])
        self.scopes: list[str] = []

    def get_token(self, scope: str, **_: Any) -> Any:
        """A token that ends tomorrow."""
        self.scopes.append(scope)
        word = f"{self.kind}@{scope}".replace(" ", "-")
        return type("AccessToken", (), {"token": word, "expires_on": 4e9})()


@pytest.fixture(autouse=True)
def identities(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable is set, and azure-identity asks nobody."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for kind, cls in (
        ("default", "DefaultAzureCredential"),
        ("principal", "ClientSecretCredential"),
        ("user", "UsernamePasswordCredential"),
    ):
        made = lambda *parts, kind=kind, **named: Credential(kind, *parts, **named)  # noqa: E731
        monkeypatch.setattr(azure.identity, cls, made)


def asked(model: str, env: Mapping[str, str], way: str = "sync", **given: Any) -> httpx.Request:
    """The request of a call with these variables and arguments."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        is_claude = request.url.path.endswith("/messages")
        return httpx.Response(200, json=message(text("Hi")) if is_claude else ANSWER)

    network = {"transport": httpx.MockTransport(answer), "async_transport": None}
    if way == "async":
        network = {"async_transport": httpx.MockTransport(answer)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        if way == "sync":
            completion(model, HELLO, **network, **given)
        else:
            asyncio.run(acompletion(model, HELLO, **network, **given))  # type: ignore[arg-type]
    (request,) = requests
    return request


def credential_of(request: httpx.Request) -> str:
    """The credential as it stands on a request."""
    names = ("authorization", "x-api-key", "api-key")
    return next(request.headers[name] for name in names if name in request.headers)


# The model, the variables in the order in which they are read, and what a right one holds.
BASES: list[tuple[str, list[str], str]] = [
    ("azure/d", ["AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT", "AZURE_AI_API_BASE"], BASE),
    ("azure_ai/grok", ["AZURE_AI_API_BASE", "AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"], FOUNDRY),
    (
        "azure_ai/claude-x",
        [
            *("ANTHROPIC_FOUNDRY_BASE_URL", "ANTHROPIC_FOUNDRY_RESOURCE"),
            *("AZURE_AI_API_BASE", "AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"),
        ],
        f"{FOUNDRY}/anthropic",
    ),
    ("openai/gpt-4o", ["OPENAI_BASE_URL"], "https://proxy.example/v1"),
]
KEYS: list[tuple[str, list[str], str]] = [
    ("azure/d", ["AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AI_API_KEY"], BASE),
    ("azure_ai/grok", ["AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AI_API_KEY"], FOUNDRY),
    (
        "azure_ai/claude-x",
        [
            *("ANTHROPIC_FOUNDRY_API_KEY", "AZURE_API_KEY"),
            *("AZURE_OPENAI_API_KEY", "AZURE_AI_API_KEY"),
        ],
        FOUNDRY,
    ),
    ("openai/gpt-4o", ["OPENAI_API_KEY"], "https://proxy.example/v1"),
]
VERSIONS = ["AZURE_API_VERSION", "OPENAI_API_VERSION"]
PRINCIPAL = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
USER = {"AZURE_CLIENT_ID": "c", "AZURE_USERNAME": "u", "AZURE_PASSWORD": "p"}
SCOPE = "https://cognitiveservices.azure.com/.default"
# In this order; the first one is complete only with its other parts.
SIGN_INS: list[tuple[dict[str, str], str]] = [
    (PRINCIPAL, f"Bearer principal-t-c-s@{SCOPE}"),
    (USER, f"Bearer user-c-u-p@{SCOPE}"),
    ({"AZURE_AD_TOKEN": "a-token"}, "Bearer a-token"),
    ({"AZURE_API_KEY": "a-key"}, "a-key"),
    ({}, f"Bearer default@{SCOPE}"),
]
ROWS_OF_BASES = [(model, order, name, base) for model, order, base in BASES for name in order]
ROWS_OF_KEYS = [(model, order, name, base) for model, order, base in KEYS for name in order]
WAYS = ("sync", "async")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "order", "name", "base"), ROWS_OF_BASES)
def test_a_base(model: str, order: list[str], name: str, base: str, way: str) -> None:
    """Where the call goes; a key is passed."""
    value = "mine" if name == "ANTHROPIC_FOUNDRY_RESOURCE" else base
    behind = dict.fromkeys(order[order.index(name) + 1 :], WRONG_BASE)
    for env in ({name: value}, {**behind, name: value}):
        url = str(asked(model, env, way, api_key="k").url)
        assert url.startswith(base), env
    before = order[: order.index(name)]
    for one in before:
        with pytest.raises(ConfigError, match=re.escape(one)):
            asked(model, {one: WRONG_BASE, name: value}, way, api_key="k")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "order", "name", "base"), ROWS_OF_KEYS)
def test_a_key(model: str, order: list[str], name: str, base: str, way: str) -> None:
    """Who calls; a base is passed."""
    behind = dict.fromkeys(order[order.index(name) + 1 :], WRONG_KEY)
    expected = "Bearer a-key" if model.startswith("openai") else "a-key"
    for env in ({name: "a-key"}, {**behind, name: "a-key"}):
        assert expected == credential_of(asked(model, env, way, api_base=base)), env


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VERSIONS)
def test_a_version(name: str, way: str) -> None:
    """Which surface; it counts for Azure OpenAI only."""
    behind = dict.fromkeys(VERSIONS[VERSIONS.index(name) + 1 :], WRONG_VERSION)
    for env in ({name: DATED}, {**behind, name: DATED}):
        assert DATED == asked("azure/d", env, way, api_base=BASE, api_key="k").url.params.get(
            "api-version"
        )
    with pytest.raises(ConfigError, match=f"^{name}='yesterday' is malformed"):
        asked("azure/d", {name: WRONG_VERSION}, way, api_base=BASE, api_key="k")
    others = {"azure_ai/claude-x": FOUNDRY, "openai/gpt-4o": "https://proxy.example/v1"}
    for model, base in others.items():
        request = asked(model, {name: WRONG_VERSION}, way, api_base=base, api_key="k")
        assert "" == request.url.query.decode()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", ["azure/d", "azure_ai/grok", "azure_ai/claude-x"])
@pytest.mark.parametrize("at", range(len(SIGN_INS)))
@pytest.mark.filterwarnings("ignore:Microsoft retires:DeprecationWarning")
def test_a_way_to_sign_in(model: str, at: int, way: str) -> None:
    """Alone, and with every one that stands behind it set wrongly."""
    own, expected = SIGN_INS[at]
    wrong = {name: "wrong" for env, _ in SIGN_INS[at + 1 :] for name in env}
    for env in (own, {**wrong, **own}):
        assert expected == credential_of(asked(model, env, way, api_base=FOUNDRY)), env


@pytest.mark.parametrize("missing", sorted({*PRINCIPAL, *USER} - {"AZURE_TENANT_ID"}))
def test_a_part_that_is_missing_leaves_its_way_out(missing: str) -> None:
    """The next one counts: half of a principal is none."""
    whole = USER if missing in ("AZURE_USERNAME", "AZURE_PASSWORD") else PRINCIPAL
    env = {name: value for name, value in whole.items() if name != missing}
    request = asked("azure/d", {**env, "AZURE_API_KEY": "a-key"}, api_base=BASE)
    assert "a-key" == credential_of(request)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("base", [BASE, PROJECT])
def test_the_scope(base: str, way: str) -> None:
    """It replaces the one of the place, and an argument replaces it."""
    env = {**PRINCIPAL, "AZURE_SCOPE": "https://mine/.default"}
    assert credential_of(asked("azure/d", env, way, api_base=base)).endswith(
        "@https://mine/.default"
    )
    given = {"api_base": base, "azure_scope": "https://other/.default"}
    assert credential_of(asked("azure/d", env, way, **given)).endswith("@https://other/.default")


@pytest.mark.parametrize("kind", ["azure_ad", "AZURE_AD", "azuread"])
def test_the_type_says_that_the_key_is_a_token(kind: str) -> None:
    """As older code has it; without the type such a key is refused, and others mean nothing."""
    token = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.c2ln"
    env = {"AZURE_API_KEY": token, "AZURE_API_TYPE": kind}
    assert f"Bearer {token}" == credential_of(asked("azure/d", env, api_base=BASE))
    for other in ("azure", ""):
        with pytest.raises(ConfigError, match="AZURE_API_KEY holds a token of Entra ID"):
            asked("azure/d", {**env, "AZURE_API_TYPE": other}, api_base=BASE)


GIVEN: list[tuple[dict[str, Any], str]] = [
    ({"api_key": "mine"}, "mine"),
    ({"azure_ad_token": "mine"}, "Bearer mine"),
    ({"azure_ad_token_provider": lambda: "mine"}, "Bearer mine"),
    ({"credential": Credential("given")}, f"Bearer given@{SCOPE}"),
    (
        {"client_secret": "S", "client_id": "C", "tenant_id": "T"},
        f"Bearer principal-T-C-S@{SCOPE}",
    ),
    (
        {"azure_password": "P", "azure_username": "U", "client_id": "C", "tenant_id": "T"},
        f"Bearer user-C-U-P-T@{SCOPE}",
    ),
    ({"client_id": "C"}, f"Bearer principal-wrong-C-wrong@{SCOPE}"),
]
BAD = {**dict.fromkeys(VARIABLES - OF_AGENTS, "wrong"), "AZURE_SCOPE": ""}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("base", ["api_base", "base_url", "endpoint"])
@pytest.mark.parametrize(("given", "expected"), GIVEN, ids=lambda each: str(each)[:20])
@pytest.mark.filterwarnings("ignore:Microsoft retires:DeprecationWarning")
def test_what_is_passed_beats_everything_in_the_environment(
    given: dict[str, Any], expected: str, base: str, way: str
) -> None:
    """With every variable set wrongly at once."""
    request = asked("azure/d", BAD, way, api_version=DATED, **{base: BASE}, **given)
    assert expected == credential_of(request)
    path = f"/openai/deployments/d/chat/completions?api-version={DATED}"
    assert f"{BASE}{path}" == str(request.url)


SECRETS = ("api_key", "azure_ad_token", "client_secret", "azure_password", "credential")


@pytest.mark.parametrize("model", ["azure/d", "azure_ai/claude-x", "openai/gpt-4o"])
def test_two_ways_that_were_passed_are_an_error_that_names_both(model: str) -> None:
    """Every pair, whatever the environment says; neither value is repeated."""
    for one, two in combinations(SECRETS, 2):
        given = {one: "s3cret", two: "s3cret2"}
        with pytest.raises(ConfigError) as caught:
            asked(model, BAD, api_base=FOUNDRY, api_version="v1", **given)
        assert {one, two} == {name for name in SECRETS if f"{name}=" in str(caught.value)}
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("one", "two"), list(combinations(("api_base", "base_url", "endpoint"), 2))
)
def test_two_bases_that_were_passed_are_an_error_that_names_both(one: str, two: str) -> None:
    """The same base twice is no contradiction."""
    with pytest.raises(ConfigError, match=f"{one}= and {two}= are the same and differ"):
        asked("azure/d", {}, **{one: BASE, two: FOUNDRY})
    assert asked("azure/d", {}, api_key="k", **{one: BASE, two: BASE}).url.host == BASE[8:]


@pytest.mark.parametrize(("model", "order"), [row[:2] for row in BASES if row[0][:6] != "openai"])
def test_without_a_base_the_error_names_every_variable(model: str, order: list[str]) -> None:
    """In the order in which they are read."""
    with pytest.raises(ConfigError, match=f"pass api_base=, or set {' or '.join(order)}"):
        asked(model, {}, api_key="k")


def test_every_variable_has_its_row() -> None:
    """All that the package reads but those of agents."""
    rows = {name for _, order, _ in [*BASES, *KEYS] for name in order} | {*VERSIONS}
    rows |= {name for env, _ in SIGN_INS for name in env} | {"AZURE_SCOPE", "AZURE_API_TYPE"}
    assert sorted(VARIABLES - OF_AGENTS) == sorted(rows)
