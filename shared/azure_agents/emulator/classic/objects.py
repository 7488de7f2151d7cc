"""Classic wire objects, written after the recordings.

Sources: classic/create_stream.json, classic/submit_tool_outputs_to_run.json (polled runs have
other `tool_resources` than streamed ones, and listed messages are shorter than streamed ones).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..files import files
from ..world import problems
from ..world.exchange import check_known, check_metadata
from ..world.limits import check_chosen
from .checks import check_message, check_options, check_tools

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import Assistant, Run, World

_LONGEST_TEXT = 1_500_000
_CONTENT_TYPES = ("text", "image_url", "image_file")
_MESSAGE_STATUS = ("status", "incomplete_details", "incomplete_at", "completed_at")


def read_tools(given: list[JSON] | None) -> list[JSON]:
    """Check tools, and fill in the service's defaults."""
    check_tools(given or [])
    return [_filled(tool) for tool in given or []]


def _filled(tool: JSON) -> JSON:
    if tool["type"] == "function":
        return tool | {
            "function": tool["function"] | {"strict": tool["function"].get("strict", False)}
        }
    if tool["type"] == "mcp":
        return tool | {"allowed_tools": tool.get("allowed_tools")}
    if tool["type"] == "connected_agent":
        return tool | {"connected_agent": _named_first(tool["connected_agent"])}
    if tool["type"] == "bing_grounding":  # recorded: empty settings do not come back
        bing = tool["bing_grounding"]
        configurations = [_without_blanks(one) for one in bing.get("search_configurations", [])]
        return tool | {"bing_grounding": bing | {"search_configurations": configurations}}
    return tool


def _named_first(settings: JSON) -> JSON:
    order = ("name", "description", "id")
    return {key: settings[key] for key in order if key in settings} | settings


def _without_blanks(settings: JSON) -> JSON:
    return {name: value for name, value in settings.items() if value != ""}


def _assistant_resources(world: World, given: JSON | None) -> JSON:
    """Turn the data sources of tool resources into files, as the service does."""
    resources = dict(given or {})
    code = dict(resources.get("code_interpreter") or {})
    if sources := code.pop("data_sources", None):
        added = [files.add_file(world, str(source["uri"]), b"") for source in sources]
        code["file_ids"] = [*code.get("file_ids", []), *(str(file.wire["id"]) for file in added)]
        resources["code_interpreter"] = code
    return resources


def assistant_wire(world: World, id: str, body: JSON) -> JSON:
    """Build an assistant with the service's defaults."""
    check_options(body)
    return {
        "id": id,
        "object": "assistant",
        "created_at": world.now,
        "name": body.get("name"),
        "description": body.get("description"),
        "model": body["model"],
        "instructions": body.get("instructions"),
        "tools": read_tools(body.get("tools")),
        "top_p": _or(body.get("top_p"), 1.0),
        "temperature": _or(body.get("temperature"), 1.0),
        "tool_resources": _assistant_resources(world, body.get("tool_resources")),
        "metadata": check_metadata(body),
        "response_format": body.get("response_format") or "auto",
    }


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def thread_wire(world: World, body: JSON) -> JSON:
    """Build a thread."""
    check_options(body)
    return {
        "id": world.ids.classic("thread"),
        "object": "thread",
        "created_at": world.now,
        "metadata": check_metadata(body),
        "tool_resources": body.get("tool_resources") or {},
    }


def posted_message(world: World, thread_id: str, body: JSON) -> JSON:
    """Build a message that a client posts."""
    check_message(body)
    check_known(body, "role", "content", "attachments", "metadata")
    return {
        "id": world.ids.classic("msg"),
        "object": "thread.message",
        "created_at": world.now,
        "assistant_id": None,
        "thread_id": thread_id,
        "run_id": None,
        "role": body["role"],
        "content": _content(body.get("content")),
        "attachments": body.get("attachments") or [],
        "metadata": check_metadata(body),
    }


def _content(given: object) -> list[JSON]:
    if isinstance(given, str):
        given = [{"type": "text", "text": given}] if given else []
    if not isinstance(given, list) or not given:
        raise problems.openai(400, "Message content must be non-empty.", param="content")
    return [_part(part) for part in given]


def _part(part: Any) -> JSON:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in _CONTENT_TYPES:
        shown = ", ".join(f"'{name}'" for name in _CONTENT_TYPES)
        message = f"Invalid value: '{kind}'. Supported values are: {shown}."
        raise problems.openai(400, message, param="content", code="invalid_value")
    if kind != "text":
        _check_media(part, kind)
        return dict(part)
    text = part.get("text")
    if not isinstance(text, str):
        message = "Invalid type for 'content[0].text': expected a string."
        raise problems.openai(400, message, param="content", code="invalid_type")
    if len(text) > _LONGEST_TEXT:
        message = f"Message text is longer than {_LONGEST_TEXT} characters."
        raise problems.openai(400, message, param="content", code="string_above_max_length")
    return {"type": "text", "text": {"value": text, "annotations": []}}


def _check_media(part: JSON, kind: str) -> None:
    inner, key = part.get(kind), "url" if kind == "image_url" else "file_id"
    if not isinstance(inner, dict) or not isinstance(inner.get(key), str):
        message = f"Missing required parameter: 'content[0].{kind}.{key}'."
        raise problems.openai(400, message, param="content", code="missing_required_parameter")


def written_message(world: World, run: Run) -> JSON:
    """Build a message that a run begins to write."""
    return {
        "id": world.ids.classic("msg"),
        "object": "thread.message",
        "created_at": world.now,
        "assistant_id": run.assistant.id,
        "thread_id": run.thread.id,
        "run_id": run.id,
        "status": "in_progress",
        "incomplete_details": None,
        "incomplete_at": None,
        "completed_at": None,
        "role": "assistant",
        "content": [],
        "attachments": [],
        "metadata": {},
    }


def listed_message(message: JSON) -> JSON:
    """Show a message as plain answers do: without the status fields if it is completed."""
    if message.get("status", "completed") != "completed":
        return message
    return {key: value for key, value in message.items() if key not in _MESSAGE_STATUS}


def run_wire(world: World, assistant: Assistant, thread_id: str, body: JSON) -> JSON:
    """Build a run as it is created."""
    agent = assistant.wire
    check_options(body)
    instructions = _or_agent(body, "instructions", agent)
    additional = body.get("additional_instructions")
    given = body.get("tools")
    tools = agent["tools"] if given is None else read_tools(given)
    check_chosen(body.get("tool_choice"), tools)
    return {
        "id": world.ids.classic("run"),
        "object": "thread.run",
        "created_at": world.now,
        "assistant_id": assistant.id,
        "thread_id": thread_id,
        "status": "queued",
        "started_at": None,
        "expires_at": world.now + world.rules.run_lifetime,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": body.get("model") or agent["model"],
        # Not recorded: how additional instructions show in a run.
        "instructions": f"{instructions or ''} {additional}" if additional else instructions,
        "tools": tools,
        "tool_resources": _echoed(body.get("tool_resources")),
        "metadata": check_metadata(body),
        "temperature": _or(body.get("temperature"), agent["temperature"]),
        "top_p": _or(body.get("top_p"), agent["top_p"]),
        "max_completion_tokens": body.get("max_completion_tokens"),
        "max_prompt_tokens": body.get("max_prompt_tokens"),
        "truncation_strategy": {"type": "auto", "last_messages": None}
        | (body.get("truncation_strategy") or {}),
        "incomplete_details": None,
        "usage": None,
        "response_format": _or_agent(body, "response_format", agent),
        "tool_choice": body.get("tool_choice") or "auto",
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
    }


def _echoed(resources: JSON | None) -> JSON:
    # Recorded: headers and approval rules of MCP servers do not come back.
    return {name: value for name, value in (resources or {}).items() if name != "mcp"}


def _or_agent(body: JSON, key: str, agent: JSON) -> object:
    return agent[key] if body.get(key) is None else body[key]


def streamed_run_wire(run: Run) -> JSON:
    """Show a run as stream events do."""
    resources = run.wire["tool_resources"] or {"code_interpreter": {"file_ids": []}}
    return run.wire | {"tool_resources": resources}


def step_wire(world: World, run: Run, details: JSON) -> JSON:
    """Build a step as it is created."""
    return {
        "id": world.ids.classic("step"),
        "object": "thread.run.step",
        "created_at": world.now,
        "run_id": run.id,
        "assistant_id": run.assistant.id,
        "thread_id": run.thread.id,
        "type": details["type"],
        "status": "in_progress",
        "cancelled_at": None,
        "completed_at": None,
        "expires_at": run.wire["expires_at"],
        "failed_at": None,
        "last_error": None,
        "step_details": details,
        "usage": None,
    }


def usage(prompt: int, completion: int) -> JSON:
    """Build token counts; the service writes ``prompt_token_details`` (sic)."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_token_details": {"cached_tokens": 0},
    }
