"""Which rows of a product of parameters are run: a covering array of it, or all.

Most defects show in one value, nearly all others where two meet. A covering array has each pair of
values of any two columns in at least one row, so it is as long as the two longest columns give, and
not as the product of all. `tests/conftest.py` applies it to the parameters of every test.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import TypeVar

# `make quick`, `make test`, `make test-all`. An environment variable reaches the workers of xdist,
# and modules while they are imported.
PRODUCTS = os.environ.get("PRODUCTS", "pairs")
TOGETHER = {"few": 1, "pairs": 2, "all": 0}[PRODUCTS]
ALL = PRODUCTS == "all"
FEW = 3

Value = TypeVar("Value", int, float)


def scaled(*, all: Value, pairs: Value, few: Value) -> Value:
    """How much is drawn at random, or repeated, where no table of parameters says it."""
    return {"all": all, "pairs": pairs, "few": few}[PRODUCTS]


def chosen(rows: Iterable[Sequence[Hashable]]) -> list[int]:
    """The places of the rows to run: `FEW` of all values, all pairs, or all rows."""
    places = covering(rows, TOGETHER)
    if PRODUCTS != "few" or len(places) <= FEW:
        return places
    return [places[number * (len(places) - 1) // (FEW - 1)] for number in range(FEW)]


@contextmanager
def case(name: object) -> Iterator[None]:
    """Name the row of a table in whatever fails in it: for tests that walk one.

    A parametrized case costs a millisecond or two in every process; what is read in less is a loop.
    """
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the case {name}")
        raise


def covering(rows: Iterable[Sequence[Hashable]], together: int) -> list[int]:
    """Choose rows that show every combination of some values that any of the rows shows.

    Args:
        rows: Equally long rows of values; combinations that make no sense are left out.
        together: How many columns have to meet: 2 for all pairs of values, 1 for all values, 0 for
            whole rows.

    Returns:
        The places of the chosen rows, in order. The same rows always give the same choice.
    """
    left = {place: tuple(enumerate(row)) for place, row in enumerate(rows)}
    if not together or all(len(row) <= together for row in left.values()):
        return [*left]  # rows of a product differ: each is a combination of its own
    shown = {place: set(combinations(row, together)) for place, row in left.items()}
    missing = set().union(*shown.values())
    used: Counter[object] = Counter()
    chosen = []
    while missing:
        gains = {place: len(shown[place] & missing) for place in left}
        most = max(gains.values())
        # Of equals the one whose values were used least, then the first: nothing here is random.
        best = min(
            (place for place, gain in gains.items() if gain == most),
            key=lambda place: sum(used[cell] for cell in left[place]),
        )
        chosen.append(best)
        missing -= shown[best]
        used.update(left[best])
        left = {place: row for place, row in left.items() if gains[place] and place != best}
    return sorted(chosen)
