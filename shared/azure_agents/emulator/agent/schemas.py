"""Fill in a JSON schema from a text: arguments of functions, and structured answers.

It does as much of JSON Schema as function tools and structured output need. A value is valid, or an
error names the keyword that this module cannot do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .patterns import PatternError, text_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...jsonio import JSON

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


# Keywords that this module cannot do, each with the values that ask for nothing.
_UNSUPPORTED: Mapping[str, tuple[Any, ...]] = {
    "contains": (),
    "dependentRequired": ({},),
    "dependentSchemas": ({},),
    "dependencies": ({},),
    "if": (),
    "maxProperties": (),
    "minProperties": (0,),
    "not": (False,),
    "patternProperties": ({},),
    "propertyNames": ({}, True),
    "unevaluatedItems": ({}, True),
    "unevaluatedProperties": ({}, True),
    "uniqueItems": (False,),
}


class SchemaError(ValueError):
    """A schema has a keyword that this module cannot do, or leaves no value."""

    def __init__(self, keyword: str, reason: str) -> None:
        super().__init__(
            f"the emulator's built-in responder cannot fill in the schema: {keyword!r} {reason}; "
            "give the agent a script"
        )


@dataclass(slots=True)
class Evidence:
    """The numbers and names in a text; each is used for one value."""

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
        """Return the words behind the first "about", "for", "of", "on" or "up", else the text."""
        found = _TOPIC.search(self.text)
        return (found[1] if found else self.text).strip()


def sample(schema: Any, evidence: Evidence) -> Any:
    """Build a value that is valid for the schema.

    Raises:
        SchemaError: The schema has a keyword that this cannot do.
    """
    return _Filler(schema, evidence).value(schema, "")


class _Filler:
    def __init__(self, root: Any, evidence: Evidence) -> None:
        self._root = root
        self._evidence = evidence
        self._depth = 0

    def value(self, schema: Any, name: str) -> Any:
        """Build a value for one place; `name` is the property that it fills."""
        if schema is False:
            raise SchemaError("false", "accepts no value")
        if not isinstance(schema, Mapping):
            return self._string({}, name)
        schema = self._resolved(schema)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if "enum" in schema:
            return self._choice(schema["enum"])
        _check_keywords(schema)
        return self._typed(schema, name, _type_of(schema))

    def _typed(self, schema: Mapping[str, Any], name: str, kind: str) -> Any:
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema, name)
            case "integer" | "number":
                return self._number(schema, kind)
            case "boolean":
                return not re.search(r"\b(?:no|not|don't)\b", self._evidence.text, re.IGNORECASE)
            case "null":
                return None
            case _:
                return self._string(schema, name)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Resolve the references, unions and intersections of a schema."""
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
        others = schema.get("additionalProperties", {})
        for name in sorted(required - filled.keys()):  # required, and described nowhere else
            filled[name] = self.value(others, name)
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
        first = list(schema.get("prefixItems") or ())
        items = schema.get("items", {})
        if isinstance(items, list):  # before 2020 the first items stood here
            first, items = items, schema.get("additionalItems", {})
        fewest = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(fewest, 20)))
        if fewest > most:
            raise SchemaError("minItems", "is more than 'maxItems'")
        wanted = len(first) if first else self._how_many(items)
        number = min(most, max(fewest, wanted))
        shapes = [*first, *([items] * (number - len(first)))][:number]
        return [self.value(shape, name) for shape in shapes]

    def _how_many(self, items: Any) -> int:
        """As many items as the text gives things for."""
        if items is False or self._depth >= 3:
            return 0
        kind = _type_of(self._resolved(items)) if isinstance(items, Mapping) else "string"
        texts = {"integer": self._evidence.numbers, "number": self._evidence.numbers}
        return len(texts.get(kind, self._evidence.names if kind == "string" else [])) or 1

    def _number(self, schema: Mapping[str, Any], kind: str) -> float:
        numbers = self._evidence.numbers
        said = Fraction(numbers.pop(0)) if numbers else None
        step = _step(schema, kind)
        fitting = [one for one in _numbers(schema, said, step) if _is_within(one, schema)]
        if not fitting:
            keyword = "multipleOf" if "multipleOf" in schema else "minimum"
            raise SchemaError(keyword, "leaves no number")
        number = next((one for one in fitting if _divides_as_floats(one, step)), fitting[0])
        whole = number.denominator == 1
        return int(number) if whole or kind == "integer" else float(number)

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        if "pattern" in schema:
            return self._patterned(schema)
        if schema.get("format") in _FORMATS:
            return _fitting(_FORMATS[schema["format"]], schema)
        if name.lower() in _WHOLE:
            text = self._evidence.topic()
        else:
            text = self._evidence.names.pop(0) if self._evidence.names else self._plain(name)
        shortest, longest = int(schema.get("minLength", 0)), schema.get("maxLength")
        return _fitting(text.ljust(shortest, "x")[:longest], schema)

    def _patterned(self, schema: Mapping[str, Any]) -> str:
        """Return a word of the text that fits the pattern, or any text that does."""
        shortest, longest = int(schema.get("minLength", 0)), schema.get("maxLength")
        words: list[str] = re.findall(r"\S+", self._evidence.text)
        wanted = str(schema["pattern"])
        try:
            made = text_for(wanted, shortest, longest)
        except PatternError as exc:
            raise SchemaError("pattern", f"{wanted!r}: {exc}") from exc
        for said in (*self._evidence.names, *words):
            if re.search(wanted, said) and _is_long_enough(said, schema):
                return said
        return made

    def _plain(self, name: str) -> str:
        """Something for a property that the text does not name."""
        words = re.findall(r"\w+", self._evidence.text)
        return words[-1] if words else name or "text"


def _check_keywords(schema: Mapping[str, Any]) -> None:
    for keyword, nothing in _UNSUPPORTED.items():
        if keyword in schema and schema[keyword] not in nothing:
            raise SchemaError(keyword, "is not supported")


def _is_long_enough(text: str, schema: Mapping[str, Any]) -> bool:
    shortest, longest = int(schema.get("minLength", 0)), schema.get("maxLength")
    return len(text) >= shortest and (longest is None or len(text) <= longest)


def _fitting(text: str, schema: Mapping[str, Any]) -> str:
    if not _is_long_enough(text, schema):
        raise SchemaError("maxLength", f"does not fit {text!r}")
    return text


def _step(schema: Mapping[str, Any], kind: str) -> Fraction | None:
    """Return the number of which all values are multiples."""
    given = schema.get("multipleOf")
    step = Fraction(str(given)) if given else None
    if kind != "integer":
        return step
    return Fraction(step.numerator) if step else Fraction(1)


def _numbers(
    schema: Mapping[str, Any], said: Fraction | None, step: Fraction | None
) -> Iterator[Fraction]:
    """Numbers to try: what was said, then those around the limits, as multiples of the step."""
    limits = [_limit(schema, name) for name in ("minimum", "exclusiveMinimum")]
    limits += [_limit(schema, name) for name in ("maximum", "exclusiveMaximum")]
    known = [limit for limit in limits if limit is not None]
    middle = [(min(known) + max(known)) / 2] if known else []
    for start in (*([] if said is None else [said]), *known, *middle, Fraction(1), Fraction(0)):
        if step is None:
            yield from (start, start + 1, start - 1)
        else:
            below = start // step * step
            yield from (below, below + step, below - step)


def _divides_as_floats(number: Fraction, step: Fraction | None) -> bool:
    # Validators divide floats: -2.4 / 0.1 is -23.999999999999996, so -2.4 "is no multiple of 0.1".
    return step is None or (float(number) / float(step)).is_integer()


def _limit(schema: Mapping[str, Any], name: str) -> Fraction | None:
    value = schema.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Fraction(str(value)) if is_number else None


def _is_within(number: Fraction, schema: Mapping[str, Any]) -> bool:
    lowest, highest = _limit(schema, "minimum"), _limit(schema, "maximum")
    above, below = _limit(schema, "exclusiveMinimum"), _limit(schema, "exclusiveMaximum")
    if schema.get("exclusiveMinimum") is True:  # before 2019 it was a flag
        above = lowest
    if schema.get("exclusiveMaximum") is True:
        below = highest
    return (
        (lowest is None or number >= lowest)
        and (highest is None or number <= highest)
        and (above is None or number > above)
        and (below is None or number < below)
    )


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
