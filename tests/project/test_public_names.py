"""The public surface of each package is a list, the list is true, and no page needs more."""

from __future__ import annotations
import __future__

import importlib
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from . import api_page

ROOT = Path(__file__).parents[2]
PUBLIC = {
    "azure_agents": "shared/azure_agents",
    "azure_agents.bulk": "shared/azure_agents/bulk",
    "azure_agents.emulator": "shared/azure_agents/emulator",
    "azure_agents.gateway": "shared/azure_agents/gateway",
    "langchain_azure_agents": "langchain_azure_agents",
    "langchain_azure_agents.middleware": "langchain_azure_agents/middleware",
    "langchain_azure_agents.subagents": "langchain_azure_agents/subagents",
    "llamaindex_azure_agents": "llamaindex_azure_agents",
}
PACKAGES = [name for name, folder in PUBLIC.items() if (ROOT / folder / "__init__.py").exists()]
DOORS = [*PACKAGES, "azure_agents.errors"]

# For users; architecture.md is for those who work on the package and names its insides.
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted({*(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "architecture.md"}),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]
IMPORT = re.compile(
    r"^ *from ((?:azure|langchain_azure|llamaindex_azure)_agents\S*) import ([^#\n]+)", re.MULTILINE
)
DOTTED = re.compile(
    r"(?<![\w./])((?:azure|langchain_azure|llamaindex_azure)_agents)((?:\.[A-Za-z_]\w*)+)"
)
COMMAND = re.compile(r"python -m azure_agents\.[\w.]+")


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_are_sorted_and_complete(name: str) -> None:
    """`__all__` names everything public, once, in ruff's order (RUF022), and all of it exists."""
    package = importlib.import_module(name)
    listed = [public for public in package.__all__ if public != "__version__"]
    present = [public for public, value in vars(package).items() if _is_public(public, value)]
    assert sorted({*listed, *present}, key=_order) == listed
    assert [] == [public for public in listed if not hasattr(package, public)]
    assert [] == [public for public in listed if public not in dir(package)]


def _is_public(name: str, value: object) -> bool:
    statement = isinstance(value, ModuleType | __future__._Feature) or name == "TYPE_CHECKING"
    return not name.startswith("_") and not statement


def _order(name: str) -> tuple[bool, bool, str]:
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("name", DOORS)
def test_the_page_lists_what_a_package_exports(name: str) -> None:
    """docs/api.md is the list of what users may rely on: no name is promised by accident."""
    page = (ROOT / "docs" / "api.md").read_text()
    section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
    listed = [
        one for row in re.findall(r"^\|(.+?)\|", section, re.MULTILINE) for one in _names_in(row)
    ]
    exported = {*importlib.import_module(name).__all__} - {"__version__"}
    assert sorted(exported) == sorted(listed)


def _names_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_and_notebooks_name_only_what_is_public(page: Path) -> None:
    """What a page shows can be relied on: it imports, and mentions, public names only."""
    text = page.read_text()
    if page.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    assert [] == [name for name in named(text) if not is_public(name)]


def named(text: str) -> list[str]:
    """The dotted names of ours that a text imports or mentions; commands are none."""
    text = COMMAND.sub("", text)
    imported = [
        f"{module}.{name.split(' as ')[0].strip(' ()')}"
        for module, names in IMPORT.findall(text)
        for name in names.split(",")
    ]
    text = IMPORT.sub("", text)
    return imported + [module + rest for module, rest in DOTTED.findall(text)]


def is_public(dotted: str) -> bool:
    """Whether the name is a door or stands in one; what follows it are its attributes."""
    if dotted in DOORS:
        return True
    parts = dotted.split(".")
    doors = (".".join(parts[:length]) for length in (2, 1) if len(parts) > length)
    door = next(one for one in doors if one in DOORS)
    return parts[door.count(".") + 1] in importlib.import_module(door).__all__


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("from azure_agents import AgentClient, user", []),
        ("See `azure_agents.Timeouts.read` and `azure_agents.errors`.", []),
        (
            "from azure_agents.threads.redis import RedisThreadStore",
            ["azure_agents.threads.redis.RedisThreadStore"],
        ),
        ("from azure_agents.errors import one_line", ["azure_agents.errors.one_line"]),
        ("`langchain_azure_agents._files.x`", ["langchain_azure_agents._files.x"]),
        ("python -m azure_agents.cli.demo", []),
    ],
)
def test_the_check_of_pages_sees_what_it_must(text: str, private: list[str]) -> None:
    """A private module, and a private name of a public one, are found; commands are not."""
    assert private == [name for name in named(text) if not is_public(name)]


def test_the_page_lists_what_the_adapters_share_with_the_core() -> None:
    """Adapters use public names and listed ones: the inner surface grows only where one sees it."""
    assert api_page.page() == api_page.PAGE.read_text(), "run `make docs`, and look at the change"


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("from azure_agents.content.stop import stop_texts", [("content.stop", "stop_texts")]),
        ("from azure_agents import errors\nerrors.ConfigError", [("errors", "ConfigError")]),
        (
            "from azure_agents.content import approvals as core\ncore.asks_of(core.REQUESTS)",
            [("content.approvals", "asks_of"), ("content.approvals", "REQUESTS")],
        ),
        ("from azure_agents.content.media import media", [("content.media", "media")]),
        ("from langchain_core.messages import AIMessage", []),
    ],
)
def test_names_of_the_core_are_found_however_they_are_imported(
    source: str, used: list[tuple[str, str]]
) -> None:
    """By name, or as attributes of an imported module."""
    assert sorted(used) == sorted(api_page.names_used(source, "langchain_azure_agents"))


@pytest.mark.parametrize(
    ("module", "name", "public"),
    [
        ("messages", "Message", True),
        ("messages", "with_speaker", False),
        ("errors", "ConfigError", True),
        ("errors", "one_line", False),
        ("azure_agents", "__version__", True),
        ("frameworks.described_fields", "with_fields", False),
    ],
)
def test_a_name_is_public_where_users_get_the_same_thing(
    module: str, name: str, public: bool
) -> None:
    """A private name that is spelt like a public one is not one."""
    assert public == api_page.is_public(module, name)
