"""The kinds of replies that a mapping in a script may name, with their arguments.

The arguments of a kind are those of its part. They stand beside the kind, or all of them in a
mapping under it:

    {run_code: "print(1)", logs: "1"}
    {run_code: {code: "print(1)", logs: "1"}}
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ... import jsonio
from ...errors import ConfigError
from . import server_tools as tools
from .foundry_tools import FoundryTool
from .replies import Empty, Failed, Incomplete, Part, Pause, Text, ToolCalls


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of reply.

    Attributes:
        make: Builds the part; the first of its arguments is the kind's value.
        is_mapping: Whether the value is a mapping itself, and not one of arguments.
    """

    make: Callable[..., Any]
    is_mapping: bool = False

    @property
    def arguments(self) -> Mapping[str, inspect.Parameter]:
        """Its arguments by name, the value first."""
        return inspect.signature(self.make).parameters


def _say(text: str, citations: Sequence[Mapping[str, Any]] = ()) -> Text:
    made = (make("citations", Kind(tools.Citation), dict(one)) for one in citations)
    return Text(text, citations=tuple(made))


def _call(functions: str | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> ToolCalls:
    if isinstance(functions, str):
        return ToolCalls((functions, {}))
    if isinstance(functions, Mapping):
        return ToolCalls(*((name, arguments or {}) for name, arguments in functions.items()))
    return ToolCalls(*(make("call", Kind(_one_call), dict(one)) for one in functions))


def _one_call(name: str, arguments: str = "{}", id: str | None = None) -> tuple[Any, ...]:
    return name, arguments, id


def _incomplete(
    reason: Literal["max_output_tokens", "content_filter"] = "max_output_tokens", text: str = ""
) -> Incomplete:
    return Incomplete(reason, text)


def _search(
    queries: str | Sequence[str] | None = None, results: Sequence[Mapping[str, Any]] | None = None
) -> tools.FileSearch:
    asked = () if queries is None else (queries,) if isinstance(queries, str) else tuple(queries)
    return tools.FileSearch(asked, None if results is None else tuple(results))


def _empty(nothing: object = None) -> Empty:  # noqa: ARG001 - YAML wants a value there
    return Empty()


KINDS: dict[str, Kind] = {
    "ask_agent": Kind(tools.ConnectedAgent),
    "call": Kind(_call, is_mapping=True),
    "computer": Kind(tools.ComputerCall, is_mapping=True),
    "consent": Kind(tools.Consent),
    "empty": Kind(_empty),
    "fail": Kind(Failed),
    "image": Kind(tools.GeneratedImage),
    "incomplete": Kind(_incomplete),
    "items": Kind(tools.Items),
    "mcp_approval": Kind(tools.McpApproval),
    "mcp_call": Kind(tools.McpCall),
    "mcp_tools": Kind(tools.McpTools),
    "reason": Kind(tools.Reasoning),
    "refuse": Kind(tools.Refusal),
    "run_code": Kind(tools.CodeInterpreter),
    "say": Kind(_say),
    "search_files": Kind(_search),
    "search_web": Kind(tools.WebSearch),
    "use_tool": Kind(FoundryTool),
    "wait": Kind(Pause),
}


def part_of(name: str, given: Mapping[str, Any], others: Sequence[str] = ()) -> Part:
    """Build the part that a mapping of this kind asks for.

    Args:
        name: The kind, a key of `given`.
        given: The mapping.
        others: Further words that may stand in a mapping, for guesses about a misspelt one.

    Raises:
        ConfigError: An argument is missing, unknown or of another type.
    """
    kind = KINDS[name]
    value, beside = given[name], {key: one for key, one in given.items() if key != name}
    if isinstance(value, Mapping) and not kind.is_mapping:
        if beside:
            raise ConfigError(
                f"`{name}` has a mapping of arguments: write {list(beside)} inside it"
            )
        return _part(make(name, kind, dict(value), others))
    first = next(iter(kind.arguments))
    is_left_out = value is None and kind.arguments[first].default is not inspect.Parameter.empty
    return _part(make(name, kind, ({} if is_left_out else {first: value}) | beside, others))


def _part(made: Any) -> Part:
    part: Part = made
    return part


def make(name: str, kind: Kind, given: dict[str, Any], others: Sequence[str] = ()) -> Any:
    """Check the arguments of a kind and build its part.

    Raises:
        ConfigError: An argument is missing, unknown or of another type.
    """
    known = kind.arguments
    for key in given:
        if key not in known:
            raise ConfigError(
                f"`{name}` has no argument {key!r}{near(key, (*known, *others))}; it takes "
                f"{', '.join(known)}"
            )
    needed = [key for key, one in known.items() if one.default is inspect.Parameter.empty]
    missing = [key for key in needed if key not in given]
    if missing:
        raise ConfigError(f"`{name}` needs {missing[0]!r}; it takes {', '.join(known)}")
    checked = {key: _checked(name, kind.make, key, value) for key, value in given.items()}
    try:
        return kind.make(**checked)
    except ValueError as exc:
        raise ConfigError(f"`{name}`: {exc}") from exc


def _checked(name: str, made: Callable[..., Any], key: str, value: Any) -> Any:
    if key == "arguments" and isinstance(value, Mapping):  # the wire has a text of JSON here
        value = jsonio.dumps(value).decode()
    try:
        return _adapters(made)[key].validate_python(value)
    except ValidationError as exc:
        wanted = exc.errors()[0]["msg"].removeprefix("Input ")
        raise ConfigError(f"`{name}`: {key!r} {wanted}, got {value!r}") from exc


@cache
def _adapters(made: Callable[..., Any]) -> Mapping[str, TypeAdapter[Any]]:
    hints = get_type_hints(made)
    return {name: TypeAdapter(hint) for name, hint in hints.items() if name != "return"}


def near(word: object, known: Sequence[str]) -> str:
    """Build the hint behind an unknown word: the nearest known one; "" if none is near."""
    found = get_close_matches(str(word), known, 1, cutoff=0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""
