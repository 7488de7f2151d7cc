"""Who calls a deployment: what was passed, else what the environment says.

What was passed beats everything in the environment, and two ways that were passed are a mistake.
In the environment the order is that of agents: a client secret, a user's name and password, a
token, a key, and last azure-identity's ``DefaultAzureCredential``.

A key must not travel to a stranger. It is used at the origin of the base that its own variable
pair names, and, where that pair names no base, at Microsoft's hosts and on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..naming import shown
from ..settings import environment as names
from ..settings.endpoint import PUBLIC_SCOPE, origin_of
from ..settings.environment import Environment, Secret, base_in, hidden, read_env, read_secret
from ..settings.urls import Url
from ..sign_in.auth import FoundryAuth
from ..sign_in.credentials import from_credential, secret_of
from ..sign_in.entra import client_secret, user_password, whoever_runs_this
from ..sign_in.no_credential import NoCredential
from ..sign_in.sources import (
    FixedSource,
    Source,
    Token,
    checked_secret,
    looks_like_token,
)
from .hosts import is_microsoft
from .names import ModelName
from .surfaces import Surface

DEPLOYMENT_SCOPE = "https://cognitiveservices.azure.com/.default"
# The public cloud is documented; the others are guesses by analogy.
SCOPES = {
    "azure.com": DEPLOYMENT_SCOPE,
    "azure.us": "https://cognitiveservices.azure.us/.default",
    "azure.cn": "https://cognitiveservices.azure.cn/.default",
}
KEY_HEADERS = {
    "azure": ("api-key",),
    # As Anthropic's SDK sends it: ``api-key`` alone was answered 401.
    "anthropic": ("x-api-key", "api-key"),
    "openai": ("Authorization",),
}
# A key's variable, and those of the bases that it belongs to, in the order in which they are read.
_AZURE_KEYS = (
    (names.ENV_API_KEY, (names.ENV_API_BASE,)),
    (names.ENV_OPENAI_API_KEY, (names.ENV_OPENAI_ENDPOINT,)),
    (names.ENV_AI_API_KEY, (names.ENV_AI_API_BASE,)),
)
_FOUNDRY_KEY = (names.ENV_FOUNDRY_KEY, (names.ENV_FOUNDRY_BASE, names.ENV_FOUNDRY_RESOURCE))
_KEYS = {"azure": _AZURE_KEYS, "anthropic": (_FOUNDRY_KEY, *_AZURE_KEYS)}
_WAYS = (
    "pass api_key=, credential= (an azure-identity credential), azure_ad_token= or "
    "azure_ad_token_provider=; or set AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID, "
    "or AZURE_USERNAME, AZURE_PASSWORD and AZURE_CLIENT_ID, or AZURE_AD_TOKEN, or one of {keys}; "
    "or sign in with 'az login', or run where a managed identity is assigned"
)
_PASSED = (
    "api_key",
    "azure_ad_token",
    "azure_ad_token_provider",
    "credential",
    "client_secret",
    "azure_password",
)


def sign_in(
    model: ModelName,
    surface: Surface,
    given: Mapping[str, Any],
    *,
    may_lack: bool = False,
    env: Mapping[str, str] | None = None,
) -> FoundryAuth | NoCredential:
    """Choose the credential of a deployment; nothing is fetched.

    Args:
        model: What answers.
        surface: Where; the only place that the credential goes to.
        given: What the caller passed: ``api_key``, ``azure_ad_token``,
            ``azure_ad_token_provider``, ``credential``, ``tenant_id``, ``client_id``,
            ``client_secret``, ``azure_username``, ``azure_password``, ``azure_scope``.
        may_lack: A key of API Management stands in for a credential: then none is invented.
        env: Instead of ``os.environ``.

    Raises:
        ConfigError: Two ways were passed, one is unusable, or there is none.
    """
    given = {name: hidden(value) for name, value in given.items() if value is not None}
    passed = [name for name in _PASSED if name in given]
    if len(passed) > 1:
        raise ConfigError(f"{' and '.join(f'{n}=' for n in passed)} were both passed: pass one")
    choose = _Choice(model, surface.url, given, Environment(os.environ if env is None else env))
    source = choose.passed(passed[0]) if passed else choose.from_environment(may_lack=may_lack)
    if source is None:
        return NoCredential(surface.url.origin)
    return FoundryAuth(source, surface.url, key_headers=KEY_HEADERS[model.provider])


class _Choice:
    """One choice of a credential."""

    def __init__(
        self, model: ModelName, url: Url, given: Mapping[str, Any], env: Mapping[str, str]
    ) -> None:
        self._model, self._url, self._given, self._env = model, url, given, env

    def passed(self, name: str) -> Source | None:
        """The source of what was passed under this name."""
        value = self._given[name]
        if self._model.provider == "openai" and name != "api_key":
            raise ConfigError(f"{name}= is Entra ID's, and OpenAI takes a key: pass api_key=")
        if name == "client_secret":
            return self._client_secret(secret_of(value, name))
        if name == "azure_password":
            return self._password(secret_of(value, name))
        if name == "api_key":
            return self._key(secret_of(value, name), name)
        return from_credential(value, self._scope, name)

    def from_environment(self, *, may_lack: bool) -> Source | None:
        """The source that the environment names; None where none is needed."""
        if self._model.provider == "openai":
            return self._openai_key(may_lack=may_lack)
        principal = self._client_secret(None) or self._password(None)
        if principal is not None:
            return principal
        names_one = {"client_id", "tenant_id"} & set(self._given)  # which rules these out
        fixed = None if names_one else self._fixed()
        if fixed is not None or may_lack:
            return fixed
        client, tenant = _text(self._given.get("client_id")), _text(self._given.get("tenant_id"))
        return whoever_runs_this(client, tenant, self._scope(), ways=self._ways())

    def _ways(self) -> str:
        keys = _KEYS[self._model.provider]
        left = [
            f"{name} is set, but {' and '.join(bases)} names another origin"
            if any(read_env(self._env, base) for base in bases)
            else f"{name} is set, but this host is not Microsoft's, and {bases[0]} is not set"
            for name, bases in keys
            if read_secret(self._env, name)
        ]
        unused = f"; {'; '.join(left)}" if left else ""
        return f"{_WAYS.format(keys=', '.join(name for name, _ in keys))}{unused}"

    def _fixed(self) -> Source | None:
        token = read_secret(self._env, names.ENV_AD_TOKEN)
        if token is not None:
            return FixedSource("token", Token(checked_secret(token, names.ENV_AD_TOKEN)))
        for name, bases in _KEYS[self._model.provider]:
            key = read_secret(self._env, name)
            if key is not None and self._is_at_home(bases):
                return self._key(key, name)
        return None

    def _is_at_home(self, bases: tuple[str, ...]) -> bool:
        """Whether a key of the environment may go to this origin."""
        named = [base_in(name, base) for name in bases if (base := read_env(self._env, name))]
        if named:
            return self._url.origin in map(origin_of, named)
        return self._url.is_loopback or is_microsoft(self._url.host)

    def _key(self, given: Secret, name: str) -> Source:
        secret = checked_secret(given, name)
        if not looks_like_token(secret):
            return FixedSource("api-key", Token(secret))
        if (read_env(self._env, names.ENV_API_TYPE) or "").lower() in {"azure_ad", "azuread"}:
            return FixedSource("token", Token(secret))
        raise ConfigError(
            f"{name} holds a token of Entra ID, not the key of a resource: pass it as "
            "azure_ad_token=, or set AZURE_AD_TOKEN"
        )

    def _openai_key(self, *, may_lack: bool) -> Source | None:
        key = read_secret(self._env, names.ENV_OPENAI_KEY)
        if key is None and may_lack:
            return None
        if key is None:
            raise ConfigError("no key of OpenAI: pass api_key=, or set OPENAI_API_KEY")
        return FixedSource("api-key", Token(checked_secret(key, names.ENV_OPENAI_KEY)))

    def _client_secret(self, passed: Secret | None) -> Source | None:
        return client_secret(
            read_secret(self._env, names.ENV_CLIENT_SECRET) if passed is None else passed,
            self._named("tenant_id"),
            self._named("client_id"),
            self._scope,
            is_passed=passed is not None,
        )

    def _password(self, passed: Secret | None) -> Source | None:
        return user_password(
            read_secret(self._env, names.ENV_PASSWORD) if passed is None else passed,
            self._named("azure_username"),
            self._named("client_id"),
            self._named("tenant_id"),
            self._scope,
            is_passed=passed is not None,
        )

    def _named(self, name: str) -> str | None:
        """An argument that is no secret, else its variable."""
        given = _text(self._given.get(name))
        return given or read_env(self._env, _VARIABLES[name])

    def _scope(self) -> str:
        given = _text(self._given.get("azure_scope")) or read_env(self._env, names.ENV_SCOPE)
        if given:
            return given
        if "/api/projects/" in f"{self._url.path}/" or self._url.path.endswith("/api/projects"):
            return PUBLIC_SCOPE
        for cloud, scope in SCOPES.items():
            if self._url.host.endswith(f".{cloud}"):
                return scope
        return DEPLOYMENT_SCOPE


_VARIABLES = {
    "tenant_id": names.ENV_TENANT_ID,
    "client_id": names.ENV_CLIENT_ID,
    "azure_username": names.ENV_USERNAME,
}


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, str):
        return value
    raise ConfigError(f"a setting of the sign-in must be a string, got {shown(value)}")
