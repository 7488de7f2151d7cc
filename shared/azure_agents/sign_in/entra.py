"""Identities of Entra ID that azure-identity makes of settings, for agents and deployments alike.

Each is made when the first token is needed; until then azure-identity is not imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ConfigError, CredentialError
from ..settings.environment import Secret
from .sources import WAYS, CredentialSource


def client_secret(
    secret: Secret | None,
    tenant: str | None,
    client: str | None,
    scope: Callable[[], str],
    *,
    is_passed: bool,
) -> CredentialSource | None:
    """Make the source of a service principal; None where its parts are not all known.

    Args:
        secret: Of the application.
        tenant: Id of the tenant.
        client: Id of the application.
        scope: Gives the scope of its tokens; called only if the source is made.
        is_passed: The secret was passed, so a missing part is a mistake.

    Raises:
        ConfigError: A part is missing.
    """
    parts = {"client_secret": secret, "tenant_id": tenant, "client_id": client}
    if secret is None or not _whole("a client secret", parts, is_passed=is_passed):
        return None
    return CredentialSource(
        lambda: identity().ClientSecretCredential(tenant, client, secret.reveal()),
        scope(),
        "client-secret",
    )


def user_password(
    password: Secret | None,
    user: str | None,
    client: str | None,
    tenant: str | None,
    scope: Callable[[], str],
    *,
    is_passed: bool,
) -> CredentialSource | None:
    """Make the source of a user's name and password; None where its parts are not all known.

    Args:
        password: Of the user.
        user: The user's name.
        client: Id of the application.
        tenant: Id of the tenant; None: the user's own.
        scope: As for `client_secret`.
        is_passed: As for `client_secret`.

    Raises:
        ConfigError: A part is missing.
    """
    parts = {"azure_password": password, "azure_username": user, "client_id": client}
    if password is None or not _whole("a password", parts, is_passed=is_passed):
        return None
    warnings.warn(
        "Microsoft retires the sign-in with a user's name and password: use a client secret, "
        "a managed identity or 'az login'",
        DeprecationWarning,
        stacklevel=2,
    )
    settings = {"tenant_id": tenant} if tenant else {}
    return CredentialSource(
        lambda: identity().UsernamePasswordCredential(client, user, password.reveal(), **settings),
        scope(),
    )


def whoever_runs_this(
    client: str | None, tenant: str | None, scope: str, *, ways: str = WAYS
) -> CredentialSource:
    """Make the source of ``DefaultAzureCredential``.

    Args:
        client: Id of a managed identity.
        tenant: Id of the tenant of its tokens.
        scope: Of its tokens.
        ways: What the error says of other ways to sign in.
    """
    settings = {"managed_identity_client_id": client} if client else {}
    return CredentialSource(
        lambda: identity().DefaultAzureCredential(**settings),
        scope,
        "default-credential",
        tenant_id=tenant,
        ways=ways,
    )


def identity() -> Any:
    """Import ``azure.identity`` and give the module.

    Raises:
        CredentialError: It is not installed.
    """
    try:
        import azure.identity
    except ImportError as exc:
        raise CredentialError(f"azure-identity is not installed: install it, or {WAYS}") from exc
    return azure.identity


def _whole(what: str, parts: Mapping[str, object], *, is_passed: bool) -> bool:
    missing = " and ".join(f"{name}=" for name, part in parts.items() if not part)
    if missing and is_passed:
        raise ConfigError(f"{what} needs {missing} too: {WAYS}")
    return not missing
