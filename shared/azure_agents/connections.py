"""Clients that outlive a call, so that `completion` keeps connections and tokens.

A client is known by its settings and its credential. Keys hold fingerprints of secrets that mean
nothing outside this process, and objects (credentials, transports, stores) by identity. What the
environment says about credentials is part of the key: a changed variable makes a new client.

The least recently used client leaves; the turns it still serves end in peace, since nothing closes
a client that somebody holds.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from hashlib import blake2b
from threading import Lock
from types import MethodType
from typing import Any, Generic, TypeVar

from . import config
from .auth import FoundryAuth, make_auth
from .client import AgentClient, AsyncAgentClient
from .openai_arguments import Call

V = TypeVar("V")

SIZE = 64
_SALT = os.urandom(32)
_ENVIRONMENT = (
    config.ENV_SCOPE,
    config.ENV_TENANT_ID,
    config.ENV_CLIENT_ID,
    config.ENV_CLIENT_SECRET,
    config.ENV_AD_TOKEN,
    config.ENV_AI_API_KEY,
    config.ENV_AI_API_BASE,
    config.ENV_API_KEY,
    config.ENV_API_BASE,
)


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
_sync: Recent[AgentClient] = Recent()
_async: Recent[AsyncAgentClient] = Recent()


def sync_client(call: Call) -> AgentClient:
    """The client of a sync call."""
    auth = _auth_of(call)

    def make() -> AgentClient:
        return AgentClient.of(call.settings, auth, **_seams(call))

    return _sync.get(_key(call, auth), make)


def async_client(call: Call) -> AsyncAgentClient:
    """The client of an async call; it serves any number of event loops."""
    auth = _auth_of(call)

    def make() -> AsyncAgentClient:
        return AsyncAgentClient.of(call.settings, auth, **_seams(call))

    return _async.get(_key(call, auth), make)


def _key(call: Call, auth: FoundryAuth) -> Hashable:
    seams = tuple(_Same(seam) for seam in _seams(call).values())
    return call.settings, _Same(auth), *seams


def _seams(call: Call) -> dict[str, Any]:
    return {"transport": call.transport, "store": call.store, "clock": call.clock}


def _auth_of(call: Call) -> FoundryAuth:
    """One for all clients of a credential, so that a token is asked for once."""
    endpoint = call.settings.endpoint
    key = (endpoint, _fingerprints(call.sign_in), _fingerprints(_environment()))
    return _auths.get(key, lambda: make_auth(endpoint=endpoint, **call.sign_in))


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
