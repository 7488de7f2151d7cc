"""Which generation a path belongs to."""

from __future__ import annotations

OPENAI = "/openai/v1"


def is_classic(path: str) -> bool:
    """Whether a path belongs to the classic generation."""
    return path.startswith(("/assistants", "/threads", "/files", "/vector_stores"))
