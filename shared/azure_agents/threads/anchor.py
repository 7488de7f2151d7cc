"""The anchor: what an answer carries so that the next call can find its place on the server.

One short opaque string in the answer's metadata. It names the thread (or response), the head of
that thread after the answer, and - as digests - the endpoint and agent it belongs to and the
transcript up to and including the answer. It holds no secret and no text, and it is believed
only when its digests match the call at hand.

Digests can be worked out by anybody. An application that lets its messages out of its hands sets an
`AnchorKey`: then the place of the first digest is taken by a seal over everything the anchor says.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import compare_digest

from ..settings.anchor_key import AnchorKey

_VERSION = "fa1"
_FORM = re.compile(
    rf"{_VERSION}\.([\w-]{{12}}|[\w-]{{22}})\.([\w-]{{22}}|-)\.([\w-]{{11}}|-)\.(\w[\w-]{{0,99}})\.(\w[\w-]{{0,99}}|-)",
    re.ASCII,
)
MAX_LENGTH = 200


def short_digest(data: bytes, length: int) -> str:
    """Return the first `length` base64url characters of the SHA-256 of `data`."""
    return urlsafe_b64encode(sha256(data).digest()).decode()[:length]


def scope_of(endpoint: str, agent: str) -> str:
    """Return the digest of what an anchor is bound to: project endpoint and requested agent."""
    return short_digest(f"{endpoint}\n{agent}".encode(), 12)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a transcript stands on the server.

    Attributes:
        scope: Digest of endpoint and requested agent (`scope_of`); of a sealed one the seal.
        digest: Digest of the transcript including the answer; "" if unknown (a pinned thread
            may hold more than the messages of the call): such an anchor never continues.
        thread: ``resp_…`` (v2 chain), ``conv_…`` or ``thread_…``.
        head: Last response (conversation) or run (classic) on the thread; "" on a chain.
        paused_under: Set while a classic run waits for tool outputs: digest of the system messages
            it was started with.
    """

    scope: str
    digest: str
    thread: str
    head: str = ""
    paused_under: str = ""

    def sealed(self, key: AnchorKey | None) -> Anchor:
        """Return the same anchor, sealed; without a key as it is."""
        if key is None:
            return self
        said = (self.scope, self.digest, self.paused_under, self.thread, self.head)
        return replace(self, scope=key.seal("\n".join(said)))

    def is_of(self, scope: str, key: AnchorKey | None) -> bool:
        """Whether it is bound to `scope`, and sealed with `key` if there is one."""
        # In constant time: how long a comparison takes would show how much of a seal is right.
        expected = replace(self, scope=scope).sealed(key).scope
        return compare_digest(self.scope.encode(), expected.encode())

    def encode(self) -> str | None:
        """Return the opaque string; None if an id is too long for it (the next call replays)."""
        fields = (
            self.scope,
            self.digest or "-",
            self.paused_under or "-",
            self.thread,
            self.head or "-",
        )
        text = ".".join((_VERSION, *fields))
        return text if len(text) <= MAX_LENGTH and _FORM.fullmatch(text) else None


def parse_anchor(text: str | None) -> Anchor | None:
    """Read an anchor back; anything that is not one is None, never an error."""
    match = _FORM.fullmatch(text) if isinstance(text, str) and len(text) <= MAX_LENGTH else None
    if match is None:
        return None
    scope, digest, paused_under, thread, head = ("" if g == "-" else g for g in match.groups())
    return Anchor(scope, digest, thread, head, paused_under)
