"""The snippets and the tables of docs/bulk.md."""

from __future__ import annotations

import re
import tomllib
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from packaging.requirements import Requirement

import azure_agents.bulk
from azure_agents.bulk.columns import FORMATS, OURS
from azure_agents.cli.map import map_rows
from azure_agents.emulator import Emulator

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "bulk.md").read_text()


def test_the_snippets_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows happens."""
    with Emulator() as foundry:
        foundry.create_agent("my-agent", "A service.")
        for name in azure_agents.bulk.__all__:
            door = partial(getattr(azure_agents.bulk, name), **foundry.connection())
            monkeypatch.setattr(azure_agents.bulk, name, door)
        names: dict[str, Any] = {}
        for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(snippet, "bulk.md", "exec"), names)  # noqa: S102 - our own page
    assert "1 A service.\nA service.\n" == capsys.readouterr().out


def test_the_page_tells_of_every_option_column_and_format() -> None:
    """But for those of the connection."""
    of_chat = {"--endpoint", "--timeout", "--scope", "--api-version", "--allow-http"}
    options = {one for option in map_rows.params for one in option.opts if one.startswith("--")}
    told = {*options - of_chat, *OURS, *FORMATS}
    assert set() == {name for name in told if name not in PAGE}


def test_the_job_of_kuberay_is_one_that_we_take() -> None:
    """Its command has our options, and its Ray is one of the extra."""
    job = yaml.safe_load((ROOT / "deploy" / "ray.yaml").read_text())["spec"]
    program, command, *arguments = job["entrypoint"].split()
    given = map_rows.make_context("map", arguments, resilient_parsing=False).params
    assert ("azure-agents", "map", "ray") == (program, command, given["engine"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = map(Requirement, project["optional-dependencies"]["ray"])
    (ray,) = (need for need in needs if need.name == "ray")
    assert ray.specifier.contains(job["rayClusterSpec"]["rayVersion"])


def test_the_snippet_for_ray_names_arguments_that_there_are() -> None:
    """`make bulk ARGS=ray` runs the class; here its call is compared with what it takes."""
    (snippet,) = re.findall(r"```python ray\n(.*?)```", PAGE, re.DOTALL)
    compile(snippet, "bulk.md", "exec")
    (given,) = re.findall(r"fn_constructor_kwargs=\{(.*?)\}", snippet)
    names = re.findall(r'"(\w+)":', given)
    taken = set(signature(azure_agents.bulk.AskRows).parameters)
    assert (["run", "key", "concurrency"], set()) == (names, {*names} - taken)
