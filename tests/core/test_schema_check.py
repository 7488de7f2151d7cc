"""Values under JSON schemas: what is wrong, and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from azure_agents.content.schema_check import read_object
from azure_agents.errors import ProtocolError
from azure_agents.jsonio import dumps

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": ["integer", "null"], "minimum": 0},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
        "boss": {"anyOf": [{"$ref": "#/$defs/Boss"}, {"type": "null"}]},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {
        "Boss": {"type": "object", "required": ["name"], "properties": {"name": {"const": "Eve"}}}
    },
}

VALID: list[dict[str, Any]] = [
    {"name": "Bob"},
    {"name": "Bob", "age": 4, "tags": ["a", "b"], "boss": {"name": "Eve"}},
    {"name": "Bob", "age": None, "boss": None},
    {"name": "Bob", "age": 4.0},
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "the answer: it lacks name"),
    ({"name": 3}, "name: it is no string"),
    ({"name": "Bob", "age": True}, "age: it is no ['integer', 'null']"),
    ({"name": "Bob", "age": -1}, "age: minimum is 0"),
    ({"name": "Bob", "tags": ["a", "c"]}, "tags[1]: it is none of ['a', 'b']"),
    ({"name": "Bob", "tags": ["a", "a", "a"]}, "tags: maxItems is 2"),
    ({"name": "Bob", "boss": {"name": "Al"}}, "boss.name: it is not 'Eve'"),
    ({"name": "Bob", "size": 1}, "size: there is no such field"),
]


@pytest.mark.parametrize("value", VALID)
def test_what_is_valid_is_read(value: dict[str, Any]) -> None:
    """The object comes back as it is."""
    assert value == read_object(dumps(value).decode(), PERSON)


@pytest.mark.parametrize(("value", "says"), WRONG)
def test_what_is_wrong_is_said(value: dict[str, Any], says: str) -> None:
    """Where it is, in words that an agent understands."""
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        read_object(dumps(value).decode(), PERSON)


KEYWORDS: list[tuple[dict[str, Any], list[Any], list[Any], str]] = [
    # schema, valid values, wrong values, what is said
    ({"pattern": "^[A-Z]{2}$"}, ["AB", 3], ["ab", "ABC"], "pattern is ^[A-Z]{2}$"),
    ({"pattern": "\\p{L}"}, ["1"], [], ""),  # no pattern of Python's: not checked
    ({"format": "date"}, ["no date"], [], ""),  # not checked
    ({"minLength": 1}, ["a", []], [""], "minLength is 1"),
    ({"maxLength": 1}, ["a"], ["ab"], "maxLength is 1"),
    ({"exclusiveMinimum": 0}, [0.1, True], [0, -1], "exclusiveMinimum is 0"),
    ({"exclusiveMaximum": 2}, [1.9], [2, 3], "exclusiveMaximum is 2"),
    ({"minimum": 0, "exclusiveMinimum": True}, [1], [], ""),  # an older draft's: not checked
    ({"multipleOf": 0.1}, [0.3, 7, 1e300], [0.25], "multipleOf is 0.1"),
    ({"multipleOf": 0}, [3], [], ""),
    (
        {"uniqueItems": True},
        [[1, True, "1"], [{"a": 1}, {"a": True}]],
        [[1, 1.0]],
        "uniqueItems is",
    ),
    ({"minProperties": 1}, [{"a": 1}], [{}], "minProperties is 1"),
    ({"maxProperties": 0}, [{}], [{"a": 1}], "maxProperties is 0"),
    ({"enum": [1, [True]]}, [1, 1.0, [True]], [True, [1]], "it is none of [1, [True]]"),
    ({"const": {"a": False}}, [{"a": False}], [{"a": 0}, {}], "it is not {'a': False}"),
    ({"not": {"type": "string"}}, [1], ["a"], "it is what it must not be"),
    ({"anyOf": [{"const": 1}, {"type": "string"}]}, [1, "a"], [2, None], ""),
    ({"additionalProperties": False}, [{}], [{"a": 1}], "there is no such field"),
    ({"$ref": "#/$defs/a~1b"}, ["x"], [1], "it is no string"),
    ({"$ref": "#/$defs/either/anyOf/1"}, [1], ["x"], "it is no number"),
    ({"$ref": "#/$defs/none"}, [1], [], ""),
]
PAIR = [{"type": "string"}, {"type": "integer"}]
KEYWORDS += [
    ({"prefixItems": PAIR}, [["a", 1, None], ["a"], []], [[1, "a"]], "[0]: it is no string"),
    ({"prefixItems": PAIR, "items": False}, [["a", 1]], [["a", 1, 2]], "[2]: nothing may stand"),
    ({"prefixItems": PAIR, "items": {"const": 1}}, [["a", 1, 1]], [["a", 1, 2]], "[2]: it is not"),
    ({"items": PAIR}, [["a", 1, None]], [["a", "b"]], "[1]: it is no integer"),
    ({"items": PAIR, "additionalItems": False}, [["a", 1]], [["a", 1, 2]], "[2]: nothing may"),
]


@pytest.mark.parametrize(("schema", "valid", "wrong", "says"), KEYWORDS)
def test_keywords(schema: dict[str, Any], valid: list[Any], wrong: list[Any], says: str) -> None:
    """Each keyword lets through what it means to, and says what it does not."""
    either = {"anyOf": [{"type": "string"}, {"type": "number"}]}
    defs = {"a/b": {"type": "string"}, "either": either}
    whole = {"properties": {"it": schema}, "$defs": defs}
    for value in valid:
        assert {"it": value} == read_object(dumps({"it": value}).decode(), whole)
    for value in wrong:
        with pytest.raises(ValueError, match=f"^it.*{re.escape(says)}"):
            read_object(dumps({"it": value}).decode(), whole)


def test_the_page_lists_the_keywords() -> None:
    """Users read there what is checked."""
    page = (Path(__file__).parents[2] / "docs" / "completion.md").read_text("utf-8")
    words = {word for schema, *_ in KEYWORDS for word in schema} - {"additionalItems"}
    assert set() == {word for word in words if f"`{word}`" not in page}


def test_a_schema_that_refers_to_itself_has_an_end() -> None:
    """For ever deep, or for ever the same."""
    tree: dict[str, Any] = {"properties": {"next": {"$ref": "#"}}, "$ref": "#"}
    assert {"next": {}} == read_object('{"next": {}}', tree)


@pytest.mark.parametrize("text", ["[]", "3", "null"])
def test_only_objects_are_objects(text: str) -> None:
    """Whatever the schema."""
    with pytest.raises(ValueError, match="it is no JSON object"):
        read_object(text)
    with pytest.raises(ProtocolError):
        read_object("sure!")
