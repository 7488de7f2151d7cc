"""Importing costs what it must: no framework behind the core, one framework behind an adapter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FOREIGN = (
    "aiohttp",
    "anthropic",
    "azure",
    "click",
    "langchain_core",
    "llama_index",
    "openai",
    "opentelemetry",
    "redis",
    "rich",
    "starlette",
    "uvicorn",
    "yaml",
)

# (adapter, the framework it is for, what its ImportError must say)
ADAPTERS = [
    (
        "langchain_azure_agents",
        "langchain_core",
        (
            "langchain_azure_agents needs langchain-core, "
            'install it with: pip install "azure-agents[langchain]"'
        ),
    ),
    (
        "llamaindex_azure_agents",
        "llama_index",
        (
            "llamaindex_azure_agents needs llama-index-core, "
            'install it with: pip install "azure-agents[llamaindex]"'
        ),
    ),
]

# Runs in a new interpreter: imports a module while others are blocked, then tells what it saw.
PROBE = """
import importlib, json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

module, blocked = sys.argv[1], sys.argv[2:]
sys.meta_path.insert(0, Blocked())
try:
    importlib.import_module(module)
    error = None
except ImportError as exc:
    error = f"{type(exc).__name__}: {exc}"
loaded = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"error": error, "loaded": loaded}))
"""


@pytest.mark.parametrize(
    ("module", "needs"),
    [
        ("azure_agents", set()),
        ("azure_agents.cli.main", {"click"}),
        ("azure_agents.emulator", set()),
    ],
)
def test_the_core_loads_no_framework_and_no_sdk(module: str, needs: set[str]) -> None:
    """What the core needs of others is imported when it is used."""
    error, loaded = _import(module)
    assert (None, needs) == (error, loaded & set(FOREIGN))


def test_the_core_is_imported_without_what_it_needs_to_call() -> None:
    """Neither httpx nor pydantic is loaded before a name that needs them is asked for."""
    error, loaded = _import("azure_agents", "httpx", "pydantic")
    assert (None, {"azure_agents"}) == (error, loaded & {"azure_agents", "httpx", "pydantic"})


@pytest.mark.parametrize(("adapter", "framework", "sentence"), ADAPTERS)
def test_an_adapter_without_its_framework_names_the_extra(
    adapter: str, framework: str, sentence: str
) -> None:
    """One sentence that can be pasted into a shell."""
    error, _ = _import(adapter, framework)
    assert f"ImportError: {sentence}" == error


@pytest.mark.slow
@pytest.mark.parametrize(("adapter", "framework"), [row[:2] for row in ADAPTERS])
def test_an_adapter_needs_only_its_own_framework(adapter: str, framework: str) -> None:
    """Neither the other framework nor an SDK is needed to import an adapter."""
    others = {row[1] for row in ADAPTERS} - {framework}
    error, loaded = _import(adapter, *others, "anthropic", "azure", "openai", "opentelemetry")
    assert (None, set()) == (error, loaded & others)


def _import(module: str, *blocked: str) -> tuple[str | None, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, module, *blocked], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    seen = json.loads(done.stdout)
    return seen["error"], set(seen["loaded"])
