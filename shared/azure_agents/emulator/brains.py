"""Who answers: the script of an agent, or a small brain that remembers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .replies import parts_of

if TYPE_CHECKING:
    from .replies import Part, Reply, Script
    from .transcripts import SeenTurn

_NAME = re.compile(r"\bmy name is (\w+)", re.IGNORECASE)
_ASKED = re.compile(r"\bwhat(?:'s| is) my name\b|\bwho am i\b", re.IGNORECASE)


class Brain:
    """Answers the turns of one agent from its script; safe to call from several threads.

    Args:
        script: None for the default brain, one reply for every turn, a function of the turn, or
            several replies played in order (the last one repeats).
    """

    def __init__(self, script: Script) -> None:
        self._lock = threading.Lock()
        self._script = script
        self._played: Iterator[Reply] | None = None
        self._last: Reply = ""
        if isinstance(script, list | tuple):
            if not script:
                raise ValueError("an empty list of replies: nothing to answer with")
            self._played = iter(script)
        elif isinstance(script, Iterator):
            self._played = script

    @property
    def may_block(self) -> bool:
        """Whether answering runs somebody else's code."""
        return callable(self._script)

    def answer(self, turn: SeenTurn) -> tuple[Part, ...]:
        """The parts of the answer to this turn."""
        if self._played is not None:
            return parts_of(self._next())
        if self._script is None:
            return parts_of(converse(turn))
        if callable(self._script):
            return parts_of(self._script(turn))
        return parts_of(self._script)  # type: ignore[arg-type]  # iterators are gone by now

    def _next(self) -> Reply:
        assert self._played is not None  # noqa: S101 - for the type checker
        with self._lock:
            self._last = next(self._played, self._last)
            return self._last


def converse(turn: SeenTurn) -> str:
    """Answer from memory: the caller's name, the tool's result, or an echo with a count."""
    last = turn.messages[-1] if turn.messages else None
    if last is not None and last.role == "tool":
        return f"The tool said: {last.text}"
    told = [name for m in turn.messages if m.role == "user" for name in _NAME.findall(m.text)]
    asked = turn.last_user_text
    count = sum(message.role == "user" for message in turn.messages)
    if _ASKED.search(asked):
        return f"Your name is {told[-1]}." if told else "You have not told me your name yet."
    if _NAME.search(asked):
        return f"Nice to meet you, {told[-1]}. (turn {count})"
    return f"You said: {asked} (turn {count})"
