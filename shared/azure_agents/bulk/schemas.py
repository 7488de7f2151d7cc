"""The JSON schema of answers that are objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..content.structured import response_format as _response_format
from ..errors import ConfigError, ProtocolError
from ..jsonio import JSON, loads

# A schema of objects has one of these; a list of columns or an example of an answer has none.
_KEYWORDS = ("type", "properties", "$ref", "anyOf", "allOf", "oneOf")


def read_schema(path: Path) -> JSON:
    """Read the schema of a file.

    Args:
        path: Of the file.

    Raises:
        ConfigError: It cannot be read, or is no schema of objects.
    """
    try:
        schema = loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {str(path)!r} ({error.strerror})") from error
    except ProtocolError as error:
        raise ConfigError(f"{path.name} is no JSON schema: {error.message}") from error
    return _checked(schema, path.name)


def schema_of(given: Any) -> JSON | None:
    """Read a schema that was passed.

    Args:
        given: A dictionary, a class of pydantic, a path, or None.

    Raises:
        ConfigError: It is no schema of objects.
    """
    if given is None:
        return None
    if isinstance(given, str | Path):
        return read_schema(Path(given))
    if hasattr(given, "model_json_schema"):
        given = given.model_json_schema()
    return _checked(given, "schema")


def response_format(schema: JSON | None) -> JSON | None:
    """The option of a call that asks for objects.

    Args:
        schema: Of the objects; None: texts are asked for.
    """
    if schema is None:
        return None
    return _response_format(str(schema.get("title") or "answer"), schema)


def _checked(schema: Any, name: str) -> JSON:
    is_one = isinstance(schema, Mapping) and any(word in schema for word in _KEYWORDS)
    if not is_one or schema.get("type", "object") != "object":
        raise ConfigError(
            f'{name} is no JSON schema of objects: begin with {{"type": "object", "properties": …}}'
        )
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping) or not all(
        isinstance(one, Mapping | bool) for one in properties.values()
    ):
        raise ConfigError(f"{name} is no JSON schema: its properties must map names to schemas")
    return dict(schema)
