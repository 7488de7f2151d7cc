"""Deployments in the YAML file of the agents: made, changed with the file, or refused by line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from deployment_wire import Resource

from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError

FULL = """
deployments:
  - name: dep
    model: gpt-4o-mini-2024-07-18
    rpm: 5
    async_filter: true
    blocklists: {NoFruit: [banana]}
    replies:
      - when: fruit
        say: a banana
      - when: fail
        fail: rate_limit_exceeded
  - {name: other, model: claude-sonnet-4-5, reply: Bonjour!}
"""


class Editor:
    """A YAML file that somebody edits, and an emulator that follows it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.foundry = Emulator(seed=7)
        self._time = 1_000_000_000

    def write(self, text: str) -> None:
        """Save; time stamps differ even where the clock is coarse."""
        self.path.write_text(text)
        self._time += 1_000_000_000
        os.utime(self.path, ns=(self._time, self._time))

    def load(self, text: str) -> Resource:
        """Save, follow, and ask."""
        self.write(text)
        self.foundry.load(self.path)
        return Resource(self.foundry)


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    """A file that is not there yet."""
    return Editor(tmp_path / "agents.yaml")


def said(resource: Resource, text: str) -> Any:
    """What the deployment answers to a text."""
    answer = resource.chat(messages=[{"role": "user", "content": text}])
    return answer.json()["choices"][0]["message"].get("content") if answer.is_success else None


def test_a_file_may_hold_deployments_alone(editor: Editor) -> None:
    """Each with its model, limits, filters and rules."""
    resource = editor.load(FULL)
    answer = resource.chat(messages=[{"role": "user", "content": "fruit"}])
    assert "gpt-4o-mini-2024-07-18" == answer.json()["model"]
    assert "content_filter" == answer.json()["choices"][0]["finish_reason"]
    assert "5" == answer.headers["x-ratelimit-limit-requests"]
    assert 429 == resource.chat(messages=[{"role": "user", "content": "fail"}]).status_code
    assert [] == editor.foundry.agents


def test_a_changed_file_changes_its_deployments(editor: Editor) -> None:
    """A script keeps what was counted; anything else is a new deployment; none goes away."""
    resource = editor.load("deployments: [{name: dep, rpm: 3, reply: old}]")
    assert "old" == said(resource, "hi")
    editor.write("deployments: [{name: dep, rpm: 3, reply: new}]")
    assert "new" == said(resource, "hi")
    assert "0" == resource.chat().headers["x-ratelimit-remaining-requests"]
    assert None is said(resource, "one too many")
    editor.write("agents: [{name: a}]\ndeployments: [{name: dep, rpm: 9, reply: newer}]")
    assert "newer" == said(resource, "hi")
    assert ["a"] == [agent.name for agent in editor.foundry.agents]
    editor.write("agents: []")
    assert "newer" == said(resource, "hi")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("deployments: {a: b}", "`deployments` is a list of mappings"),
        ("deployments:\n- {model: x}", r"agents.yaml:2: a deployment: needs a name"),
        ("deployments:\n- {name: d, modle: x}", r"deployment 'd': has no field 'modle' .*'model'"),
        ("deployments:\n- {name: d, rpm: fast}", "'rpm' is a number, got 'fast'"),
        ("deployments:\n- {name: d, rpm: true}", "'rpm' is a number, got True"),
        ("deployments:\n- {name: d, tpm: 0}", "'tpm' is 1 or more, got 0"),
        ("deployments:\n- {name: d, blocklists: {x: y}}", "blocklist 'x' is a list of words"),
        ("deployments:\n- {name: d, reply: {sing: la}}", "deployment 'd': not a reply"),
        ("agents: no", "write them under `agents:`, and deployments"),
    ],
)
def test_a_mistake_is_an_error_with_its_line(editor: Editor, text: str, sentence: str) -> None:
    """When the file is read, and not in the middle of a call."""
    with pytest.raises(ConfigError, match=sentence):
        editor.load(text)
