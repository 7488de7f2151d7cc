"""Write the part of `docs/api.md` that follows from the adapters' imports (`make docs`)."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator

import azure_agents

from .house import ADAPTERS, CORE, ROOT, imports_of, modules_of, package_of, target

PAGE = ROOT / "docs" / "api.md"
_BLOCK = re.compile(r"(<!-- shared: written by make docs -->\n).*?(<!-- end -->)", re.DOTALL)


def shared_names() -> dict[str, set[str]]:
    """Module of the core -> the names in it that an adapter uses and that are not public."""
    used: dict[str, set[str]] = {}
    for adapter in ADAPTERS:
        for path in modules_of(ROOT / adapter).values():
            for module, name in names_used(path.read_text(), package_of(path, ROOT / adapter)):
                if not is_public(module, name):
                    used.setdefault(module, set()).add(name)
    return used


def names_used(source: str, package: str) -> Iterator[tuple[str, str]]:
    """Each name of the core that a source imports, or reads from a module that it imports."""
    modules = modules_of(CORE)
    for one in imports_of(source, package):
        module = target(one, "azure_agents", modules)
        if module is None:
            continue
        # `content.media` holds a function `media`: a name may be spelt like its module.
        if f"{one.module}.{one.name}" == f"azure_agents.{module}":
            yield from ((module, name) for name in _read_from(source, one.name))
        else:
            yield module, one.name


def _read_from(source: str, name: str) -> Iterator[str]:
    # `from azure_agents.content import approvals as core` binds the module to another name.
    tree = ast.parse(source)
    aliases = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == name
    }
    read = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for node in read:
        if isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield node.attr


def is_public(module: str, name: str) -> bool:
    """Whether users may import the same thing from `azure_agents` or `azure_agents.errors`."""
    if module in {"azure_agents", "errors"}:
        door = azure_agents if module == "azure_agents" else azure_agents.errors
        return name in door.__all__
    if name not in azure_agents.__all__:
        return False
    inside = importlib.import_module(f"azure_agents.{module}")
    return getattr(inside, name) is getattr(azure_agents, name)


def page() -> str:
    """The page with the table of shared names made anew."""
    rows = [
        f"| `{module}` | {', '.join(f'`{name}`' for name in sorted(names))} |\n"
        for module, names in sorted(shared_names().items())
    ]
    table = "".join(["| module | names |\n", "|---|---|\n", *rows])
    return _BLOCK.sub(lambda found: found[1] + table + found[2], PAGE.read_text())


if __name__ == "__main__":
    PAGE.write_text(page())
