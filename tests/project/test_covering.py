"""What `make test` leaves out of a product of parameters, and what it never leaves out."""

from __future__ import annotations

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from ..covering import covering

COLUMNS = st.lists(st.integers(1, 5), min_size=1, max_size=5)
GRID = [*product("abcdef", (False, True), (False, True), "xy", range(5))]


def shown(rows: list[tuple[object, ...]], together: int) -> set[object]:
    """All combinations of so many columns that the rows show."""
    return {some for row in rows for some in combinations(enumerate(row), together)}


@given(columns=COLUMNS, together=st.integers(1, 3), data=st.data())
def test_every_combination_of_a_product_is_run(
    columns: list[int], together: int, data: st.DataObject
) -> None:
    """Also of one from which rows that make no sense were taken out."""
    whole = [*product(*(range(column) for column in columns))]
    rows = data.draw(st.lists(st.sampled_from(whole), unique=True))
    places = covering(rows, together)
    some = min(together, len(columns))
    assert shown(rows, some) == shown([rows[place] for place in places], some)
    assert sorted(set(places)) == places


def test_pairs_take_about_as_many_rows_as_the_two_longest_columns() -> None:
    """Six kinds by five values, not times eight ways."""
    assert 30 <= len(covering(GRID, 2)) <= 33
    assert 6 == len(covering(GRID, 1))


def test_the_whole_product_is_run_by_test_all() -> None:
    """Every row, in its order."""
    assert [*range(len(GRID))] == covering(GRID, 0)


def test_the_same_rows_are_chosen_each_time() -> None:
    """Each worker of xdist collects for itself, and all must come to the same tests."""
    assert covering(GRID, 2) == covering(iter(GRID), 2)
