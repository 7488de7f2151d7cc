"""Whether a value is valid under a JSON schema, as far as objects of agents need it. Pure.

These keywords are checked:

- of any value: ``type``, ``enum``, ``const``, ``allOf``, ``anyOf``, ``oneOf`` (as ``anyOf``),
  ``not``, and ``$ref`` within the schema;
- of objects: ``properties``, ``required``, ``additionalProperties``, ``minProperties``,
  ``maxProperties``;
- of arrays: ``items``, ``prefixItems`` (also written as a list of ``items``), ``minItems``,
  ``maxItems``, ``uniqueItems``;
- of texts: ``minLength``, ``maxLength``, ``pattern`` (as Python's `re` reads it);
- of numbers: ``minimum``, ``maximum``, ``exclusiveMinimum``, ``exclusiveMaximum``, ``multipleOf``.

Others, such as ``format``, do not count, nor does a keyword whose own value is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

from ..jsonio import loads

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
}
_DEEPEST = 64  # a reference may lead to itself


def read_object(text: str, schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read the object of a JSON text.

    Args:
        text: The text, and nothing around it.
        schema: The JSON schema that the object must be valid under; None: any object.

    Raises:
        ValueError: It is no object, or not valid; says where and why.
        ProtocolError: It is no JSON.
    """
    value = loads(text)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - as bad as wrong fields
    wrong = list(_Check(schema).problems(value, schema, "", 0)) if schema else []
    if wrong:
        raise ValueError("; ".join(wrong))
    return value


@dataclass(frozen=True, slots=True)
class _Check:
    """A check against one schema; `root` is where references begin."""

    root: Mapping[str, Any] | None

    def problems(self, value: Any, schema: Any, place: str, depth: int) -> Iterator[str]:
        where = place or "the answer"
        if schema is False:
            yield f"{where}: nothing may stand here"
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return
        if "$ref" in schema:
            yield from self.problems(value, self._referred(schema["$ref"]), place, depth + 1)
        if not _has_type(value, schema.get("type")):
            yield f"{where}: it is no {schema['type']}"
            return
        yield from (f"{where}: {what}" for what in _plain_problems(value, schema))
        yield from self._composed(value, schema, place, depth)
        if isinstance(value, dict):
            yield from self._members(value, schema, place, depth)
        if isinstance(value, list):
            yield from self._entries(value, schema, place, depth)

    def _composed(
        self, value: Any, schema: Mapping[str, Any], place: str, depth: int
    ) -> Iterator[str]:
        for each in schema.get("allOf", ()):
            yield from self.problems(value, each, place, depth + 1)
        for name in ("anyOf", "oneOf"):
            yield from self._choice(value, schema.get(name), place, depth)
        if "not" in schema and not list(self.problems(value, schema["not"], place, depth + 1)):
            yield f"{place or 'the answer'}: it is what it must not be: {schema['not']}"

    def _choice(self, value: Any, choices: Any, place: str, depth: int) -> Iterator[str]:
        if not choices:
            return
        tries = [list(self.problems(value, each, place, depth + 1)) for each in choices]
        if all(tries):
            yield from min(tries, key=len)

    def _members(
        self, value: dict[str, Any], schema: Mapping[str, Any], place: str, depth: int
    ) -> Iterator[str]:
        known = schema.get("properties", {})
        others = schema.get("additionalProperties")
        for name, member in value.items():
            where = f"{place}.{name}" if place else name
            if name in known or isinstance(others, Mapping):
                yield from self.problems(member, known.get(name, others), where, depth + 1)
            elif others is False:
                yield f"{where}: there is no such field"

    def _entries(
        self, value: list[Any], schema: Mapping[str, Any], place: str, depth: int
    ) -> Iterator[str]:
        first, rest = _items(schema)
        for number, item in enumerate(value):
            wanted = first[number] if number < len(first) else rest
            yield from self.problems(item, wanted, f"{place}[{number}]", depth + 1)

    def _referred(self, reference: Any) -> Any:
        found: Any = self.root
        for step in str(reference).removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                found = found.get(name) if isinstance(found, Mapping) else None
        return found


def _items(schema: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    # The schemas of the first items, and that of all others.
    items = schema.get("items")
    if isinstance(items, list):  # as drafts before 2020-12 have it
        return items, schema.get("additionalItems")
    return schema.get("prefixItems", ()), items


def _has_type(value: Any, wanted: Any) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    return not names or any(_is_a(value, name) for name in names)


def _is_a(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    whole = name == "integer" and isinstance(value, float) and value.is_integer()
    return whole or isinstance(value, _TYPES.get(name, (object,)))


def _plain_problems(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema and not any(_is_same(value, each) for each in schema["enum"]):
        yield f"it is none of {schema['enum']}"
    if "const" in schema and not _is_same(value, schema["const"]):
        yield f"it is not {schema['const']!r}"
    if isinstance(value, dict):
        missing = [name for name in schema.get("required", ()) if name not in value]
        if missing:
            yield f"it lacks {', '.join(missing)}"
    for word, (kind, limit_kind, is_broken) in _LIMITS.items():
        limit = schema.get(word)
        if _is_a(value, kind) and _is_a(limit, limit_kind) and is_broken(value, limit):
            yield f"{word} is {limit}"


def _is_same(one: Any, two: Any) -> bool:
    # Equal as JSON: to Python, true is 1.
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_is_same(one[name], two[name]) for name in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_is_same, one, two))
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)


def _repeats(items: list[Any]) -> bool:
    return any(_is_same(one, two) for n, one in enumerate(items) for two in items[:n])


def _fails(text: str, pattern: str) -> bool:
    try:
        return re.search(pattern, text) is None
    except re.error:  # written for other languages
        return False


def _is_no_multiple(number: float, of: float) -> bool:
    try:
        return Decimal(str(number)) % Decimal(str(of)) != 0  # floats would miss 0.3 of 0.1
    except ArithmeticError:  # of nothing, or too large to tell
        return False


def _sized(broken: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, limit: broken(len(value), limit)


# Keyword -> type of value that it limits, type of the limit, whether a value breaks it.
_LIMITS: dict[str, tuple[str, str, Callable[[Any, Any], bool]]] = {
    "minProperties": ("object", "integer", _sized(lt)),
    "maxProperties": ("object", "integer", _sized(gt)),
    "minItems": ("array", "integer", _sized(lt)),
    "maxItems": ("array", "integer", _sized(gt)),
    "uniqueItems": ("array", "boolean", lambda items, wanted: wanted and _repeats(items)),
    "minLength": ("string", "integer", _sized(lt)),
    "maxLength": ("string", "integer", _sized(gt)),
    "pattern": ("string", "string", _fails),
    "minimum": ("number", "number", lt),
    "maximum": ("number", "number", gt),
    "exclusiveMinimum": ("number", "number", le),
    "exclusiveMaximum": ("number", "number", ge),
    "multipleOf": ("number", "number", _is_no_multiple),
}
