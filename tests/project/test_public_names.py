"""The public surface of each package is a list, and the list is true."""

from __future__ import annotations
import __future__

import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC = {
    "azure_agents": "shared/azure_agents",
    "azure_agents.emulator": "shared/azure_agents/emulator",
    "azure_agents.gateway": "shared/azure_agents/gateway",
    "langchain_azure_agents": "langchain_azure_agents",
    "llamaindex_azure_agents": "llamaindex_azure_agents",
}
PACKAGES = [name for name, folder in PUBLIC.items() if (ROOT / folder / "__init__.py").exists()]


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_are_sorted_and_complete(name: str) -> None:
    """`__all__` names everything public, once, in ruff's order (RUF022), and all of it exists."""
    package = importlib.import_module(name)
    listed = [public for public in package.__all__ if public != "__version__"]
    present = [public for public, value in vars(package).items() if _is_public(public, value)]
    assert sorted({*listed, *present}, key=_order) == listed
    assert [] == [public for public in listed if not hasattr(package, public)]


def _is_public(name: str, value: object) -> bool:
    statement = isinstance(value, ModuleType | __future__._Feature) or name == "TYPE_CHECKING"
    return not name.startswith("_") and not statement


def _order(name: str) -> tuple[bool, bool, str]:
    return not name.isupper(), not name[0].isupper(), name
