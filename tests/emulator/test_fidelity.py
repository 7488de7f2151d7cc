"""The emulator's answers have the shape of the recorded ones; `make fidelity` prints the score."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import fidelity
import pytest
from fidelity_exceptions import EXCEPTIONS

NAMES = fidelity.names()

needs_recordings = pytest.mark.skipif(
    not NAMES, reason=f"no recordings: {fidelity.RECORDINGS} is not here"
)


@needs_recordings
@pytest.mark.parametrize("name", NAMES)
def test_answers_have_the_recorded_shape(name: str) -> None:
    """Status, headers, keys, types, words and order of events: all of them, or a named reason."""
    score = fidelity.score(name)
    assert [] == score.differences
    assert 100 == score.percent


@needs_recordings
def test_every_exception_is_needed() -> None:
    """A row that excuses nothing has outlived its reason."""
    patterns = {known.recording for known in EXCEPTIONS}
    named = [name for name in NAMES if any(fnmatchcase(name, pattern) for pattern in patterns)]
    excused = {known for name in named for known in fidelity.score(name).excused}
    assert [] == [known for known in EXCEPTIONS if known not in excused]


DIFFERENCES = [
    ({"a": 1}, {"a": 2.5}, []),
    ({"a": 1}, {}, ["/a is 'missing', recorded 'there'"]),
    ({}, {"a": 1}, ["/a is there, and was not"]),
    ({"a": None}, {"a": ""}, ["/a type is 'str', recorded 'NoneType'"]),
    ({"a": True}, {"a": 1}, ["/a type is 'number', recorded 'bool'"]),
    ({"status": "failed"}, {"status": "done"}, ["/status value is 'done', recorded 'failed'"]),
    ([1], [1, 2], [" length is 2, recorded 1"]),
]


@pytest.mark.parametrize(("recorded", "emulated", "expected"), DIFFERENCES)
def test_a_difference_lowers_the_score(recorded: Any, emulated: Any, expected: list[str]) -> None:
    """A score that cannot fall says nothing."""
    facts = fidelity.compare("", recorded, emulated)
    assert expected == [f"{fact.place} {fact.difference}" for fact in facts if fact.difference]


def test_another_order_of_events_is_a_difference() -> None:
    """Series count once, whatever their length; names, order and keys must be the same."""
    recorded = [("a", {"x": 1, "y": 2}), ("b", {}), ("b", {})]
    assert [] == _differences(recorded, [("a", {"x": 1, "y": 2}), ("b", {})])
    assert ["order of events", "event 0 a order of keys"] == _differences(
        recorded, [("a", {"y": 2, "x": 1})]
    )


def _differences(recorded: Any, emulated: Any) -> list[str]:
    found = fidelity.compare_events(recorded, emulated)
    return [fact.place for fact in found if fact.difference]
