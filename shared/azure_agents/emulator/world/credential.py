"""Sign-in: credentials that need no Azure, and the gate that issues and checks tokens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from . import problems
from .paths import is_classic

if TYPE_CHECKING:
    from .exchange import Request
    from .state import World

SCOPE = "https://ai.azure.com/.default"
# That a resource takes the tokens of its projects too is documented for the v1 surface.
RESOURCE_SCOPES = ("https://cognitiveservices.azure.com/.default", SCOPE)
_KEY_HEADERS = ("api-key", "x-api-key")  # the second is Claude's
_LIFETIME = 3600


class Token(NamedTuple):
    """Shaped like ``azure.core.credentials.AccessToken``.

    Attributes:
        token: The text that goes into the ``authorization`` header.
        expires_on: When it expires, in seconds since 1970.
    """

    token: str
    expires_on: int

    def __repr__(self) -> str:
        return f"Token(token='***', expires_on={self.expires_on})"


class Gate:
    """Issues tokens and checks requests.

    Args:
        world: Clock and ids.
        strict: False accepts any bearer token and any key.
    """

    def __init__(self, world: World, *, strict: bool = True) -> None:
        self._world = world
        self._issued: dict[str, tuple[str, float]] = {}  # a token's audience and end
        self.strict = strict
        self.api_key = f"emulator-key-{world.ids.request()}"
        self.scopes: list[tuple[str, ...]] = []

    def issue(self, scopes: tuple[str, ...]) -> Token:
        """Issue a token; one for another audience is issued too, and refused later."""
        world = self._world
        with world.lock:
            self.scopes.append(scopes)
            token = f"emulator-token-{world.ids.request()}"
            # Azure issues tokens for any audience; only the service refuses those of another one.
            if len(scopes) == 1:
                self._issued[token] = (scopes[0], world.clock.time() + _LIFETIME)
        # A client compares with the system's clock, which may be ahead of the emulator's.
        return Token(token, int(max(time.time(), world.clock.time())) + _LIFETIME)

    def revoke(self) -> None:
        """Refuse every token handed out so far, as if they had expired."""
        with self._world.lock:
            self._issued.clear()

    def check(self, request: Request) -> None:
        """Refuse a request without a good token or key."""
        bearer, key = _bearer(request), request.headers.get("api-key", "")
        if not self.strict:
            if not (bearer or key):
                raise problems.unauthorized()
            return
        takes_key = not is_classic(request.path)
        if takes_key and self.api_key in {bearer, key}:
            return
        if not self._is_good(bearer, (SCOPE,)):
            raise problems.unauthorized()

    def is_key(self, key: str) -> bool:
        """Whether a key is the emulator's; if it is not strict, whether there is one."""
        return key == self.api_key if self.strict else bool(key)

    def check_resource(self, request: Request) -> None:
        """Refuse a request for a deployment without a good token or key.

        OpenAI's clients send a key as a bearer token, which the service accepts.
        """
        bearer = _bearer(request)
        keys = [request.headers.get(name, "") for name in _KEY_HEADERS]
        if not self.strict and (bearer or any(keys)):
            return
        if self.strict and (self.api_key in {bearer, *keys} or self._is_good(bearer)):
            return
        raise problems.bad_key()

    def _is_good(self, token: str, scopes: tuple[str, ...] = RESOURCE_SCOPES) -> bool:
        scope, end = self._issued.get(token, ("", 0.0))
        return scope in scopes and end > self._world.clock.time()


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


class Credential:
    """Works wherever an ``azure-identity`` credential does."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def get_token(self, *scopes: str, **_: object) -> Token:
        """Return a token that the emulator accepts for an hour on its clock."""
        return self._gate.issue(scopes)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class AsyncCredential:
    """Works wherever an ``azure.identity.aio`` credential does."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def get_token(self, *scopes: str, **_: object) -> Token:
        """Return a token that the emulator accepts for an hour on its clock."""
        return self._gate.issue(scopes)

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
