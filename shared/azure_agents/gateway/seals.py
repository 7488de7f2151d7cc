"""Thread handles that only their key can use, by an HMAC; nothing is stored. Pure."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest, digest

from .config.objects import GatewayConfig
from .keyring import Caller
from .refusals import Refusal

_MARK = "."
_LENGTH = 24  # hexadecimal digits


class Seals:
    """Seals handles to keys, where there are several.

    Args:
        config: With the keys; its ``thread_secret``, else its master key, is what seals.
    """

    def __init__(self, config: GatewayConfig) -> None:
        own = config.thread_secret or config.master_key
        # Without either the hashes of all keys do: they are as secret as the file.
        text = own.reveal() if own is not None else "".join(key.hash for key in config.keys)
        self._secret = sha256(b"azure-agents threads " + text.encode()).digest()
        number = len(config.keys) + (config.master_key is not None)
        self.is_on = config.keys_in_redis or number > 1

    def sealed(self, handle: str, caller: Caller) -> str:
        """The handle as the client gets it.

        Args:
            handle: Of a thread, conversation or response.
            caller: Whose it is.
        """
        return f"{handle}{_MARK}{self._of(handle, caller)}" if self.is_on else handle

    def opened(self, sealed: str, caller: Caller) -> str:
        """The handle as the service knows it.

        Args:
            sealed: As the client sent it.
            caller: Who sent it.

        Raises:
            Refusal: It is another key's, or none.
        """
        if not self.is_on:
            return sealed
        handle, _, seal = sealed.rpartition(_MARK)
        if handle and compare_digest(seal.encode(), self._of(handle, caller).encode()):
            return handle
        raise Refusal(404, "no such thread", code="thread_not_found", param="thread_id")

    def anchor_key(self, caller: Caller) -> str | None:
        """What seals the anchors in the messages of a key; None: nothing does."""
        return self._of("anchors", caller) if self.is_on else None

    def _of(self, handle: str, caller: Caller) -> str:
        text = f"{caller.name}\n{handle}".encode()
        return digest(self._secret, text, "sha256").hex()[:_LENGTH]
