"""The document itself: one file, and headers that let it load nothing and be embedded nowhere.

It holds no data, so it needs no key: a browser cannot send one when it opens a page. What it shows
it asks for with the key in a header, as any client does. No cookie is set, so no other page can
make a browser send what lets it in.

The script and the style may run by their digests: nothing that the page shows could ever be run.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from ..replies import Header

_INLINE = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)
_OPEN, _CLOSED = b'data-keys="no"', b'data-keys="yes"'
_RULES = (
    "default-src 'none'",
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
SAFE: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


@cache
def document(*, has_keys: bool) -> tuple[bytes, tuple[Header, ...]]:
    """The document, and its headers.

    Args:
        has_keys: It asks for a key first.
    """
    text = files(__package__).joinpath("status.html").read_bytes()
    text = text.replace(_OPEN, _CLOSED, 1) if has_keys else text
    inline = {kind.decode(): _digest(content) for kind, content in _INLINE.findall(text)}
    own = [f"{kind}-src '{digest}'" for kind, digest in inline.items()]
    policy = "; ".join([*_RULES, *own]).encode()
    kind = (b"content-type", b"text/html; charset=utf-8")
    return text, (kind, (b"content-security-policy", policy), *SAFE)


def _digest(content: bytes) -> str:
    return f"sha256-{b64encode(sha256(content).digest()).decode()}"
