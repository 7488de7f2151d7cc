"""Every public callable resolves and is described, for frameworks, editors and `help()`."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import pytest

PACKAGES = (
    "azure_agents",
    "azure_agents.emulator",
    "azure_agents.errors",
    "langchain_azure_agents",
    "llamaindex_azure_agents",
)
# What the clients hand out, and what users make or take: reached by no `__all__`.
MORE = (
    "azure_agents.client",
    "azure_agents.config",
    "azure_agents.events",
    "azure_agents.file_handles",
    "azure_agents.files",
    "azure_agents.fold",
    "azure_agents.messages",
    "azure_agents.observe",
    "azure_agents.openai_arguments",
    "azure_agents.threads.memory",
    "azure_agents.threads.redis",
    "azure_agents.threads.sqlite",
    "azure_agents.threads.store",
    "azure_agents.tool_results",
    "azure_agents.vector_stores",
)


def public(module: str) -> Iterator[tuple[str, Any]]:
    """The names of a module that users may use, and what they stand for."""
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", None) or [name for name in vars(loaded) if name[0] != "_"]
    for name in names:
        value = getattr(loaded, name)
        if is_ours(value):
            yield f"{module}.{name}", value


def is_ours(value: Any) -> bool:
    """Whether it was written here."""
    return "azure_agents" in str(getattr(value, "__module__", ""))


def callables() -> dict[str, Callable[..., Any]]:
    """All public functions, classes and methods of ours, by name; each once."""
    found: dict[int, tuple[str, Any]] = {}
    for module in (*PACKAGES, *MORE):
        for name, value in public(module):
            if callable(value) and not typing.is_typeddict(value):
                found.setdefault(id(value), (name, value))
            for member, function in methods(value):
                found.setdefault(id(function), (f"{name}.{member}", function))
    return dict(found.values())


def methods(value: Any) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class, those from others left out."""
    for member in dir(value) if inspect.isclass(value) else ():
        if member[0] == "_" and member != "__init__":
            continue
        static = inspect.getattr_static(value, member)
        if isinstance(static, cached_property):
            static = static.func
        function = getattr(static, "fget", None) or getattr(static, "__func__", None) or static
        if inspect.isfunction(function) and is_ours(function):
            yield member, function


CALLABLES = callables()


def failure(look: Callable[[Any], Any], value: Any) -> str | None:
    """What goes wrong when somebody looks at it."""
    try:
        look(value)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("look", [typing.get_type_hints, inspect.signature])
def test_hints_and_signatures_resolve(look: Callable[[Any], Any]) -> None:
    """LangChain resolves the hints of a model's methods; others build tools of signatures."""
    seen = {name: failure(look, value) for name, value in CALLABLES.items()}
    assert {} == {name: said for name, said in seen.items() if said}


def test_everything_public_says_what_it_does() -> None:
    """`help()` shows a sentence for every function, class and method."""
    silent = [name for name, value in CALLABLES.items() if not inspect.getdoc(value)]
    assert [] == [name for name in silent if not name.endswith(".__init__")]


def test_the_fields_of_the_models_are_described() -> None:
    """Those that are ours; `help()`, schemas and editors show them."""
    models = [
        importlib.import_module("langchain_azure_agents").ChatAzureAgent,
        importlib.import_module("llamaindex_azure_agents").AzureAgentLLM,
    ]
    for model in models:
        ours = {
            name
            for base in model.__mro__
            if is_ours(base)
            for name in vars(base).get("__annotations__", ())
        }
        fields = {name: model.model_fields[name] for name in ours & model.model_fields.keys()}
        assert [] == [name for name, field in fields.items() if not field.description]


def test_the_clients_describe_every_argument() -> None:
    """By name, in the docstring of the class."""
    for kind in (CALLABLES["azure_agents.AgentClient"], CALLABLES["azure_agents.AsyncAgentClient"]):
        names = {*inspect.signature(kind).parameters, "endpoint", "credential"}
        described = inspect.getdoc(kind) or ""
        assert [] == sorted(name for name in names if f"{name}: " not in described)
