"""The key that seals anchors, for applications whose messages pass through a browser.

An anchor says where a history stands on the server, and travels inside the answer's message. A user
who can write one could name a thread of somebody else. With a key every anchor is sealed as a
whole; one with a wrong seal is not believed: the call then replays its history, on a new thread.

The key is never shown. Copies are the same object, and pickling is refused: it would carry the key
out of the process.
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
        """How many bytes the secret has."""
        return len(self._secret)

    def seal(self, text: str) -> str:
        """Compute the seal of a text: 132 bits as 22 base64url characters."""
        return urlsafe_b64encode(self._mac(text)).decode()[:22]

    def of(self, owner: str | None) -> AnchorKey:
        """Derive the key of one owner: another owner's key does not accept its seals."""
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
    key = _key_from(value)
    if key is None:
        raise ConfigError(f"anchor_key= has the type {type(value).__name__}: pass a string")
    if key.size < _SHORTEST:
        raise ConfigError(
            f"anchor_key= has {key.size} bytes, fewer than {_SHORTEST}: it could be guessed; "
            f"{_ADVICE}"
        )
    return key


def _key_from(value: object) -> AnchorKey | None:
    # Nothing is raised here: the plain text would be seen by tools that show local variables.
    reveal = getattr(value, "get_secret_value", None) or getattr(value, "reveal", None)
    text = reveal() if callable(reveal) else value
    if isinstance(text, str):
        return AnchorKey(text.strip().encode("utf-8", "surrogatepass"))
    return AnchorKey(text) if isinstance(text, bytes) else None
