"""Who may import whom, read from the source: the shape of the code cannot erode unnoticed.

`FLOORS` is the whole rule for the core, `EMULATOR_FLOORS` for the emulator: a module imports its
own room and rooms of the rows above its own. Inside a room imports run one way too: there are no
circles, not even for types.
`house.py` reads the imports, and `make house` prints what it reads.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

import pytest

from .house import (
    ADAPTERS,
    CORE,
    ROOT,
    Import,
    circle,
    graph_of,
    imports_of,
    modules_of,
    read_imports,
    room_of,
    target,
)

# From the ground up. Rows with a comment hold places for rooms that are still to be built.
FLOORS = (
    ("_version", "errors", "events", "seams"),
    ("jsonio", "naming"),
    ("settings", "tracing"),  # tracing: spans and metrics, by OpenTelemetry's names
    ("messages", "service_errors"),
    ("fold",),
    ("content",),
    ("threads",),
    ("protocols",),
    ("protocols.classic", "protocols.responses", "drivers"),
    ("files", "sign_in", "prices"),  # prices: what a model's tokens cost
    ("client",),
    ("agents", "models"),  # agents as objects; deployments that are not agents
    ("completions", "operations", "frameworks"),
    ("routing",),
    ("azure_agents",),
    ("gateway", "bulk"),  # gateway: an OpenAI-compatible server; bulk: files of questions
    ("cli",),
)
ROOMS = tuple(chain.from_iterable(FLOORS))

# The emulator stands beside the rows: were it built from our codecs, both would share a mistake.
EMULATOR = ("emulator", "emulator.*")
EMULATOR_IMPORTS = ("errors", "jsonio", "protocols.sse", "protocols.*.wire")
# From the ground up, like FLOORS.
EMULATOR_FLOORS = (
    ("emulator.text",),
    ("emulator.agent",),
    ("emulator.trouble",),
    ("emulator.world",),
    ("emulator.files",),
    ("emulator.classic", "emulator.v2"),
    ("emulator.models",),
    ("emulator.agents", "emulator.deployed", "emulator.routes"),
    ("emulator.service",),
    ("emulator.line",),
    ("emulator.project",),
    ("emulator.served",),
    ("emulator.emulator",),
    ("emulator",),
    ("emulator.pytest_plugin",),
)
EMULATOR_ROOMS = tuple(chain.from_iterable(EMULATOR_FLOORS))
# And only inside functions: it must cost nothing to others.
EMULATOR_USERS = ("cli.emulator", "cli.demo")
ADAPTER_USERS = ("cli.demo",)  # likewise

# httpx is a seam. Elsewhere it may be named for types only.
HTTPX_USERS = (
    "drivers.*",
    "sign_in.auth",
    "sign_in.no_credential",
    "emulator.line.transport",
    "gateway.upstream",
)
HTTPX = ("httpx", "httpx2", "httpx_aiohttp")
HTTPX_RULE = f"httpx is a seam of {', '.join(HTTPX_USERS)}; elsewhere only under TYPE_CHECKING"


def violations(module: str, found: list[Import], modules: set[str]) -> list[str]:
    """What one core module imports against the rules, as sentences; `modules` are all there are."""
    if place(module) is None:
        return [f"{module}: give its room a place in FLOORS (tests/project/test_layers.py)"]
    wrong = [_core_violation(module, one, modules) for one in found]
    wrong += [_httpx_violation(module, one) for one in found]
    return [f"{module}: {sentence}" for sentence in wrong if sentence]


def place(module: str) -> str | None:
    """The room of a module of the core or of the emulator; None where no row names it."""
    if matches(module, EMULATOR):  # the root package holds `__init__` only: rooms below it differ
        rooms = [room for room in EMULATOR_ROOMS if room != "emulator" or module == "emulator"]
        return room_of(module, rooms)
    return room_of(module, ROOMS)


def floor(module: str) -> int:
    """The row of a module's room, from the ground up: of the core, or of the emulator."""
    floors = EMULATOR_FLOORS if matches(module, EMULATOR) else FLOORS
    return next(row for row, rooms in enumerate(floors) if place(module) in rooms)


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    """Whether any pattern fits the module's name."""
    return any(fnmatchcase(module, pattern) for pattern in patterns)


def _core_violation(module: str, one: Import, modules: set[str]) -> str | None:
    if one.module.partition(".")[0] == "shared":
        return "`shared` is a source root; say azure_agents"
    if one.module.partition(".")[0] in ADAPTERS:
        allowed = matches(module, ADAPTER_USERS) and one.late
        return None if allowed else "only the demo uses an adapter, inside a function"
    there = target(one, "azure_agents", modules)
    if there is None or there == module:
        return None
    if matches(module, EMULATOR) and not matches(there, EMULATOR):
        allowed = matches(there, EMULATOR_IMPORTS)
        return None if allowed else f"the emulator imports wire shapes only, not {there}"
    if matches(there, EMULATOR) and not matches(module, EMULATOR):
        allowed = matches(module, EMULATOR_USERS) and one.late
        return None if allowed else "only the command line uses the emulator, inside a function"
    return _order_violation(module, there)


def _order_violation(module: str, there: str) -> str | None:
    room = place(there)
    if room is None or room == place(module):
        return None  # a module without a room is reported by itself; circles are looked for apart
    return None if floor(there) < floor(module) else f"may not import {there}: no lower floor"


def _httpx_violation(module: str, one: Import) -> str | None:
    named = one.module.partition(".")[0] in HTTPX and not one.typing
    return HTTPX_RULE if named and not matches(module, HTTPX_USERS) else None


def adapter_violations(found: list[Import], public: dict[str, list[str] | None]) -> list[str]:
    """What an adapter takes from the core that is not public, and httpx at run time."""
    wrong = []
    for one in found:
        if one.module.partition(".")[0] == "shared":
            wrong.append("`shared` is a source root; say azure_agents")
        elif one.module.partition(".")[0] in HTTPX and not one.typing:
            wrong.append(f"an adapter names {one.module} under TYPE_CHECKING only")
        elif one.module.partition(".")[0] == "azure_agents" and not _is_public(one, public):
            wrong.append(f"{one.module} has no public name {one.name!r}")
    return wrong


def _is_public(one: Import, public: dict[str, list[str] | None]) -> bool:
    parts = [*one.module.split("."), one.name]
    if any(part.startswith("_") and not part.endswith("__") for part in parts):
        return False
    listed = public.get(one.module)
    return listed is None or one.name in listed or f"{one.module}.{one.name}" in public


def public_names(source: str) -> list[str] | None:
    """The module's `__all__`, or None when it has none: then every name without `_` is public."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
                return list(ast.literal_eval(node.value))
    return None


# ------------------------------------------------------------------ the rules, on our own source


def test_the_core_imports_downwards_only() -> None:
    """No room of the core imports one of its own floor or a higher one, and each has a place."""
    modules = modules_of(CORE)
    wrong = [
        sentence
        for name, path in modules.items()
        for sentence in violations(name, read_imports(path, CORE), set(modules))
    ]
    assert [] == wrong


def test_the_core_has_no_import_circles() -> None:
    """Inside a room, imports run one way too; the emulator is part of the core here."""
    assert [] == circle(graph_of(CORE))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_has_no_import_circles(adapter: str) -> None:
    """Each module of an adapter can be read after those that it imports, also for types."""
    assert [] == circle(graph_of(ROOT / adapter))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_import_public_names_of_the_core_only(adapter: str) -> None:
    """No adapter uses a name with an underscore; docs/api.md lists the other private names."""
    public = {
        f"azure_agents.{name}" if name != "azure_agents" else name: public_names(path.read_text())
        for name, path in modules_of(CORE).items()
    }
    wrong = [
        f"{path.relative_to(ROOT)}: {sentence}"
        for path in modules_of(ROOT / adapter).values()
        for sentence in adapter_violations(read_imports(path, ROOT / adapter), public)
    ]
    assert [] == wrong


def test_the_source_root_is_no_package() -> None:
    """With `shared/__init__.py` every class of the core would exist twice."""
    assert not (ROOT / "shared" / "__init__.py").exists()


# ----------------------------------------------------------------- the rules, on made-up modules

MODULES = {"errors", "jsonio", "fold", "client", "threads", "threads.plan", "emulator", "cli.main"}
MODULES |= {
    "emulator.classic.runs",
    "emulator.project",
    "emulator.served.server",
    "emulator.v2.input",
    "emulator.world.ids",
    "emulator.world.state",
    "gateway.router",
    "protocols.classic.wire",
    "protocols.classic.codec",
    "protocols.responses.codec",
}

CASES = [
    ("fold", "from .errors import ProtocolError", []),
    ("fold", "from .client import AgentClient", ["fold: may not import client: no lower floor"]),
    ("jsonio", "from .errors import ProtocolError", []),
    ("errors", "import azure_agents.jsonio", ["errors: may not import jsonio: no lower floor"]),
    ("threads.plan", "from ..fold import fold", []),
    ("client.base", "from ..threads import plan", []),
    (
        "threads.plan",
        "def f():\n    from ..client import AgentClient",
        ["threads.plan: may not import client: no lower floor"],
    ),
    (
        "fold",
        "from . import AgentClient",
        ["fold: may not import azure_agents: no lower floor"],
    ),
    (
        "protocols.responses.codec",
        "from ..classic.codec import decode",
        ["protocols.responses.codec: may not import protocols.classic.codec: no lower floor"],
    ),
    ("emulator.project", "from ..protocols.classic.wire import Run", []),
    (
        "emulator.project",
        "from ..protocols.classic.codec import decode",
        ["emulator.project: the emulator imports wire shapes only, not protocols.classic.codec"],
    ),
    ("emulator.served.server", "from ..project import Project", []),
    ("emulator.world.state", "from .ids import Ids", []),
    (
        "emulator.world.state",
        "if TYPE_CHECKING:\n    from ..v2.input import read_items",
        ["emulator.world.state: may not import emulator.v2.input: no lower floor"],
    ),
    (
        "emulator.project",
        "def serve():\n    from .served.server import serve",
        ["emulator.project: may not import emulator.served.server: no lower floor"],
    ),
    (
        "emulator.v2.input",
        "from ..classic.runs import find",
        ["emulator.v2.input: may not import emulator.classic.runs: no lower floor"],
    ),
    (
        "emulator.project",
        "from . import Emulator",
        ["emulator.project: may not import emulator: no lower floor"],
    ),
    (
        "emulator.novel",
        "",
        ["emulator.novel: give its room a place in FLOORS (tests/project/test_layers.py)"],
    ),
    (
        "cli.main",
        "from ..emulator import Emulator",
        ["cli.main: only the command line uses the emulator, inside a function"],
    ),
    ("cli.emulator", "def main():\n    from ..emulator import Emulator", []),
    ("drivers.sync", "import httpx", []),
    ("client.base", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import httpx", []),
    ("fold", "import httpx", [f"fold: {HTTPX_RULE}"]),
    ("fold", "import shared.azure_agents", ["fold: `shared` is a source root; say azure_agents"]),
    (
        "client.base",
        "import langchain_azure_agents",
        ["client.base: only the demo uses an adapter, inside a function"],
    ),
    ("cli.demo", "def main():\n    import langchain_azure_agents", []),
    ("gateway.app", "from .router import route", []),
    ("novel", "", ["novel: give its room a place in FLOORS (tests/project/test_layers.py)"]),
]


@pytest.mark.parametrize(("module", "source", "expected"), CASES)
def test_the_rules_see_what_they_must(module: str, source: str, expected: list[str]) -> None:
    """A rule that cannot fail guards nothing."""
    package = ".".join(["azure_agents", *module.split(".")[:-1]])
    assert expected == violations(module, imports_of(source, package), MODULES)


def test_a_circle_is_seen() -> None:
    """Two modules that import each other are named, in order."""
    assert ["a", "b", "a"] == circle({"a": {"b"}, "b": {"a"}, "c": {"a"}})


def test_a_circle_of_types_in_a_package_at_the_root_is_seen(tmp_path: Path) -> None:
    """Relative imports of an adapter are followed, also those that only type checkers read."""
    package = tmp_path / "adapter"
    package.mkdir()
    (package / "__init__.py").write_text("from ._model import Model")
    (package / "_model.py").write_text("from . import _objects")
    (package / "_objects.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ._model import Model"
    )
    assert ["_model", "_objects", "_model"] == circle(graph_of(package))


ADAPTER_CASES = [
    ("from azure_agents import AgentClient", []),
    ("from azure_agents.errors import ConfigError", []),
    ("from azure_agents import errors", []),
    ("from azure_agents import Hidden", ["azure_agents has no public name 'Hidden'"]),
    (
        "from azure_agents.errors import _rebuild",
        ["azure_agents.errors has no public name '_rebuild'"],
    ),
    ("from azure_agents import _version", ["azure_agents has no public name '_version'"]),
    ("import httpx", ["an adapter names httpx under TYPE_CHECKING only"]),
    (
        "from shared.azure_agents import AgentClient",
        ["`shared` is a source root; say azure_agents"],
    ),
]


@pytest.mark.parametrize(("source", "expected"), ADAPTER_CASES)
def test_the_adapter_rule_sees_what_it_must(source: str, expected: list[str]) -> None:
    """Private names, httpx and the source root are refused, public names are not."""
    public = {"azure_agents": ["AgentClient"], "azure_agents.errors": None}
    found = imports_of(source, "langchain_azure_agents")
    assert expected == adapter_violations(found, public)
