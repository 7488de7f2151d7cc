"""The blocks of an answer of Claude as a chat message. Pure.

A chat message has one text, its calls and its thinking, in no order. Most answers lose nothing by
that: thinking, then text, then calls. Where an answer is richer (thinking between texts, tools of
the service, citations) its blocks stand in ``provider_specific_fields["content"]`` too, and go up
from there in the next turn: the service refuses thinking that was moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...jsonio import JSON, dumps

THINKING = ("thinking", "redacted_thinking")
_ORDER = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}


def to_message(blocks: Sequence[JSON]) -> JSON:
    """Map the blocks of an answer.

    Args:
        blocks: The ``content`` of a message of Claude.
    """
    message: JSON = {"role": "assistant", "content": text_of(blocks) or None}
    calls = [to_call(block) for block in blocks if block["type"] == "tool_use"]
    if calls:
        message["tool_calls"] = calls
    thinking = [block for block in blocks if block["type"] in THINKING]
    if thinking:
        message["thinking_blocks"] = thinking
    words = "".join(block.get("thinking", "") for block in thinking)
    if words:  # none where the service redacted it, or was asked to leave it out
        message["reasoning_content"] = words
    return {**message, **kept(blocks)}


def kept(blocks: Sequence[JSON]) -> JSON:
    """Give the fields that keep blocks which a chat message would lose; none if it loses none."""
    return {} if _is_plain(blocks) else {"provider_specific_fields": {"content": list(blocks)}}


def kept_of(message: Mapping[str, Any]) -> list[JSON] | None:
    """Give the blocks that a message of an earlier answer keeps.

    Args:
        message: A chat message of the assistant.

    Returns:
        None where it keeps none, or where its text or calls were changed since: then they count.
    """
    fields = message.get("provider_specific_fields")
    blocks = fields.get("content") if isinstance(fields, Mapping) else None
    if not isinstance(blocks, list) or not all(isinstance(one, Mapping) for one in blocks):
        return None
    ids = [call.get("id") for call in message.get("tool_calls") or ()]
    was = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
    is_same = text_of(blocks) == (message.get("content") or "") and ids == was
    return [dict(block) for block in blocks] if is_same else None


def text_of(blocks: Iterable[Mapping[str, Any]]) -> str:
    """Join the texts of blocks."""
    return "".join(block.get("text") or "" for block in blocks if block.get("type") == "text")


def to_call(block: Mapping[str, Any]) -> JSON:
    """Map a call of a tool; without arguments they are ``{}``."""
    arguments = dumps(block.get("input") or {}).decode()
    function = {"name": block["name"], "arguments": arguments}
    return {"id": block["id"], "type": "function", "function": function}


def _is_plain(blocks: Sequence[JSON]) -> bool:
    """Whether a chat message says the same."""
    ranks = [_ORDER.get(block["type"], -1) for block in blocks]
    is_known = -1 not in ranks and ranks == sorted(ranks)
    return is_known and not any(block.get("citations") or _is_indirect(block) for block in blocks)


def _is_indirect(block: JSON) -> bool:
    # A call that code in the service's own container made must name its caller when it goes up.
    caller = block.get("caller")
    return isinstance(caller, Mapping) and caller.get("type") != "direct"
