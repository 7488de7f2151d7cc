"""Nothing is dropped without a word: every field of every message type has a fate, and meets it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from azure_agents import completion
from azure_agents.completions.input import to_messages as from_openai
from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError
from langchain_azure_agents._messages import to_messages as from_langchain
from llamaindex_azure_agents._messages import to_messages as from_llamaindex

from ..covering import case
from . import installed, langchain_table, llamaindex_table, openai_table
from .fates import KIND, Table, check
from .installed import NewFieldsWarning, complain

DOORS: dict[str, tuple[str, dict[str, Table], dict[str, set[str]], Any]] = {
    "langchain": (
        "langchain-core",
        langchain_table.TABLES,
        installed.langchain(),
        from_langchain,
    ),
    "llamaindex": (
        "llama-index-core",
        llamaindex_table.TABLES,
        installed.llamaindex(),
        from_llamaindex,
    ),
    "openai": ("openai", openai_table.TABLES, installed.openai(), from_openai),
}
TABLES = [(door, kind) for door, (_, tables, _, _) in DOORS.items() for kind in tables]


@pytest.mark.parametrize("door", DOORS)
def test_every_field_has_a_fate(door: str) -> None:
    """A new type, or a new field of one, must be looked at before it is released as known."""
    package, tables, has, _ = DOORS[door]
    fates = {kind: set(table.fates) for kind, table in tables.items()}
    unknown = {
        f"{kind}.{field}"
        for kind, fields in has.items()
        for field in fields - fates.get(kind, set())
    }
    complain(package, unknown)


@pytest.mark.parametrize(("door", "kind"), TABLES)
def test_a_field_meets_its_fate(door: str, kind: str) -> None:
    """Sent, told in a sentence, a label, left out with a warning, or refused: as its table says."""
    _, tables, has, to_core = DOORS[door]
    for field, fate in tables[kind].fates.items():
        if fate == KIND or field not in has.get(kind, ()):
            continue
        with case(field), pytest.MonkeyPatch.context() as patch:
            check(tables[kind], field, to_core, patch)


def test_every_role_has_a_place() -> None:
    """LlamaIndex's roles are four."""
    complain("llama-index-core", installed.roles() - set(llamaindex_table.ROLES))


@pytest.mark.parametrize(
    ("door", "method"),
    [("langchain", name) for name in langchain_table.ARGUMENTS]
    + [("llamaindex", name) for name in llamaindex_table.ARGUMENTS],
)
def test_every_argument_of_a_call_has_a_fate(door: str, method: str) -> None:
    """A new argument of the base classes is one that we may be dropping."""
    table = langchain_table if door == "langchain" else llamaindex_table
    unknown = installed.arguments(door, method) - set(table.ARGUMENTS[method])
    complain(DOORS[door][0], {f"{method}({name}=)" for name in unknown})


def test_every_parameter_of_a_request_has_a_fate() -> None:
    """OpenAI's, which `completion()` takes."""
    complain("openai", installed.openai_parameters() - set(openai_table.PARAMETERS))


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("name", sorted(set(openai_table.PARAMETERS) - {"model", "messages"}))
def test_a_parameter_meets_its_fate(name: str, generation: str) -> None:
    """It is taken, or an error before anything is sent."""
    value, *fates = openai_table.PARAMETERS[name]
    with Emulator() as foundry:
        tools = [{"type": "function", "name": "f", "parameters": {}}]
        declared = tools if generation == "v2" else ()
        agent = foundry.create_agent("helper", '{"a": 1}', generation=generation, tools=declared)
        connection = foundry.connection()
        call = {
            "messages": [{"role": "user", "content": "hi"}],
            "api_base": connection.pop("endpoint"),
            "stream": name in ("stream", "stream_options"),
            **connection,
            name: value,
        }
        if fates[generation == "classic"] == "refused":
            with pytest.raises(InvalidRequestError):
                completion(agent.model, **call)
            assert [] == [each for each in foundry.requests if each.method == "POST"]
        else:
            answer = completion(agent.model, **call)
            assert answer if not call["stream"] else list(answer)


def test_a_newer_framework_only_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users and our main branch stay green when others release; `make newest` does not."""
    monkeypatch.delenv(installed.NEWEST, raising=False)
    for is_locked, newest in ((False, None), (True, None), (False, "1")):
        monkeypatch.setattr(installed, "are_locked", lambda _, locked=is_locked: locked)
        if newest:
            monkeypatch.setenv(installed.NEWEST, newest)
        if is_locked or newest:
            with pytest.raises(AssertionError, match=r"has what no table .* names: Text\.new"):
                complain("openai", {"Text.new"})
        else:
            with pytest.warns(NewFieldsWarning, match=r"Text\.new"):
                complain("openai", {"Text.new"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        complain("openai", ())
