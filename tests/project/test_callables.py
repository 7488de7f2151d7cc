"""Every public callable resolves and is described, for frameworks, editors and `help()`."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
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
# What the public names show of themselves, in attributes and arguments, and what adapters share.
MORE = (
    "azure_agents.completions.arguments",
    "azure_agents.drivers.clock",
    "azure_agents.files.handles",
    "azure_agents.files.vector_stores",
    "azure_agents.fold",
    "azure_agents.messages",
    "azure_agents.seams",
    "azure_agents.settings.config",
    "azure_agents.frameworks.tool_results",
)
# The sections of a docstring that name things, and their entries; further lines stand deeper.
SECTIONS = re.compile(r"^(?:Args|Attributes|Fields):\n((?:(?: .*)?\n)+)", re.MULTILINE)
ENTRIES = re.compile(r"^(\w+): *(.*(?:\n +.*)*)", re.MULTILINE)
NO_TWINS = (
    "azure_agents.acompletion",  # refers to `completion`, whose arguments fill a page
)


def public(module: str) -> Iterator[tuple[str, Any]]:
    """The names of a module that users may use, and what they stand for."""
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", None) or [
        name
        for name, value in vars(loaded).items()
        if name[0] != "_" and getattr(value, "__module__", "") == module
    ]
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


def test_help_of_the_models_describes_their_fields() -> None:
    """Each as it is in schemas and editors; what must be known of some stands in both."""
    models = [CALLABLES["langchain_azure_agents.ChatAzureAgent"]]
    models += [CALLABLES["llamaindex_azure_agents.AzureAgentLLM"]]
    for model in models:
        shown, fields = described(model), model.model_fields
        said_twice = {"model", "endpoint"} & inspect.signature(model.__init__).parameters.keys()
        for base in filter(is_ours, model.__mro__):
            for name in vars(base).get("__annotations__", {}).keys() & fields.keys() - said_twice:
                assert " ".join(fields[name].description.split()) == shown[name]
        assert "600" in shown["timeout"]
        assert "econds" in shown["timeout"]
        assert {"`append`", "`replace`"} <= {*shown["instructions_mode"].split()}
        assert "user" in shown["owner"]
        assert "`ephemeral`" in shown["threads"]


def described(value: Any) -> dict[str, str]:
    """What `help()` says of arguments, attributes and fields, by name."""
    texts = [inspect.getdoc(value) or ""]
    if inspect.isclass(value) and is_ours(value.__init__):
        texts.append(inspect.getdoc(value.__init__) or "")  # help() of a class shows it as well
    sections = [found for text in texts for found in SECTIONS.findall(text + "\n")]
    return {
        name: " ".join(said.split())
        for section in sections
        for name, said in ENTRIES.findall(textwrap.dedent(section))
    }


def arguments(value: Any) -> dict[str, inspect.Parameter]:
    """What it takes; of a class that pydantic makes, the constructor if it has one of its own."""
    if inspect.isclass(value) and getattr(value, "_is_protocol", False):
        return {}
    if hasattr(value, "model_fields"):
        if not is_ours(value.__init__):
            return {}
        value = value.__init__
    taken = inspect.signature(value).parameters
    return {name: one for name, one in taken.items() if name not in {"self", "cls"}}


def attributes(value: Any) -> set[str]:
    """Names that may stand in a section Attributes besides those of arguments."""
    if not inspect.isclass(value):
        return set()
    set_in_init = re.findall(r"self\.(\w+)\b.* =", inspect.getsource(value))
    fields = getattr(value, "model_fields", ())
    return {*dir(value), *set_in_init, *vars(value).get("__annotations__", {}), *fields}


def undescribed(value: Any) -> set[str]:
    """Arguments of which nothing is said, or nothing but their names."""
    entries = described(value)
    return {name for name in arguments(value) if says_nothing(name, entries.get(name, ""))}


def says_nothing(name: str, said: str) -> bool:
    """Whether the words are those of the name, or none."""
    return not {*re.findall(r"\w+", said.lower())} - {*name.split("_"), "a", "its", "of", "the"}


def stale(value: Any) -> set[str]:
    """Names that are described, but do not exist; what ``**arguments`` takes may have any."""
    taken = arguments(value)
    if any(one.kind is one.VAR_KEYWORD for one in taken.values()):
        return set()
    return described(value).keys() - taken.keys() - attributes(value)


@pytest.mark.parametrize("wrong", [undescribed, stale])
def test_every_argument_is_described(wrong: Callable[[Any], set[str]]) -> None:
    """`help()` says what each argument and field does, and describes none that is gone."""
    seen = {name: wrong(value) for name, value in CALLABLES.items() if ".__init__" not in name}
    assert {} == {name: sorted(names) for name, names in seen.items() if names}


def test_twins_describe_their_arguments_in_the_same_words() -> None:
    """`AsyncFiles.save` as `Files.save`, `aresume` as `resume`: a change of one is one of both."""
    differing = []
    for name, value in CALLABLES.items():
        twin = CALLABLES.get(name.replace(".Async", ".")) or CALLABLES.get(
            re.sub(r"\.a(\w+)$", r".\1", name), value
        )
        if name not in NO_TWINS and described(value) != described(twin):
            differing.append(name)
    assert [] == differing


@pytest.mark.parametrize(
    ("docstring", "missing", "gone"),
    [
        ("Args:\n    path: Where it is.\n    size: Bytes.", [], []),
        ("Args:\n    path: Where it is.", ["size"], []),
        ("Args:\n    path: The path.\n    size: Bytes.", ["path"], []),
        ("Args:\n    path: Where it is.\n    size: Bytes.\n    name: Gone.", [], ["name"]),
        ("Returns:\n    path: Where it is.", ["path", "size"], []),
    ],
)
def test_the_check_of_arguments(docstring: str, missing: list[str], gone: list[str]) -> None:
    """It sees what is missing, what only repeats a name, and what no longer exists."""

    def save(path: str, size: int) -> None: ...

    save.__doc__ = f"Save it.\n\n{docstring}"
    assert (missing, gone) == (sorted(undescribed(save)), sorted(stale(save)))
