"""`docs/architecture.md` names what is there: rooms, files, and the stations of real turns."""

from __future__ import annotations

import re

import pytest

from tests.covering import ALL

from .architecture_page import PAGE, Station, page, stations
from .house import ADAPTERS, CORE, ROOT
from .journeys import JOURNEYS, Step, passed
from .print_house import COMING, parts

MOST_STATIONS = 12
DRAWN = stations()
_TABLE = re.compile(r"^(_?[A-Z][A-Z_]+)(?:: [^=\n]+)? = ", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.skipif(not ALL, reason="make test-all: it traces four turns, a minute of work")
def test_the_written_parts_are_those_of_the_code() -> None:
    """`make docs` was run after the last change of a room, its docstring or a journey's files."""
    assert page() == PAGE.read_text()


def test_every_journey_is_drawn() -> None:
    """A journey that is traced is on the page, and the other way round."""
    assert [*JOURNEYS] == [*DRAWN]


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_real_turn_passes_the_stations_in_this_order(name: str) -> None:
    """A newcomer who sets a breakpoint at each station stops at one after the other."""
    drawn = DRAWN[name]
    assert drawn[:MOST_STATIONS] == drawn
    steps = iter(passed(JOURNEYS[name]))
    assert [] == [station for station in drawn if _of(station) not in steps]


def _of(station: Station) -> Step:
    return Step(station.path, station.function)


def test_every_path_on_the_page_exists() -> None:
    """A file that moves takes its name on the page along."""
    text = PAGE.read_text()
    named = set(re.findall(r"`([\w./*-]+(?:/|\.py|\.md))`", text))
    named |= set(re.findall(r" ((?:\w+/)*\w+\.py)\b", text))
    assert [] == sorted(path for path in named if not _exists(path))


def _exists(path: str) -> bool:
    """A bare name such as `codec.py` stands for a file that each generation has."""
    found = (next(iter(root.glob(path)), None) for root in (ROOT, CORE, ROOT / "docs"))
    is_bare = "/" not in path and bool([*CORE.glob(f"protocols/*/{path}")])
    return any(found) or is_bare or path.removesuffix("/") in COMING


@pytest.mark.slow
def test_every_room_and_test_folder_on_the_page_exists() -> None:
    """No word of the page points into an empty place."""
    text = PAGE.read_text()
    assert [] == [name for name in re.findall(r"`(tests/\w+)`", text) if not (ROOT / name).is_dir()]
    folders = [path.parent.relative_to(ROOT) for path in ROOT.glob("tests/*/test_*.py")]
    assert [] == [name for name in {str(folder) for folder in folders} if f"`{name}`" not in text]
    assert [] == [room for room in parts()[0].rooms if f"`{room}`" not in text]
    assert [] == [adapter for adapter in ADAPTERS if adapter not in text]


def test_every_table_on_the_page_exists() -> None:
    """A row goes into `_SENT_AS` or `ITEMS` only as long as they are there."""
    named = set(re.findall(r"`(_?[A-Z][A-Z_]+)`", PAGE.read_text()))
    sources = [*CORE.rglob("*.py"), ROOT / "tests" / "project" / "test_layers.py"]
    made = {name for path in sources for name in _TABLE.findall(path.read_text())}
    assert [] == sorted(named - made)
    assert named
