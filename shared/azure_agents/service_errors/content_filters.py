"""Which content filters refused a request or an answer, read from an error of any shape.

Azure reports it in several ways, and libraries wrap them: ``innererror.content_filter_result``
(recorded of a filtered prompt), ``content_filters[].content_filter_results`` beside an answer
(recorded) and in an error, ``inner_error`` with plural names (quoted in public issue threads).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import one_line
from ..jsonio import JSON

_RESULTS = ("content_filter_result", "content_filter_results")
# Where an error may hold an inner error, or results.
_WITHIN = ("error", "innererror", "inner_error", "innerError", "content_filters", "details")
_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "image_content_policy_violation",
        "responsibleaipolicyviolation",
    }
)
_SENTENCE = "the response was filtered due to the prompt"  # how Azure's sentence begins
_MOST = 20  # entries of a list or object that are read
_LONGEST = 64  # characters of a word that are kept
_LOOKED_AT = 200  # values that are searched in one answer, however large it is


def struck_by(error: object, *beside: object) -> JSON | None:
    """Find the filters that refused something, each with what the service says; None if none did.

    Args:
        error: The error object, or what holds it.
        *beside: Other values that may hold results, for instance a response's ``content_filters``.

    Returns:
        For instance ``{"violence": {"filtered": True, "severity": "medium"}}``, and ``{}`` for an
        error that only says that something was filtered.
    """
    found: JSON = {}
    errors = _errors(error, *beside)
    for results in _results(errors):
        for name, result in list(results.items())[:_MOST]:
            if _has_struck(result) and len(found) < _MOST:
                found[one_line(str(name)[:_LONGEST])] = _bounded(result, 3)
    return found if found or any(map(_is_filter_error, errors)) else None


def named(struck: JSON) -> str:
    """Write the filters as one text: ``violence (medium), jailbreak``."""
    return ", ".join(map(_name_and_severity, struck.items()))


def _name_and_severity(struck: tuple[str, Any]) -> str:
    name, result = struck
    severity = result.get("severity") if isinstance(result, dict) else None
    return f"{name} ({severity})" if isinstance(severity, str) else name


def _results(errors: list[JSON]) -> Iterator[JSON]:
    for error in errors:
        yield from (error[name] for name in _RESULTS if isinstance(error.get(name), dict))


def _errors(*values: object) -> list[JSON]:
    """List every error object in these values, the outer ones first."""
    waiting, found = list(values), list[JSON]()
    for _ in range(_LOOKED_AT):
        if not waiting:
            break
        value = waiting.pop(0)
        if isinstance(value, list):
            waiting += value[:_MOST]
        elif isinstance(value, dict):
            found.append(value)
            waiting += (value[name] for name in _WITHIN if name in value)
    return found


def _has_struck(result: object) -> bool:
    if isinstance(result, list):  # block lists, in older answers
        return any(map(_has_struck, result[:_MOST]))
    return isinstance(result, dict) and result.get("filtered") is True


def _is_filter_error(error: JSON) -> bool:
    # Not "content_filter_error": that is a filter that failed, and nothing was filtered.
    code, message = (_word(error.get(name)) for name in ("code", "message"))
    is_blocked = error.get("blocked") is True  # an entry of ``content_filters``
    return is_blocked or code in _CODES or message.startswith(_SENTENCE)


def _word(value: object) -> str:
    return value[:_LONGEST].lower() if isinstance(value, str) else ""


def _bounded(value: object, depth: int) -> Any:
    if depth and isinstance(value, dict):
        return {
            one_line(str(n)[:_LONGEST]): _bounded(v, depth - 1)
            for n, v in list(value.items())[:_MOST]
        }
    if depth and isinstance(value, list):
        return [_bounded(one, depth - 1) for one in value[:_MOST]]
    if isinstance(value, str):
        return one_line(value[:_LONGEST])
    return value if isinstance(value, bool | float) or _is_short(value) else None


def _is_short(value: object) -> bool:
    return isinstance(value, int) and abs(value) < 10**18  # longer ones have no text
