"""Keeps the values that calls used last: a function has no object that could hold them.

A value is known by what it is made from. Keys hold fingerprints of secrets that mean nothing
outside this process, and objects (credentials, transports, stores) by identity.

The least recently used value leaves. If it is a client, the turns it still serves end in peace,
since nothing closes a client that somebody holds.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from hashlib import blake2b
from threading import Lock
from types import MethodType
from typing import Any, Generic, TypeVar

V = TypeVar("V")

SIZE = 64
_SALT = os.urandom(32)


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
