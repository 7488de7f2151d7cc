"""The three doors do not write the same lines: what they share stands in the core."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from itertools import combinations

from .test_one_home import DOORS

RUN = 6  # lines of one shape that make a twin
_WORDS = {tokenize.NAME: "n", tokenize.STRING: "s", tokenize.NUMBER: "1"}
_DATA = {"s", "1", *"()[]{},:*"}  # rows of a list or a table say nothing of a rule
_KEYWORDS = {"def", "class", "return", "yield", "for", "if", "else", "with", "await", "async", "in"}


@cache
def shapes(source: str) -> dict[tuple[str, ...], int]:
    """Every run of lines, by its shape: without names, values, docstrings, imports and data."""
    skipped = {line for node in _passed_over(source) for line in _lines_of(node)}
    rows: dict[int, list[str]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.NAME, tokenize.STRING, tokenize.NUMBER, tokenize.OP}:
            known = token.string in _KEYWORDS
            word = token.string if known else _WORDS.get(token.type, token.string)
            rows.setdefault(token.start[0], []).append(word)
    lines = [
        (number, " ".join(words))
        for number, words in rows.items()
        if number not in skipped and not set(words) <= _DATA
    ]
    starts = range(len(lines) - RUN + 1)
    return {tuple(shape for _, shape in lines[at : at + RUN]): lines[at][0] for at in starts}


def _passed_over(source: str) -> Iterator[ast.stmt]:
    for node in ast.walk(ast.parse(source)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def _lines_of(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def twins(one: str, two: str) -> list[tuple[int, int]]:
    """Lines at which two sources have a run of the same shape."""
    here, there = shapes(one), shapes(two)
    return sorted((here[shape], there[shape]) for shape in here.keys() & there.keys())


def test_no_two_doors_have_code_of_the_same_shape() -> None:
    """Six such lines are one rule written twice: it would be mended in one place only."""
    modules = ((door, path) for door, folder in DOORS.items() for path in folder.rglob("*.py"))
    # Each package says itself which extra brings its framework, where that is missing.
    files = [(door, path) for door, path in modules if path.name != "__init__.py"]
    found = {
        (f"{here.parent.name}/{here.name}", f"{there.parent.name}/{there.name}"): lines
        for (door, here), (other, there) in combinations(files, 2)
        if door != other and (lines := twins(here.read_text(), there.read_text()))
    }
    assert {} == found


RULE = """
def place(blocks, offset):
    found = []
    for block in blocks:
        if block.start is not None:
            found.append(block.start + offset)
    return found
"""


def test_a_rule_with_other_names_is_seen() -> None:
    """The check can fail: names do not hide a twin, and another order is none."""
    renamed = RULE.replace("block", "part").replace("offset", "begin").replace("found", "places")
    assert [(2, 2)] == twins(RULE, renamed)
    assert [] == twins(RULE, RULE.replace("    found = []\n", ""))
    assert [] == twins("import a\n" * 9, "import a\n" * 9)
