"""Nothing lost, nothing doubled, nothing silent: under every single fault, and under pairs."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.promise.test_promise import trying

from .matrix import FAULTS, SHAPES, Shape, try_several, try_shape

# `make faults` tries many more.
EXAMPLES = int(os.environ.get("FAULT_EXAMPLES", "200"))
REQUESTS = 9  # the longest scenario has fewer


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_single_fault_loses_or_doubles_anything(shape: Shape) -> None:
    """Every fault at every request: the right answer or a typed error, and a way on."""
    outcomes = try_shape(shape)
    wrong = [(case.request, case.fault, case.wrong) for case in outcomes if case.wrong]
    assert [] == wrong
    assert len(outcomes) >= 4 * len(FAULTS)


@pytest.mark.slow
def test_several_faults_in_one_conversation_do_no_harm_either() -> None:
    """Seeded pairs and triples of faults in any kind of conversation."""
    fault = st.tuples(st.integers(1, REQUESTS), st.sampled_from(sorted(FAULTS)))

    @trying(EXAMPLES)
    @given(shape=st.sampled_from(SHAPES), faults=st.lists(fault, min_size=2, max_size=3))
    def try_faults(shape: Shape, faults: list[tuple[int, str]]) -> None:
        assert [] == try_several(shape, faults).wrong

    try_faults()
