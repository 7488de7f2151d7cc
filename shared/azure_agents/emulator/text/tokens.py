"""A small tokenizer: real counts, the same for streamed and plain answers, no vocabulary file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..agent.transcripts import SeenMessage

# Words of up to eight letters with the blank before them, runs of punctuation, white space:
# every character is in exactly one piece, so the pieces join to the text.
_PIECE = re.compile(r" ?\w{1,8}| ?[^\w\s]{1,4}|\s+")

_PER_MESSAGE = 4  # role and separators, as chat formats count them


def pieces(text: str) -> list[str]:
    """Cut a text into the pieces that a model would emit."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Number of pieces in a text."""
    return len(pieces(text))


def count_prompt(messages: Iterable[SeenMessage], *instructions: str | None) -> int:
    """Number of tokens in everything an agent reads for one turn."""
    total = sum(count(text) + _PER_MESSAGE for text in instructions if text)
    for message in messages:
        total += _PER_MESSAGE + count(message.text)
        total += sum(count(call.name) + count(call.arguments) for call in message.tool_calls)
        total += 85 * len(message.media)  # the flat price of a low-detail image
    return total


def cached(prompt: int) -> int:
    """How much of a continued prompt counts as cached: whole blocks of 128 from 1024 up."""
    return prompt // 128 * 128 if prompt >= 1024 else 0
