"""Output items of a v2 answer that are no text and no function call, as events.

`ITEMS` maps an item type to its reader. An item of any other type is passed on whole (`Other`).
Sources: recordings (file search, web search, code interpreter, MCP, workflows), the types of the
openai SDK, and Microsoft's type specification (Foundry's own tools, consent, structured outputs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

from ...errors import ProtocolError
from ...events import ApprovalRequest, ConsentRequest, Event, MediaOutput, Other, Progress
from ...jsonio import JSON, dumps
from ..server_tools import (
    Tool,
    arguments,
    fields,
    image_at,
    image_type,
    one,
    screenshot,
    without_screenshot,
)

Reader: TypeAlias = Callable[[JSON], Iterable[Event]]


def item_id(item: JSON) -> str:
    """Return the id that a call and its result have in common.

    Raises:
        ProtocolError: It is no text.
    """
    id = item.get("call_id") or item.get("id") or ""
    if not isinstance(id, str):
        raise ProtocolError(f"expected the id of an item, got {str(id)[:80]!r}")
    return id


def _call_reader(tool: Tool) -> Reader:
    def read(item: JSON) -> Iterable[Event]:
        return tool.events(item_id(item), item, item.get("status"))

    return read


def _output_reader(tool: Tool) -> Reader:
    def read(item: JSON) -> Iterable[Event]:
        yield tool.result(item_id(item), item, item.get("status"))
        yield from tool.read_media(item_id(item), item)

    return read


# --- fields that need more than their name ------------------------------------------------------


def _web_action(item: JSON) -> JSON:
    action = item.get("action") or {}
    asked = fields("query", "queries", "url", "pattern")(action)
    return {**fields("type")(action), **asked} if asked else {}


def _web_sources(item: JSON) -> object:
    return (item.get("action") or {}).get("sources")


def _logs(item: JSON) -> object:
    outputs = item.get("outputs")
    return None if outputs is None else [one for one in outputs if one.get("type") != "image"]


def _plots(id: str, item: JSON) -> Iterable[MediaOutput]:
    for output in item.get("outputs") or ():
        if output.get("type") == "image":
            yield from image_at(id, output.get("url"))


def _painted(id: str, item: JSON) -> Iterable[MediaOutput]:
    data = item.get("result")
    if isinstance(data, str) and data:
        yield MediaOutput(id, "image", data=data, mime_type=image_type(item.get("output_format")))


# --- approvals and consent ----------------------------------------------------------------------


def _approval(item: JSON) -> Iterable[Event]:
    given = item.get("arguments") or ""
    yield ApprovalRequest(
        _text_field(item, "id"),
        _text_field(item, "name"),
        given if isinstance(given, str) else dumps(given).decode(),
        item.get("server_label"),
    )


def consent(item: JSON) -> Iterable[Event]:
    """Yield the request to sign in, from its item or from the event that announces it."""
    id = item.get("item_id") or item.get("id") or ""
    yield ConsentRequest(str(id), _text_field(item, "consent_link"), item.get("server_label"))


def _text_field(item: JSON, name: str) -> str:
    value = item[name]
    if not isinstance(value, str):
        raise ProtocolError(f"expected {name!r} of an item to be text, got {str(value)[:80]!r}")
    return value


# --- the tables ---------------------------------------------------------------------------------

_TOOL_NAME = fields(tool_name="name")

# Tools whose item holds call and result.
TOOLS: dict[str, Tool] = {
    "additional_tools": Tool("additional_tools", read_output=one("tools")),
    "code_interpreter_call": Tool(
        "code_interpreter", fields("code"), _logs, fields("container_id"), _plots
    ),
    "compaction": Tool("compaction", read_output=one("encrypted_content")),
    "file_search_call": Tool("file_search", fields("queries"), one("results")),
    "image_generation_call": Tool(
        "image_generation",
        fields("revised_prompt"),
        one(),
        fields("action", "background", "output_format", "quality", "size"),
        _painted,
    ),
    "mcp_call": Tool(
        "mcp",
        arguments,
        read_details=fields("server_label", "approval_request_id", tool_name="name"),
    ),
    "mcp_list_tools": Tool(
        "mcp_list_tools", read_output=one("tools"), read_details=fields("server_label"), early=True
    ),
    # Recorded of the preview: the item stands behind the message, and is `in_progress` in a
    # completed response, since the turn is being remembered. Its ``memories`` were found.
    "memory_search_call": Tool(
        "memory_search",
        arguments,
        one("results", "memories"),
        fields("search_id", "update_id", "superseded_by"),
    ),
    "structured_outputs": Tool("structured_outputs"),
    "web_search_call": Tool("web_search", _web_action, _web_sources),
    "workflow_action": Tool(
        "workflow",
        fields("kind", "action_id", "parent_action_id", "previous_action_id"),
        early=True,
    ),
}

# Tools that answer in an item of their own, mostly ``<type>_output``.
_Pair = partial(Tool, answers_itself=False)
PAIRS: dict[str, Tool] = {
    "a2a_preview_call": _Pair("a2a", arguments, read_details=_TOOL_NAME),
    "apply_patch_call": _Pair("apply_patch", fields("operation")),
    "azure_ai_search_call": _Pair("azure_ai_search", arguments),
    "azure_function_call": _Pair("azure_function", arguments, read_details=_TOOL_NAME),
    "bing_custom_search_preview_call": _Pair("bing_custom_search", arguments),
    "bing_grounding_call": _Pair("bing_grounding", arguments),
    "browser_automation_preview_call": _Pair("browser_automation", arguments),
    "computer_call": _Pair(
        "computer_use",
        fields("action", "actions"),
        without_screenshot,
        fields("pending_safety_checks"),
        screenshot,
    ),
    "custom_tool_call": _Pair("custom_tool", fields("input"), read_details=_TOOL_NAME),
    "fabric_dataagent_preview_call": _Pair("fabric_dataagent", arguments),
    "local_shell_call": _Pair("local_shell", fields("action")),
    "memory_command_preview_call": _Pair("memory_command", arguments),
    "openapi_call": _Pair("openapi", arguments, read_details=_TOOL_NAME),
    "program": _Pair("program", fields("code"), one("result")),
    "sharepoint_grounding_preview_call": _Pair("sharepoint_grounding", arguments),
    "shell_call": _Pair("shell", fields("action", "environment")),
    "tool_search_call": _Pair("tool_search", arguments, one("tools"), fields("execution")),
}
_OUTPUTS = {kind: f"{kind}_output" for kind in PAIRS} | {"tool_search_call": "tool_search_output"}

ITEMS: dict[str, Reader] = {
    **{kind: _call_reader(tool) for kind, tool in TOOLS.items()},
    **{kind: _call_reader(tool) for kind, tool in PAIRS.items()},
    **{_OUTPUTS[kind]: _output_reader(tool) for kind, tool in PAIRS.items()},
    "function_call_output": _output_reader(
        Tool("function")
    ),  # of an agent that runs its own functions
    "mcp_approval_request": _approval,
    "oauth_consent_request": consent,
}


# --- while they run -----------------------------------------------------------------------------


def done(item: JSON) -> Iterable[Event]:
    """Return the events of a finished item that is no message, function call or reasoning."""
    kind = item.get("type", "")
    read = ITEMS.get(kind)
    return (Other(kind, item),) if read is None else read(item)


def begun(item: JSON) -> Iterable[Event]:
    """Yield the events of an item that begins, as far as they are certain."""
    kind = item.get("type", "")
    tool = tool_of(kind)
    if kind == "oauth_consent_request":
        yield from consent(item)
    elif tool is not None:
        call = tool.begun(item_id(item), item)
        if call is not None:
            yield call
        elif kind in PAIRS:  # these have no events of their own while they run
            yield Progress(item_id(item), tool.name, "in_progress")


def tool_of(kind: str) -> Tool | None:
    """Return the tool whose calls have this item type."""
    return TOOLS.get(kind) or PAIRS.get(kind)
