"""Mutants: small mistakes that are put into the source on purpose, and where they belong.

`mutants.yaml` names each by its function and an expression in it, never by a file or a line, so the
entries survive moves of modules and rewrites around them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

SOURCE = Path("shared/azure_agents")
ENTRIES = Path(__file__).with_suffix(".yaml")
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Sources: TypeAlias = Mapping[Path, str]


class MutantError(Exception):
    """An entry does not fit the source."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake.

    Attributes:
        area: The part of the product it is about.
        near: Paths of the tests that are nearest, to be run in this order.
        name: What goes wrong, in words.
        function: Qualified name of the function, such as ``MemoryThreadStore.take``.
        expression: The expression that is replaced, as `ast.unparse` writes it.
        replacement: What stands in its place.
        occurrence: Which of several such expressions in the function, from 1; 0: there is one.
    """

    area: str
    near: tuple[str, ...]
    name: str
    function: str
    expression: str
    replacement: str
    occurrence: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mutant belongs: a module and the bytes of the expression in it."""

    module: Path
    start: int
    end: int


def read_mutants(path: Path = ENTRIES) -> list[Mutant]:
    """All mutants, in the order of the file."""
    areas: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        Mutant(name, tuple(area["near"]), **entry)
        for name, area in areas.items()
        for entry in area["mutants"]
    ]


def read_sources(tree: Path) -> dict[Path, str]:
    """The text of every module of the core, by its path below `tree`."""
    paths = sorted((tree / SOURCE).rglob("*.py"))
    return {path.relative_to(tree): path.read_text(encoding="utf-8") for path in paths}


def find_place(mutant: Mutant, sources: Sources) -> Place:
    """The one place where the mutant belongs.

    Raises:
        MutantError: There is none, or more than one.
    """
    found = [
        Place(module, *span)
        for module, text in sources.items()
        if mutant.function.rpartition(".")[2] in text
        for span in _chosen(mutant, list(_spans(mutant, text)))
    ]
    if len(found) == 1:
        return found[0]
    where = ", ".join(str(place.module) for place in found) or "nowhere"
    raise MutantError(
        f"mutant {mutant.name!r}: {mutant.expression!r} in {mutant.function} is found {where}, and "
        "must be found once: change its entry to the function's new name or the new expression, or "
        "say which `occurrence` is meant"
    )


def _chosen(mutant: Mutant, spans: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    return spans[mutant.occurrence - 1 : mutant.occurrence] if mutant.occurrence else spans


def _spans(mutant: Mutant, text: str) -> Iterator[tuple[int, int]]:
    wanted = ast.unparse(ast.parse(f"({mutant.expression})", mode="eval"))
    starts = _starts_of_lines(text)
    for name, function in _functions_in(text):
        if name == mutant.function:
            for node in _expressions(function):
                if ast.unparse(ast.Expression(node)) == wanted:
                    yield _span(node, starts)


@cache
def _functions_in(text: str) -> tuple[tuple[str, Function], ...]:
    return tuple(_functions(ast.parse(text)))


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | Function):
            name = f"{prefix}{node.name}"
            if not isinstance(node, ast.ClassDef):
                yield name, node
            yield from _functions(node, f"{name}.")
        else:
            yield from _functions(node, prefix)


def _expressions(function: Function) -> list[ast.expr]:
    """The expressions of a function and of those within it, as they stand in the text."""
    nodes = [node for node in ast.walk(function) if isinstance(node, ast.expr)]
    return sorted(nodes, key=lambda node: (node.lineno, node.col_offset))


def _span(node: ast.expr, starts: Sequence[int]) -> tuple[int, int]:
    start = starts[node.lineno - 1] + node.col_offset
    return start, starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)


def _starts_of_lines(text: str) -> list[int]:
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def mutated(mutant: Mutant, place: Place, text: str) -> str:
    """The text of the module with the mistake in it."""
    source = text.encode()
    replacement = f"({mutant.replacement})".encode()
    return (source[: place.start] + replacement + source[place.end :]).decode()
