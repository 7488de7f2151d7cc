"""Try other clients under the same faults as ours: `make peers`.

Each client runs unmodified, in an environment of its own, against a served emulator, in the way
its own documentation shows and with its default retries. One thing goes wrong at a time, and the
server's side says what became of it. The emulator stands in for the service: nothing here was
measured on Azure.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.peers.faults import ROWS, Row
from tests.peers.page import PAGE, Column, render
from tests.peers.stage import Cell, play
from tests.peers.ways import WAYS, Way, prepare, versions

AT_ONCE = 6  # most of the time goes into waiting: polls, retry-after, a minute of patience


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for, and print or write the page."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.write and (options.way or options.row):
        parser.error("the page is written whole: --write goes without names and --row")
    ways = [way for way in WAYS if not options.way or any(one in way.name for one in options.way)]
    rows = [row for row in ROWS if options.row in row.title]
    for way in ways:  # installing is done before anything is timed
        error = prepare(way)
        if error:
            print(error)
            return 1
    columns = measure(ways, rows)
    if options.log:
        print_log(columns)
    elif options.write:
        PAGE.write_text(render(columns), encoding="utf-8")
    else:
        print(render(columns), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", nargs="*", help="parts of names: " + ", ".join(w.name for w in WAYS))
    parser.add_argument("--row", default="", help="only rows whose title contains this")
    parser.add_argument("--write", action="store_true", help="write docs/peers.md")
    parser.add_argument("--log", action="store_true", help="print every request of every cell")
    return parser


def measure(ways: Sequence[Way], rows: Sequence[Row] = ROWS) -> list[Column]:
    """Play the rows with every client, several clients at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda way: _column(way, rows), ways))


def _column(way: Way, rows: Sequence[Row]) -> Column:
    began = time.monotonic()
    cells = play(way, rows)
    seconds = time.monotonic() - began
    print(f"{way.name:24} {len(cells)} cells, {seconds:.0f} s", file=sys.stderr)
    return Column(way, cells, versions(way))


def print_log(columns: Sequence[Column]) -> None:
    """Everything that a verdict rests on, to be read by a person."""
    for column in columns:
        for cell in column.cells:
            print(f"\n== {column.way.name}: {cell.row.title}: {cell.verdict.words}")
            for reason in cell.verdict.reasons:
                print(f"   {reason}")
            print(f"   {cell.told}")
            for line in _requests(cell):
                print(f"   {line}")


def _requests(cell: Cell) -> list[str]:
    return [
        f"{one.method:6} {one.path[:70]:70} {one.status or '-'} {one.fault or ''} "
        f"{str(one.body)[:150]}"
        for one in cell.requests
        if one.method != "GET" or one.fault
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
