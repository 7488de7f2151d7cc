"""The built-in responder fills in any schema, or an error names the keyword it cannot do."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from azure_agents.emulator import Emulator
from azure_agents.emulator.agent.patterns import PatternError, text_for
from azure_agents.emulator.agent.schemas import Evidence, SchemaError, sample

VALID: list[dict[str, Any]] = [
    {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
    {"type": "string", "pattern": r"^\d{5}(-\d{4})?$"},
    {"type": "string", "pattern": r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", "minLength": 12},
    {"type": "string", "pattern": "^(cat|kitten)$", "minLength": 5},
    {"type": "string", "pattern": "x", "minLength": 3, "maxLength": 3},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    {"type": "array", "prefixItems": [{"type": "boolean"}], "minItems": 3, "maxItems": 3},
    {"type": "array", "prefixItems": [{"type": "null"}] * 4, "maxItems": 2},
    {"type": "array", "items": False},
    {"type": "integer", "multipleOf": 5, "minimum": 11, "maximum": 19},
    {"type": "number", "multipleOf": 0.1, "exclusiveMinimum": 0.3, "maximum": 0.4},
    {"type": "integer", "multipleOf": 7, "exclusiveMaximum": -1},
    {"type": "integer", "multipleOf": 2.5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "object", "required": ["a"]},
    {"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}},
]


@pytest.mark.parametrize("schema", VALID, ids=str)
@pytest.mark.parametrize("text", ["", "Send 17 boxes to Paris, code ABC-1234."])
def test_filled_in_values_are_valid(schema: dict[str, Any], text: str) -> None:
    """Whatever words the text has."""
    jsonschema.Draft202012Validator(schema).validate(sample(schema, Evidence(text)))


def test_a_word_of_the_text_that_fits_a_pattern_is_used() -> None:
    """Rather than an invented one."""
    schema = {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}
    assert "ABC-1234" == sample(schema, Evidence("use ABC-1234 please"))


REFUSED: list[tuple[Any, str]] = [
    ({"type": "string", "pattern": "^(?=.*a)b"}, "pattern"),
    ({"type": "string", "pattern": "("}, "pattern"),
    ({"type": "string", "pattern": "^ab$", "minLength": 3}, "pattern"),
    ({"type": "string", "format": "date", "maxLength": 3}, "maxLength"),
    ({"type": "integer", "multipleOf": 5, "minimum": 11, "maximum": 14}, "multipleOf"),
    ({"type": "number", "minimum": 2, "maximum": 1}, "minimum"),
    ({"type": "array", "uniqueItems": True, "items": {}}, "uniqueItems"),
    ({"type": "array", "contains": {"type": "integer"}}, "contains"),
    ({"type": "object", "minProperties": 2}, "minProperties"),
    ({"type": "string", "not": {"maxLength": 9}}, "not"),
    ({"if": {"type": "string"}, "then": {"minLength": 9}}, "if"),
    (False, "false"),
]


@pytest.mark.parametrize(("schema", "keyword"), REFUSED)
def test_unsupported_keywords_are_named(schema: Any, keyword: str) -> None:
    """No value is better than one that breaks the schema."""
    with pytest.raises(SchemaError, match=f"'{keyword}'"):
        sample(schema, Evidence("hi"))


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_an_unsupported_keyword_fails_the_turn(
    foundry: Emulator, wire: Any, generation: str
) -> None:
    """The client reads which keyword to change."""
    schema = {"type": "object", "properties": {"a": {"not": {}}}, "required": ["a"]}
    named = {"name": "x", "schema": schema}
    if generation == "v2":
        definition = {"text": {"format": {"type": "json_schema", **named}}}
        agent = foundry.create_agent("a", definition=definition)
        error = wire.respond(agent, "hi")["error"]
    else:
        agent = foundry.create_agent("a", generation="classic")
        format = {"type": "json_schema", "json_schema": named}
        body = {"assistant_id": agent.id, "response_format": format}
        error = wire.stream(f"/threads/{wire.start_thread('hi')}/runs", body)[-2][1]["last_error"]
    assert "server_error" == error["code"]
    assert "cannot fill in the schema: 'not' is not supported" in error["message"]


NUMBERS = st.one_of(st.integers(-50, 50), st.sampled_from([0.5, -2.5, 0.1]))
NUMERIC = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": NUMBERS,
        "maximum": NUMBERS,
        "exclusiveMinimum": NUMBERS,
        "exclusiveMaximum": NUMBERS,
        "multipleOf": st.sampled_from([1, 2, 3, 5, 0.5, 0.1, 2.5]),
    },
)
TEXTUAL = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 6),
        "maxLength": st.integers(0, 12),
        "pattern": st.sampled_from(["^a+$", "^[0-9]{2,4}$", "b", "^(x|yy|zzz)$", r"^\w+ \w+$"]),
    },
)
LEAVES = st.one_of(NUMERIC, TEXTUAL, st.just({"type": "boolean"}))
LISTS = st.fixed_dictionaries(
    {"type": st.just("array")},
    optional={
        "items": LEAVES,
        "prefixItems": st.lists(LEAVES, min_size=1, max_size=3),
        "minItems": st.integers(0, 4),
        "maxItems": st.integers(0, 5),
    },
)


# As floats, -2.4 is no multiple of 0.1.
@example(
    schema={"type": "number", "exclusiveMinimum": -2.5, "maximum": 0, "multipleOf": 0.1}, text=""
)
@settings(max_examples=300, deadline=None)
@given(schema=st.one_of(LEAVES, LISTS), text=st.sampled_from(["", "17 -3.5", "aaa bb", "to Paris"]))
def test_no_value_is_invalid(schema: dict[str, Any], text: str) -> None:
    """Any schema of the keywords that it knows: a valid value, or an error."""
    try:
        value = sample(schema, Evidence(text))
    except SchemaError:
        return
    jsonschema.Draft202012Validator(schema).validate(value)


def test_unsupported_patterns_say_why() -> None:
    """The reason is in the error."""
    with pytest.raises(PatternError, match="assert not is not supported"):
        text_for("(?!a)b")
