"""A small tokenizer without a vocabulary: the same counts for streamed and plain answers."""

from __future__ import annotations

import re

# Words of up to eight letters with the blank before them, runs of punctuation, white space:
# every character is in exactly one piece, so the pieces join to the text.
_PIECE = re.compile(r" ?\w{1,8}| ?[^\w\s]{1,4}|\s+")


def pieces(text: str) -> list[str]:
    """Cut a text into the pieces that a model would emit."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Count the pieces of a text."""
    return len(pieces(text))


def cached(prompt: int) -> int:
    """Return how many tokens of a continued prompt are cached: blocks of 128, from 1024 up."""
    return prompt // 128 * 128 if prompt >= 1024 else 0
