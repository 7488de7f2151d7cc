"""Which deployment is asked: a pure function of what is known."""

from __future__ import annotations

from collections import Counter

import pytest

from azure_agents.routing.choice import Standing, order_of, soonest
from azure_agents.routing.limits import SECOND, Amounts, Limits
from azure_agents.routing.windows import Load, Tally

CASES = [
    ("the least used first", [Standing("a", load=Load(0.5)), Standing("b", load=Load(0.2))], "ba"),
    (
        "without limits the one with the fewest tokens",
        [Standing("a", load=Load(0, 9, 1)), Standing("b", load=Load(0, 3, 5))],
        "ba",
    ),
    (
        "then the one with the fewest requests",
        [Standing("a", load=Load(0, 3, 5)), Standing("b", load=Load(0, 3, 1))],
        "ba",
    ),
    ("then the one with the fewest running", [Standing("a", running=1), Standing("b")], "ba"),
    ("else as they stand in the list", [Standing("b"), Standing("a")], "ba"),
    ("order before use", [Standing("a", order=2), Standing("b", order=1, load=Load(0.9))], "ba"),
    ("a full one spills over", [Standing("a", order=1, wait=5), Standing("b", order=2)], "b"),
    ("one that asked to wait is not asked", [Standing("a", asked_to_wait=1), Standing("b")], "b"),
    ("one that failed comes last", [Standing("a", failed=True), Standing("b", order=9)], "ba"),
    ("also if it is the only one", [Standing("a", failed=True)], "a"),
    ("nobody is free", [Standing("a", wait=1), Standing("b", asked_to_wait=1)], ""),
    ("nobody is there", [], ""),
    (
        "weights before use",
        [
            Standing("a", weight=1, load=Load(0.1, 0, 1)),
            Standing("b", weight=9, load=Load(0.5, 0, 5)),
        ],
        "ba",
    ),
]


@pytest.mark.parametrize(("name", "standings", "expected"), CASES, ids=[case[0] for case in CASES])
def test_the_order_of_deployments(name: str, standings: list[Standing], expected: str) -> None:
    """Those that may be asked, the best one first."""
    assert name
    assert list(expected) == [one.id for one in order_of(standings)]


def test_the_soonest_time_is_that_of_the_first_to_be_free() -> None:
    """A deployment is free when both its limits and its service let it."""
    assert 7 == soonest([Standing("a", wait=7, asked_to_wait=3), Standing("b", asked_to_wait=9)])
    assert soonest([]) is None


@pytest.mark.parametrize(
    ("limits", "weights", "expected"),
    [
        ({"a": Limits(rpm=10), "b": Limits(rpm=30)}, {}, {"a": 10, "b": 30}),
        ({"a": Limits(), "b": Limits()}, {}, {"a": 20, "b": 20}),
        ({"a": Limits(), "b": Limits()}, {"a": 1.0, "b": 3.0}, {"a": 10, "b": 30}),
        ({"a": Limits(rpm=4), "b": Limits(rpm=100)}, {"a": 9.0, "b": 1.0}, {"a": 4, "b": 17}),
    ],
)
def test_requests_are_spread(
    limits: dict[str, Limits], weights: dict[str, float], expected: dict[str, int]
) -> None:
    """By what is in use of each limit, or by weight; a limit holds all the same."""
    tallies = {name: Tally(one) for name, one in limits.items()}
    asked: Counter[str] = Counter()
    for number in range(40):
        now = number * SECOND // 10
        standings = [
            Standing(
                name,
                weight=weights.get(name),
                load=tally.load(now),
                wait=tally.wait(Amounts(), now),
            )
            for name, tally in tallies.items()
        ]
        for first in order_of(standings)[:1]:
            tallies[first.id].begin(Amounts(), now)
            asked[first.id] += 1
    assert expected == dict(asked)
