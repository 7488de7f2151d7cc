"""Recorded requests and answers of Claude, in the words of chat: read apart from our mapper."""

from __future__ import annotations

import json
from typing import Any

JSON = dict[str, Any]


def to_chat(body: JSON) -> JSON:
    """The arguments of a chat that asks what a request for messages asks."""
    asked = {k: v for k, v in body.items() if k not in {"messages", "tools"}}
    asked["messages"] = [said for message in body["messages"] for said in _message(message)]
    if "tools" in body:
        asked["tools"] = [_tool(tool) for tool in body["tools"]]
    return asked


def _tool(tool: JSON) -> JSON:
    named = {k: v for k, v in tool.items() if k != "input_schema"}
    return {"type": "function", "function": {**named, "parameters": tool["input_schema"]}}


def _message(message: JSON) -> list[JSON]:
    blocks = message["content"]
    if message["role"] == "assistant":
        return [{"role": "assistant", **said_in(blocks)}]
    results = [
        {"role": "tool", "tool_call_id": block["tool_use_id"], "content": _text(block["content"])}
        for block in blocks
        if block["type"] == "tool_result"
    ]
    return results or [{"role": "user", "content": _text(blocks)}]


def _text(blocks: list[JSON]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def said_in(blocks: list[JSON]) -> JSON:
    """What an assistant says in its blocks."""
    said: JSON = {"content": _text(blocks) or None}
    calls = [_call(block) for block in blocks if block["type"] == "tool_use"]
    thinking = [block for block in blocks if block["type"] == "thinking"]
    if calls:
        said["tool_calls"] = calls
    if thinking:
        said["reasoning_content"] = "".join(block["thinking"] for block in thinking)
        said["thinking_blocks"] = thinking
    return said


def _call(block: JSON) -> JSON:
    made = {"name": block["name"], "arguments": json.dumps(block["input"], separators=(",", ":"))}
    return {"id": block["id"], "type": "function", "function": made}


def blocks_of(events: list[JSON]) -> list[JSON]:
    """The blocks of a stream, from its starts and deltas."""
    blocks: list[JSON] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            for name, piece in event["delta"].items():
                if name != "type":
                    kept = "json" if name == "partial_json" else name
                    blocks[-1][kept] = blocks[-1].get(kept, "") + piece
    for block in blocks:
        written = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(written or "{}")
    return blocks


def without_form(asked: JSON) -> JSON:
    """A body without what it may write in one way or another: a text, or a list of one text."""
    messages = [_plain(message) for message in asked.get("messages", ())]
    return {**asked, "messages": messages} if messages else asked


def _plain(message: JSON) -> JSON:
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": [{"type": "text", "text": content}]}
    if not isinstance(content, list):
        return message
    return {**message, "content": [_plain(block) for block in content]}
