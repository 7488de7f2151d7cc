"""How long the service asks a client to wait: in a header, or in the words of its message."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

# Seconds, by the words of the service. Seen: "50 seconds" (Azure), "250ms", "1.5s", "1m26.4s",
# "6m0s" (OpenAI's limits); the longer units are those of other gateways.
_UNITS = {
    r"ms|msecs?|milli(?:second)?s?": 0.001,
    r"s|secs?|seconds?": 1.0,
    r"m|mins?|minutes?": 60.0,
    r"h|hrs?|hours?": 3_600.0,
    r"d|days?": 86_400.0,
    r"w|weeks?": 604_800.0,
}
_UNIT = "|".join(_UNITS)
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_AMOUNT = rf"(?:(?P<number>{_NUMBER})|an?(?= )) ?(?P<unit>{_UNIT})(?![a-z])"
_AMOUNTS = re.compile(_AMOUNT, re.IGNORECASE)
_NAMELESS = re.sub(r"\?P<\w+>", "", _AMOUNT)
_ASKED = re.compile(
    r"(?:(?:try again|retry)(?: your request)?(?: in| after)|please wait(?: for)?)"
    r"(?: about| approximately| another)? "
    rf"(?:(?P<wait>{_NAMELESS}(?:,? ?(?:and )?{_NAMELESS}){{0,7}})"
    rf"|(?P<bare>{_NUMBER})(?!\.?\d|:| ?[a-z]))",  # a number alone counts seconds
    re.IGNORECASE,
)
_BY_NAME = [(re.compile(names, re.IGNORECASE), seconds) for names, seconds in _UNITS.items()]


def wait_in_words(message: str) -> float | None:
    """Read the seconds that a message asks to wait: 86.4 of ``try again in 1m26.4s``; or None."""
    asked = _ASKED.search(message)
    if asked is None:
        return None
    if asked["bare"]:
        return float(asked["bare"])
    return math.fsum(map(_seconds, _AMOUNTS.finditer(asked["wait"])))


def _seconds(amount: re.Match[str]) -> float:
    unit = next(seconds for names, seconds in _BY_NAME if names.fullmatch(amount["unit"]))
    return float(amount["number"] or 1) * unit


def wait_asked_for(headers: Mapping[str, str], now: float, message: str) -> float | None:
    """Read the seconds that an answer asks to wait; None if it does not ask.

    Args:
        headers: Headers of the answer, names in lower case.
        now: Unix time, for a ``retry-after`` that is a date.
        message: The service's sentence, for an answer without such a header.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    text = headers.get("retry-after")
    given = (milliseconds and milliseconds / 1000, _number(text), _seconds_until(text, now))
    found = [seconds for seconds in given if seconds is not None]
    # Recorded of a model of Foundry: no milliseconds, and a second.
    return next(filter(None, found), found[0]) if found else wait_in_words(message)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None


def _seconds_until(date: str | None, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
        # HTTP dates are in GMT, also those that forget to say so.
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
