"""Token counts without a tokenizer.

Nobody knows which model an agent runs on, LangChain's default would load `transformers`, and
`tiktoken` downloads its tables on first use. So this is an estimate, and it counts bytes: four
bytes a token is right for English, and scripts with three bytes a letter come out near the truth
where counting letters would be three times too low. The service's own count is in
`usage_metadata`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

_BYTES_PER_TOKEN = 4
_PER_MESSAGE = 4  # role and separators
_PER_MEDIUM = 85  # what OpenAI's models charge for an image in low detail


def estimate_text(text: str) -> int:
    """Estimate the tokens of a text; at least one unless it is empty."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def estimate_messages(messages: Sequence[BaseMessage], tools: Sequence[Any] | None) -> int:
    """Estimate the tokens of messages and tool declarations."""
    declared = [convert_to_openai_tool(tool) for tool in tools or ()]
    return sum(map(_message, messages)) + sum(map(_json, declared))


def _message(message: BaseMessage) -> int:
    content = message.content if isinstance(message.content, list) else [message.content]
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return _PER_MESSAGE + sum(map(_block, content)) + sum(map(_json, calls))


def _block(block: str | dict[Any, Any]) -> int:
    text = block if isinstance(block, str) else block.get("text")
    return estimate_text(text) if isinstance(text, str) else _PER_MEDIUM


def _json(value: Any) -> int:
    return estimate_text(json.dumps(value, default=str, ensure_ascii=False))
