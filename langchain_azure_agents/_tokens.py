"""Token counts without a tokenizer.

Nobody knows which model an agent runs on, LangChain's default would load `transformers`, and
`tiktoken` downloads its tables on first use. So this is an estimate, and it counts bytes: four
bytes a token is right for English, and scripts with three bytes a letter come out near the truth
where counting letters would be three times too low. The service's own count is in
`usage_metadata`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

_BYTES_PER_TOKEN = 4
_PER_MESSAGE = 4  # role and separators
_PER_MEDIUM = 85  # what OpenAI's models charge for an image in low detail


def estimate_text(text: str) -> int:
    """Estimate the tokens of a text; at least one unless it is empty."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


class MessageTokens:
    """Estimates the tokens of messages and tool declarations.

    Args:
        count: Counts the tokens of a text.
    """

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count

    def total(self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Estimate the tokens of all of them."""
        declared = [convert_to_openai_tool(tool) for tool in tools or ()]
        return sum(map(self._message, messages)) + sum(map(self._json, declared))

    def _message(self, message: BaseMessage) -> int:
        content = message.content if isinstance(message.content, list) else [message.content]
        calls = message.tool_calls if isinstance(message, AIMessage) else []
        return _PER_MESSAGE + sum(map(self._block, content)) + sum(map(self._json, calls))

    def _block(self, block: str | dict[Any, Any]) -> int:
        text = block if isinstance(block, str) else block.get("text")
        return self._count(text) if isinstance(text, str) else _PER_MEDIUM

    def _json(self, value: Any) -> int:
        return self._count(json.dumps(value, default=str, ensure_ascii=False))
