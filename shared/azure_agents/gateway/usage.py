"""What a whole answer used: read out of its bytes, without parsing the rest. Pure."""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder
from typing import Any

from ..routing.tokens import used
from .meter import Meter

_USAGE = re.compile(rb'"usage"\s*:\s*(?=\{)')
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]+)"')
_TIER = re.compile(rb'"service_tier"\s*:\s*"([^"\\]+)"')
_DECODER = JSONDecoder()
_MOST = 64 * 1024  # bytes of a usage


def read_usage(body: bytes) -> Meter:
    """Read what an answer used.

    Vectors and texts are not looked at: a quoted text has its quotes escaped, so no search of these
    finds anything in one.

    Args:
        body: JSON, as it came.
    """
    model, tier = _MODEL.search(body), _TIER.search(body)
    return Meter(
        _usage(body),
        None if model is None else model[1].decode("utf-8", "replace"),
        None if tier is None else tier[1].decode("utf-8", "replace"),
        len(body),
    )


def _usage(body: bytes) -> dict[str, Any]:
    """The last usage of it: what a request told about itself stands before."""
    for found in reversed(list(_USAGE.finditer(body))):
        text = body[found.end() : found.end() + _MOST].decode("utf-8", "replace")
        try:
            usage, _ = _DECODER.raw_decode(text)
        except (JSONDecodeError, RecursionError):
            continue
        if isinstance(usage, dict) and used(usage) is not None:
            return usage
    return {}
