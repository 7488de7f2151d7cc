"""Check the request for a response, and the tools of agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..world import problems
from ..world.exchange import Request, check_metadata
from ..world.limits import (
    Kind,
    Limit,
    Number,
    Word,
    Words,
    check_choice,
    check_chosen,
    check_values,
    type_mismatch,
)
from ..world.problems import invalid_values
from ..world.state import AgentVersion, World

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.problems import Problem

_AGENTS_OWN = ("instructions", "tools", "temperature", "top_p", "text", "reasoning")

_KNOWN = frozenset(
    (
        *_AGENTS_OWN,
        "agent_reference",
        "background",
        "conversation",
        "include",
        "input",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "structured_inputs",
        "tool_choice",
        "top_logprobs",
        "truncation",
        "user",
    )
)

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
_FLAG, _TEXT = Kind("boolean"), Kind("string")
_OPTIONS: Mapping[str, Limit] = {
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
    "temperature": Number(0, 2, "number"),
    "text": Kind("object"),
    "tools": Kind("array"),
    "top_logprobs": Number(0, 20),
    "top_p": Number(0, 1, "number"),
    "truncation": Word(("auto", "disabled")),
    "user": _TEXT,
}


def check_body(world: World, body: JSON) -> None:
    """Refuse fields and values that no response may have."""
    _check_fields(body)
    _check_refused(world, body)
    _check_options(body)
    check_metadata(body)
    _check_background(body)


def check_tool_use(
    agent: AgentVersion | None, body: JSON, tools: list[JSON], request: Request
) -> None:
    """Refuse malformed tools, the choice of an undeclared tool, and a missing deployment."""
    if agent is None:
        check_tools(body.get("tools") or [], "/tools")
    check_chosen(body.get("tool_choice"), tools)
    _check_image_header(agent, request)


def _check_refused(world: World, body: JSON) -> None:
    """Refuse the fields and item types in `Rules.refused`, as unknown ones are refused."""
    for name in world.rules.refused:
        field, _, inner = name.partition(".")
        value = body.get(field)
        found = value.get(inner) if inner and isinstance(value, dict) else value
        given = body.get("input")
        items = given if isinstance(given, list) else []
        if found is not None or any(isinstance(i, dict) and i.get("type") == name for i in items):
            message = f"Unknown parameter: '{name}'."
            raise problems.openai(400, message, param=name, code="unknown_parameter")


def _check_background(body: JSON) -> None:
    if body.get("background") and body.get("store") is False:  # OpenAI's rule, not recorded
        message = "Background mode requires 'store' to be true."
        raise problems.openai(400, message, param="background", code="invalid_value")


def _check_image_header(agent: AgentVersion | None, request: Request) -> None:
    # Recorded with the header only. That it is needed is documented; the sentence is a guess.
    tools = (agent.definition.get("tools") or []) if agent else []
    wanted = any(tool["type"] == "image_generation" for tool in tools)
    if wanted and "x-ms-oai-image-generation-deployment" not in request.headers:
        message = "Missing required header: 'x-ms-oai-image-generation-deployment'."
        raise problems.openai(400, message, code="missing_required_parameter")


def _check_fields(body: JSON) -> None:
    """Refuse fields that are unknown, deprecated, or not allowed with an agent."""
    if body.get("agent") is not None:
        message = "The 'agent' property is deprecated. Use 'agent_reference' instead."
        raise problems.invalid_payload(message, "agent")
    for name in body:
        if name not in _KNOWN and name != "agent":
            message = f"Unknown parameter: '{name}'."
            raise problems.openai(400, message, param=name, code="unknown_parameter")
    if body.get("previous_response_id") and body.get("conversation"):
        message = (
            "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. "
            "Ensure you are only providing one of these."
        )
        raise problems.openai(400, message, code="mutually_exclusive_parameters")
    if body.get("agent_reference") is not None:
        _check_agent_fields(body)


def _check_agent_fields(body: JSON) -> None:
    sentence = "Not allowed when agent is specified."
    offending = [name for name in _AGENTS_OWN if body.get(name) is not None]
    if len(offending) == 1:
        raise problems.invalid_payload(sentence, offending[0])
    if offending:
        raise invalid_values([(name, sentence) for name in offending])  # quoted without a slash


def _check_options(body: JSON) -> None:
    """Check the values of options; a wrong type is refused as inside items."""
    check_values(
        body,
        _OPTIONS,
        lambda name, kind, value: invalid_values([(f"/{name}", type_mismatch(kind, value))]),
    )
    check_choice(body.get("tool_choice"))
    _check_text(body.get("text") or {})


def _check_text(text: JSON) -> None:
    """Check the options of the answer's text: format and verbosity."""
    check_values(text, {"format": Kind("object"), "verbosity": _TEXT}, _in_text)
    format = text.get("format")
    if format:
        wanted = {"type": Word(("text", "json_object", "json_schema"))}
        check_values({"type": None, **format}, wanted, _in_text)
        if format.get("type") is None:
            raise invalid_values([("/text/format/type", "Required property is missing")])


def _in_text(name: str, kind: str, value: object) -> Problem:
    return invalid_values([(f"/text/{name}", type_mismatch(kind, value))])


def check_tools(tools: Any, pointer: str) -> None:
    """Refuse tools that are no objects with a type, and functions without a name."""
    if not isinstance(tools, list):
        raise invalid_values([(pointer, type_mismatch("array", tools))])
    for index, tool in enumerate(tools):
        place = f"{pointer}/{index}"
        if not isinstance(tool, dict):
            raise invalid_values([(place, type_mismatch("object", tool))])
        needed = ("type", "name") if tool.get("type") == "function" else ("type",)
        missing = [key for key in needed if not isinstance(tool.get(key), str)]
        if missing:
            raise invalid_values(
                [(f"{place}/{key}", "Required property is missing") for key in missing]
            )
