"""A text that fits a regular expression, as short as it may be or as long as it must be.

The dialects of ECMA and Python are the same as far as schemas use them. What cannot be made from
left to right (looking around, back references, word boundaries) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001 - no public one; named `sre_parse` before 3.11
_LONGEST = 200  # repeats beyond what a pattern needs
_BRANCHES = 4  # how many alternatives are tried
_CATEGORIES = {
    "CATEGORY_DIGIT": "7",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": "-",
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_ .,:;/@#"


class PatternError(ValueError):
    """There is no such text, or no way here to find it."""


def text_for(pattern: str, shortest: int = 0, longest: int | None = None) -> str:
    """Return a text in which the pattern is found, of `shortest` to `longest` characters.

    Raises:
        PatternError: There is none, as far as this goes.
    """
    try:
        parsed = _parser.parse(pattern)
        wanted = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as exc:
        raise PatternError(str(exc)) from exc
    for text in _candidates(parsed, shortest):
        fits = len(text) >= shortest and (longest is None or len(text) <= longest)
        if fits and wanted.search(text):
            return text
    raise PatternError(f"no text of {shortest} to {longest} characters was found")


def _candidates(parsed: Any, shortest: int) -> Iterator[str]:
    """Texts with more and more repeats; open ends may take anything."""
    for more in range(min(shortest, _LONGEST) + 1):
        for branch in range(_BRANCHES):
            bare = "".join(_make(parsed, more, branch))
            yield bare
            yield bare.ljust(shortest, "x")
            yield bare.rjust(shortest, "x")


def _make(parsed: Any, more: int, branch: int) -> Iterator[str]:
    for operation, value in parsed:
        yield from _one(str(operation), value, more, branch)


def _one(operation: str, value: Any, more: int, branch: int) -> Iterator[str]:
    match operation:
        case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
            yield _character(operation, value)
        case "AT" if not str(value).endswith("BOUNDARY"):
            return
        case "BRANCH":
            yield from _make(value[1][branch % len(value[1])], more, branch)
        case "SUBPATTERN":
            yield from _make(value[-1], more, branch)
        case "ATOMIC_GROUP":
            yield from _make(value, more, branch)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            fewest, most, inner = value
            for _ in range(min(int(most), int(fewest) + more)):
                yield from _make(inner, 0, branch)
        case _:
            raise PatternError(f"{operation.lower().replace('_', ' ')} is not supported")


def _character(operation: str, value: Any) -> str:
    if operation == "LITERAL":
        return chr(value)
    if operation == "IN":
        return _member(value)
    return "b" if value == ord("a") else "a"


def _member(members: list[Any]) -> str:
    """Choose one character of a set."""
    if str(members[0][0]) != "NEGATE":
        return _first(members[0])
    excluded = members[1:]
    found = (letter for letter in _LETTERS if not any(_holds(one, letter) for one in excluded))
    letter = next(found, None)
    if letter is None:
        raise PatternError("a set without plain characters is not supported")
    return letter


def _first(member: Any) -> str:
    operation, value = str(member[0]), member[1]
    if operation == "RANGE":
        return chr(value[0])
    return chr(value) if operation == "LITERAL" else _CATEGORIES[str(value)]


def _holds(member: Any, letter: str) -> bool:
    operation, value = str(member[0]), member[1]
    if operation == "RANGE":
        return bool(value[0] <= ord(letter) <= value[1])
    if operation == "LITERAL":
        return chr(value) == letter
    kind = str(value)
    tests = {"DIGIT": letter.isdigit(), "SPACE": letter.isspace()}
    name = kind.removeprefix("CATEGORY_").removeprefix("NOT_")
    holds = tests.get(name, letter.isalnum() or letter == "_")
    return holds is not ("NOT_" in kind)
