"""A JSON value for a schema, filled with what a text gives away: arguments, structured answers.

Small on purpose: enough of JSON Schema for function tools and structured output, always valid for
what it knows. Of `pattern` it knows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..jsonio import JSON

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'(?!\w)|“([^”]+)”")
_PROPER = re.compile(r"[A-Z][\w'’-]*(?:\s+[A-Z][\w'’-]*)*")  # noqa: RUF001 - a real apostrophe
_PLACED = re.compile(r"\b(?:at|for|from|in|is|near|of|to|with)\s+(" + _PROPER.pattern + ")")
_TOPIC = re.compile(r"\b(?:about|for|of|on|up)\s+(.+?)[.?!]*$", re.DOTALL)
_WHOLE = ("content", "input", "message", "prompt", "q", "query", "question", "request", "text")
_FORMATS = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "12:00:00Z",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


@dataclass(slots=True)
class Evidence:
    """What a text offers for filling in; numbers and names are used up one after the other."""

    text: str
    numbers: list[str] = field(init=False)
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        quoted = ["".join(groups) for groups in _QUOTED.findall(self.text)]
        bare = _QUOTED.sub(" ", self.text)
        self.numbers = _NUMBER.findall(bare)
        self.names = [*quoted, *_PLACED.findall(bare)]
        # The first word of a sentence is capitalised whatever it is.
        inner = re.sub(r"(^|[.?!]\s+)\w+", r"\1", bare)
        self.names += [name for name in _PROPER.findall(inner) if name not in self.names]

    def topic(self) -> str:
        """What the text is about, as far as words tell."""
        found = _TOPIC.search(self.text)
        return (found[1] if found else self.text).strip()


def sample(schema: Any, evidence: Evidence) -> Any:
    """A value that is valid for the schema."""
    return _Filler(schema, evidence).value(schema, "")


class _Filler:
    def __init__(self, root: Any, evidence: Evidence) -> None:
        self._root = root
        self._evidence = evidence
        self._depth = 0

    def value(self, schema: Any, name: str) -> Any:
        """A value for one place; `name` is the property it is for."""
        if not isinstance(schema, Mapping):
            return None if schema is False else self._string({}, name)
        schema = self._resolved(schema)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if "enum" in schema:
            return self._choice(schema["enum"])
        match _type_of(schema):
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema, name)
            case "integer" | "number" as kind:
                return self._number(schema, kind)
            case "boolean":
                return not re.search(r"\b(?:no|not|don't)\b", self._evidence.text, re.IGNORECASE)
            case "null":
                return None
            case _:
                return self._string(schema, name)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with its references, unions and intersections worked in."""
        while True:
            if "$ref" in schema:
                rest = {key: inner for key, inner in schema.items() if key != "$ref"}
                schema = {**self._look_up(schema["$ref"]), **rest}
            elif "allOf" in schema:
                parts = [self._resolved(part) for part in schema["allOf"]]
                rest = {key: inner for key, inner in schema.items() if key != "allOf"}
                schema = _merged([*parts, rest])
            elif options := schema.get("anyOf") or schema.get("oneOf"):
                rest = {k: inner for k, inner in schema.items() if k not in {"anyOf", "oneOf"}}
                schema = {**rest, **_first_real(options)}
            else:
                return schema

    def _look_up(self, reference: str) -> Mapping[str, Any]:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if part else found
        return found if isinstance(found, Mapping) else {}

    def _choice(self, options: list[Any]) -> Any:
        text = self._evidence.text.lower()
        said = (one for one in options if isinstance(one, str) and one.lower() in text)
        return next(said, options[0])

    def _object(self, schema: Mapping[str, Any]) -> JSON:
        self._depth += 1
        required = set(schema.get("required") or ())
        # A schema may contain itself: further down only what is required is filled in.
        wanted = {
            name: inner
            for name, inner in (schema.get("properties") or {}).items()
            if name in required or (self._depth < 3 and self._is_known(inner))
        }
        filled = {name: self.value(inner, name) for name, inner in wanted.items()}
        self._depth -= 1
        return filled

    def _is_known(self, schema: Any) -> bool:
        """Whether the text says something about an optional property."""
        schema = self._resolved(schema) if isinstance(schema, Mapping) else {}
        if "enum" in schema:
            text = self._evidence.text.lower()
            return any(isinstance(one, str) and one.lower() in text for one in schema["enum"])
        kind = _type_of(schema)
        if kind in {"integer", "number"}:
            return bool(self._evidence.numbers)
        return kind == "string" and "format" not in schema and bool(self._evidence.names)

    def _array(self, schema: Mapping[str, Any], name: str) -> list[Any]:
        items = schema.get("items", {})
        kind = _type_of(self._resolved(items)) if isinstance(items, Mapping) else "string"
        texts = {"integer": self._evidence.numbers, "number": self._evidence.numbers}
        named = texts.get(kind, self._evidence.names if kind == "string" else [])
        fewest, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 20))
        wanted = 0 if self._depth >= 3 else len(named) or 1
        return [self.value(items, name) for _ in range(min(most, max(fewest, wanted)))]

    def _number(self, schema: Mapping[str, Any], kind: str) -> float:
        numbers = self._evidence.numbers
        raw = float(numbers.pop(0)) if numbers else float(schema.get("minimum", 1))
        lowest, highest = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        lowest = above + 1 if isinstance(above, int | float) and above is not True else lowest
        highest = below - 1 if isinstance(below, int | float) and below is not True else highest
        raw = raw if lowest is None else max(raw, lowest)
        raw = raw if highest is None else min(raw, highest)
        step = schema.get("multipleOf")
        raw = raw // step * step if step else raw
        return int(raw) if kind == "integer" or raw == int(raw) else raw

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if name.lower() in _WHOLE:
            text = self._evidence.topic()
        else:
            text = self._evidence.names.pop(0) if self._evidence.names else self._plain(name)
        shortest, longest = int(schema.get("minLength", 0)), schema.get("maxLength")
        return text.ljust(shortest, "x")[:longest]

    def _plain(self, name: str) -> str:
        """Something for a property that the text does not name."""
        words = re.findall(r"\w+", self._evidence.text)
        return words[-1] if words else name or "text"


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _first_real(options: list[Any]) -> Mapping[str, Any]:
    real = (one for one in options if isinstance(one, Mapping) and one.get("type") != "null")
    return next(real, {"type": "null"})


def _merged(parts: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    merged: JSON = {}
    for part in parts:
        properties = dict(merged.get("properties", {}))
        for name, inner in part.get("properties", {}).items():
            properties[name] = {**properties.get(name, {}), **inner}
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged |= part
        merged |= {"properties": properties} if properties else {}
        merged |= {"required": required} if required else {}
    return merged
