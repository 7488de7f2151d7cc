"""The sync and the async client of the same settings, and where `completion` keeps them.

A pair has one credential, so that a token is asked for once. The models of the frameworks hold one
pair each (`azure_agents.client.held`). `completion` has no object to hold one, so the pairs used
last are kept here.

A kept pair is known by its settings and its credential. Keys hold fingerprints of secrets that mean
nothing outside this process, and objects (credentials, transports, stores) by identity. What the
environment says about credentials is part of the key: a changed variable makes a new pair.

The least recently used pair leaves; the turns it still serves end in peace, since nothing closes a
client that somebody holds.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from hashlib import blake2b
from threading import Lock
from types import MethodType
from typing import Any, Generic, TypeVar

from ..settings import environment
from ..settings.config import Settings
from ..settings.endpoint import Endpoint
from ..sign_in.auth import FoundryAuth, make_auth
from .agent_client import AgentClient, AsyncAgentClient

V = TypeVar("V")

SIZE = 64
_SALT = os.urandom(32)
_ENVIRONMENT = (
    environment.ENV_SCOPE,
    environment.ENV_TENANT_ID,
    environment.ENV_CLIENT_ID,
    environment.ENV_CLIENT_SECRET,
    environment.ENV_AD_TOKEN,
    environment.ENV_AI_API_KEY,
    environment.ENV_AI_API_BASE,
    environment.ENV_API_KEY,
    environment.ENV_API_BASE,
)


class ClientPair:
    """The sync and the async client of the same settings, made on first use; thread-safe.

    Args:
        settings: From `azure_agents.settings.config.resolve_settings`.
        auth: From `azure_agents.sign_in.auth.make_auth`; both clients sign in with it.
        transport: The httpx transport of sync calls, instead of the network.
        async_transport: The httpx transport of async calls.
        seams: What else the clients take: ``store``, ``clock``, ``operation_keys``, ``observer``.
    """

    def __init__(
        self,
        settings: Settings,
        auth: FoundryAuth,
        *,
        transport: Any = None,
        async_transport: Any = None,
        **seams: Any,
    ) -> None:
        self.settings = settings
        self._auth = auth
        self._transport = transport
        self._async_transport = async_transport
        self._seams = seams
        self._lock = Lock()
        self._sync: AgentClient | None = None
        self._aio: AsyncAgentClient | None = None

    def sync(self) -> AgentClient:
        """The client of sync calls."""
        with self._lock:
            if self._sync is None:
                given = {"transport": self._transport, **self._seams}
                self._sync = AgentClient.of(self.settings, self._auth, **given)
            return self._sync

    def aio(self) -> AsyncAgentClient:
        """The client of async calls, of every event loop."""
        with self._lock:
            if self._aio is None:
                given = {"transport": self._async_transport, **self._seams}
                self._aio = AsyncAgentClient.of(self.settings, self._auth, **given)
            return self._aio

    def close(self) -> None:
        """Close idle connections of sync calls; the next call opens new ones."""
        if self._sync is not None:
            self._sync.close()

    async def aclose(self) -> None:
        """Close idle connections of the running event loop; the next call opens new ones."""
        if self._aio is not None:
            await self._aio.aclose()


class Recent(Generic[V]):
    """The values used last, made when they are first asked for; thread-safe.

    Args:
        size: Largest number of values.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of `key`."""
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
            return self._values[key]

    def __len__(self) -> int:
        return len(self._values)


class _Same:
    """An object as a key: equal to itself only. It is kept alive, so its identity stays its own."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Same):
            return NotImplemented
        one, two = self._value, other._value
        # `credential.token` is a new object each time it is looked up, and the same method.
        is_method = isinstance(one, MethodType) and isinstance(two, MethodType)
        return one == two if is_method else one is two

    def __hash__(self) -> int:
        is_method = isinstance(self._value, MethodType)
        return hash(self._value) if is_method else id(self._value)

    def __repr__(self) -> str:
        return f"<{type(self._value).__name__}>"


_auths: Recent[FoundryAuth] = Recent()
_pairs: Recent[ClientPair] = Recent()


def kept_pair(settings: Settings, sign_in: Mapping[str, Any], **seams: Any) -> ClientPair:
    """The pair of these values: the one of an earlier call, if it is still kept.

    Args:
        settings: What the clients are to do.
        sign_in: Arguments of `azure_agents.sign_in.auth.make_auth` but the endpoint.
        seams: Transports, store and clock, as `ClientPair` takes them.

    Raises:
        ConfigError: The ways to sign in do not fit one another.
    """
    auth = _auth_of(settings.endpoint, sign_in)
    objects = tuple((name, _Same(seam)) for name, seam in sorted(seams.items()))
    key = (settings, _Same(auth), objects)
    return _pairs.get(key, lambda: ClientPair(settings, auth, **seams))


def _auth_of(endpoint: Endpoint, sign_in: Mapping[str, Any]) -> FoundryAuth:
    """One for all pairs of a credential, so that a token is asked for once."""
    key = (endpoint, _fingerprints(sign_in), _fingerprints(_environment()))
    return _auths.get(key, lambda: make_auth(endpoint=endpoint, **sign_in))


def _environment() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in _ENVIRONMENT}


def _fingerprints(values: Mapping[str, Any]) -> Hashable:
    return tuple((name, _fingerprint(value)) for name, value in sorted(values.items()))


def _fingerprint(value: Any) -> Hashable:
    reveal = getattr(value, "get_secret_value", None) or getattr(value, "reveal", None)
    text = reveal() if callable(reveal) else value
    if isinstance(text, str):
        return blake2b(text.encode("utf-8", "surrogatepass"), key=_SALT, digest_size=16).hexdigest()
    return None if text is None else _Same(text)
