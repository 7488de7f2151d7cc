"""Steps of a classic run that use tools on the server: their deltas and their final form.

Sources: classic/file_search_tool_streaming.json, classic/code_interpreter_tool_streaming.json,
classic/bing_grounding_tool_streaming.json, classic/tool_streaming_connected_agent.json,
classic/mcp_tool_streaming.json, classic/openapi_streaming.json,
classic/browser_automation_polled.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..agent import server_tools as tools
from ..agent.foundry_tools import FoundryTool
from ..text import tokens

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..world.state import World


@dataclass(frozen=True, slots=True)
class ToolStep:
    """A tool's step: its final details, the deltas that stream it, the seconds that it takes."""

    details: JSON
    deltas: list[JSON] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def kind(self) -> str:
        """``tool_calls`` or ``activities``."""
        return str(self.details["type"])


def tool_steps(world: World, part: Part) -> list[ToolStep]:
    """Build the steps of one part of a reply."""
    id = world.ids.classic("call")
    match part:
        case tools.FileSearch(_, results):
            return [_file_search(id, [dict(result) for result in results or ()])]
        case tools.CodeInterpreter(code, logs, images):
            printed = [{"type": "logs", "logs": logs}] if logs else []
            painted = [{"type": "image", "image": {"file_id": image}} for image in images]
            return [_code_interpreter(id, code, [*printed, *painted])]
        case tools.WebSearch(query):
            return [_bing(id, query)]
        case tools.ConnectedAgent(name, arguments, output):
            ids = {f"{kind}_id": world.ids.classic(kind) for kind in ("run", "thread")}
            agent = {"assistant_id": world.ids.classic("asst")}
            return [_connected(id, name, arguments, {"output": output, **ids, **agent})]
        case FoundryTool():
            return [_foundry(id, part)]
        case tools.McpTools(label, listed):
            return [_activities(world.ids.classic("activity"), label, listed)]
        case tools.McpCall(label, name, arguments, output):  # not recorded without an approval
            call = mcp_call(id, label, name, arguments)
            return [_calls(call | {"output": output}, call | {"output": None}, {"output": output})]
        case tools.Items(items):
            return [ToolStep(dict(item)) for item in items]
        case _:
            raise TypeError(
                f"a classic agent cannot answer with {part!r}; script a v2 agent for it"
            )


def mcp_call(id: str, label: str, name: str, arguments: str) -> JSON:
    """Build an MCP call without its output."""
    return {
        "id": id,
        "type": "mcp",
        "arguments": arguments,
        "name": name,
        "server_label": label,
    }


def _calls(final: JSON, *deltas: JSON) -> ToolStep:
    """Build the step of one tool call; a later delta names only what it adds."""
    kind = final["type"]
    numbered = [
        {"index": 0} | ({"id": delta["id"]} if "id" in delta else {}) | {"type": kind} | delta
        for delta in deltas
    ]
    return ToolStep({"type": "tool_calls", "tool_calls": [final]}, numbered)


def _nested(id: str, kind: str, final: JSON, *deltas: JSON) -> ToolStep:
    """As `_calls`, for tools that keep everything under their own name."""
    first, *rest = deltas
    head: JSON = {"id": id, "type": kind, kind: first}
    return _calls({"id": id, "type": kind, kind: final}, head, *({kind: one} for one in rest))


def _file_search(id: str, results: list[JSON]) -> ToolStep:
    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
    found = [
        {
            "file_id": result["file_id"],
            "file_name": result.get("filename", ""),
            "score": result.get("score", 0.0),
            "attributes": {},
        }
        | ({"content": [{"type": "text", "text": result["text"]}]} if "text" in result else {})
        for result in results
    ]
    blank = {"ranking_options": ranking, "results": []}
    return _nested(id, "file_search", blank | {"results": found}, blank)


def without_contents(details: JSON) -> JSON:
    """Leave out the found texts of a file search, as the service does unless asked for them."""
    if details["type"] != "tool_calls":
        return details
    return details | {"tool_calls": [_without_content(call) for call in details["tool_calls"]]}


def _without_content(call: JSON) -> JSON:
    if call["type"] != "file_search":
        return call
    search = call["file_search"]
    bare = [{k: v for k, v in found.items() if k != "content"} for found in search["results"]]
    return call | {"file_search": search | {"results": bare}}


# Recorded without outputs: their form follows the types of `azure-ai-agents`.
def _code_interpreter(id: str, code: str, outputs: list[JSON]) -> ToolStep:
    blank: JSON = {"input": "", "outputs": []}
    pieces = [{"input": piece} for piece in tokens.pieces(code)]
    ran: list[JSON] = [{"outputs": _numbered(outputs)}] if outputs else []
    final = {"input": code, "outputs": outputs}
    return _nested(id, "code_interpreter", final, blank, *pieces, *ran)


def _numbered(outputs: list[JSON]) -> list[JSON]:
    return [{"index": index} | output for index, output in enumerate(outputs)]


def _bing(id: str, query: str) -> ToolStep:
    url = {"requesturl": f"https://api.bing.microsoft.com/v7.0/search?q={query}"}
    # Recorded: not JSON, but the printed form of a dictionary.
    metadata = {"response_metadata": "{'market': 'en-US', 'num_docs_retrieved': 5}"}
    blank = {"requesturl": "", "response_metadata": None}
    return _nested(id, "bing_grounding", url | metadata, blank, url, metadata)


def _connected(id: str, name: str, arguments: str, answered: JSON) -> ToolStep:
    unknown = dict.fromkeys(("run_id", "thread_id", "assistant_id"))
    blank: JSON = {"name": name, "arguments": "", "output": "", **unknown}
    pieces = [{"arguments": piece} for piece in tokens.pieces(arguments)]
    final = blank | answered | {"arguments": arguments}
    return _nested(id, "connected_agent", final, blank, *pieces, answered)


def _foundry(id: str, part: FoundryTool) -> ToolStep:
    call = {"id": id} | part.classic_call()
    deltas = _function_deltas(id, part) if part.tool == "openapi" else ()
    # Not recorded: deltas of the other tools; of browser automation the SDK has no type for them.
    step = _calls(call, *deltas)
    return ToolStep(step.details, step.deltas, part.seconds)


def _function_deltas(id: str, part: FoundryTool) -> Iterator[JSON]:
    head = {"name": part.name, "arguments": "", "output": ""}
    yield {"id": id, "type": part.tool, "function": head}
    for piece in tokens.pieces(part.arguments):
        yield {"function": {"arguments": piece}}
    yield {"function": {"output": part.output}}


def _activities(id: str, label: str, listed: tuple[Mapping[str, Any], ...]) -> ToolStep:
    shown = {
        tool["name"]: {
            "description": tool.get("description", ""),
            "parameters": tool.get("schema", {"type": "object"}),
        }
        for tool in listed
    }
    activity = {"id": id, "type": "mcp_list_tools", "server_label": label, "tools": shown}
    return ToolStep({"type": "activities", "activities": [activity]})
