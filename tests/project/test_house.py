"""`make house` draws what is there, and a newcomer meets few rooms."""

from __future__ import annotations

from pathlib import Path

import pytest

from .house import floors_of, graph_of, longest_chain, room_graph, room_of
from .print_house import COMING, describe, lines, parts, purpose, rooms_at_first_sight
from .test_layers import FLOORS

PARTS = {part.title: part for part in parts()}
MOST_ROOMS = 32  # more and a newcomer no longer sees at once where a thing must be


def test_a_newcomer_sees_few_rooms() -> None:
    """Folders and single modules of the core, with the adapters, stay countable."""
    seen = sorted(rooms_at_first_sight())
    assert seen[:MOST_ROOMS] == seen


@pytest.mark.parametrize("title", PARTS)
def test_every_room_says_what_it_is_for(title: str) -> None:
    """The table of `make house` has a sentence for each room that is built."""
    part = PARTS[title]
    built = {room_of(name, part.rooms) for name in part.graph}
    assert [] == [room for room in built if room is None or not purpose(part.package, room)]
    if title == "core":
        assert set(COMING) == set(part.rooms) - built


@pytest.mark.slow
def test_the_house_is_drawn_whole() -> None:
    """Every part, every built room and every place for a coming one has its line."""
    drawn = "\n".join(lines())
    rooms = [room for part in parts() for room in part.rooms]
    assert [] == [name for name in [*PARTS, *rooms] if name not in drawn]
    assert sum(map(len, FLOORS)) == len(PARTS["core"].rooms)


def test_a_made_up_house_is_drawn_as_it_is(tmp_path: Path) -> None:
    """Arrows, floors and depth come from the imports; those for types add no depth."""
    package = tmp_path / "made"
    (package / "upper").mkdir(parents=True)
    (package / "upper" / "__init__.py").write_text('"""The upper room.\n\nMore of it."""')
    (package / "upper" / "a.py").write_text("from ..lower import f\nfrom .b import g")
    (package / "upper" / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..lower import f"
    )
    (package / "lower.py").write_text("")
    rooms = ("lower", "upper")
    graph = graph_of(package)
    arrows = room_graph(graph, rooms)
    assert {"lower": set(), "upper": {"lower"}} == arrows
    assert {"lower": 1, "upper": 2} == floors_of(arrows)
    assert ["upper.a", "upper.b", "lower"] == longest_chain(graph)
    assert 2 == len(longest_chain(graph_of(package, for_types=False)))
    assert "The upper room." == purpose(package, "upper")


def test_circles_are_said_and_do_not_stop_the_drawing(tmp_path: Path) -> None:
    """A circle has a line of its own; floors and depth are left open."""
    package = tmp_path / "knot"
    package.mkdir()
    (package / "a.py").write_text('"""One."""\nfrom . import b')
    (package / "b.py").write_text('"""Two."""\nfrom . import a')
    graph = graph_of(package)
    part = PARTS["core"]._replace(
        title="knot", package=package, graph=graph, loaded=graph, rooms=("a", "b")
    )
    drawn = list(describe(part))
    assert ["    -  a           1      2  One.", "    -  b           1      2  Two."] == drawn[4:6]
    assert "circles of rooms: a > b > a" in drawn
