"""The progress of server-side tools, in words for people."""

from __future__ import annotations

from ..events import Progress

_WORDS = {
    ("code_interpreter", "coding"): "writing code",
    ("code_interpreter", "interpreting"): "running code",
    ("file_search", "searching"): "searching files",
    ("image_generation", "generating"): "painting",
    ("image_generation", "partial_image"): "painting",
    ("web_search", "searching"): "searching the web",
}
# A step that only says that a tool is about to work, or has worked.
_DULL = frozenset({"queued", "in_progress", "completed", "failed"})


def sentence(step: Progress) -> str:
    """Describe a step for people: ``searching files…``."""
    plain = f"{step.name}: {step.status}".replace("_", " ")
    return f"{_WORDS.get((step.name, step.status), plain)}…"


class Steps:
    """Describes each new step once."""

    def __init__(self) -> None:
        self._last = ("", "")

    def line(self, step: Progress) -> str | None:
        """Take the next step; returns a line such as ``searching files…``, None for nothing new."""
        if step.status in _DULL:
            return None
        line = sentence(step)
        if (step.id, line) == self._last:
            return None
        self._last = (step.id, line)
        return line
