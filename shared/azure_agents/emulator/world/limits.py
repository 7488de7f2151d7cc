"""Which values the options of a turn may have, and how each generation refuses the others.

Recorded is only how v2 names a value of a wrong type (inside of items); the sentence about
`max_output_tokens` was quoted by users of Azure, the others are OpenAI's. What Foundry says to
them was not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..v2.input import invalid, kind_of
from . import problems

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .problems import Problem

WrongType: TypeAlias = Callable[[str, str, object], "Problem"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two others."""

    lowest: float | None = None
    highest: float | None = None
    kind: str = "integer"

    def accepts(self, value: object) -> bool:
        """Whether it is such a number at all; JSON has no bool among its numbers."""
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
    """One of several words."""

    known: tuple[str, ...]
    kind: str = "string"

    def accepts(self, value: object) -> bool:
        """Whether it is a word."""
        return isinstance(value, str)

    def check(self, name: str, value: Any) -> None:
        """Refuse an unknown one."""
        if value not in self.known:
            raise _unknown(name, value, self.known)


@dataclass(frozen=True, slots=True)
class Kind:
    """Anything of one type."""

    kind: str

    def accepts(self, value: object) -> bool:
        """Whether it is of this type."""
        return kind_of(value) == self.kind

    def check(self, name: str, value: Any) -> None:
        """Nothing more."""


@dataclass(frozen=True, slots=True)
class Words:
    """A list of words."""

    known: tuple[str, ...]
    kind: str = "array"

    def accepts(self, value: object) -> bool:
        """Whether it is a list."""
        return isinstance(value, list)

    def check(self, name: str, value: Any) -> None:
        """Refuse unknown ones."""
        for index, one in enumerate(value):
            if one not in self.known:
                raise _unknown(f"{name}[{index}]", one, self.known)


Limit: TypeAlias = Number | Word | Words | Kind


def _unknown(param: str, value: object, known: Sequence[str]) -> Problem:
    shown = ", ".join(f"'{one}'" for one in known[:-1])
    message = f"Invalid value: '{value}'. Supported values are: {shown} and '{known[-1]}'."
    return problems.openai(400, message, param=param, code="invalid_value")


_INCLUDABLE = (
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "memory_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
)
# Choices that name several tools, or servers.
_CHOSEN_AMONG = ("allowed_tools", "custom", "mcp")
_FLAG, _TEXT = Kind("boolean"), Kind("string")
_TEMPERATURE, _TOP_P = Number(0, 2, "number"), Number(0, 1, "number")

V2: Mapping[str, Limit] = {
    "background": _FLAG,
    "include": Words(_INCLUDABLE),
    "instructions": _TEXT,
    "max_output_tokens": Number(16),
    "max_tool_calls": Number(1),
    "model": _TEXT,
    "parallel_tool_calls": _FLAG,
    "previous_response_id": _TEXT,
    "prompt_cache_key": _TEXT,
    "reasoning": Kind("object"),
    "safety_identifier": _TEXT,
    "service_tier": Word(("auto", "default", "flex", "scale", "priority")),
    "store": _FLAG,
    "stream": _FLAG,
    "stream_options": Kind("object"),
    "structured_inputs": Kind("object"),
    "temperature": _TEMPERATURE,
    "text": Kind("object"),
    "tools": Kind("array"),
    "top_logprobs": Number(0, 20),
    "top_p": _TOP_P,
    "truncation": Word(("auto", "disabled")),
    "user": _TEXT,
}
CLASSIC: Mapping[str, Limit] = {
    "additional_instructions": _TEXT,
    "additional_messages": Kind("array"),
    "description": _TEXT,
    "instructions": _TEXT,
    "max_completion_tokens": Number(1),  # OpenAI's description says 256; Foundry's has no limit
    "max_prompt_tokens": Number(1),
    "messages": Kind("array"),
    "model": _TEXT,
    "name": _TEXT,
    "parallel_tool_calls": _FLAG,
    "stream": _FLAG,
    "temperature": _TEMPERATURE,
    "thread": Kind("object"),
    "tool_resources": Kind("object"),
    "tools": Kind("array"),
    "top_p": _TOP_P,
    "truncation_strategy": Kind("object"),
}


def check_v2(body: JSON) -> None:
    """The options of a response; a wrong type is refused as in items."""
    _check(body, V2, lambda name, kind, value: invalid([(f"/{name}", _is_no(kind, value))]))
    _check_choice(body.get("tool_choice"))
    _check_text(body.get("text") or {})


def _check_text(text: JSON) -> None:
    """The format of an answer, and how long it is."""
    _check(text, {"format": Kind("object"), "verbosity": _TEXT}, _in_text)
    format = text.get("format")
    if format:
        wanted = {"type": Word(("text", "json_object", "json_schema"))}
        _check({"type": None, **format}, wanted, _in_text)
        if format.get("type") is None:
            raise invalid([("/text/format/type", "Required property is missing")])


def _in_text(name: str, kind: str, value: object) -> Problem:
    return invalid([(f"/text/{name}", _is_no(kind, value))])


def check_classic(body: JSON) -> None:
    """The options of a run, thread or assistant."""
    _check(body, CLASSIC, _openai_type)
    _check_choice(body.get("tool_choice"))
    _check_format(body.get("response_format"))
    strategy = body.get("truncation_strategy") or {}
    limits: dict[str, Limit] = {"type": Word(("auto", "last_messages")), "last_messages": Number(1)}
    _check(strategy, limits, _openai_type)


def _check(body: JSON, limits: Mapping[str, Limit], wrong_type: WrongType) -> None:
    for name, limit in limits.items():
        value = body.get(name)
        if value is None:
            continue
        if not limit.accepts(value):
            raise wrong_type(name, limit.kind, value)
        limit.check(name, value)


def _is_no(kind: str, value: object) -> str:
    return f"Value is '{kind_of(value)}' but should be '{kind}'"


def _openai_type(name: str, kind: str, value: object) -> Problem:
    names = {"array": "an array", "integer": "an integer", "object": "an object"}
    expected = names.get(kind, f"a {kind}")
    got = f"{kind_of(value)} '{value}'"
    message = f"Invalid type for '{name}': expected {expected}, but got {got} instead."
    return problems.openai(400, message, param=name, code="invalid_type")


# Of a message that is posted, and of a vector store.
_MESSAGE: Mapping[str, Limit] = {
    "attachments": Kind("array"),
    "role": Word(("user", "assistant")),
}
_STORE: Mapping[str, Limit] = {
    "chunking_strategy": Kind("object"),
    "configuration": Kind("object"),
    "expires_after": Kind("object"),
    "file_ids": Kind("array"),
    "name": _TEXT,
}


def check_message(message: Any) -> None:
    """A message that is posted to a thread."""
    if not isinstance(message, dict):
        raise _openai_type("messages", "object", message)
    _check({**message, "role": message.get("role") or ""}, _MESSAGE, _openai_type)
    for index, attachment in enumerate(message.get("attachments") or ()):
        if not isinstance(attachment, dict):
            raise _openai_type(f"attachments[{index}]", "object", attachment)


def check_store(body: JSON) -> None:
    """A vector store, or files for one."""
    _check(body, _STORE, _openai_type)
    after = body.get("expires_after")
    _check(after or {}, {"days": Number(1, 365)}, _openai_type)
    if after is not None and after.get("days") is None:
        message = "Missing required parameter: 'expires_after.days'."
        param = "expires_after.days"
        raise problems.openai(400, message, param=param, code="missing_required_parameter")


def _check_choice(choice: Any) -> None:
    """A word, or an object that names a type; which tools there are is looked up later."""
    if choice is None or (isinstance(choice, dict) and isinstance(choice.get("type"), str)):
        return
    if isinstance(choice, str):
        Word(("none", "auto", "required")).check("tool_choice", choice)
        return
    raise _openai_type("tool_choice", "object", choice)


def check_chosen(choice: Any, tools: Sequence[JSON]) -> None:
    """Refuse a choice of a tool that nobody declared. The sentence is OpenAI's."""
    if not isinstance(choice, dict) or choice["type"] in _CHOSEN_AMONG:
        return
    if choice["type"] == "function":
        name = (choice.get("function") or choice).get("name")
        declared = [(tool.get("function") or tool).get("name") for tool in tools]
    else:  # types of tools come with and without the word of their preview
        name, declared = choice["type"], [tool.get("type") for tool in tools]
    if name not in declared and f"{name}_preview" not in declared:
        message = f"Tool choice '{name}' not found in 'tools' parameter."
        raise problems.openai(400, message, param="tool_choice")


def _check_format(format: Any) -> None:
    if format is None or format == "auto":
        return
    known = ("text", "json_object", "json_schema")
    kind = format.get("type") if isinstance(format, dict) else format
    if kind not in known:
        raise _unknown("response_format.type", kind, known)
    named = format.get("json_schema") if kind == "json_schema" else {"name": ""}
    if not isinstance(named, dict) or not isinstance(named.get("name"), str):
        message = "Missing required parameter: 'response_format.json_schema.name'."
        param = "response_format.json_schema.name"
        raise problems.openai(400, message, param=param, code="missing_required_parameter")


def check_tools(tools: Sequence[Any], known: Sequence[str] | None, path: str = "tools") -> None:
    """Classic tools: objects of a known type; functions have a name."""
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise _openai_type(f"{path}[{index}]", "object", tool)
        kind = tool.get("type")
        if known is not None and kind not in known:
            message = f"Invalid tool value(s): {kind}"
            raise problems.openai(400, message, param="tools")
        if kind == "function" and not _is_named(tool.get("function")):
            param = f"{path}[{index}].function.name"
            message = f"Missing required parameter: '{param}'."
            raise problems.openai(400, message, param=param, code="missing_required_parameter")


def _is_named(function: Any) -> bool:
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def check_v2_tools(tools: Any, pointer: str) -> None:
    """Tools of v2: objects with a type; functions have their name beside it."""
    if not isinstance(tools, list):
        raise invalid([(pointer, _is_no("array", tools))])
    for index, tool in enumerate(tools):
        place = f"{pointer}/{index}"
        if not isinstance(tool, dict):
            raise invalid([(place, _is_no("object", tool))])
        needed = ("type", "name") if tool.get("type") == "function" else ("type",)
        missing = [key for key in needed if not isinstance(tool.get(key), str)]
        if missing:
            raise invalid([(f"{place}/{key}", "Required property is missing") for key in missing])
