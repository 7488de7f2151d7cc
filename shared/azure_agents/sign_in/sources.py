"""The sources of tokens and keys: one small class per kind of credential.

A token is checked when it comes: it must be able to stand in a header, and an error does not repeat
it. Secrets are wrapped in `Secret` as soon as they are read: error trackers print local variables.
"""

from __future__ import annotations

import base64
import binascii
import inspect
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from ..errors import ConfigError, CredentialError, ProtocolError
from ..jsonio import load_object
from ..settings.environment import Secret, hidden

Kind: TypeAlias = Literal[
    "api-key", "token", "callable", "credential", "client-secret", "default-credential"
]

WAYS = (
    "pass credential= (an azure-identity credential, a callable that returns a token, or a token) "
    "or api_key=; or set AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID, or "
    "AZURE_AD_TOKEN, or AZURE_AI_API_KEY (with AZURE_AI_API_BASE if the host is not Microsoft's), "
    "or AZURE_API_KEY with AZURE_API_BASE of the same origin; "
    "or sign in with 'az login', or run where a managed identity is assigned"
)
# Seconds after which a callable is called again whose token does not say how long it lives.
_UNKNOWN_LIFETIME = 300.0
_EARLY = 300.0
_JWT = re.compile(r"ey[\w-]+\.[\w-]+\.[\w-]*")
_BEARER = re.compile(r"\Abearer\s+", re.IGNORECASE)  # copied from a header with the token
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")
_AAD_CODE = re.compile(r"AADSTS\d+")


@dataclass(frozen=True, slots=True)
class Token:
    """A token and when to ask for the next one (Unix time)."""

    value: Secret
    expires_on: float = math.inf
    refresh_on: float = math.inf


class AsyncOnly(Exception):  # noqa: N818 - a signal, not an error
    """Raised by `Source.fetch` when only `Source.afetch` can get the token."""


class Source(Protocol):
    """Gets tokens of one kind."""

    @property
    def kind(self) -> Kind:
        """The kind of credential."""

    @property
    def is_async(self) -> bool:
        """Whether tokens are fetched on the event loop; otherwise they are fetched in a thread."""

    def fetch(self, claims: str | None = None) -> Token:
        """Get a token, blocking; `claims` are the service's conditions for a new one."""

    async def afetch(self, claims: str | None = None) -> Token:
        """Get a token on the event loop, as `fetch` does."""


@dataclass(frozen=True, slots=True)
class FixedSource:
    """A key or token that was passed; it cannot be refreshed."""

    kind: Kind
    token: Token
    is_async: bool = False

    def fetch(self, claims: str | None = None) -> Token:  # noqa: ARG002 - it has no other
        """Give the key or token."""
        return self.token

    async def afetch(self, claims: str | None = None) -> Token:  # noqa: ARG002 - as above
        """Give the key or token."""
        return self.token


@dataclass(slots=True)
class CallableSource:
    """A function that returns a token."""

    call: Callable[[], str | Awaitable[str]] = field(repr=False)
    is_async: bool = False
    kind: Kind = "callable"

    def fetch(self, claims: str | None = None) -> Token:  # noqa: ARG002 - it takes none
        """Call the function."""
        value = _guarded(self.call)
        if inspect.isawaitable(value):
            self.is_async = True  # a lambda around a coroutine function shows itself only now
            _dispose(value)
            raise AsyncOnly
        return _token_of_unknown_age(value)

    async def afetch(self, claims: str | None = None) -> Token:  # noqa: ARG002 - as above
        """Call the function and await its result."""
        value = _guarded(self.call)
        return _token_of_unknown_age(await _settled(value))


@dataclass(slots=True)
class CredentialSource:
    """An azure-identity credential, sync or async; made when the first token is needed.

    Its `ways` are what an error says of other ways to sign in.
    """

    make: Callable[[], Any] = field(repr=False)
    scope: str
    kind: Kind = "credential"
    is_async: bool = False
    tenant_id: str | None = None
    ways: str = field(default=WAYS, repr=False)
    _made: Any = field(default=None, repr=False)

    def fetch(self, claims: str | None = None) -> Token:
        """Call the credential."""
        value = self._get_token(claims)
        if inspect.isawaitable(value):
            self.is_async = True
            _dispose(value)
            raise AsyncOnly
        return _token_of_credential(value)

    async def afetch(self, claims: str | None = None) -> Token:
        """Call the credential and await its result."""
        return _token_of_credential(await _settled(self._get_token(claims), self.ways))

    def _get_token(self, claims: str | None) -> Any:
        if self._made is None:
            self._made = _guarded(self.make, self.ways)
        options: dict[str, Any] = {"tenant_id": self.tenant_id} if self.tenant_id else {}
        if claims is not None:  # a token from the credential's own cache would be refused again
            options |= {"claims": claims, "enable_cae": True}
        get = getattr(self._made, "get_token", None)
        if get is not None:
            return _guarded(lambda: get(self.scope, **options), self.ways)
        # Azure's newer protocol takes the same options in one mapping.
        inform, named = self._made.get_token_info, {"options": options} if options else {}
        return _guarded(lambda: inform(self.scope, **named), self.ways)


def _guarded(call: Callable[[], Any], ways: str = WAYS) -> Any:
    try:
        return hidden(call())
    except (ConfigError, CredentialError):
        raise
    except Exception as exc:
        raise _failed(exc, ways) from exc


async def _settled(value: Any, ways: str = WAYS) -> Any:
    try:
        return hidden(await value) if inspect.isawaitable(value) else value
    except Exception as exc:
        raise _failed(exc, ways) from exc


def _type_of(value: Any) -> str:
    return "str" if isinstance(value, Secret) else type(value).__name__


def _failed(cause: Exception, ways: str) -> CredentialError:
    # The cause's own text stays in the cause: it is long, and may quote what was sent.
    code = _AAD_CODE.search(str(cause))
    why = f"{type(cause).__name__} {code[0]}" if code else type(cause).__name__
    return CredentialError(f"no token could be had ({why}, see the cause): {ways}")


def _dispose(value: Any) -> None:
    if inspect.iscoroutine(value):
        value.close()  # otherwise Python warns that it was never awaited


def _token_of_unknown_age(value: object) -> Token:
    if not isinstance(value, Secret):
        raise CredentialError(
            f"the credential callable returned {type(value).__name__}, not a token as a string"
        )
    secret = checked_secret(value, "the token of the credential callable", CredentialError)
    expires_on = _expiry_of_jwt(secret.reveal())
    if expires_on is None:
        return Token(secret, refresh_on=time.time() + _UNKNOWN_LIFETIME)
    return Token(secret, expires_on, expires_on - _EARLY)


def _token_of_credential(value: Any) -> Token:
    secret = hidden(getattr(value, "token", None))
    expires_on = getattr(value, "expires_on", None)
    if not isinstance(secret, Secret) or not isinstance(expires_on, int | float):
        raise CredentialError(
            f"the credential's get_token returned {_type_of(value)}, which is no access token "
            "(token, expires_on)"
        )
    secret = checked_secret(secret, "the credential's token", CredentialError)
    return Token(secret, float(expires_on), float(expires_on) - _EARLY)


def _expiry_of_jwt(text: str) -> float | None:
    """Read ``exp`` of a JWT; unverified, since it only says when to refresh."""
    if not _JWT.fullmatch(text):
        return None
    payload = text.split(".")[1]
    try:
        claims = load_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, ProtocolError):
        return None
    expires_on = claims.get("exp")
    if isinstance(expires_on, int | float) and 0 < expires_on < 10**12:
        return float(expires_on)
    return None


def checked_secret(
    given: Secret, what: str, error: type[ConfigError | CredentialError] = ConfigError
) -> Secret:
    """Check a secret that is sent in a header; an error does not repeat it.

    Args:
        given: The secret, as the caller or the environment gave it.
        what: Its name, for errors.
        error: Class of the error.
    """
    secret = Secret(_BEARER.sub("", given.reveal().strip()))
    if not secret.reveal():
        raise error(f"{what} is empty: {WAYS}")
    if not _HEADER_VALUE.fullmatch(secret.reveal()):
        raise error(
            f"{what} has characters that cannot stand in an HTTP header (white space, line breaks, "
            "letters outside ASCII): give the bare token or key, without 'Bearer' or a header's "
            "name before it"
        )
    return secret


def looks_like_token(secret: Secret) -> bool:
    """Whether a text has the form of an Entra ID token, and not of a key."""
    return _JWT.fullmatch(secret.reveal()) is not None
