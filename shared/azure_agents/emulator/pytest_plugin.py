"""A pytest plugin for people who test code that talks to Foundry agents.

    def test_my_app(foundry):
        foundry.create_agent("my-agent", reply="Hello!")
        ...  # your code, with **foundry.connection()
        assert foundry.seen[-1].last_user_text == "hi"

Fixtures: `foundry`, an emulator for this test; `foundry_server`, the same behind a socket. Agents
come from the marker `foundry_agents` (YAML files, or mappings of `Emulator.create_agent`'s
arguments) and from the file in the setting `foundry_agents_file`. When a test fails, its report
shows the requests and what the agents saw.

Every test run loads this module, so it imports nothing but pytest until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .emulator import Emulator
    from .served.address import Served

_MARKER = "foundry_agents"
_SETTING = "foundry_agents_file"
_MOST_LINES = 50
_KEY = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option and a setting for agents that many tests share."""
    about = "YAML file with the agents that every `foundry` fixture starts with"
    parser.getgroup("azure-agents").addoption("--foundry-agents", metavar="FILE", help=about)
    parser.addini(_SETTING, about)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    about = "agents of this test: YAML files (beside the test file), or create_agent's arguments"
    config.addinivalue_line("markers", f"{_MARKER}(*agents): {about}")


@pytest.fixture
def foundry(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Provide an emulator with the agents of the marker and of the setting."""
    from . import Emulator

    with Emulator() as emulator:
        _add_agents(emulator, request)
        request.node.stash[_KEY] = emulator
        yield emulator


@pytest.fixture
def foundry_server(foundry: Emulator) -> Iterator[Served]:
    """Serve the `foundry` fixture on a socket of this machine; `endpoint` is its address.

    The server accepts any token and any key; the emulator's clock runs meanwhile.
    """
    with foundry.serve() as served:
        yield served


def _add_agents(emulator: Emulator, request: pytest.FixtureRequest) -> None:
    config = request.config
    shared = config.getoption("foundry_agents") or config.getini(_SETTING)
    if shared:
        emulator.load(config.rootpath / shared)
    folder = request.path.parent
    # The closest marker is the last word: it may replace an agent of the module's.
    for marker in reversed(list(request.node.iter_markers(_MARKER))):
        for given in marker.args:
            _add(emulator, folder, config.rootpath, given)


def _add(emulator: Emulator, folder: Path, root: Path, given: Any) -> None:
    from .agent.scripts import read_rules, read_script

    if not isinstance(given, Mapping):
        beside = folder / given
        emulator.load(beside if beside.exists() else root / given)
        return
    fields = dict(given)
    if "replies" in fields:
        fields["reply"] = read_rules(fields.pop("replies"))
    elif isinstance(fields.get("reply"), list | Mapping):
        fields["reply"] = read_script(fields["reply"])
    emulator.create_agent(**fields)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the requests, and what the agents saw, to the report of a test that fails."""
    report = yield
    emulator = item.stash.get(_KEY, None)
    if emulator is not None and report.when == "call" and report.failed:
        report.sections.append(("Foundry requests", "\n".join(_requests(emulator))))
        report.sections.append(("Foundry agents saw", "\n".join(_seen_turns(emulator))))
        if emulator.errors:
            lines = [f"{type(error).__name__}: {error}" for error in emulator.errors]
            report.sections.append(("Foundry errors", "\n".join(lines[-_MOST_LINES:])))
    return report


def _requests(emulator: Emulator) -> list[str]:
    lines = [
        f"{request.method} {request.path} -> {request.status or request.fault}"
        for request in emulator.requests
    ]
    return lines[-_MOST_LINES:] or ["none"]


def _seen_turns(emulator: Emulator) -> list[str]:
    lines: list[str] = []
    for number, turn in enumerate(emulator.seen, 1):
        lines.append(f"turn {number} of {turn.agent}")
        lines += [f"  {message.role:<10}{_short(message)}" for message in turn.messages]
        lines.append(f"  {'answered':<10}{_short(turn.reply)}")
    return lines[-_MOST_LINES:] or ["none"]


def _short(said: Any) -> str:
    calls = [f"{call.name}({call.arguments})" for call in said.tool_calls]
    return " ".join(filter(None, [said.text, *calls]))
