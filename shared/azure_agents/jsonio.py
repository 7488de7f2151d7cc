"""Reads and writes JSON, in one place: compact on the wire, canonical for digests.

Reading is bounded: a document nested deeper than `MAX_DEPTH`, or with a number no float can hold,
is a `ProtocolError` and never a crash - here, or later where somebody walks or prints it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from .errors import InvalidRequestError, ProtocolError

JSON: TypeAlias = dict[str, Any]

_SEARCHED = 10_000  # values, for the place of a mistake
_SCALARS = (str, int, float, type(None))
MAX_DEPTH = 128  # objects and arrays within each other; a tool's schema comes to thirty


def dumps(value: object) -> bytes:
    """Encode compactly as UTF-8.

    Raises:
        InvalidRequestError: It has no JSON form: a NaN, an infinity, or an object of another type.
    """
    try:
        return _encode(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8 form, but an escape
        return _encode(value, ensure_ascii=True).encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidRequestError(
            f"{_place_of_what_fails(value)}cannot be sent as JSON ({exc}): give strings, finite "
            "numbers, lists and maps only"
        ) from exc


def _place_of_what_fails(value: object) -> str:
    """Where the first value stands that is no JSON, with a blank behind it; empty if unknown."""
    todo: list[tuple[str, object]] = [("", value)]
    for place, one in todo:
        if len(todo) > _SEARCHED:  # also of a value that holds itself
            break
        if isinstance(one, dict):
            todo += [
                (f"{place}.{name}" if place else str(name), each) for name, each in one.items()
            ]
        elif isinstance(one, list | tuple):
            todo += [(f"{place}[{index}]", each) for index, each in enumerate(one)]
        elif not isinstance(one, _SCALARS) or (isinstance(one, float) and not math.isfinite(one)):
            return f"{place[:80]} " if place else ""
    return ""


def _encode(value: object, *, ensure_ascii: bool) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=ensure_ascii, allow_nan=False)


def known_fields(**fields: Any) -> JSON:
    """Make an object of the fields that have a value, in their order.

    Args:
        fields: Names and values; a value of None counts as none and is left out.
    """
    return {name: value for name, value in fields.items() if value is not None}


def canonical(value: object) -> str:
    """Encode equal values as one text: keys sorted, no spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def loads(data: bytes | str) -> Any:
    """Decode any JSON document.

    Raises:
        ProtocolError: The bytes are not JSON, nested too deeply, or hold a number no float can.
    """
    try:
        text = data if isinstance(data, str) else data.removeprefix(BOM).decode()
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as exc:
        shown = data[:80]
        raise ProtocolError(f"not JSON: {shown!r}") from exc
    # Nearly every document has too few brackets to be too deep.
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_too_deep(value):
        raise ProtocolError(f"JSON nested deeper than {MAX_DEPTH} levels: {text[:80]!r}")
    return value


def _is_too_deep(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        values = (each.values() if isinstance(each, dict) else each for each in level)
        level = [one for each in values for one in each if type(one) in _CONTAINERS]
        if not level:
            return False
    return True


def _finite(text: str) -> float:
    value = float(text)
    if math.isfinite(value):
        return value
    raise ValueError(text)


# Python takes ``NaN`` and ``1e999`` for numbers; JSON knows neither, nor could they be sent on.
_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
BOM = b"\xef\xbb\xbf"
_CONTAINERS = (dict, list)  # all that a decoder makes


def load_object(data: bytes | str) -> JSON:
    """Decode a JSON object.

    Raises:
        ProtocolError: The bytes are not a JSON object.
    """
    value = loads(data)
    if not isinstance(value, dict):
        raise ProtocolError(f"expected a JSON object, got {str(value)[:80]!r}")
    return value


@contextmanager
def malformed(value: object) -> Iterator[None]:
    """Turn look-ups that fail on an object of an unexpected shape into a `ProtocolError`."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as exc:
        raise ProtocolError(f"unexpected shape ({exc!r}) in {str(value)[:200]!r}") from exc
