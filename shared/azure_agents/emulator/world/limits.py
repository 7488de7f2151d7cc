"""Limits on the values of options, and the sentences that refuse other values.

`v2/checks.py`, `classic/checks.py` and `files/checks.py` hold the tables of options. Recordings
show only how v2 names a value of a wrong type (inside items). The sentence about
`max_output_tokens` was quoted by users of Azure; the others are OpenAI's, a guess for Foundry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from . import problems

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .problems import Problem

# Makes the refusal of a value of the wrong type from the option's name, its type and the value.
WrongType: TypeAlias = Callable[[str, str, object], "Problem"]


@dataclass(frozen=True, slots=True)
class Number:
    """A limit: a number between two others."""

    lowest: float | None = None
    highest: float | None = None
    kind: str = "integer"

    def accepts(self, value: object) -> bool:
        """Whether the value is a number of this kind; a bool is none."""
        kinds = int if self.kind == "integer" else int | float
        return isinstance(value, kinds) and not isinstance(value, bool)

    def check(self, name: str, value: Any) -> None:
        """Refuse a number that is too small or too large."""
        word = "integer" if self.kind == "integer" else "decimal"
        if self.lowest is not None and value < self.lowest:
            limit, code = (
                f"{word} below minimum value. Expected a value >= {self.lowest}",
                "below_min",
            )
        elif self.highest is not None and value > self.highest:
            limit, code = (
                f"{word} above maximum value. Expected a value <= {self.highest}",
                "above_max",
            )
        else:
            return
        message = f"Invalid '{name}': {limit}, but got {value} instead."
        raise problems.openai(400, message, param=name, code=f"{word}_{code}_value")


@dataclass(frozen=True, slots=True)
class Word:
    """A limit: one of several words."""

    known: tuple[str, ...]
    kind: str = "string"

    def accepts(self, value: object) -> bool:
        """Whether the value is a text."""
        return isinstance(value, str)

    def check(self, name: str, value: Any) -> None:
        """Refuse an unknown word."""
        if value not in self.known:
            raise unknown_value(name, value, self.known)


@dataclass(frozen=True, slots=True)
class Kind:
    """A limit: any value of one type."""

    kind: str

    def accepts(self, value: object) -> bool:
        """Whether the value is of this type."""
        return kind_of(value) == self.kind

    def check(self, name: str, value: Any) -> None:
        """Accept the value: its type is all that is checked."""


@dataclass(frozen=True, slots=True)
class Words:
    """A limit: a list of known words."""

    known: tuple[str, ...]
    kind: str = "array"

    def accepts(self, value: object) -> bool:
        """Whether the value is a list."""
        return isinstance(value, list)

    def check(self, name: str, value: Any) -> None:
        """Refuse the first unknown word."""
        for index, one in enumerate(value):
            if one not in self.known:
                raise unknown_value(f"{name}[{index}]", one, self.known)


Limit: TypeAlias = Number | Word | Words | Kind

# A tool choice of these types names several tools, or a server, instead of one declared tool.
_CHOSEN_AMONG = ("allowed_tools", "custom", "mcp")


def check_values(body: JSON, limits: Mapping[str, Limit], refuse: WrongType) -> None:
    """Check every option that has a limit and is given; null counts as not given."""
    for name, limit in limits.items():
        value = body.get(name)
        if value is None:
            continue
        if not limit.accepts(value):
            raise refuse(name, limit.kind, value)
        limit.check(name, value)


def check_choice(choice: Any) -> None:
    """Check the form of a `tool_choice`: a word, or an object that names a type.

    Whether the chosen tool exists is up to `check_chosen`, which needs the agent's tools.
    """
    if choice is None or (isinstance(choice, dict) and isinstance(choice.get("type"), str)):
        return
    if isinstance(choice, str):
        Word(("none", "auto", "required")).check("tool_choice", choice)
        return
    raise wrong_type("tool_choice", "object", choice)


def check_chosen(choice: Any, tools: Sequence[JSON]) -> None:
    """Refuse the choice of a tool that is not declared. The sentence is OpenAI's."""
    if not isinstance(choice, dict) or choice["type"] in _CHOSEN_AMONG:
        return
    if choice["type"] == "function":
        name = (choice.get("function") or choice).get("name")
        declared = [(tool.get("function") or tool).get("name") for tool in tools]
    else:  # `web_search` may choose the tool `web_search_preview`
        name, declared = choice["type"], [tool.get("type") for tool in tools]
    if name not in declared and f"{name}_preview" not in declared:
        message = f"Tool choice '{name}' not found in 'tools' parameter."
        raise problems.openai(400, message, param="tool_choice")


def unknown_value(param: str, value: object, known: Sequence[str]) -> Problem:
    """Build the refusal of a value that is not one of the known ones."""
    shown = ", ".join(f"'{one}'" for one in known[:-1])
    message = f"Invalid value: '{value}'. Supported values are: {shown} and '{known[-1]}'."
    return problems.openai(400, message, param=param, code="invalid_value")


def wrong_type(name: str, kind: str, value: object) -> Problem:
    """Build the refusal of a value of the wrong type, as the OpenAI layer writes it."""
    names = {"array": "an array", "integer": "an integer", "object": "an object"}
    expected = names.get(kind, f"a {kind}")
    got = f"{kind_of(value)} '{value}'"
    message = f"Invalid type for '{name}': expected {expected}, but got {got} instead."
    return problems.openai(400, message, param=name, code="invalid_type")


def type_mismatch(kind: str, value: object) -> str:
    """Word the refusal of a value of the wrong type, as the Foundry layer of v2 does."""
    return f"Value is '{kind_of(value)}' but should be '{kind}'"


def kind_of(value: object) -> str:
    """Return the JSON type of a value."""
    names = {type(None): "null", bool: "boolean", dict: "object", list: "array", str: "string"}
    return names.get(type(value), "number")
