"""The page: tables of words, and a reason for every word that is not harmless."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .faults import GROUPS, Row
from .stage import Cell
from .verdicts import HARMLESS, NO_FEATURE, NOT_MADE, WORDS
from .ways import CHAIN, CLASSIC, CONVERSATION, Way

PAGE = Path(__file__).parents[2] / "docs" / "peers.md"
TABLES = (CLASSIC, CONVERSATION, CHAIN)
LEFT_OUT = "Not in this table"

_HEAD = """\
# What other clients do under the same faults

One thing goes wrong at a time: an answer is lost, a stream breaks, a run fails, a caller leaves.
This page says what becomes of it with this project's client and with others.

**The [emulator](emulator.md) stands in for the service. Nothing here was measured on Azure.** What
the service does under these faults is partly not recorded; the emulator's page says what it
follows then.

## How it was measured

- Every client runs unmodified, in an environment of its own, against the served emulator, over TLS
  and real sockets. `tests/peers` has the program; the scripts that drive the clients are short, to
  be checked.
- Each is used as its own documentation shows, with its default retries and timeouts.
- A case is a new agent and a new client object. The first turn goes well; the second one meets the
  fault (the first one, where making the thread is what fails). The client is then asked nothing
  more: a caller who repeats a question after an error does so on his own account.
- The server's side decides: what threads and conversations hold, what the agent read when it gave
  the answer, how the run ended, what is still running. Of the client only what it told its caller
  counts.
- A client that goes on on a new thread leaves the old one behind. Each thread counts for itself.
- A client that loses the history when nothing goes wrong has that in the rows about histories; it
  is not held against it in the others.

To repeat it: `make peers` prints this page and `make peers ARGS=--write` writes it, in about five
minutes once the environments are made. `make peers ARGS="--log --row lost litellm"` prints every
request behind some of the cells. `tests/peers/test_page.py` compares our own columns with what
the program gives now.
"""

_NOTES = """\
langchain-azure-ai has a deprecated module for classic agents, `langchain_azure_ai.agents.v1`. It
is not tried: in 1.2.12 it refuses azure-ai-projects 2, which the package itself requires.

LiteLLM is installed without its own requirements, over those of the newest release that can be
installed whole: it may ask for a newer certifi than there is. Its certificates play no part here.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A client with all its cells, and the versions that it was tried in."""

    way: Way
    cells: Sequence[Cell]
    versions: dict[str, str]


def render(columns: Sequence[Column]) -> str:
    """The page."""
    parts = [_HEAD, "## Who was tried\n", _table_of_ways(columns), _NOTES]
    parts += ["## In short\n", _sums(columns), "## The words\n", _words()]
    for group in TABLES:
        of_group = [column for column in columns if column.way.group == group]
        if of_group:
            parts += [f"## {group}\n", _table(of_group), _left_out(of_group)]
            parts += _reasons(of_group)
    return "\n".join(part for part in parts if part)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _header(*titles: str) -> str:
    return _line(titles) + _line("---" for _ in titles).replace(" ", "")


def _table_of_ways(columns: Sequence[Column]) -> str:
    lines = (
        _line((column.way.title, _short(column.way.group), column.way.usage, _versions(column)))
        for column in columns
    )
    return _header("client", "table", "used as", "versions") + "".join(lines)


def _short(group: str) -> str:
    return {CLASSIC: "classic", CONVERSATION: "v2 conversation", CHAIN: "v2 chain"}[group]


def _versions(column: Column) -> str:
    return ", ".join(f"{name} {version}" for name, version in column.versions.items())


def _sums(columns: Sequence[Column]) -> str:
    """A line a client: how many cells were tried, and how often each word was given."""
    shown = [word for word in WORDS if word not in {NOT_MADE, NO_FEATURE}]
    lines = []
    for column in columns:
        given = Counter(word for cell in column.cells for word in cell.verdict.words)
        counts = (str(given[word] or "") for word in shown)
        place = (column.way.title, _short(column.way.group), str(_tried(column)))
        lines.append(_line((*place, *counts)))
    head = _header("client", "table", "cases", *shown)
    return head + "".join(lines)


def _tried(column: Column) -> int:
    skipped = {NOT_MADE, NO_FEATURE}
    return sum(not skipped.intersection(cell.verdict.words) for cell in column.cells)


def _words() -> str:
    lines = (_line((_shown(word), meaning)) for word, meaning in WORDS.items())
    return _header("word", "meaning") + "".join(lines)


def _shown(word: str) -> str:
    return word if word in HARMLESS else f"**{word}**"


def _table(columns: Sequence[Column]) -> str:
    text = _header("what goes wrong", *(column.way.title for column in columns))
    shown = list(_shown_rows(columns))
    for group, rows in GROUPS.items():
        lines = [_line((row.title, *map(_cell, cells))) for row, cells in shown if row in rows]
        if lines:
            text += _line((f"*{group}*", *("" for _ in columns))) + "".join(lines)
    return text


def _rows(columns: Sequence[Column]) -> Iterator[tuple[Row, tuple[Cell, ...]]]:
    """A row with its cells, one from each column."""
    for cells in zip(*(column.cells for column in columns), strict=True):
        yield cells[0].row, cells


def _shown_rows(columns: Sequence[Column]) -> Iterator[tuple[Row, tuple[Cell, ...]]]:
    """The rows that say something in this table."""
    return ((row, cells) for row, cells in _rows(columns) if not _why_left_out(row, cells))


def _why_left_out(row: Row, cells: Sequence[Cell]) -> str:
    words = {word for cell in cells for word in cell.verdict.words}
    if words == {NOT_MADE}:
        return "no client of this table makes such a request"
    return row.not_on_v2 if words == {NO_FEATURE} else ""


def _left_out(columns: Sequence[Column]) -> str:
    rows = [(row, _why_left_out(row, cells)) for row, cells in _rows(columns)]
    lines = "".join(f"- {row.title}: {why}\n" for row, why in rows if why)
    return f"{LEFT_OUT}:\n\n{lines}" if lines else ""


def _cell(cell: Cell) -> str:
    return ", ".join(map(_shown, cell.verdict.words))


def _reasons(columns: Sequence[Column]) -> Iterator[str]:
    """Why a cell is not harmless, or why there is none."""
    for column in columns:
        lines = [_reason(cell) for cell in column.cells if _is_explained(column, cell)]
        if lines:
            yield f"{column.way.title}:\n\n{''.join(lines)}"


def _is_explained(column: Column, cell: Cell) -> bool:
    """Whether a cell needs a line of its own; rows that are left out have theirs above."""
    if cell.row.not_on_v2 and column.way.generation == "v2":
        return False
    return not cell.verdict.is_harmless or NO_FEATURE in cell.verdict.words


def _reason(cell: Cell) -> str:
    words = ", ".join(cell.verdict.words)
    return f"- {cell.row.title}: {words}: {'; '.join(cell.verdict.reasons)}\n"
