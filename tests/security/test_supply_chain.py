"""What we depend on, what we ship, what happens on install and import: no surprises."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from .sbom import ROOT as NAME
from .sbom import bill, closure, installed

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = (
    ROOT / "shared" / "azure_agents",
    ROOT / "langchain_azure_agents",
    ROOT / "llamaindex_azure_agents",
)

# --- dependencies --------------------------------------------------------------------------------

EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
BASE = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
RUNTIME = BASE + [
    need
    for name in EXTRAS
    if name != "dev"
    for need in map(Requirement, EXTRAS[name])
    if need.name != NAME
]
DEV = [Requirement(line) for line in EXTRAS["dev"]]
# LlamaIndex's OpenAI classes need openai 2, the rest of the lock is younger: see tests/oracles.
# Ray is heavy: see tests/bulk/cluster.py.
NOT_LOCKED = {Requirement(line).name for line in EXTRAS["llamaindex-openai"]} | {"ray"}
# Versions that have a hole which somebody who uses an agent would stand in, and the first without.
FLOORS = {
    "langchain-core": ("1.2.5", "CVE-2025-68664: secrets of the environment by serialised text"),
    "aiohttp": ("3.10.11", "CVE-2024-52304: request smuggling"),
    "h11": ("0.16", "CVE-2025-43859: chunked bodies"),
    "starlette": ("0.40", "CVE-2024-47874: form fields without an end"),
    "python-multipart": ("0.0.18", "CVE-2024-53981: forms that fill the log"),
    "azure-identity": ("1.16.1", "CVE-2024-35255: elevation of privilege"),
    "langgraph-checkpoint": ("3.0", "CVE-2025-64439: code in checkpoints"),
}
# A new dependency of every user is a decision, and so is one that it brings along.
DIRECT = {"azure-identity", "click", "httpx", "pydantic"}
INDIRECT = {
    "annotated-types",
    "anyio",
    "azure-core",
    "certifi",
    "cffi",
    "charset-normalizer",
    "colorama",
    "cryptography",
    "h11",
    "httpcore",
    "idna",
    "msal",
    "msal-extensions",
    "pycparser",
    "pydantic-core",
    "pyjwt",
    "requests",
    "sniffio",
    "typing-extensions",
    "typing-inspection",
    "urllib3",
}


@pytest.mark.parametrize("need", RUNTIME, ids=str)
def test_a_runtime_dependency_has_both_ends(need: Requirement) -> None:
    """Neither a version that is too old nor a next major one is taken by chance."""
    operators = {one.operator for one in need.specifier}
    assert (True, None) == (">=" in operators, need.url)
    assert operators & {"<", "<=", "=="}


@pytest.mark.parametrize("need", DEV, ids=str)
def test_a_development_dependency_has_a_floor(need: Requirement) -> None:
    """And comes from the index, not from a URL."""
    assert need.url is None
    assert need.extras or {">=", "=="} & {one.operator for one in need.specifier}


def test_the_base_is_small() -> None:
    """What everybody gets, whatever they use."""
    assert {canonicalize_name(need.name) for need in BASE} == DIRECT
    assert set() == set(closure(NAME, ())) - DIRECT - INDIRECT - {NAME}


@pytest.mark.parametrize("name", FLOORS)
def test_known_holes_are_out_of_range(name: str) -> None:
    """The range, the lock, and what is installed here are above them."""
    floor, _ = FLOORS[name]
    versions = [LOCK.get(name), installed().get(name)]
    ranges = [need.specifier for need in RUNTIME if canonicalize_name(need.name) == name]
    versions += [one.version for each in ranges for one in each if one.operator == ">="]
    assert [] == [each for each in versions if each and Version(each) < Version(floor)]


# --- lock ----------------------------------------------------------------------------------------


def _locked() -> Iterator[tuple[Requirement, list[str]]]:
    text = (ROOT / "requirements-dev.lock").read_text("utf-8").replace("\\\n", "")
    for line in text.splitlines():
        need, *hashes = line.split(" --hash=")
        yield Requirement(need), [each.strip() for each in hashes]


LOCKED = list(_locked())
LOCK = {  # what it means on this machine
    canonicalize_name(need.name): str(need.specifier).removeprefix("==")
    for need, _ in LOCKED
    if need.marker is None or need.marker.evaluate()
}


def test_the_lock_has_every_package_once_and_by_its_hash() -> None:
    """Names, versions and hashes; no address of an index, no path, no option."""
    text = (ROOT / "requirements-dev.lock").read_text("utf-8")
    assert None is re.search(r"https?:|//|@|\.(?:com|org|io|net)\b|^-", text, re.MULTILINE)
    assert len(LOCKED) == len({str(need) for need, _ in LOCKED}) > 100
    assert len(LOCK) > 100
    for need, hashes in LOCKED:
        assert re.fullmatch(r"==[0-9][\w.+!]*", str(need.specifier)), need
        assert hashes, need
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), need


@pytest.mark.parametrize(
    "need", [need for need in RUNTIME + DEV if need.name not in {NAME, *NOT_LOCKED}], ids=str
)
def test_the_lock_is_within_the_ranges(need: Requirement) -> None:
    """If this fails after a change of `pyproject.toml`: ``make lock``."""
    version = LOCK.get(canonicalize_name(need.name))
    assert version is not None, "make lock"
    assert need.specifier.contains(version, prereleases=True)


def test_the_lock_is_whole() -> None:
    """What its versions bring along is in it, as far as it is installed; we are not."""
    graph, here = closure(), installed()
    locked = [needs for name, needs in graph.items() if here[name] == LOCK.get(name)]
    assert set() == {need for needs in locked for need in needs} - set(LOCK)
    assert NAME not in LOCK


# --- bill of materials ---------------------------------------------------------------------------


def test_the_bill_lists_what_is_installed() -> None:
    """Every part once, with its version, and what it needs is in it too."""
    made = bill()
    assert ("CycloneDX", "1.6", 1) == (made["bomFormat"], made["specVersion"], made["version"])
    parts = {part["name"]: part["version"] for part in made["components"]}
    here = installed()
    assert {name: here[name] for name in parts} == parts
    known = {part["bom-ref"] for part in made["components"]} | {
        made["metadata"]["component"]["bom-ref"]
    }
    assert known == {one["ref"] for one in made["dependencies"]}
    assert set() == {need for one in made["dependencies"] for need in one["dependsOn"]} - known
    assert {part["purl"] for part in made["components"]} < known


def test_the_bill_is_reproducible() -> None:
    """No time, no random number: a difference is a change."""
    done = [
        subprocess.run(
            [sys.executable, "-m", "tests.security.sbom"], cwd=ROOT, capture_output=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert done[0] == done[1]
    assert bill() == json.loads(done[0])


# --- what is in the code -------------------------------------------------------------------------

CALLS = re.compile(
    r"(?:builtins\.)?(?:eval|exec|compile|__import__)|__builtins__.*"
    r"|(?:pickle|marshal|shelve|dill|cloudpickle|jsonpickle)\..*"
    r"|yaml\.(?:load|load_all|full_load.*|unsafe_load.*|Loader|UnsafeLoader|FullLoader)"
    r"|subprocess\..*|os\.(?:system|popen|exec\w*|spawn\w*|fork\w*|posix_spawn\w*)|pty\..*"
    r"|(?:asyncio\.)?create_subprocess_\w+|ctypes\..*|importlib\.import_module|_?import_module"
    r"|tempfile\.mktemp|ssl\._create_unverified_context|runpy\..*|code\.Interactive\w+|sys\.settrace"
)
MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "subprocess",
    "ctypes",
    "pty",
    "runpy",
    "telnetlib",
    "ftplib",
}
# What is there for a reason: (file, call) -> the reason.
JUSTIFIED = {
    ("azure_agents/cli/tool_files.py", "importlib.import_module"): "a module that the user names",
    ("azure_agents/__init__.py", "_import_module"): "a name of a table in the same file",
    ("azure_agents/bulk/__init__.py", "_import_module"): "a name of a table in the same file",
    ("azure_agents/bulk/on_ray.py", "import_module"): "Ray and fsspec, which need not be there",
    ("azure_agents/bulk/shared_journal.py", "import_module"): "redis-py, which need not be there",
    ("azure_agents/drivers/clients.py", "AiohttpTransport(verify)"): "a TLS context that verifies",
    ("azure_agents/drivers/sdk_clients.py", "import_module"): "a name of a table in the same file",
    ("azure_agents/frameworks/deployments.py", "import_module"): "names that the adapters write",
    ("azure_agents/emulator/__init__.py", "_import_module"): "a name of a table in the same file",
    (
        "azure_agents/emulator/line/transport.py",
        "httpx.AsyncHTTPTransport(verify)",
    ): "a TLS context that trusts the emulator's own certificate",
    (
        "azure_agents/emulator/line/transport.py",
        "httpx.HTTPTransport(verify)",
    ): "a TLS context that trusts the emulator's own certificate",
    ("azure_agents/emulator/text/yaml_lines.py", "yaml.load"): "by a SafeLoader",
    ("azure_agents/gateway/__init__.py", "_import_module"): "a name of a table in the same file",
    ("azure_agents/routing/functions.py", "import_module"): "a name of a table in the same file",
    ("azure_agents/routing/redis_link.py", "import_module"): "redis-py, sync or asyncio",
}


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            name = f"{package.name}/{path.relative_to(package)}"
            yield name, ast.parse(path.read_text("utf-8"))


def _origins(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for, whatever it is called here."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.asname or a.name.partition(".")[0]: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def _dangerous(tree: ast.Module) -> Iterator[str]:
    origins = _origins(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = ast.unparse(node)
            first, dot, rest = name.partition(".")
            if CALLS.fullmatch(origins.get(first, first) + dot + rest):
                yield name
        elif isinstance(node, ast.Call):
            yield from _dangerous_words(node)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield str(node.module)


def _dangerous_words(node: ast.Call) -> Iterator[str]:
    for word in node.keywords:
        is_off = isinstance(word.value, ast.Constant) and word.value.value is False
        if word.arg in {"shell", "verify", "verify_ssl"}:
            yield f"{ast.unparse(node.func)}({word.arg})"
        if word.arg in {"follow_redirects", "allow_redirects"} and not is_off:
            yield f"{ast.unparse(node.func)}({word.arg})"


def test_no_data_is_executed() -> None:
    """No eval, no pickle, no shell, no certificate unchecked, no redirect followed."""
    found = {(name, call) for name, tree in _sources() for call in _dangerous(tree)}
    assert set(JUSTIFIED) == found


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "import pickle",
        "from subprocess import run",
        "yaml.load(x)",
        "os.system('x')",
        "httpx.Client(verify=False)",
        "httpx.Client(follow_redirects=True)",
        "httpx.Client(follow_redirects=wanted)",
        "httpx.Client(verify=wanted)",
        "from os import system as s; s('x')",
        "import os as o; o.popen('x')",
        "from yaml import unsafe_load; f(unsafe_load)",
        "run = os.system",
        "__builtins__['eval']('1')",
        "import builtins as b; b.eval('1')",
        "run('x', shell=True)",
        "__import__(x)",
        "builtins.exec(x)",
    ],
)
def test_the_scan_finds_what_it_must(source: str) -> None:
    """A scan that finds nothing proves nothing."""
    assert list(_dangerous(ast.parse(source)))


WATCHED = """
import importlib, sys
events = []
def hook(event, args):
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "ctypes.")):
        events.append(event)
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        if "__pycache__" not in str(args[0]):
            events.append(f"{event} {args[0]}")
for name in sys.argv[1].split(","):
    importlib.import_module(name)  # what the frameworks do is their business
sys.addaudithook(hook)
for name in sys.argv[2].split(","):
    importlib.import_module(name)
import threading
threads = (each.name for each in threading.enumerate() if each is not threading.main_thread())
print([*events, *threads])
"""


FRAMEWORKS = (
    *("httpx", "httpx_aiohttp", "pydantic", "yaml", "uvicorn", "redis", "azure.identity"),
    *("langchain_core.language_models", "langchain_core.tools", "llama_index.core"),
)
STARTS = ("azure_agents.cli.demo",)  # programs: they are run, not imported


def _modules(package: Path) -> Iterator[str]:
    for path in sorted(package.rglob("*.py")):
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_an_import_does_nothing_else(package: Path) -> None:
    """Of every module there is: no process, no socket, no file written, no thread."""
    modules = [name for name in _modules(package) if name not in STARTS]
    command = [sys.executable, "-B", "-c", WATCHED, ",".join(FRAMEWORKS), ",".join(modules)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (0, "[]") == (done.returncode, done.stdout.strip()), done.stderr
