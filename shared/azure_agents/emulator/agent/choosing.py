"""Choose the functions that a message asks for, by matching words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..text.reading import words_of
from .replies import ToolCalls
from .schemas import Evidence, sample

if TYPE_CHECKING:
    from .seen import SeenTool, SeenTurn

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Words in the names of tools that say how a tool works, not what it is about.
_HOW = (
    "api call calculate check compute create do execute fetch find function get list look lookup "
    "make my perform query read retrieve return run search tool value"
)
_GENERIC = frozenset(_HOW.split())
_ENOUGH = 3


def choose_calls(turn: SeenTurn) -> ToolCalls | None:
    """Return the calls that the last message asks for; None if it asks for none."""
    last = turn.messages[-1] if turn.messages else None
    if not turn.tools or turn.tool_choice == "none" or last is None or last.role == "tool":
        return None
    wanted = _wanted(turn)
    if not wanted:
        return None
    if not turn.parallel_tool_calls:
        wanted = wanted[:1]
    text = turn.last_user_text
    return ToolCalls(*((tool.name, sample(tool.parameters, Evidence(text))) for tool in wanted))


def _wanted(turn: SeenTurn) -> list[SeenTool]:
    named = [tool for tool in turn.tools if tool.name == turn.tool_choice]
    if named:
        return named
    scored = [(_score(tool, turn.last_user_text), tool) for tool in turn.tools]
    best = max(score for score, _ in scored)
    if best < _ENOUGH and turn.tool_choice != "required":
        return []
    return [tool for score, tool in scored if score == best][: None if best >= _ENOUGH else 1]


def _score(tool: SeenTool, text: str) -> int:
    """Score how well a text asks for a tool: by its name, the words in it, its description."""
    if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", text):
        return 2 * _ENOUGH
    said = set(words_of(text))
    name = set(words_of(_CAMEL.sub(" ", tool.name).replace("-", " "))) - _GENERIC
    described = set(words_of(tool.description)) - _GENERIC
    if name and name <= said:
        return _ENOUGH + len(name)
    return 2 * len(name & said) + len((described - name) & said)
