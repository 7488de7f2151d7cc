"""Which content filters struck, read from an error of any shape.

Azure says it in several ways, and libraries wrap them: ``innererror.content_filter_result``
(recorded of a filtered prompt), ``content_filters[].content_filter_results`` beside an answer
(recorded) and in an error, ``inner_error`` with plural names (quoted in public issue threads).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import one_line
from ..jsonio import JSON

_RESULTS = ("content_filter_result", "content_filter_results")
# Where an error may hold an error within, or results.
_WITHIN = ("error", "innererror", "inner_error", "innerError", "content_filters", "details")
_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "image_content_policy_violation",
        "responsibleaipolicyviolation",
    }
)
_SENTENCE = "the response was filtered due to the prompt"  # how Azure begins to say so
_MOST = 20  # of anything
_LONGEST = 64  # characters of a word
_LOOKED_AT = 200  # values, whatever an answer is made of


def struck_by(error: object, *beside: object) -> JSON | None:
    """The filters that struck, each with what the service says of it; None if none did.

    Args:
        error: The error object, or what holds it.
        *beside: Other values that may tell, for instance a response's ``content_filters``.

    Returns:
        For instance ``{"violence": {"filtered": True, "severity": "medium"}}``, and ``{}`` for an
        error that only says that something was filtered.
    """
    found: JSON = {}
    errors = _errors(error, *beside)
    for results in _results(errors):
        for name, told in list(results.items())[:_MOST]:
            if _has_struck(told) and len(found) < _MOST:
                found[one_line(str(name)[:_LONGEST])] = _bounded(told, 3)
    return found if found or any(map(_says_so, errors)) else None


def named(struck: JSON) -> str:
    """The filters as one text: ``violence (medium), jailbreak``."""
    return ", ".join(map(_one, struck.items()))


def _one(struck: tuple[str, Any]) -> str:
    name, told = struck
    severity = told.get("severity") if isinstance(told, dict) else None
    return f"{name} ({severity})" if isinstance(severity, str) else name


def _results(errors: list[JSON]) -> Iterator[JSON]:
    for error in errors:
        yield from (error[name] for name in _RESULTS if isinstance(error.get(name), dict))


def _errors(*values: object) -> list[JSON]:
    """Every error object in these values, the outer ones first."""
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


def _has_struck(told: object) -> bool:
    if isinstance(told, list):  # block lists, in older answers
        return any(map(_has_struck, told[:_MOST]))
    return isinstance(told, dict) and told.get("filtered") is True


def _says_so(error: JSON) -> bool:
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
