"""Classes as JSON schemas that the service enforces to the letter. Pure.

The service takes a strict schema only if every object names all its fields as required and forbids
others. So do OpenAI's SDK and LiteLLM write the schema of a class, and so do these functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

from ..errors import InvalidRequestError
from ..jsonio import JSON, known_fields
from ..naming import shown


def with_schemas(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a chat, with a strict schema in place of every class.

    Args:
        fields: As the caller passed them.

    Raises:
        InvalidRequestError: A class has no schema of an object, or a tool is a plain function.
    """
    made, asked, tools = dict(fields), fields.get("response_format"), fields.get("tools")
    if isinstance(asked, type):
        named = named_schema("response_format", asked)
        made["response_format"] = {"type": "json_schema", "json_schema": named}
    if isinstance(tools, list | tuple):
        made["tools"] = [_tool(tool, f"tools[{at}]") for at, tool in enumerate(tools)]
    return made


def _tool(tool: Any, where: str) -> Any:
    if isinstance(tool, type):
        function = named_schema(where, tool)
        parameters = function.pop("schema")
        words = known_fields(description=parameters.pop("description", None))
        return {"type": "function", "function": {**function, **words, "parameters": parameters}}
    if callable(tool):
        raise InvalidRequestError(
            f"{where} is the function {getattr(tool, '__name__', shown(tool))!r}: pass its schema, "
            "{'type': 'function', 'function': {'name': …, 'parameters': …}}, or a pydantic model"
        )
    return tool


def named_schema(name: str, cls: object) -> JSON:
    """Give the strict schema of a class, with a name that the service takes.

    Args:
        name: Of the argument, for errors.
        cls: A pydantic model, a dataclass or a ``TypedDict``.

    Raises:
        InvalidRequestError: It has no schema.
    """
    schema = _Strict(_schema(name, cls)).whole()
    if schema.get("type") != "object":
        raise _no_class(name, cls)
    return {"name": _title(cls), "schema": schema, "strict": True}


def _schema(name: str, cls: object) -> JSON:
    if not isinstance(cls, type):
        raise _no_class(name, cls)
    try:
        return TypeAdapter(cls).json_schema()
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise InvalidRequestError(f"{name}: {shown(cls)} has no JSON schema: {error}") from error


def _no_class(name: str, cls: object) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name} must be a dictionary, or a class of objects such as a pydantic model, got "
        f"{shown(cls)}"
    )


def _title(cls: object) -> str:
    return re.sub(r"[^\w-]", "_", getattr(cls, "__name__", "answer"))[:64]


class _Strict:
    """Makes a schema strict.

    Args:
        root: The schema, as pydantic writes it.
    """

    def __init__(self, root: JSON) -> None:
        self._root = root

    def whole(self) -> JSON:
        """Make all of it strict."""
        made: JSON = self._part(self._root, ())
        return made

    def _part(self, part: Any, opened: tuple[str, ...]) -> Any:
        if isinstance(part, list):
            return [self._part(one, opened) for one in part]
        if not isinstance(part, dict):
            return part
        reference = part.get("$ref")
        if isinstance(reference, str) and len(part) > 1:
            return self._replaced(part, reference, opened)
        made = {
            name: self._word(name, value, opened)
            for name, value in part.items()
            if name != "default" or value is not None
        }
        if made.get("type") == "object" and "properties" in made:
            made.setdefault("additionalProperties", False)
            made["required"] = list(made["properties"])
        return made

    def _replaced(self, part: JSON, reference: str, opened: tuple[str, ...]) -> Any:
        """What a reference names: one that stands beside other words is not taken."""
        if reference in opened:  # it holds itself
            return {"$ref": reference}
        found: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        rest = {name: value for name, value in part.items() if name != "$ref"}
        return self._part({**found, **rest}, (*opened, reference))

    def _word(self, name: str, value: Any, opened: tuple[str, ...]) -> Any:
        if name in ("properties", "$defs", "definitions"):  # whose keys are names, and no words
            within = opened if name == "properties" else ()  # nothing was opened on the way there
            return {key: self._part(one, within) for key, one in value.items()}
        kept = name in ("enum", "const", "default", "examples")
        return value if kept else self._part(value, opened)
