"""The objects of Claude's answers: the message, its blocks and usage, keys in recorded order.

Sources: messages_plain, messages_parallel_tools, messages_thinking.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from ... import jsonio
from ..agent.replies import Failed, Incomplete, Text, ToolCalls
from ..agent.server_tools import Reasoning, Refusal
from .claude_reading import thinks

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .answer import Call

_STOPS = {"max_output_tokens": "max_tokens", "content_filter": "refusal"}


def signature_of(thinking: str) -> str:
    """Build the signature of a thought: another thought has another one."""
    return base64.b64encode(hashlib.sha512(f"emulator:{thinking}".encode()).digest() * 4).decode()


def blocks(call: Call) -> list[JSON]:
    """Build the blocks of an answer, in the order of its parts."""
    made: list[JSON] = []
    calls = iter(call.calls)
    for part in call.parts:
        match part:
            case Reasoning(summary) if thinks(call.body):
                thought = {"type": "thinking", "thinking": summary}
                made.append(thought | {"signature": signature_of(summary)})
            case Text(text) | Failed(text=text) | Incomplete(text=text) | Refusal(text) if text:
                made.append({"type": "text", "text": text})
            case ToolCalls():
                made += [_tool_use(*one) for one in calls]
            case _:
                continue
    return made


def _tool_use(id: str, name: str, arguments: str) -> JSON:
    called = {"type": "tool_use", "id": id, "name": name, "input": jsonio.load_object(arguments)}
    return called | {"caller": {"type": "direct"}}


def message(call: Call, content: list[JSON], stop: str | None, counts: JSON) -> JSON:
    """Build a message."""
    return {
        "model": call.deployment.model,
        "id": call.id,
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": None,
        "usage": counts,
    }


def stop_reason(call: Call) -> str:
    """Return why the answer ends."""
    if call.stopped_by:
        return _STOPS[call.stopped_by]
    if call.refusal:
        return "refusal"
    return "tool_use" if call.calls else "end_turn"


def usage(call: Call, output: int) -> JSON:
    """Build the token counts of a message."""
    counts: dict[str, Any] = {
        "input_tokens": call.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
    }
    if thinks(call.body):
        counts["output_tokens_details"] = {"thinking_tokens": call.reasoning_tokens}
    return counts | {"service_tier": "standard", "inference_geo": "not_available"}
