"""Handles and ids that only their key can use, by an HMAC; nothing is stored. Pure.

Where there are several keys, a thread, a response, a file, a batch or a job belongs to the key that
made it. Its id leaves with a seal behind a dot (``resp_abc.0f1e…``), which is taken off before
anything is sent up. With another key's seal, or without one, an id is unknown; but an admin's key
may name what was made elsewhere by its bare id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any

from ..routing.sticky import changed_answer, changed_request, is_id
from .config.objects import GatewayConfig
from .keyring import Caller
from .refusals import Refusal

_MARK = "."
_NO_THREAD = (
    "this key has no such thread: send the thread_id of an answer as it came, or none for a new one"
)
_LENGTH = 24  # hexadecimal digits
_SEALED = re.compile(r"(?P<id>[^\s]+)\.(?P<seal>[0-9a-f]{24})")
# What they name belongs to a key, also where it is named without a seal.
_OWNED = frozenset(
    {
        "file_id",
        "file_ids",
        "input_file_id",
        "previous_response_id",
        "training_file",
        "validation_file",
    }
)
# Of these only the resource knows what they are, or another part of the program.
_NO_HANDLES = frozenset({"encrypted_content", "foundry"})


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
        if handle and self._fits(handle, seal, caller):
            return handle
        raise Refusal(404, _NO_THREAD, code="thread_not_found", param="thread_id")

    def sealed_ids(self, answer: Any, caller: Caller) -> Any:
        """An answer whose ids only this key can use.

        Args:
            answer: JSON; it is not changed.
            caller: Whose it is.
        """

        def sealed(key: str, id: str) -> str:
            is_none = not id or key in _NO_HANDLES
            return id if is_none else self.sealed(id, caller)

        return changed_answer(answer, sealed) if self.is_on else answer

    def opened_id(self, id: str, caller: Caller, param: str) -> str:
        """An id of something that belongs to a key, as the service knows it.

        Args:
            id: As the client sent it.
            caller: Who sent it.
            param: Where it stood, for the error.

        Raises:
            Refusal: It is another key's, or has no seal.
        """
        found = _SEALED.fullmatch(id)
        if not self.is_on or (found is None and caller.is_admin):
            return id
        if found is not None and self._fits(found["id"], found["seal"], caller):
            return found["id"]
        raise Refusal(404, f"there is no {id[:200]!r}", code="not_found", param=param)

    def opened_ids(self, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """A request whose ids are as the service knows them.

        Args:
            body: The request.
            caller: Who sent it.

        Raises:
            Refusal: An id is another key's, or has no seal and needs one.
        """
        if not self.is_on:
            return dict(body)
        for name, id in _named(body):
            self.opened_id(id, caller, name)

        def opened(key: str, value: str) -> str:
            if key in _OWNED or (is_id(key) and _SEALED.fullmatch(value)):
                return self.opened_id(value, caller, key) if value else value
            return value

        return changed_request(body, opened)

    def owner(self, caller: Caller) -> str:
        """A word that tells whose something is, and that nobody else can make.

        Args:
            caller: Whose key.
        """
        return self._of("owner", caller)

    def anchor_key(self, caller: Caller) -> str | None:
        """What seals the anchors in the messages of a key; None: nothing does."""
        return self._of("anchors", caller) if self.is_on else None

    def _fits(self, handle: str, seal: str, caller: Caller) -> bool:
        return compare_digest(seal.encode(), self._of(handle, caller).encode())

    def _of(self, handle: str, caller: Caller) -> str:
        text = f"{caller.name}\n{handle}".encode()
        return digest(self._secret, text, "sha256").hex()[:_LENGTH]


def _named(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a request for a response goes on with, where only its place tells that it is an id."""
    conversation = body.get("conversation")
    if isinstance(conversation, Mapping):
        conversation = conversation.get("id")
    if isinstance(conversation, str):
        yield "conversation", conversation
    items = body.get("input")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and item.get("type") == "item_reference":
            yield "input", str(item.get("id"))
