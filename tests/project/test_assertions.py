"""`assert expected == actual`: a failure reads the same way round in every test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def is_literal(node: ast.expr) -> bool:
    """Whether the value stands there as it is."""
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def turned_round(source: str) -> list[int]:
    """The lines of assertions that have what is expected, a literal, on the right."""
    tests = [node.test for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    return [
        test.lineno
        for test in tests
        if isinstance(test, ast.Compare)
        and len(test.ops) == 1  # a chain has its own order
        and isinstance(test.ops[0], ast.Eq | ast.NotEq)
        and is_literal(test.comparators[0])
        and not is_literal(test.left)
    ]


@pytest.mark.slow
def test_what_is_expected_stands_on_the_left() -> None:
    """In every file of tests; what is no literal cannot be told from what it is compared with."""
    found = {
        f"{path.relative_to(TESTS)}:{line}"
        for path in TESTS.rglob("*.py")
        for line in turned_round(path.read_text("utf-8"))
    }
    assert set() == found


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("assert 1 == f()", []),
        ("assert [1, 'a'] == f()", []),
        ("assert expected == f()", []),
        ("assert f() <= 1", []),
        ("x = f() == 1", []),
        ("assert f() == g() == 1", []),
        ("assert f() == 1", [1]),
        ("assert f() != ()", [1]),
        ("if x:\n    assert x == {'a': -1}", [2]),
    ],
)
def test_a_literal_on_the_right_is_found(source: str, lines: list[int]) -> None:
    """Only in an assertion, and only of equality."""
    assert lines == turned_round(source)
