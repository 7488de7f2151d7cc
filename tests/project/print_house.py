"""Print the house in words: rooms, floors, arrows, depth and circles, read from the imports.

`make house` runs this for the core, the emulator and both adapters. What a room is for is the first
line of its docstring, so a room explains itself in one place.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .house import (
    ADAPTERS,
    CORE,
    ROOT,
    circle,
    floors_of,
    graph_of,
    longest_chain,
    modules_of,
    room_graph,
    room_of,
)
from .test_layers import EMULATOR, EMULATOR_FLOORS, EMULATOR_ROOMS, FLOORS, ROOMS, matches

Graph = dict[str, set[str]]

# Rooms that have a place in `FLOORS` and are still to be built.
COMING: dict[str, str] = {}


class Part(NamedTuple):
    """One part of the house that is drawn by itself."""

    title: str
    package: Path
    graph: Graph  # module -> modules of the same part, for types too
    loaded: Graph  # the same without imports for types
    rooms: tuple[str, ...]


def parts() -> list[Part]:
    """The core, the emulator and the adapters."""
    modules = set(modules_of(CORE))
    emulator = {name for name in modules if matches(name, EMULATOR)}
    return [
        _part("core", CORE, modules - emulator, ROOMS),
        _part("emulator", CORE, emulator, EMULATOR_ROOMS),
        *(_part(name, ROOT / name, set(modules_of(ROOT / name)), None) for name in ADAPTERS),
    ]


def _part(title: str, package: Path, inside: set[str], rooms: tuple[str, ...] | None) -> Part:
    graph = _within(graph_of(package), inside)
    loaded = _within(graph_of(package, for_types=False), inside)
    return Part(title, package, graph, loaded, rooms or tuple(sorted(first_sight(inside))))


def _within(graph: Graph, inside: set[str]) -> Graph:
    return {name: reached & inside for name, reached in graph.items() if name in inside}


def first_sight(modules: set[str]) -> set[str]:
    """The rooms that a folder shows at once: its own folders, and modules that stand alone."""
    return {name.partition(".")[0] for name in modules}


def rooms_at_first_sight() -> set[str]:
    """What a newcomer sees of the core, and the adapters as one room each."""
    core = {name for name in modules_of(CORE) if not matches(name, EMULATOR)}
    return first_sight(core) | {"emulator", *ADAPTERS}


def purpose(package: Path, room: str) -> str:
    """What a room is for: the first line of its docstring; empty where there is none."""
    path = package if room == package.name else package.joinpath(*room.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text())) or ""
    return text.partition("\n")[0]


def describe(part: Part) -> Iterator[str]:
    """The lines about one part."""
    yield from (f"{part.title}", "=" * len(part.title), "")
    arrows = room_graph(part.graph, part.rooms)
    yield from _table(part, arrows, floors_in(part))
    yield f"import depth: {_depth_in_words(part.loaded)}"
    yield f"circles of modules: {_circle_in_words(part.graph)}"
    yield f"circles of rooms: {_circle_in_words(arrows)}"
    yield ""


def floors_in(part: Part) -> dict[str, int]:
    """The rule's floors where there is a rule, else as the imports make them; empty in a circle."""
    rule = {ROOMS: FLOORS, EMULATOR_ROOMS: EMULATOR_FLOORS}.get(part.rooms)
    if rule is not None:
        return {room: row for row, rooms in enumerate(rule, start=1) for room in rooms}
    arrows = room_graph(part.graph, part.rooms)
    return {} if circle(arrows) else floors_of(arrows)


def _table(part: Part, arrows: Graph, floors: dict[str, int]) -> Iterator[str]:
    modules = modules_of(part.package)
    width = max(map(len, ("room", *part.rooms)))
    from_above = sorted(part.rooms, key=lambda room: (-floors.get(room, 0), room))
    yield f"floor  {'room':{width}}  modules  lines  what it is for"
    for room in from_above:
        inside = [name for name in part.graph if room_of(name, part.rooms) == room]
        lines = sum(len(modules[name].read_text().splitlines()) for name in inside)
        what = purpose(part.package, room) if inside else f"(to come) {COMING[room]}"
        yield f"{floors.get(room, '-'):>5}  {room:{width}}  {len(inside):7}  {lines:5}  {what}"
    yield ""
    yield f"arrows ({sum(map(len, arrows.values()))}): room > the rooms that it imports"
    for room in filter(arrows.get, from_above):
        yield f"  {room} > {', '.join(sorted(arrows[room]))}"
    yield ""


def _depth_in_words(graph: Graph) -> str:
    chain = longest_chain(graph)
    return f"{len(chain)} modules: {' > '.join(chain)}" if chain else "endless, by the circle below"


def _circle_in_words(graph: Graph) -> str:
    return " > ".join(circle(graph)) or "none"


def lines() -> Sequence[str]:
    """The whole house, line by line."""
    seen = sorted(rooms_at_first_sight())
    drawn = [line for part in parts() for line in describe(part)]
    return [*drawn, f"rooms at first sight: {len(seen)}: {', '.join(seen)}"]


if __name__ == "__main__":
    sys.stdout.write("\n".join([*lines(), ""]))
