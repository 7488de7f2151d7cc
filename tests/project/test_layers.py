"""Who may import whom, read from the source: the shape of the code cannot erode unnoticed.

`LAYERS` is the whole rule: a module imports modules of the rows above its own, and those that
stand before it in its own row; so there are no circles. Imports for types count, and so do
imports inside functions. A package's `__init__` has the name of the package.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "shared" / "azure_agents"
ADAPTERS = ("langchain_azure_agents", "llamaindex_azure_agents")

LAYERS = (
    # An inner package's `__init__` stands at the bottom: to load a part is not to load the whole.
    ("_version", "protocols", "protocols.classic", "protocols.responses", "threads", "drivers"),
    ("errors", "jsonio", "seams", "model_copies"),
    ("sse", "request_headers", "events", "messages", "commands", "told", "notices"),
    ("content_filters", "waits", "error_hints"),
    (
        "fold",
        "retry",
        "naming",
        "endpoint",
        "anchor_key",
        "timeouts",
        "own_endpoint",
        "config",
        "call_settings",
        "computer",
        "envelopes",
        "observe",
        "progress_words",
        "schema_check",
        "described_fields",
        "structured",
    ),
    ("joins", "media", "content_blocks", "content", "written_calls"),
    ("file_references", "disk", "approval_fields"),
    (
        "threads.digest",
        "threads.anchor",
        "threads.approvals",
        "threads.computer",
        "threads.call_ids",
        "threads.plan",
        "threads.store",
    ),
    ("protocols.*.wire",),
    (
        "protocols.memo",
        "protocols.turn",
        "protocols.delivery",
        "protocols.neutral",
        "protocols.metadata",
    ),
    (
        "protocols.steps",
        "protocols.tools",
        "protocols.owner",
        "protocols.cancel",
        "protocols.poison",
        "protocols.forking",
    ),
    ("protocols.server_tools",),
    ("protocols.multipart", "protocols.files", "protocols.vector_stores"),
    ("protocols.*.options",),
    ("protocols.responses.items", "protocols.classic.steps", "protocols.*.codec"),
    ("protocols.*.reader",),
    (
        "protocols.*.looks",
        "protocols.responses.addressing",
        "protocols.classic.pauses",
        "protocols.classic.untold",
    ),
    ("protocols.classic.submission", "protocols.responses.reading"),
    ("protocols.classic.begun",),
    (
        "protocols.classic.runs",
        "protocols.responses.calls",
        "protocols.responses.parameters",
        "protocols.responses.declared",
        "protocols.responses.objects",
    ),
    ("protocols.classic.submitting",),
    ("protocols.*.flow", "protocols.responses.background"),
    (
        "loops",
        "credentials",
        "auth",
        "threads.memory",
        "threads.outage",
        "threads.sqlite",
        "threads.redis",
    ),
    (
        "drivers.clock",
        "drivers.watchdog",
        "drivers.bounds",
        "drivers.proxies",
        "drivers.failures",
        "drivers.call",
        "drivers.clients",
        "drivers.sync",
        "drivers.aio",
    ),
    ("tool_results", "stop", "file_handles", "files", "vector_stores"),
    ("client_arguments", "base_client", "client", "client_pairs", "held_clients"),
    ("openai_models", "openai_input", "openai_format", "openai_arguments"),
    ("completions",),
    ("azure_agents",),
    ("gateway.*", "gateway"),
    ("demo", "cli_text", "cli_agents", "cli_chat", "cli"),
)

# The emulator stands beside the rows: were it built from our codecs, both would share a mistake.
EMULATOR = ("emulator", "emulator.*")
EMULATOR_IMPORTS = ("errors", "jsonio", "sse", "protocols.*.wire", *EMULATOR)
EMULATOR_USERS = ("cli", "demo")  # and only inside functions: it must cost nothing to others
ADAPTER_USERS = ("demo",)  # likewise

# httpx is a seam. Elsewhere it may be named for types only.
HTTPX_USERS = ("drivers.*", "auth", "emulator.transport", "gateway.upstream")
HTTPX = ("httpx", "httpx2", "httpx_aiohttp")
HTTPX_RULE = f"httpx is a seam of {', '.join(HTTPX_USERS)}; elsewhere only under TYPE_CHECKING"


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


def violations(module: str, found: list[Import], modules: set[str]) -> list[str]:
    """What one core module imports against the rules, as sentences; `modules` are all there are."""
    if place(module) is None and not matches(module, EMULATOR):
        return [f"{module}: give it a place in LAYERS (tests/project/test_layers.py)"]
    wrong = [_core_violation(module, one, modules) for one in found]
    wrong += [_httpx_violation(module, one) for one in found]
    return [f"{module}: {sentence}" for sentence in wrong if sentence]


def place(module: str) -> tuple[int, int] | None:
    """Row and position of a core module, or None when the table lacks it."""
    for row, patterns in enumerate(LAYERS):
        for position, pattern in enumerate(patterns):
            if fnmatchcase(module, pattern):
                return row, position
    return None


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    """Whether any pattern fits the module's name."""
    return any(fnmatchcase(module, pattern) for pattern in patterns)


def _core_violation(module: str, one: Import, modules: set[str]) -> str | None:
    if one.module.partition(".")[0] == "shared":
        return "`shared` is a source root; say azure_agents"
    if one.module.partition(".")[0] in ADAPTERS:
        allowed = matches(module, ADAPTER_USERS) and one.late
        return None if allowed else "only demo uses an adapter, inside a function"
    target = _target(one, modules)
    if target is None or target == module:
        return None
    if matches(module, EMULATOR):
        allowed = matches(target, EMULATOR_IMPORTS)
        return None if allowed else f"the emulator imports wire shapes only, not {target}"
    if matches(target, EMULATOR):
        allowed = matches(module, EMULATOR_USERS) and one.late
        return None if allowed else "only cli and demo use the emulator, inside a function"
    return _order_violation(module, target)


def _order_violation(module: str, target: str) -> str | None:
    here, there = place(module), place(target)
    if here is None or there is None or there < here:
        return None  # a module that the table lacks is reported by itself
    siblings = here == there and module.rpartition(".")[0] == target.rpartition(".")[0]
    return None if siblings else f"may not import {target}, which stands higher"


def _httpx_violation(module: str, one: Import) -> str | None:
    named = one.module.partition(".")[0] in HTTPX and not one.typing
    return HTTPX_RULE if named and not matches(module, HTTPX_USERS) else None


def _target(one: Import, modules: set[str]) -> str | None:
    """The core module that an import reaches: `from .threads import plan` reaches the module."""
    if one.module.partition(".")[0] != "azure_agents":
        return None
    path = one.module.removeprefix("azure_agents").lstrip(".")
    inner = ".".join(filter(None, [path, one.name]))
    return inner if inner in modules else path or "azure_agents"


def core_modules() -> dict[str, Path]:
    """Every module of the core by its name below `azure_agents`."""
    return {_name(path): path for path in sorted(CORE.rglob("*.py"))}


def _name(path: Path) -> str:
    parts = path.relative_to(CORE).with_suffix("").parts
    inner = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(inner) or "azure_agents"


def _package(path: Path, root: Path) -> str:
    return ".".join(path.parent.relative_to(root).parts)


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
    """No module of the core imports a higher one, and every module has a place."""
    modules = core_modules()
    wrong = [
        sentence
        for name, path in modules.items()
        for sentence in violations(
            name, imports_of(path.read_text(), _package(path, CORE.parent)), set(modules)
        )
    ]
    assert [] == wrong


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_import_public_names_of_the_core_only(adapter: str) -> None:
    """What an adapter may use, any other package may use too."""
    public = {
        f"azure_agents.{name}" if name != "azure_agents" else name: public_names(path.read_text())
        for name, path in core_modules().items()
    }
    wrong = [
        f"{path.relative_to(ROOT)}: {sentence}"
        for path in sorted((ROOT / adapter).rglob("*.py"))
        for sentence in adapter_violations(
            imports_of(path.read_text(), _package(path, ROOT)), public
        )
    ]
    assert [] == wrong


def test_the_source_root_is_no_package() -> None:
    """With `shared/__init__.py` every class of the core would exist twice."""
    assert not (ROOT / "shared" / "__init__.py").exists()


# ----------------------------------------------------------------- the rules, on made-up modules

MODULES = {"errors", "jsonio", "fold", "client", "threads", "threads.plan", "emulator", "cli"}
MODULES |= {
    "gateway.router",
    "protocols.classic.wire",
    "protocols.classic.codec",
    "protocols.responses.codec",
}

CASES = [
    ("fold", "from .errors import ProtocolError", []),
    (
        "fold",
        "from .client import AgentClient",
        ["fold: may not import client, which stands higher"],
    ),
    ("jsonio", "from .errors import ProtocolError", []),
    (
        "errors",
        "import azure_agents.jsonio",
        ["errors: may not import jsonio, which stands higher"],
    ),
    ("threads.plan", "from ..fold import fold", []),
    ("client", "from .threads import plan", []),
    (
        "threads.plan",
        "def f():\n    from ..client import AgentClient",
        ["threads.plan: may not import client, which stands higher"],
    ),
    (
        "fold",
        "from . import AgentClient",
        ["fold: may not import azure_agents, which stands higher"],
    ),
    (
        "protocols.responses.codec",
        "from ..classic.codec import decode",
        ["protocols.responses.codec: may not import protocols.classic.codec, which stands higher"],
    ),
    ("emulator.server", "from ..protocols.classic.wire import Run", []),
    (
        "emulator.server",
        "from ..protocols.classic.codec import decode",
        ["emulator.server: the emulator imports wire shapes only, not protocols.classic.codec"],
    ),
    (
        "cli",
        "from .emulator import Emulator",
        ["cli: only cli and demo use the emulator, inside a function"],
    ),
    ("cli", "def main():\n    from .emulator import Emulator", []),
    ("drivers.sync", "import httpx", []),
    ("client", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import httpx", []),
    (
        "fold",
        "import httpx",
        [f"fold: {HTTPX_RULE}"],
    ),
    ("fold", "import shared.azure_agents", ["fold: `shared` is a source root; say azure_agents"]),
    (
        "client",
        "import langchain_azure_agents",
        ["client: only demo uses an adapter, inside a function"],
    ),
    ("demo", "def main():\n    import langchain_azure_agents", []),
    ("gateway.app", "from .router import route", []),
    ("novel", "", ["novel: give it a place in LAYERS (tests/project/test_layers.py)"]),
]


@pytest.mark.parametrize(("module", "source", "expected"), CASES)
def test_the_rules_see_what_they_must(module: str, source: str, expected: list[str]) -> None:
    """A rule that cannot fail guards nothing."""
    package = ".".join(["azure_agents", *module.split(".")[:-1]])
    assert expected == violations(module, imports_of(source, package), MODULES)


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
