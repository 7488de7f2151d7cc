"""The page about the emulator is true: its snippets run, its YAML is read, its lists are whole."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from azure_agents.emulator import NAMED, Emulator, Weather, read_rules, read_script
from azure_agents.emulator.agent.reply_kinds import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(.+?)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def blocks(tag: str) -> list[str]:
    """The code of the page with this tag."""
    return [code for kind, code in BLOCKS if kind == tag]


def test_snippets_of_the_page_print_what_they_say() -> None:
    """In the order of the page, in one namespace."""
    pytest.importorskip("langchain_core")
    namespace: dict[str, Any] = {}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        for code in blocks("python"):
            exec(compile(code, "emulator.md", "exec"), namespace)  # noqa: S102 - our own page
    expected = [line for code in blocks("python") for line in re.findall(r"#> (.*)", code)]
    assert expected == output.getvalue().splitlines()
    assert expected


@pytest.mark.parametrize("tag", ["python quickstart", "python pytest"])
def test_the_other_snippets_compile(tag: str) -> None:
    """The quickstart runs in `make oracles`."""
    (code,) = blocks(tag)
    compile(code, "emulator.md", "exec")


def test_the_yaml_is_read(tmp_path: Path) -> None:
    """As it stands, but for files that are not here."""
    agents, deployments = blocks("yaml")
    first, second = yaml.safe_load(agents)["agents"]
    assert 4 == len(read_rules(first["replies"]).rules)
    assert read_script(second["reply"])
    path = tmp_path / "agents.yaml"
    path.write_text(deployments)
    assert [] == Emulator().load(path)


def test_the_list_of_replies_is_whole() -> None:
    """Every kind, with every argument in order."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, flags=re.MULTILINE)
    named = {kind: re.findall(r"`(\w+)`", arguments) for kind, arguments in rows}
    taken = {name: list(kind.arguments) for name, kind in KINDS.items()}
    assert taken | {"empty": []} == named


def test_conditions_of_the_weather_are_named() -> None:
    """All of them but the one that goes with another."""
    named = {name for name in Weather().now() if name in PAGE}
    assert {"retry_after"} == set(Weather().now()) - named


@pytest.mark.parametrize("name", [name for name in NAMED if f'plan("{name}")' in PAGE])
def test_faults_of_the_page_exist(name: str) -> None:
    """By the names that the page uses."""
    Emulator().faults.plan(name)
