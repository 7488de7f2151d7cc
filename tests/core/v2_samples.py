"""What tests of the v2 codec share."""

from __future__ import annotations

import json
from typing import Any

JSON = dict[str, Any]


def frame(event: JSON) -> bytes:
    """One event as it goes over the wire."""
    return f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n".encode(errors="replace")


def stream(*events: JSON) -> bytes:
    """A stream of these events."""
    return b"".join(map(frame, events))


def response(*output: JSON, status: str = "completed", **fields: Any) -> JSON:
    """A response object."""
    return {"object": "response", "id": "resp_1", "status": status, "output": [*output], **fields}


def message_item(text: str, *annotations: JSON, id: str = "msg_1") -> JSON:
    """An output message with one text."""
    part = {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}
    return {"type": "message", "id": id, "status": "completed", "content": [part]}


CREATED = {"type": "response.created", "response": response(status="in_progress")}
WHERE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


def item_event(name: str, item: JSON) -> JSON:
    """``response.output_item.added`` or ``.done``."""
    return {"type": f"response.output_item.{name}", "item": item, "output_index": 0}


URL = {"type": "url_citation", "start_index": 1, "end_index": 2, "url": "https://x", "title": "X"}
CALL_ITEM = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}


USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 12,
}
