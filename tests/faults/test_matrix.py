"""Nothing lost, nothing doubled, nothing silent: under every single fault, and under several.

`make faults` tries many more.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.covering import scaled
from tests.promise.test_promise import trying

from .matrix import COLUMNS, FAULTS, KINDS, MOST_EXTRA_REQUESTS, SHAPES, Shape, try_shape
from .sequences import MOVES, Hit, Sequence, random_sequence, try_sequence

PAGE = Path(__file__).parents[2].joinpath("docs", "reliability.md").read_text("utf-8")
EXAMPLES = int(os.environ.get("FAULT_EXAMPLES", scaled(all=200, pairs=30, few=5)))
# A conversation is had in four ways: of each way, so much of every fault at every request.
EVERY = scaled(all=1, pairs=4, few=24)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "shape"), [*enumerate(SHAPES)], ids=str)
def test_no_single_fault_loses_or_doubles_anything(number: int, shape: Shape) -> None:
    """Every fault at every request: the right answer or a typed error, and a way on."""
    outcomes = try_shape(shape, first=number // KINDS % EVERY, every=EVERY)
    wrong = [(case.request, case.fault, case.wrong) for case in outcomes if case.wrong]
    assert [] == wrong
    assert len(outcomes) >= 4 * len(FAULTS) // EVERY


@pytest.mark.slow
def test_faults_deaths_and_second_clients_do_no_harm_together() -> None:
    """Seeded sequences of two to four faults, in which clients die, start anew and meet."""
    met: set[str] = set()

    @trying(EXAMPLES)
    @given(sequence=st.randoms(use_true_random=False).map(random_sequence))
    def try_one(sequence: Sequence) -> None:
        outcome = try_sequence(sequence)
        met.update(outcome.met)
        assert [] == outcome.wrong

    try_one()
    assert {"fault", *MOVES} == met


def test_the_page_says_what_a_fault_may_cost() -> None:
    """The table on the page is the table that every case is checked with."""
    rows = [
        f"| {name} | {' | '.join(map(str, costs))} |" for name, costs in MOST_EXTRA_REQUESTS.items()
    ]
    assert "\n".join([f"| fault | {' | '.join(COLUMNS)} |", "|---|---|---|---|---|", *rows]) in PAGE


CLASSIC = Shape("classic")
# Two faults are enough where the second one is an outage of a few requests.
FOUND = {
    "a look for the run was not sent: the run was": (
        Sequence(CLASSIC, (Hit(4, "cut after event 3"), Hit(7, "connection refused", 3))),
        Sequence(
            replace(CLASSIC, is_pinned=True),
            (Hit(4, "cut after event 3"), Hit(5, "connection refused", 3)),
        ),
    ),
    "a paused run is found, but its answer cannot be read": (
        Sequence(CLASSIC, (Hit(2, "quiet end after event 4"), Hit(5, "500 before", 3))),
    ),
    "an answer that was found contradicts what was told": (
        Sequence(CLASSIC, (Hit(2, "cut after event 13"), Hit(3, "stalled after event 4", 4))),
        Sequence(
            Shape("v2", threads="conversation"),
            (Hit(3, "cut and turn lost"), Hit(6, "answer lost"), Hit(7, "cut after event 13")),
        ),
    ),
}


@pytest.mark.parametrize("story", FOUND)
def test_fault_sequences_that_once_failed_pass(story: str) -> None:
    """Messages said twice, runs left waiting and errors without ids, once."""
    for sequence in FOUND[story]:
        assert [] == try_sequence(sequence).wrong
