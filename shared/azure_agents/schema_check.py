"""Whether a value is valid under a JSON schema, as far as objects of agents need it. Pure.

These keywords are checked: ``type``, ``enum``, ``const``, ``properties``, ``required``,
``additionalProperties``, ``items``, ``minItems``, ``maxItems``, ``minimum``, ``maximum``,
``allOf``, ``anyOf``, ``oneOf`` (as ``anyOf``) and ``$ref`` within the schema. Others do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .jsonio import loads

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
    """The object of a JSON text.

    Args:
        text: The text, and nothing around it.
        schema: What the object must be valid under.

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
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return
        if "$ref" in schema:
            yield from self.problems(value, self._referred(schema["$ref"]), place, depth + 1)
        where = place or "the answer"
        if not _has_type(value, schema.get("type")):
            yield f"{where}: it is no {schema['type']}"
            return
        yield from (f"{where}: {what}" for what in _plain_problems(value, schema))
        for each in schema.get("allOf", ()):
            yield from self.problems(value, each, place, depth + 1)
        for name in ("anyOf", "oneOf"):
            yield from self._choice(value, schema.get(name), place, depth)
        if isinstance(value, dict):
            yield from self._members(value, schema, place, depth)
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from self.problems(item, schema.get("items"), f"{place}[{number}]", depth + 1)

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

    def _referred(self, reference: Any) -> Any:
        found: Any = self.root
        for step in str(reference).removeprefix("#").strip("/").split("/"):
            found = found.get(step) if isinstance(found, Mapping) and step else found
        return found


def _has_type(value: Any, wanted: Any) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    return not names or any(_is_a(value, name) for name in names)


def _is_a(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    whole = name == "integer" and isinstance(value, float) and value.is_integer()
    return whole or isinstance(value, _TYPES.get(name, (object,)))


def _plain_problems(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"it is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"it is not {schema['const']!r}"
    if isinstance(value, dict):
        missing = [name for name in schema.get("required", ()) if name not in value]
        if missing:
            yield f"it lacks {', '.join(missing)}"
    for size, least, most in (
        (len(value) if isinstance(value, list) else None, "minItems", "maxItems"),
        (value if _is_a(value, "number") else None, "minimum", "maximum"),
    ):
        if size is not None and size < schema.get(least, size):
            yield f"{least} is {schema[least]}"
        if size is not None and size > schema.get(most, size):
            yield f"{most} is {schema[most]}"
