"""The roots of paths, and the generation that a path belongs to."""

from __future__ import annotations

import re

OPENAI = "/openai/v1"
ENDPOINT = re.compile(r"/agents/([^/]+)/endpoint/protocols/openai")


def pattern_of(path: str) -> re.Pattern[str]:
    """Build the pattern of a path with variables such as ``{id}``."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def is_classic(path: str) -> bool:
    """Whether a path belongs to the classic generation."""
    return path.startswith(("/assistants", "/threads", "/files", "/vector_stores"))
