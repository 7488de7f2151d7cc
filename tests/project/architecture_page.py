"""Write the parts of `docs/architecture.md` that follow from the code (`make docs`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .house import ADAPTERS, ROOT
from .journeys import JOURNEYS, files_of
from .print_house import COMING, Part, floors_in, parts, purpose

PAGE = ROOT / "docs" / "architecture.md"
_BLOCK = re.compile(r"(<!-- (\w+): written by make docs -->\n).*?(<!-- end -->)", re.DOTALL)
_JOURNEY = re.compile(r"<!-- journey: (\w+) -->\n```\n(.*?)```", re.DOTALL)
_STATION = re.compile(r"^ *\d+ +([\w.]+) +([\w/]+\.py)$", re.MULTILINE)


class Station(NamedTuple):
    """One station of a drawn journey."""

    function: str
    path: str


def stations() -> dict[str, list[Station]]:
    """The journeys of the page, by name."""
    drawn = _JOURNEY.findall(PAGE.read_text())
    return {name: [Station(*found) for found in _STATION.findall(text)] for name, text in drawn}


def page() -> str:
    """The page with its written parts made anew."""
    made = {"rooms": _rooms, "adapters": _adapters, "emulator": _emulator, "files": _files}

    def block(found: re.Match[str]) -> str:
        write: Callable[[], Iterator[str]] = made[found[2]]
        return found[1] + "".join(f"{line}\n" for line in write()) + found[3]

    return _BLOCK.sub(block, PAGE.read_text())


def _rooms() -> Iterator[str]:
    return _table(parts()[0])


def _emulator() -> Iterator[str]:
    return _table(parts()[1])


def _adapters() -> Iterator[str]:
    """Modules of both adapters that do the same job stand in one row."""
    langchain, llamaindex = parts()[2:]
    yield f"| module | `{langchain.title}` | `{llamaindex.title}` |"
    yield "|---|---|---|"
    for room in sorted({*langchain.rooms, *llamaindex.rooms} - {*ADAPTERS}):
        cells = (purpose(part.package, room) if room in part.rooms else "" for part in parts()[2:])
        yield f"| `{room}` | {' | '.join(cells)} |"


def _table(part: Part) -> Iterator[str]:
    yield "| floor | room | what it is for |"
    yield "|---|---|---|"
    floors = floors_in(part)
    for room in sorted(floors, key=lambda room: (-floors[room], room)):
        what = f"*to come:* {COMING[room]}" if room in COMING else purpose(part.package, room)
        yield f"| {floors[room]} | `{room}` | {what} |"


def _files() -> Iterator[str]:
    for name, journey in JOURNEYS.items():
        paths = files_of(journey)
        folders = Counter(path.rpartition("/")[0] for path in paths)
        alone = folders.pop("", 0)
        counts = [f"`{folder}/` {count}" for folder, count in folders.items()]
        yield f"- **{name}**, {len(paths)} files: {', '.join(counts)}, {alone} at the top"


if __name__ == "__main__":
    PAGE.write_text(page())
