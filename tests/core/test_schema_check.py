"""Values under JSON schemas: what is wrong, and where."""

from __future__ import annotations

import re
from typing import Any

import pytest

from azure_agents.errors import ProtocolError
from azure_agents.jsonio import dumps
from azure_agents.schema_check import read_object

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
