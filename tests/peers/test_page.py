"""The page is whole, and our own columns are what the program finds now."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.covering import ALL

from .faults import ROWS
from .page import LEFT_OUT, PAGE, TABLES
from .run import measure
from .verdicts import HARMLESS, NO_FEATURE, NOT_MADE, WORDS
from .ways import OURS, WAYS

TEXT = PAGE.read_text(encoding="utf-8")
Cells = dict[tuple[str, str], list[str]]  # column and row


def table(title: str) -> list[list[str]]:
    """The cells of the table in a section, line by line, without the head."""
    section = TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def cells_of(group: str) -> Cells:
    """The words of every cell."""
    head, _, *lines = table(group)
    return {
        (column, line[0]): cell.replace("*", "").split(", ")
        for line in lines
        if not line[0].startswith("*")
        for column, cell in zip(head[1:], line[1:], strict=True)
    }


def lists_of(group: str) -> dict[str, list[str]]:
    """The lists below a table, by their head: the lines without their dash."""
    section = TEXT.split(f"## {group}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^(\S.*):\n\n((?:- .*\n)+)", section, flags=re.MULTILINE)
    return {head: [line[2:] for line in lines.splitlines()] for head, lines in found}


@pytest.mark.parametrize("group", TABLES)
def test_every_row_and_column_is_there(group: str) -> None:
    """A table has the clients of its group, and all rows in order but those left out."""
    head, _, *lines = table(group)
    left_out = {line.rsplit(": ", 1)[0] for line in lists_of(group).get(LEFT_OUT, [])}
    assert [way.title for way in WAYS if way.group == group] == head[1:]
    shown = [line[0] for line in lines if not line[0].startswith("*")]
    assert [row.title for row in ROWS if row.title not in left_out] == shown
    assert {row.title for row in ROWS} >= left_out


@pytest.mark.parametrize("group", TABLES)
def test_every_word_is_explained_and_every_harmful_cell_has_its_reason(group: str) -> None:
    """The words above the tables, the reasons below each, under the client's name."""
    reasons = lists_of(group)
    for (client, row), words in cells_of(group).items():
        assert set(WORDS) >= set(words)
        if not HARMLESS.issuperset(words):
            beginning = f"{row}: {', '.join(words)}: "
            assert any(line.startswith(beginning) for line in reasons[client]), (client, row)


def test_the_sums_are_those_of_the_tables() -> None:
    """How many cells were tried, and how often each word was given."""
    short = dict(zip(TABLES, ("classic", "v2 conversation", "v2 chain"), strict=True))
    head, _, *lines = table("In short")
    for client, place, tried, *counts in lines:
        group = next(group for group, name in short.items() if name == place)
        mine = [words for (name, _), words in cells_of(group).items() if name == client]
        given = Counter(word for words in mine for word in words)
        expected = [str(given[word] or "") for word in head[3:]]
        assert expected == counts
        assert len(mine) - given[NOT_MADE] - given[NO_FEATURE] == int(tried)
    assert len(WAYS) == len(lines)


@pytest.mark.skipif(not ALL, reason="make test-all: it plays every fault of the page")
@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_our_columns_are_what_the_program_finds_now() -> None:
    """The same rows, faults and judge as for everybody else; and nobody comes to harm."""
    for column in measure(OURS):
        on_page = {
            row: words
            for (name, row), words in cells_of(column.way.group).items()
            if name == column.way.title
        }
        found = {cell.row.title: cell.verdict.words for cell in column.cells}
        assert {row: found[row] for row in on_page} == on_page
        assert HARMLESS.issuperset(word for words in found.values() for word in words)
