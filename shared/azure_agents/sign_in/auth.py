"""`FoundryAuth` puts credentials on requests; nothing else does.

A credential is bound to the origin of one endpoint. A request to another origin is refused before
it is sent, so neither a redirect nor a mistake can carry the credential away.

Tokens are kept until five minutes before they expire. From then on one request at a time fetches
the next token while the others use the old one; if the fetch fails, that request uses the old one
too. Without a usable token one fetch serves all requests that wait. After a 401 a new token is
fetched exactly once, unless the answer says that a role is missing: a new token would not help.

One object serves any number of threads and event loops. A sync credential is called in a thread
under a lock, so the event loop never waits for it; an async credential is called on the loop that
needs it, once per loop.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import threading
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import httpx

from ..drivers.loops import PerLoop
from ..errors import ConfigError, CredentialError, PermissionDeniedError
from ..jsonio import JSON
from ..service_errors.envelopes import error_from_reply
from ..settings.endpoint import Endpoint
from ..settings.environment import Environment, hidden
from .claims import claims_of
from .credentials import Given, choose_source
from .sources import AsyncOnly, FixedSource, Kind, Source, Token

_CLAIMS = re.compile(r'claims="([A-Za-z0-9+/_=-]{1,8192})"')
# Seconds until the next early refresh, after one that brought no newer token.
_CALM = 30.0


def make_auth(
    *,
    credential: object = None,
    api_key: object = None,
    endpoint: Endpoint,
    scope: str | None = None,
    tenant_id: str | None = None,
    client_id: str | None = None,
    client_secret: object = None,
    env: Mapping[str, str] | None = None,
) -> FoundryAuth:
    """Choose the credential of a client. Nothing is fetched and azure-identity is not imported.

    Args:
        credential: An azure-identity credential (sync or async), a callable that returns a token
            (sync or async), or a token.
        api_key: A key, sent as ``api-key``; a token in its place is sent as a token.
        endpoint: The only place the credential is sent to.
        scope: The scope of tokens; else ``AZURE_SCOPE``, else the one of the host.
        tenant_id: Of a client secret, or of the user who is signed in.
        client_id: Of a client secret, or of a managed identity.
        client_secret: A string or pydantic ``SecretStr``, as `api_key` and `credential` may be.
        env: Instead of ``os.environ``.

    Raises:
        ConfigError: The arguments contradict each other, or no scope is known for the host.
    """
    # From here on no tool that prints local variables can show them.
    credential, api_key, client_secret = map(hidden, (credential, api_key, client_secret))
    given = Given(credential, api_key, tenant_id, client_id, client_secret, scope)
    variables = Environment(os.environ if env is None else env)
    return FoundryAuth(choose_source(given, endpoint, variables), endpoint)


class TokenCache:
    """The current token of one source; shared by threads and event loops."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._token: Token | None = None
        self._calm_until = 0.0
        self._lock = threading.Lock()
        self._loop_locks: PerLoop[asyncio.Lock] = PerLoop()

    def get(self, rejected: Token | None = None, claims: str | None = None) -> Token:
        """Give a token that is not `rejected`, fetching one (with `claims`) if need be."""
        token, is_due = self._look(rejected)
        if token is not None:
            renew = is_due and self._lock.acquire(blocking=False)
            return self._renew(token, rejected) if renew else token
        with self._lock:
            # Another thread may have fetched one while this one waited for the lock.
            token, _ = self._look(rejected)
            return self._keep(self.source.fetch(claims)) if token is None else token

    async def aget(self, rejected: Token | None = None, claims: str | None = None) -> Token:
        """Do as `get` does, without blocking the event loop."""
        before, is_due = self._look(rejected)
        if before is not None and not is_due:
            return before
        lock = self._loop_lock()
        if before is not None and lock.locked():
            return before
        async with lock:
            token, is_due = self._look(rejected)
            if token is not None and (before is None or not is_due):
                return token
            if not self.source.is_async:
                try:
                    return await asyncio.to_thread(self.get, rejected, claims)
                except AsyncOnly:
                    pass  # the source has just turned out to be async
            return await self._afetch(token, claims)

    def _look(self, rejected: Token | None) -> tuple[Token | None, bool]:
        """Give the token if it is usable, and whether the next one is due."""
        token, now = self._token, time.time()
        if token is None or token is rejected or token.expires_on <= now:
            return None, True
        return token, max(token.refresh_on, self._calm_until) <= now

    def _renew(self, old: Token, rejected: Token | None) -> Token:
        """Fetch the next token early; the caller holds the lock, which is released here."""
        try:
            token, is_due = self._look(rejected)
            if token is not None and not is_due:
                return token
            return self._keep(self.source.fetch(), early=True)
        except CredentialError:
            return self._stay(old)
        finally:
            self._lock.release()

    async def _afetch(self, old: Token | None, claims: str | None) -> Token:
        try:
            return self._keep(await self.source.afetch(claims), early=old is not None)
        except CredentialError:
            if old is None:
                raise
            return self._stay(old)

    def _keep(self, token: Token, *, early: bool = False) -> Token:
        self._token = token
        if early and token.refresh_on <= time.time():
            self._stay(token)  # the old one again, or one that expires as soon
        return token

    def _stay(self, token: Token) -> Token:
        self._calm_until = time.time() + _CALM
        return token

    def _loop_lock(self) -> asyncio.Lock:
        return self._loop_locks.find() or self._loop_locks.put(asyncio.Lock())


class Destination(Protocol):
    """Where a credential is sent: a project's endpoint, or the base URL of a resource."""

    @property
    def url(self) -> str:
        """The whole URL."""

    @property
    def origin(self) -> str:
        """Its origin, ``https://host[:port]``."""

    @property
    def host(self) -> str:
        """Its host."""

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""

    @property
    def allow_http(self) -> bool:
        """Whether plain http was allowed for another machine."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The headers of a credential, for a client that is not httpx.

    Attributes:
        headers: Secret.
        token: What they are made of; None: no credential is sent.
    """

    headers: Mapping[str, str] = field(repr=False)
    token: Token | None = field(default=None, repr=False)


class FoundryAuth(httpx.Auth):
    """Adds the credential to requests to one origin; made by `make_auth`.

    Copies share the credential and its token. A pickle would carry a secret out of the process
    and is refused.
    """

    def __init__(
        self,
        source: Source,
        endpoint: Destination,
        *,
        key_headers: tuple[str, ...] = ("api-key",),
    ) -> None:
        if endpoint.url.startswith("http://") and not (endpoint.is_loopback or endpoint.allow_http):
            raise ConfigError(
                f"a credential is not sent over plain http to {endpoint.origin!r}: use https://, "
                "or parse the endpoint with allow_http=True"
            )
        self._tokens = TokenCache(source)
        self._origin = endpoint.origin
        self._key_headers = key_headers
        self._last: Signature | None = None  # what `asign` gave last

    @property
    def kind(self) -> Kind:
        """The kind of credential, such as ``api-key`` or ``callable``."""
        return self._tokens.source.kind

    @property
    def origin(self) -> str:
        """The only origin the credential is sent to."""
        return self._origin

    def describe(self) -> dict[str, str | None]:
        """Describe the credential without any secret, to compare clients or to log it."""
        scope = getattr(self._tokens.source, "scope", None)
        return {"kind": self.kind, "scope": scope, "origin": self._origin}

    def claims(self) -> JSON:
        """Get a token, and give what it says of itself; {} of a key.

        Raises:
            CredentialError: No token could be had.
        """
        return claims_of(self._token())

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send with the credential; after a 401 once more with a new token."""
        self._check_origin(request)
        token = self._token()
        response = yield self._signed(request, token)
        if self._may_refresh(response):
            response.read()
            if not _is_denied(response):
                yield self._signed(request, self._token(token, _claims_asked(response)))

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with the credential; after a 401 once more with a new token."""
        self._check_origin(request)
        token = await self._tokens.aget()
        response = yield self._signed(request, token)
        if self._may_refresh(response):
            await response.aread()
            if not _is_denied(response):
                fresh = await self._tokens.aget(token, _claims_asked(response))
                yield self._signed(request, fresh)

    async def asign(self, refused: Signature | None = None, challenge: str = "") -> Signature:
        """Give the headers of a request; its sender must see to it that it goes to `origin`.

        Args:
            refused: The signature that was answered with 401.
            challenge: The header ``www-authenticate`` of that answer.
        """
        rejected = refused.token if refused is not None else None
        token = await self._tokens.aget(rejected, _claims_in(challenge))
        if self._last is None or self._last.token is not token:
            self._last = Signature(self._headers(token), token)
        return self._last

    def helps_against(self, status: int, body: bytes) -> bool:
        """Whether a new token may help against an answer.

        Args:
            status: Of the answer.
            body: Of the answer.
        """
        is_fixed = isinstance(self._tokens.source, FixedSource)
        return status == 401 and not is_fixed and not _says_denied(body)

    def _token(self, rejected: Token | None = None, claims: str | None = None) -> Token:
        if not self._tokens.source.is_async:
            try:
                return self._tokens.get(rejected, claims)
            except AsyncOnly:
                pass
        raise ConfigError(
            "an async credential cannot serve a sync call: use the credential of the same name "
            "from azure.identity (not azure.identity.aio), or call the async methods"
        )

    def _check_origin(self, request: httpx.Request) -> None:
        origin = origin_of_url(request.url)
        if origin != self._origin:
            raise ConfigError(
                f"the credential belongs to {self._origin!r} and is not sent to {origin!r}: make "
                "a client for that endpoint"
            )

    def _signed(self, request: httpx.Request, token: Token) -> httpx.Request:
        request.headers.update(self._headers(token))
        return request

    def _headers(self, token: Token) -> dict[str, str]:
        if self.kind == "api-key" and "Authorization" not in self._key_headers:
            return dict.fromkeys(self._key_headers, token.value.reveal())
        return {"Authorization": f"Bearer {token.value.reveal()}"}

    def _may_refresh(self, response: httpx.Response) -> bool:
        return response.status_code == 401 and not isinstance(self._tokens.source, FixedSource)

    def __repr__(self) -> str:
        return f"FoundryAuth(kind={self.kind!r}, origin={self._origin!r})"

    def __copy__(self) -> FoundryAuth:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FoundryAuth:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "FoundryAuth holds a credential and is not pickled: call make_auth() where the client "
            "is rebuilt"
        )


def origin_of_url(url: httpx.URL) -> str:
    """The origin of a URL, as endpoints write it.

    Args:
        url: Any.
    """
    host = url.raw_host.decode("ascii")  # `url.host` would show an 'xn--' name decoded
    name = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{name}" if url.port is None else f"{url.scheme}://{name}:{url.port}"


def _claims_asked(response: httpx.Response) -> str | None:
    # Continuous access evaluation: a token was revoked, for instance because the user's network
    # changed, and the challenge says which claims the next one needs.
    return _claims_in(response.headers.get("www-authenticate", ""))


def _claims_in(challenge: str) -> str | None:
    found = _CLAIMS.search(challenge) if "insufficient_claims" in challenge else None
    if found is None:
        return None
    try:
        return base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), altchars=b"-_").decode()
    except ValueError:
        return None


def _is_denied(response: httpx.Response) -> bool:
    return _says_denied(response.content)


def _says_denied(body: bytes) -> bool:
    error = error_from_reply(401, {}, body, doing="signing in")
    return isinstance(error, PermissionDeniedError)
