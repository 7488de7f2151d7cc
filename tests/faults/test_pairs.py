"""A second fault, killed workers and weather, with approvals and histories that go back.

A slice of what `make faults` tries: every kind of conversation, every fault, in a few seconds.
"""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from tests.covering import PRODUCTS, scaled
from tests.promise.steps import STEPS

from . import report
from .branching import Branching
from .kills import random_kills, single_kills
from .matrix import play
from .pairs import KINDS, Result, covering_pairs, random_faults, try_case
from .storms import storms, try_storm

PAGE = Path(__file__).parents[2].joinpath("docs", "reliability.md").read_text("utf-8")
EVERY = scaled(all=43, pairs=172, few=430)  # of the pairs one
SAMPLE = scaled(all=25, pairs=10, few=2)
# Where a decision that is given anew runs the tool again; elsewhere it is told.
RUNS_AGAIN = ("chain", "background", "ephemeral")


def _wrong(*results: Result) -> list[tuple[str, list[str]]]:
    return [(str(result.case), result.wrong) for result in results if result.wrong]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_happens_to_a_history_that_goes_back(kind: str) -> None:
    """Without faults every call is answered at once, and tools run where they may."""
    story = Branching(KINDS[kind])
    play(story)
    assert [] == story.wrong
    assert [] == story.errors
    runs = {"chain": 2, "background": 2, "ephemeral": 2}.get(
        kind, 1
    )  # elsewhere told the second time
    assert runs == sum(story.tools.ran.values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_faults_do_no_harm_together(kind: str) -> None:
    """Nothing lost, doubled, silent, told in part or left running."""
    offset = [*KINDS].index(kind)
    results = [try_case(case) for case in islice(covering_pairs(kind), offset, None, EVERY)]
    assert [] == _wrong(*results)
    assert PRODUCTS == "few" or any(result.hits == 2 for result in results)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_may_be_killed_at_any_moment(kind: str) -> None:
    """Another one with the same store goes on, and stops what was left."""
    assert [] == _wrong(
        *(
            try_case(case)
            for case in islice(single_kills(kind), 0, None, scaled(all=17, pairs=68, few=170))
        )
    )


@pytest.mark.slow
def test_faults_and_kills_do_no_harm_together() -> None:
    """Seeded samples of three faults, and of workers that are killed near them."""
    sources = [random.Random(seed) for seed in range(SAMPLE)]  # noqa: S311 - repeatable
    cases = [draw(source) for source in sources for draw in (random_faults, random_kills)]
    assert [] == _wrong(*map(try_case, cases))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_conversations_weather_a_storm(kind: str) -> None:
    """Eight at once in two workers with one store; for every other kind one worker is killed."""
    offset = [*KINDS].index(kind) % 2
    [result] = [try_storm(storm) for storm in islice(storms(kind), offset, offset + 1)]
    assert [] == result.wrong
    assert result.hits


@pytest.mark.slow
def test_the_page_says_how_much_is_tried() -> None:
    """The rows about what this file tries a slice of."""
    pairs = sum(len(list(covering_pairs(kind))) for kind in KINDS)
    kills = sum(len(list(single_kills(kind))) for kind in KINDS) + report.KILLS
    weather = sum(len(list(storms(kind))) for kind in KINDS)
    rows = {"two faults": pairs, "killed workers": kills, "weather": weather}
    rows |= {"sequences and samples": report.SEQUENCES + report.SAMPLE}
    told = [f"| {what} | {cases:,} | 0 | 0 | 0 | 0 | 0 |" for what, cases in rows.items()]
    assert [] == [row for row in told if row not in PAGE]
    assert f"{len({name.removesuffix(' again') for name in STEPS})} kinds of steps" in PAGE
