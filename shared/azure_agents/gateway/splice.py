"""Bodies that go up as they came, but for their model: its name is replaced in the bytes. Pure.

A body is searched, and not parsed a second time, so the search must prove where the model stands.
That the outermost object has a field ``model`` is known, since it was parsed. Its name can only be
written as ``"model"`` where no escape stands for one of its letters; and where ``"model"`` stands
once, that is it. In every other case the body is written anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..jsonio import dumps

_NAME = b'"model"'
_LETTERS = b"\\u006"  # m, o, d, e and l are 006d, 006f, 0064, 0065 and 006c
_ASCII = b"\\u00"
_FIELD = re.compile(rb'"model"\s*:\s*"[^"\\]*"')


def spliced(
    raw: bytes, field: bytes, added: Mapping[str, Any], *, names_model: bool
) -> bytes | None:
    """Give a body another model and more fields; None if its bytes do not tell where.

    Args:
        raw: A JSON object.
        field: The new ``"model":"…"``.
        added: Fields that the object does not have, or has as null.
        names_model: The object has a field ``model``.
    """
    if added and (_ASCII in raw or any(b'"%s"' % name.encode() in raw for name in added)):
        return None
    more = dumps(added)[1:-1] if added else b""
    if not names_model:
        return _begun(raw, b"%s,%s" % (field, more) if more else field)
    renamed = _renamed(raw, field)
    return renamed if renamed is None or not more else _begun(renamed, more)


def _renamed(raw: bytes, field: bytes) -> bytes | None:
    at = raw.find(_NAME)
    if at < 0 or raw.find(_NAME, at + 1) >= 0 or _LETTERS in raw:
        return None
    found = _FIELD.match(raw, at)
    return None if found is None else b"%s%s%s" % (raw[:at], field, raw[found.end() :])


def _begun(raw: bytes, fields: bytes) -> bytes:
    """The object with more fields at its beginning."""
    start = raw.index(b"{") + 1
    rest = raw[start:].lstrip()
    return b"%s%s%s%s" % (raw[:start], fields, b"" if rest.startswith(b"}") else b",", rest)
