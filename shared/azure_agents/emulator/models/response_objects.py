"""Responses as a resource shows them: those of the project, with more keys in another order.

Sources: responses_v1_plain_gpt5nano, responses_v1_stream_gpt5nano (whose order of keys is that of
the wire), responses_v1_function_tool_gpt56.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from ... import jsonio
from ..world.turns import Frame
from .families import reasons
from .filters import answer_results, prompt_results

if TYPE_CHECKING:
    from ...jsonio import JSON

_SIZES = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "total_tokens": 0,
}
# Every key in recorded order, with what stands there unless the response says otherwise.
_KEYS: JSON = {
    "id": None,
    "object": "response",
    "created_at": None,
    "status": None,
    "background": False,
    "completed_at": None,
    "content_filters": None,
    "error": None,
    "frequency_penalty": 0.0,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "model": None,
    "moderation": None,
    "output": [],
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": "in_memory",
    "reasoning": None,
    "safety_identifier": None,
    "service_tier": "auto",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tool_usage": {"image_gen": _SIZES, "web_search": {"num_requests": 0}},
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
    "metadata": {},
}
# What a request says that its response says again.
_SAID_AGAIN = (
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "store",
    "tool_choice",
    "user",
)
_HARMS = ("hate", "sexual", "violence", "self_harm")
_PROMPT_ORDER = (*_HARMS, "jailbreak")
_ANSWER_ORDER = ("protected_material_code", "protected_material_text", *_HARMS)
_ITEM_KEYS = {
    "message": ("id", "type", "status", "content", "role"),
    "function_call": ("id", "type", "status", "arguments", "call_id", "name"),
    "reasoning": ("id", "type", "content", "encrypted_content", "summary"),
}
_HIDDEN = ("agent_reference", "response_id")


def shown_response(wire: JSON, body: JSON, model: str) -> JSON:
    """Show a response of the project as the resource does.

    Args:
        wire: The response.
        body: The request that made it.
        model: The model behind the deployment.
    """
    known = {key: value for key, value in wire.items() if value is not None and key in _KEYS}
    said = {key: body[key] for key in _SAID_AGAIN if body.get(key) is not None}
    shown = _KEYS | known | said
    shown["output"] = [shown_item(item, body) for item in wire.get("output") or ()]
    shown["tools"] = [_tool(tool) for tool in wire.get("tools") or ()]
    shown["reasoning"] = _reasoning(body, model)
    shown["content_filters"] = _filters(shown) if wire["status"] == "completed" else None
    if shown["usage"] is not None:
        shown["usage"] = _usage(shown["usage"])
    return shown


def _tool(tool: JSON) -> JSON:
    return tool | ({"output_schema": None} if tool.get("type") == "function" else {})


def _reasoning(body: JSON, model: str) -> JSON:
    asked = body.get("reasoning") or {}
    if not reasons(model):
        return {"context": None, "effort": None, "mode": None, "summary": None}
    thinks = {"context": "current_turn", "effort": asked.get("effort") or "medium"}
    return thinks | {"mode": "standard", "summary": asked.get("summary")}


def _filters(shown: JSON) -> list[JSON]:
    prompt, answer = prompt_results()[0]["content_filter_results"], answer_results()
    if not any(item["type"] == "message" for item in shown["output"]):
        return [_filter("prompt", {})]  # recorded: of calls nothing is told
    told = {key: answer[key] for key in _ANSWER_ORDER}
    return [
        _filter("prompt", {key: prompt[key] for key in _PROMPT_ORDER}),
        _filter("completion", told),
    ]


def _filter(source: str, results: JSON) -> JSON:
    offsets = {"start_offset": 0, "end_offset": 1164, "check_offset": 0}
    told: JSON = {"blocked": False, "source_type": source, "content_filter_raw": []}
    return told | {"content_filter_results": results, "content_filter_offsets": offsets}


def _usage(counts: JSON) -> JSON:
    details = {"cache_write_tokens": 0} | counts["input_tokens_details"]
    return {key: details if key == "input_tokens_details" else counts[key] for key in counts}


def shown_item(item: JSON, body: JSON) -> JSON:
    """Show an output item: without what only agents have, in the order of the recordings."""
    kept: dict[str, Any] = {key: value for key, value in item.items() if key not in _HIDDEN}
    if item["type"] == "reasoning":
        kept |= {"content": []}
        if "reasoning.encrypted_content" in (body.get("include") or ()):
            kept["encrypted_content"] = _sealed(item["id"])
    if item["type"] == "message":
        kept["content"] = [_part(part) for part in item["content"]]
    first = {key: kept[key] for key in _ITEM_KEYS.get(item["type"], ("id", "type")) if key in kept}
    return first | kept


def _part(part: JSON) -> JSON:
    if part["type"] != "output_text":
        return part
    return {key: part[key] for key in ("type", "annotations", "logprobs", "text") if key in part}


def _sealed(id: str) -> str:
    # Opaque, as the service's: nobody but the emulator can say what is in it.
    sealed = hashlib.sha512(id.encode()).digest() * 4
    return "gAAAAAB" + base64.urlsafe_b64encode(sealed).decode()


def shown_event(step: Frame, body: JSON, model: str) -> Frame:
    """Show an event of a stream, with its response, item or part."""
    data = jsonio.load_object(step.data)
    if "response" in data:
        data["response"] = shown_response(data["response"], body, model)
    if "item" in data:
        data["item"] = shown_item(data["item"], body)
    if isinstance(data.get("part"), dict):
        data["part"] = _part(data["part"])
    return Frame(step.event, jsonio.dumps(data))
