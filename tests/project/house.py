"""The structure of the code, read from its imports: rooms, floors and arrows.

A room is a folder with its modules, or a module that stands alone at the top of the core. A room
stands one floor above the highest room that it imports. `make house` prints the whole house;
`test_layers.py` holds the rules. Imports for types and imports inside functions count like others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
CORE = ROOT / "shared" / "azure_agents"
ADAPTERS = ("langchain_azure_agents", "llamaindex_azure_agents")

Graph = Mapping[str, Iterable[str]]


class Import(NamedTuple):
    """One imported name."""

    module: str  # absolute: "azure_agents.threads"
    name: str  # "plan_turn"; "" for `import module`
    late: bool  # inside a function
    typing: bool  # under TYPE_CHECKING


def imports_of(source: str, package: str) -> list[Import]:
    """Every import of a module that lives in `package`."""
    found: list[Import] = []
    _collect(ast.parse(source), package.split("."), found, late=False, typing=False)
    return found


def _collect(
    node: ast.AST, package: list[str], found: list[Import], *, late: bool, typing: bool
) -> None:
    if isinstance(node, ast.Import):
        found += [Import(alias.name, "", late, typing) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        # One dot is the package itself, each further dot one package up.
        above = package[: len(package) + 1 - node.level] if node.level else []
        module = ".".join([*above, *filter(None, [node.module])])
        found += [Import(module, alias.name, late, typing) for alias in node.names]
    late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        typing = True
    for child in ast.iter_child_nodes(node):
        _collect(child, package, found, late=late, typing=typing)


def modules_of(package: Path) -> dict[str, Path]:
    """Every module of a package by its name: below `azure_agents` for the core, else whole."""
    return {_name(path, package): path for path in sorted(package.rglob("*.py"))}


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    inner = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(inner) or package.name


def package_of(path: Path, package: Path) -> str:
    """The dotted package in which a file lies, as its relative imports count it."""
    return ".".join(path.parent.relative_to(package.parent).parts)


def read_imports(path: Path, package: Path) -> list[Import]:
    """Every import of one file."""
    return _imports_of(path.read_text(), package_of(path, package))


# A page and its tests draw the house several times; a file is parsed once.
@cache
def _imports_of(source: str, package: str) -> list[Import]:
    return imports_of(source, package)


def target(one: Import, package: str, modules: Iterable[str]) -> str | None:
    """The module of `package` that an import reaches; None where it leaves the package."""
    if one.module.partition(".")[0] != package:
        return None
    path = one.module.removeprefix(package).lstrip(".")
    inner = ".".join(filter(None, [path, one.name]))
    return inner if inner in modules else path or package


def graph_of(package: Path, *, for_types: bool = True) -> dict[str, set[str]]:
    """Module -> the modules of the same package that it imports; on request not those for types."""
    modules = modules_of(package)
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        counted = [one for one in read_imports(path, package) if for_types or not one.typing]
        reached = {target(one, package.name, modules) for one in counted}
        graph[name] = {module for module in reached if module in modules and module != name}
    return graph


def circle(graph: Graph) -> list[str]:
    """The modules of one import circle, in order; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def longest_chain(graph: Graph) -> list[str]:
    """The longest way down from a module over what it imports; empty where there is a circle."""
    if circle(graph):
        return []
    below: dict[str, list[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        below[name] = [name, *max((below[one] for one in graph.get(name, ())), key=len, default=[])]
    return max(below.values(), key=len, default=[])


def room_of(module: str, rooms: Iterable[str]) -> str | None:
    """The room in which a module stands: the longest name that it has or that it lies below."""
    fitting = [room for room in rooms if module == room or module.startswith(f"{room}.")]
    return max(fitting, key=len, default=None)


def room_graph(graph: Graph, rooms: Iterable[str]) -> dict[str, set[str]]:
    """Room -> the rooms that its modules import; modules without a room are left out."""
    places = {module: room_of(module, rooms) for module in graph}
    arrows: dict[str, set[str]] = {room: set() for room in rooms}
    for module, reached in graph.items():
        here = places[module]
        if here is not None:
            there = {places.get(one) for one in reached}
            arrows[here] |= {room for room in there if room is not None and room != here}
    return arrows


def floors_of(arrows: Graph) -> dict[str, int]:
    """Room -> floor: 1 for a room that imports none, else one above the highest that it imports."""
    floors: dict[str, int] = {}
    for room in TopologicalSorter(arrows).static_order():
        floors[room] = 1 + max((floors[one] for one in arrows.get(room, ())), default=0)
    return floors
