"""All twenty windows are tried in all their ways, and the page on reliability says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# Their tests enter themselves into `WAYS`.
from . import (  # noqa: F401
    test_windows_gone,
    test_windows_poison,
    test_windows_runs,
    test_windows_sent,
    test_windows_streams,
    test_windows_threads,
    test_windows_tokens,
    test_windows_tools,
)
from .windows import CLASSIC, EIGHT, KINDS, OURS, PINNED, TURNS, WAYS, WINDOWS, Window, ways_of

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

# What a window is not about. Nothing is created for a pin, a chain or a background response;
# results are what window 9 and 10 are about; a lost result of a pinned run is window 9.
TURNS_OF = {9: ("tools",), 10: ("tools",)}
KINDS_OF = {2: ("classic", "conversation")}
WITHOUT = {
    **{(number, "classic pinned", "tools"): "its results are window 9" for number in (3, 4)},
    (3, "conversation pinned", "text"): "the message is in the request of window 4",
    (3, "conversation pinned", "tools"): "the message is in the request of window 4",
    (4, "conversation pinned", "tools"): "its results are window 9",
    (16, "conversation pinned", "tools"): "another client's answer makes them orphans: a 400",
}


def applies(window: Window, kind: str, turn: str) -> bool:
    """Whether the window is about such a turn."""
    is_kind = kind in KINDS_OF.get(window.number, tuple(KINDS))
    is_turn = turn in TURNS_OF.get(window.number, TURNS)
    return is_kind and is_turn and (window.number, kind, turn) not in WITHOUT


def test_the_table_is_whole() -> None:
    """Twenty windows, numbered as in the specification; the kinds are all kinds."""
    assert list(range(1, 21)) == [window.number for window in WINDOWS]
    assert set(KINDS) == {*OURS, *PINNED, *CLASSIC}
    assert 8 == len(EIGHT)


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: f"{window.number} {window.name}")
def test_every_window_is_fallen_into_in_every_way(window: Window) -> None:
    """Sync and async, streamed and whole, questions and results, on every kind of thread."""
    tried = {(w.kind, w.is_async, w.is_streamed, w.turn) for w in ways_of(window.number)}
    wanted = {(kind, *way) for kind in KINDS for way in EIGHT if applies(window, kind, way[2])}
    assert set() == wanted - tried
    assert WAYS[window.number]


ROW = re.compile(r"^\| (\d+) \| ([^|]+) \|", re.MULTILINE)


def test_the_page_lists_all_windows() -> None:
    """By number and name."""
    listed = [(int(number), name.strip()) for number, name in ROW.findall(PAGE.read_text())]
    assert [(window.number, window.name) for window in WINDOWS] == listed
