"""What tests of the classic codec share."""

from __future__ import annotations

import json
from typing import Any

from azure_agents.events import Usage

JSON = dict[str, Any]


def frame(name: str, data: object) -> bytes:
    """One event as it goes over the wire."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"event: {name}\ndata: {text}\n\n".encode(errors="replace")


def run(status: str = "completed", **fields: Any) -> JSON:
    """A run object."""
    return {
        "id": "run_1",
        "object": "thread.run",
        "thread_id": "thread_1",
        "status": status,
    } | fields


def text_part(value: str, *annotations: JSON, **fields: Any) -> JSON:
    """A text part of a message or delta."""
    return {"type": "text", "text": {"value": value, "annotations": [*annotations]}, **fields}


def message(*content: JSON, id: str = "msg_1") -> JSON:
    """A completed message."""
    return {"id": id, "object": "thread.message", "role": "assistant", "content": [*content]}


def message_delta(*content: JSON) -> JSON:
    """A delta of a message."""
    return {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [*content]}}


def step_delta(*calls: JSON) -> JSON:
    """A delta of a step."""
    details = {"type": "tool_calls", "tool_calls": [*calls]}
    return {"id": "step_1", "object": "thread.run.step.delta", "delta": {"step_details": details}}


def step(*calls: JSON, id: str = "step_1") -> JSON:
    """A completed step."""
    return {"id": id, "step_details": {"type": "tool_calls", "tool_calls": [*calls]}}


def required(*calls: JSON) -> JSON:
    """What a run waits for: outputs of these functions."""
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [*calls]}}


def function(id: str, name: str, arguments: str) -> JSON:
    """A required function call."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


URL = {
    "type": "url_citation",
    "text": "【1†source】",
    "start_index": 3,
    "end_index": 13,
    "url_citation": {"url": "https://x", "title": "X"},
}


FILE = {
    "type": "file_citation",
    "text": "【2†source】",
    "start_index": 3,
    "end_index": 13,
    "file_citation": {"file_id": "f", "quote": "q"},
}


PATH = {
    "type": "file_path",
    "text": "sandbox:/a/b.csv",
    "start_index": 13,
    "end_index": 29,
    "file_path": {"file_id": "g"},
}


MCP = {"id": "call_1", "type": "mcp", "name": "f", "arguments": "{}", "output": None}
USAGES = [
    (
        {
            "prompt_tokens": 66,
            "completion_tokens": 30,
            "total_tokens": 96,
            "prompt_token_details": {"cached_tokens": 8},
        },
        Usage(66, 30, 96, 8),
    ),
    ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, Usage(1, 2, 3)),
    (None, None),
]
