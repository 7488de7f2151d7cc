"""The key of an application that lets anchors out of its hands, to a browser for instance.

An anchor tells the next call where its history stands on the server. Whoever can write one could
name any thread. With a key every anchor is sealed over all it says, and one whose seal does not fit
is not believed: the call replays its history, on a thread of its own.

The key is used and never shown. Copies are the same object, and a pickle would carry it away.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, NoReturn

from ..errors import ConfigError

_SHORTEST = 16  # bytes; what people think up is shorter
_ADVICE = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'


class AnchorKey:
    """A secret that seals texts; made by `make_anchor_key`.

    Args:
        secret: At least 16 bytes.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @property
    def size(self) -> int:
        """Bytes of the secret."""
        return len(self._secret)

    def seal(self, text: str) -> str:
        """132 bits as 22 base64url characters; nobody without the key can tell them."""
        return urlsafe_b64encode(self._mac(text)).decode()[:22]

    def of(self, owner: str | None) -> AnchorKey:
        """The key of one owner: what it seals is worth nothing to another."""
        return self if owner is None else AnchorKey(self._mac(f"owner\n{owner}"))

    def _mac(self, text: str) -> bytes:
        return hmac.digest(self._secret, text.encode("utf-8", "surrogatepass"), sha256)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AnchorKey):
            return NotImplemented
        return hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash((AnchorKey, self.seal("identity")))

    def __repr__(self) -> str:
        return "AnchorKey(…)"

    def __copy__(self) -> AnchorKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> AnchorKey:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("an anchor key is not pickled: set it again where the client is rebuilt")


def make_anchor_key(value: object) -> AnchorKey | None:
    """Read ``anchor_key=``: a text, bytes, a pydantic ``SecretStr``, or None.

    Raises:
        ConfigError: Too short to be a secret, or of another type. The value is not repeated.
    """
    if value is None or isinstance(value, AnchorKey):
        return value
    key = _read(value)
    if key is None:
        raise ConfigError(f"anchor_key= has the type {type(value).__name__}: pass a string")
    if key.size < _SHORTEST:
        raise ConfigError(
            f"anchor_key= has {key.size} bytes, fewer than {_SHORTEST}: it could be guessed; "
            f"{_ADVICE}"
        )
    return key


def _read(value: object) -> AnchorKey | None:
    # Nothing is raised here: the plain text would be seen by tools that show local variables.
    reveal = getattr(value, "get_secret_value", None) or getattr(value, "reveal", None)
    text = reveal() if callable(reveal) else value
    if isinstance(text, str):
        return AnchorKey(text.strip().encode("utf-8", "surrogatepass"))
    return AnchorKey(text) if isinstance(text, bytes) else None
