"""The mutants of `make mutants` fit the source, so that they are there when they are needed."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from ..mutants.mutants import (
    Mutant,
    MutantError,
    find_place,
    mutated,
    read_mutants,
    read_sources,
)

ROOT = Path(__file__).parents[2]
MUTANTS = read_mutants()
STORE = Path("shared/azure_agents/store.py")
TEXT = '''
class Store:
    """Über die Maßen."""

    def take(self, a, b):
        return (a < b) and not (  a<b )
'''


@pytest.mark.slow
def test_every_mutant_belongs_to_one_place_and_changes_it() -> None:
    """A function that was renamed, or an expression that was rewritten, changes its entry."""
    sources = read_sources(ROOT)
    for mutant in MUTANTS:
        place = find_place(mutant, sources)
        before = sources[place.module]
        after = mutated(mutant, place, before)
        assert ast.dump(ast.parse(before)) != ast.dump(ast.parse(after)), mutant.name


def test_the_nearest_tests_of_every_mutant_are_there() -> None:
    """A path that is missing would decide nothing."""
    paths = {path for mutant in MUTANTS for path in mutant.near}
    assert [] == [path for path in paths if not (ROOT / path.partition("::")[0]).exists()]


def test_no_two_mutants_are_the_same_and_there_are_enough() -> None:
    """Names are unique, and every part whose mistakes are dear has some."""
    assert [] == [name for name, count in Counter(m.name for m in MUTANTS).items() if count > 1]
    assert 81 == len(MUTANTS)
    assert 3 <= min(Counter(mutant.area for mutant in MUTANTS).values())


def _mutant(expression: str, occurrence: int = 0) -> Mutant:
    return Mutant("claim", (), "any", "Store.take", expression, "True", occurrence)


def test_a_mutant_is_found_whatever_its_layout() -> None:
    """The expression is compared as a tree, and its bytes are found behind other letters."""
    mutant = _mutant("a<b", occurrence=2)
    place = find_place(mutant, {STORE: TEXT})
    assert TEXT.replace("  a<b ", "  (True) ") == mutated(mutant, place, TEXT)


@pytest.mark.parametrize(
    ("expression", "where"),
    [("a > b", "found nowhere"), ("a < b", "found shared/azure_agents/store.py, shared")],
    ids=["none", "two"],
)
def test_a_mutant_that_is_not_found_once_is_an_error(expression: str, where: str) -> None:
    """It says where it was found, and what to do."""
    with pytest.raises(MutantError, match=where):
        find_place(_mutant(expression), {STORE: TEXT})
