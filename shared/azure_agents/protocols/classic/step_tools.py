"""Tool calls and activities in the steps of a classic run, as events.

`CALLS` and `ACTIVITIES` map a type to its tool. An object of any other type is passed on whole
(`Other`). Sources: recordings (Bing, browser automation, code interpreter, connected agent, file
search, MCP, OpenAPI), and the models of azure-ai-agents 1.2.0b6 for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...errors import ProtocolError
from ...events import Event, MediaOutput, Other, Progress, ServerToolCall
from ...jsonio import JSON
from ..server_tools import Tool, arguments, fields, one, outcome, screenshot, without_screenshot


def _logs(data: JSON) -> Any:
    return [output for output in data.get("outputs") or () if output.get("type") != "image"] or None


def _plots(id: str, data: JSON) -> Iterable[MediaOutput]:
    for output in data.get("outputs") or ():
        if output.get("type") == "image":
            yield MediaOutput(id, "image", file_id=(output.get("image") or {}).get("file_id"))


def _listed(data: JSON) -> Any:
    """Return the tools of an MCP server as a list, as in v2; here they are a map (recorded)."""
    tools = data.get("tools")
    if not isinstance(tools, dict):
        return tools
    return [
        {
            "name": name,
            "description": tool.get("description"),
            "input_schema": tool.get("parameters"),
        }
        for name, tool in tools.items()
    ]


def _all_but(*arguments: str) -> Callable[[JSON], Any]:
    """Make a function that reads the output, or all fields that are no arguments.

    Azure's models do not describe the fields of these tools.
    """

    def read(data: JSON) -> Any:
        rest = {n: v for n, v in data.items() if n not in (*arguments, "error") and v is not None}
        return rest["output"] if rest.keys() == {"output"} else rest or None

    return read


def _undescribed(name: str, *arguments: str) -> Tool:
    return Tool(name, fields(*arguments), _all_but(*arguments))


# The application runs it: its call comes with the pause of the run, its step has the result only.
COMPUTER = "computer_use_preview"
_NAMED = fields(tool_name="name")
_CHILD = fields("assistant_id", "thread_id", "run_id", tool_name="name")

CALLS: dict[str, Tool] = {
    "azure_ai_search": _undescribed("azure_ai_search", "input"),
    "azure_function": Tool("azure_function", arguments, read_details=_NAMED),
    "bing_custom_search": Tool(
        "bing_custom_search", fields("requesturl"), one("response_metadata")
    ),
    # Recorded: the metadata is no JSON, but the printed form of a dictionary. It stays a text.
    "bing_grounding": Tool("bing_grounding", fields("requesturl"), one("response_metadata")),
    "browser_automation": _undescribed("browser_automation", "input"),
    "code_interpreter": Tool("code_interpreter", fields(code="input"), _logs, read_media=_plots),
    COMPUTER: Tool(
        "computer_use",
        fields("action"),
        without_screenshot,
        fields("pending_safety_checks"),
        screenshot,
    ),
    "connected_agent": Tool("connected_agent", arguments, read_details=_CHILD),
    "deep_research": Tool("deep_research", fields("input")),
    "fabric_dataagent": _undescribed("fabric_dataagent", "input"),
    "file_search": Tool(
        "file_search", read_output=one("results"), read_details=fields("ranking_options")
    ),
    # Recorded: the output may come after the end of the step, as a delta.
    "mcp": Tool(
        "mcp",
        arguments,
        read_details=fields("server_label", tool_name="name"),
        answers_itself=False,
    ),
    "openapi": Tool("openapi", arguments, _all_but("arguments", "name"), _NAMED),
    "sharepoint_grounding": _undescribed("sharepoint_grounding", "input"),
}
ACTIVITIES: dict[str, Tool] = {
    "mcp_list_tools": Tool(
        "mcp_list_tools", read_output=_listed, read_details=fields("server_label")
    ),
}

_TYPED = {"code_interpreter": "coding"}
_LABELS = ("id", "index", "type")


class StepTools:
    """The tools in the steps of one run, from their deltas and their ends."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}  # place of a call -> its id
        self._open: dict[str, Tool] = {}  # place of a call that ended without its output -> tool

    def progress(self, step_id: str, call: JSON) -> Iterable[Event]:
        """Read a delta of a running step, for display only: the end of the step repeats it all."""
        kind = call.get("type", "")
        tool = CALLS.get(kind)
        if tool is None:
            return
        place = _place(step_id, call.get("index", 0))
        if place not in self._ids:  # only a call's first delta has its id
            self._ids[place] = _id_of(call, step_id)
            yield Progress(self._ids[place], tool.name, "in_progress")
        typed = one("input", "arguments")(_fields_in(kind, call))
        if isinstance(typed, str) and typed:
            yield Progress(self._ids[place], tool.name, _TYPED.get(kind, "calling"), typed)

    def late_output(self, step_id: str, call: JSON) -> Iterable[Event]:
        """Read a delta of a step that has ended: the output that its end left out."""
        kind = call.get("type", "")
        place = _place(step_id, call.get("index", 0))
        tool = self._open.pop(place, None)
        if tool is None:
            yield Other(kind, call)
        else:
            yield tool.result(self._ids[place], _fields_in(kind, call))

    def ended(self, step: JSON) -> Iterable[Event]:
        """Read a step that has ended, well or badly."""
        details, status = step.get("step_details") or {}, step.get("status")
        for index, call in enumerate(details.get("tool_calls") or ()):
            if call.get("type") != "function":  # functions come with the pause of the run
                yield from self._ended(_place(step["id"], index), call, step)
        for activity in details.get("activities") or ():
            kind = activity.get("type", "")
            known = ACTIVITIES.get(kind)
            if known is None:
                yield Other(kind, activity)
            else:
                yield from known.events(_id_of(activity, step["id"]), activity, status)

    def _ended(self, place: str, call: JSON, step: JSON) -> Iterable[Event]:
        kind, status = call.get("type", ""), step.get("status")
        tool = CALLS.get(kind)
        if tool is None:
            yield Other(kind, call)
            return
        id = self._ids[place] = _id_of(call, place)
        data = {**_fields_in(kind, call), **fields(error="last_error")(step)}
        events = tool.events(id, data, status)
        yield from (e for e in events if kind != COMPUTER or not isinstance(e, ServerToolCall))
        if tool.answers_itself or tool.read_output(data) is not None:
            return
        if outcome(status) == "error":
            yield tool.result(id, data, status)
        else:
            self._open[place] = tool

    def close(self) -> Iterable[Event]:
        """End the run: a call without output by now has none."""
        for place, tool in self._open.items():
            yield tool.result(self._ids[place], {})
        self._open.clear()


def _place(step_id: str, index: object) -> str:
    return f"{step_id}/{index}"


def _fields_in(kind: str, call: JSON) -> JSON:
    """Return the fields of a call.

    They stand under the name of its type, under ``function`` (recorded of OpenAPI), or in the call
    itself (recorded of MCP).
    """
    for name in (kind, "function"):
        if call.get(name) is not None:
            return _checked_object(name, call[name])
    return {name: value for name, value in call.items() if name not in _LABELS}


def _checked_object(name: str, inner: Any) -> JSON:
    if not isinstance(inner, dict):
        raise ProtocolError(f"expected an object under {name!r}, got {str(inner)[:80]!r}")
    return inner


def _id_of(call: JSON, otherwise: str) -> str:
    id = call.get("id") or otherwise
    if not isinstance(id, str):
        raise ProtocolError(f"expected the id of a tool call, got {str(id)[:80]!r}")
    return id
