"""The choice of a credential: what the caller passed, else what the environment says.

Arguments win over the environment, and two credentials passed at once are an error: nobody should
have to guess which one is sent. In the environment, in this order: a client secret (it can
be refreshed), a token, a key, and last azure-identity's `DefaultAzureCredential`.

A key in the environment often belongs to another resource, and must not be sent to this one:
``AZURE_API_KEY`` is used only if ``AZURE_API_BASE`` has the endpoint's origin, ``AZURE_AI_API_KEY``
if ``AZURE_AI_API_BASE`` has it; if that is not set, it is used at Microsoft's hosts only.

Nothing here touches the network, or imports azure-identity, before the first token is needed.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..errors import ConfigError
from ..settings import environment
from ..settings.endpoint import PUBLIC_SCOPE, Endpoint, origin_of
from ..settings.environment import Secret, hidden, read_env, read_secret
from .entra import client_secret, whoever_runs_this
from .sources import (
    WAYS,
    CallableSource,
    CredentialSource,
    FixedSource,
    Source,
    Token,
    checked_secret,
    looks_like_token,
)


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of the caller that say how to sign in."""

    credential: object = field(default=None, repr=False)
    api_key: object = field(default=None, repr=False)
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: object = field(default=None, repr=False)
    scope: str | None = None


def choose_source(given: Given, endpoint: Endpoint, env: Mapping[str, str]) -> Source:
    """Choose the source of tokens: the caller's, else the environment's.

    Raises:
        ConfigError: An argument is unusable, or two contradict each other.
    """
    names = ("credential", "api_key", "client_secret")
    passed = [name for name in names if getattr(given, name) is not None]
    if len(passed) > 1:
        raise ConfigError(f"{' and '.join(f'{n}=' for n in passed)} were both passed: pass one")
    if given.credential is not None:
        return from_credential(given.credential, lambda: _scope(given, endpoint, env))
    if given.api_key is not None:
        return _from_key(secret_of(given.api_key, "api_key"), "api_key")
    return _from_environment(given, endpoint, env)


def from_credential(
    credential: object, scope: Callable[[], str], name: str = "credential"
) -> Source:
    """Make the source of an azure-identity credential, a callable, or a token.

    Args:
        credential: What the caller passed.
        scope: Gives the scope of its tokens; called only for a credential that needs one.
        name: The argument, for messages.

    Raises:
        ConfigError: It is none of these.
    """
    if isinstance(credential, type):
        given = credential.__name__
        raise ConfigError(f"{name}= is the class {given}: pass an instance, {given}()")
    get = getattr(credential, "get_token", None) or getattr(credential, "get_token_info", None)
    if callable(get):
        is_async = inspect.iscoroutinefunction(get)
        return CredentialSource(lambda: credential, scope(), is_async=is_async)
    if callable(credential):
        call = getattr(credential, "__call__", credential)  # noqa: B004 - the method itself
        is_async = any(map(inspect.iscoroutinefunction, (credential, call)))
        return CallableSource(credential, is_async)
    key = hidden(getattr(credential, "key", None))
    if isinstance(key, Secret):  # azure.core's AzureKeyCredential
        return _from_key(key, name)
    secret = checked_secret(secret_of(credential, name), name)
    return FixedSource("token", Token(secret))


def secret_of(value: object, name: str) -> Secret:
    """Wrap a string, or the text of a pydantic ``SecretStr``, in a `Secret`."""
    if isinstance(value, Secret):
        return value
    reveal = getattr(value, "get_secret_value", None)
    secret = hidden(reveal() if callable(reveal) else value)
    if not isinstance(secret, Secret):
        raise ConfigError(f"{name}= has the type {type(value).__name__}, which is unknown: {WAYS}")
    return secret


def _from_key(given: Secret, name: str) -> Source:
    secret = checked_secret(given, name)
    if not looks_like_token(secret):
        return FixedSource("api-key", Token(secret))
    warnings.warn(
        f"{name} is a token, which expires and cannot be refreshed: pass credential= with an "
        "azure-identity credential instead",
        stacklevel=2,
    )
    return FixedSource("token", Token(secret))


def _from_environment(given: Given, endpoint: Endpoint, env: Mapping[str, str]) -> Source:
    principal = _client_secret(given, endpoint, env)
    if principal is not None:
        return principal
    if not (given.client_id or given.tenant_id):  # a caller who names an identity wants no key
        fixed = _fixed_from_environment(given, endpoint, env)
        if fixed is not None:
            return fixed
    return whoever_runs_this(given.client_id, given.tenant_id, _scope(given, endpoint, env))


def _fixed_from_environment(
    given: Given, endpoint: Endpoint, env: Mapping[str, str]
) -> Source | None:
    token = read_secret(env, environment.ENV_AD_TOKEN)
    if token is not None:
        _scope(given, endpoint, env)  # for an unknown host the caller must name a scope
        return FixedSource("token", Token(checked_secret(token, environment.ENV_AD_TOKEN)))
    key, base = (
        read_secret(env, environment.ENV_AI_API_KEY),
        read_env(env, environment.ENV_AI_API_BASE),
    )
    is_ours = endpoint.scope is not None if base is None else origin_of(base) == endpoint.origin
    if key and is_ours:
        return _from_key(key, environment.ENV_AI_API_KEY)
    key, base = read_secret(env, environment.ENV_API_KEY), read_env(env, environment.ENV_API_BASE)
    if key and base and origin_of(base) == endpoint.origin:
        return _from_key(key, environment.ENV_API_KEY)
    return None


def _scope(given: Given, endpoint: Endpoint, env: Mapping[str, str]) -> str:
    scope = given.scope or read_env(env, environment.ENV_SCOPE) or endpoint.scope
    if scope is None:
        raise ConfigError(
            f"no scope is known for the host {endpoint.host!r}: pass scope= or set "
            f"{environment.ENV_SCOPE} (the public cloud's is {PUBLIC_SCOPE!r}) if a token may be "
            f"sent there; or pass api_key=, or set {environment.ENV_AI_API_KEY} and "
            f"{environment.ENV_AI_API_BASE}"
        )
    return scope


def _client_secret(given: Given, endpoint: Endpoint, env: Mapping[str, str]) -> Source | None:
    is_passed = given.client_secret is not None
    return client_secret(
        secret_of(given.client_secret, "client_secret")
        if is_passed
        else read_secret(env, environment.ENV_CLIENT_SECRET),
        given.tenant_id or read_env(env, environment.ENV_TENANT_ID),
        given.client_id or read_env(env, environment.ENV_CLIENT_ID),
        lambda: _scope(given, endpoint, env),
        is_passed=is_passed,
    )
