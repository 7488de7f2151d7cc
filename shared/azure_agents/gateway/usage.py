"""What a whole answer used: read out of its bytes, without parsing the rest. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from json import JSONDecodeError, JSONDecoder
from typing import Any

from .meter import Meter

_OBJECT = re.compile(rb'"usage"\s*:\s*(?=\{)')
_TEXT = re.compile(rb'"[a-z_]+"\s*:\s*"([^"\\]+)"')
_DECODER = JSONDecoder()
_MOST = (1024, 64 * 1024)  # bytes of a usage: nearly always, and at most


def read_usage(body: bytes) -> Meter:
    """Read what an answer used.

    Vectors and texts are not looked at: a quoted text has its quotes escaped, so no search of these
    finds anything in one.

    Args:
        body: JSON, as it came.
    """
    model, tier = _text(body, b'"model"'), _text(body, b'"service_tier"')
    for usage in _usages(body):
        meter = Meter(usage, model, tier, len(body))
        if meter.used() is not None:
            return meter
    return Meter({}, model, tier, len(body))


def _text(body: bytes, name: bytes) -> str | None:
    """The first field of a name whose value is a text."""
    at = body.find(name)
    while at >= 0:
        found = _TEXT.match(body, at)
        if found is not None:
            return found[1].decode("utf-8", "replace")
        at = body.find(name, at + 1)
    return None


def _usages(body: bytes) -> Iterator[dict[str, Any]]:
    """All of them, the last one first: what a request told about itself stands before."""
    at = body.rfind(b'"usage"')
    while at >= 0:
        found = _OBJECT.match(body, at)
        usage = None if found is None else _object(body, found.end())
        if usage is not None:
            yield usage
        at = body.rfind(b'"usage"', 0, at)


def _object(body: bytes, at: int) -> dict[str, Any] | None:
    for most in _MOST:
        text = body[at : at + most].decode("utf-8", "replace")
        with suppress(JSONDecodeError, RecursionError):
            usage: dict[str, Any] = _DECODER.raw_decode(text)[0]
            return usage
    return None
