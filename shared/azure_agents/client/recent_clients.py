"""The clients that `completion` used last: a function has no object that could hold them.

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
from .pair import ClientPair

V = TypeVar("V")

SIZE = 64
_SALT = os.urandom(32)
_VARIABLES = (
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


class Recent(Generic[V]):
    """Keeps the values used last; makes each when it is first asked for; thread-safe.

    Args:
        size: Largest number of values.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Give the value of `key`, and count it as used.

        Args:
            key: Equal keys have one value.
            make: Makes the value of a key that is not kept; called under a lock.
        """
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
            return self._values[key]

    def __len__(self) -> int:
        return len(self._values)


class Same:
    """Makes a key of an object: equal for the same object only.

    It keeps the object alive. Else the `id` of a freed transport could pass to a new one, and the
    new one would be given the clients of the old.
    """

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Same):
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


def recent_pair(settings: Settings, sign_in: Mapping[str, Any], **seams: Any) -> ClientPair:
    """Give the pair of these values: the one of an earlier call, if it is still kept.

    Args:
        settings: What the clients are to do.
        sign_in: Arguments of `azure_agents.sign_in.auth.make_auth` but the endpoint.
        seams: Transports, store and clock, as `ClientPair` takes them.

    Raises:
        ConfigError: The ways to sign in do not fit one another.
    """
    auth = _auth_of(settings.endpoint, sign_in)
    objects = tuple((name, Same(seam)) for name, seam in sorted(seams.items()))
    key = (settings, Same(auth), objects)
    return _pairs.get(key, lambda: ClientPair(settings, auth, **seams))


def _auth_of(endpoint: Endpoint, sign_in: Mapping[str, Any]) -> FoundryAuth:
    # Pairs that differ in settings only (another model, another timeout) share the credential and
    # with it the cached token: else each of them would ask for one.
    key = (endpoint, fingerprints(sign_in), fingerprints(_sign_in_variables()))
    return _auths.get(key, lambda: make_auth(endpoint=endpoint, **sign_in))


def _sign_in_variables() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in _VARIABLES}


def fingerprints(values: Mapping[str, Any]) -> Hashable:
    """Make a key of named values, without holding the secrets among them.

    Args:
        values: Arguments of a sign-in, or environment variables.
    """
    return tuple((name, _fingerprint(value)) for name, value in sorted(values.items()))


def _fingerprint(value: Any) -> Hashable:
    # The key of a pair must not hold the secret itself: keys stand in frames and debuggers.
    reveal = getattr(value, "get_secret_value", None) or getattr(value, "reveal", None)
    text = reveal() if callable(reveal) else value
    if isinstance(text, str):
        return blake2b(text.encode("utf-8", "surrogatepass"), key=_SALT, digest_size=16).hexdigest()
    return None if text is None else Same(text)
