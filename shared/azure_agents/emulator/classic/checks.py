"""Check the options of threads, messages, runs and assistants, and their tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..world import problems
from ..world.limits import (
    Kind,
    Limit,
    Number,
    Word,
    check_choice,
    check_values,
    unknown_value,
    wrong_type,
)

if TYPE_CHECKING:
    from ...jsonio import JSON

_FLAG, _TEXT = Kind("boolean"), Kind("string")
_OPTIONS: Mapping[str, Limit] = {
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
    "temperature": Number(0, 2, "number"),
    "thread": Kind("object"),
    "tool_resources": Kind("object"),
    "tools": Kind("array"),
    "top_p": Number(0, 1, "number"),
    "truncation_strategy": Kind("object"),
}
_MESSAGE: Mapping[str, Limit] = {
    "attachments": Kind("array"),
    "role": Word(("user", "assistant")),
}
_TOOL_TYPES = (
    "azure_ai_search",
    "azure_function",
    "bing_custom_search",
    "bing_grounding",
    "browser_automation",
    "code_interpreter",
    "computer_use_preview",
    "connected_agent",
    "deep_research",
    "fabric_dataagent",
    "file_search",
    "function",
    "mcp",
    "openapi",
    "sharepoint_grounding",
)


def check_options(body: JSON) -> None:
    """Check the options of a run, thread or assistant."""
    check_values(body, _OPTIONS, wrong_type)
    check_choice(body.get("tool_choice"))
    _check_format(body.get("response_format"))
    strategy = body.get("truncation_strategy") or {}
    limits: dict[str, Limit] = {"type": Word(("auto", "last_messages")), "last_messages": Number(1)}
    check_values(strategy, limits, wrong_type)


def check_message(message: Any) -> None:
    """Check a message that is posted to a thread."""
    if not isinstance(message, dict):
        raise wrong_type("messages", "object", message)
    check_values({**message, "role": message.get("role") or ""}, _MESSAGE, wrong_type)
    for index, attachment in enumerate(message.get("attachments") or ()):
        if not isinstance(attachment, dict):
            raise wrong_type(f"attachments[{index}]", "object", attachment)


def _check_format(format: Any) -> None:
    if format is None or format == "auto":
        return
    known = ("text", "json_object", "json_schema")
    kind = format.get("type") if isinstance(format, dict) else format
    if kind not in known:
        raise unknown_value("response_format.type", kind, known)
    named = format.get("json_schema") if kind == "json_schema" else {"name": ""}
    if not isinstance(named, dict) or not isinstance(named.get("name"), str):
        message = "Missing required parameter: 'response_format.json_schema.name'."
        param = "response_format.json_schema.name"
        raise problems.openai(400, message, param=param, code="missing_required_parameter")


def check_tools(tools: Sequence[Any]) -> None:
    """Refuse tools that are no objects, of an unknown type, or functions without a name."""
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise wrong_type(f"tools[{index}]", "object", tool)
        kind = tool.get("type")
        if kind not in _TOOL_TYPES:
            raise problems.openai(400, f"Invalid tool value(s): {kind}", param="tools")
        if kind == "function" and not _is_named(tool.get("function")):
            param = f"tools[{index}].function.name"
            message = f"Missing required parameter: '{param}'."
            raise problems.openai(400, message, param=param, code="missing_required_parameter")


def _is_named(function: Any) -> bool:
    return isinstance(function, dict) and isinstance(function.get("name"), str)
