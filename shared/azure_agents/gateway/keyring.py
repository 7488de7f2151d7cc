"""Who calls: keys of clients, by their SHA-256. No key is kept, and none is shown.

A key is compared with every known one in constant time, whatever the first of them says, so the
time of an answer tells nothing about how near a guess was.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from hmac import compare_digest
from itertools import chain
from typing import Protocol

from .config.objects import GatewayConfig, GatewayKey
from .refusals import Refusal

_PREFIX = "sk-"
_MASTER = "master"
_HEADERS = frozenset({b"authorization", b"api-key", b"x-api-key"})
_BEARER = b"bearer "
_AGAIN = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds a key.

    Attributes:
        name: What spend and metrics call it; ``""`` where no key is needed.
        key: The key's settings; None of the master key, and where no key is needed.
        is_admin: It may see everything.
    """

    name: str
    key: GatewayKey | None = None
    is_admin: bool = False

    def may_use(self, model: str) -> bool:
        """Whether it may ask a model.

        Args:
            model: By the name that clients use.
        """
        patterns = self.key.models if self.key is not None else ()
        if not patterns or model in patterns:
            return True
        return any(fnmatchcase(model, pattern) for pattern in patterns)


NOBODY = Caller("", is_admin=True)  # only this machine may call then


class MoreKeys(Protocol):
    """Keys that stand elsewhere than in the config."""

    @property
    def known(self) -> Collection[tuple[bytes, Caller]]:
        """Their hashes, and whose they are."""
        ...

    @property
    def is_read(self) -> bool:
        """Whether they could be read so far."""
        ...


class KeyRing:
    """The keys of a config.

    Args:
        config: With its keys.
        more: Keys of Redis; None: the config has all.
    """

    def __init__(self, config: GatewayConfig, more: MoreKeys | None = None) -> None:
        self._more = more
        self._known: list[tuple[bytes, Caller]] = []
        if config.master_key is not None:
            master = sha256(config.master_key.reveal().encode()).hexdigest().encode()
            self._known.append((master, Caller(_MASTER, is_admin=True)))
        for key in config.keys:
            self._known.append((key.hash.encode(), Caller(key.name, key, key.is_admin)))

    @property
    def is_open(self) -> bool:
        """There are no keys: only this machine may call."""
        return not self._known and self._more is None

    def caller(self, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """Find out who calls.

        Args:
            headers: Of the request, names in lower case.

        Raises:
            Refusal: The key is missing, unknown or expired, or two differ.
        """
        if self.is_open:
            return NOBODY
        given = _given(headers)
        if given is None:
            raise Refusal(
                401,
                "no key: send one as 'Authorization: Bearer …', as 'api-key' or as 'x-api-key'",
                code="invalid_api_key",
            )
        found = self._find(given)
        if found is None and self._more is not None and not self._more.is_read:
            raise Refusal(503, "keys cannot be read now: try again", retry_after=_AGAIN)
        if found is None:
            raise Refusal(401, "the key is unknown to this gateway", code="invalid_api_key")
        _check_expiry(found)
        return found

    def _find(self, given: bytes) -> Caller | None:
        digest, found = sha256(given).hexdigest().encode(), None
        more = () if self._more is None else self._more.known
        for known, caller in chain(self._known, more):  # all of them: see above
            if compare_digest(known, digest):
                found = caller
        return found


def new_key() -> tuple[str, str]:
    """Make a key; returns it and the hash that the config file holds."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return key, sha256(key.encode()).hexdigest()


def _check_expiry(caller: Caller) -> None:
    expires = caller.key.expires if caller.key is not None else None
    if expires is not None and datetime.now(UTC) >= expires:
        raise Refusal(401, f"the key {caller.name!r} has expired", code="expired_api_key")


def _given(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    given: bytes | None = None
    for name, value in headers:
        if name not in _HEADERS or not value.strip():
            continue
        key = _bare(value.strip())
        if given is not None and given != key:
            raise Refusal(401, "two headers hold different keys: send one", code="invalid_api_key")
        given = key
    return given


def _bare(value: bytes) -> bytes:
    return value[len(_BEARER) :].strip() if value[: len(_BEARER)].lower() == _BEARER else value
