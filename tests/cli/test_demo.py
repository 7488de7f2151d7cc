"""The demonstration shows what it promises, on the emulator and with the settings for Azure."""

from __future__ import annotations

import re

import pytest

from azure_agents.cli import demo
from azure_agents.cli.main import main

SECTIONS = [
    "LangChain · v2 agent demo-agent:1",
    r"LangChain · classic agent asst_\w+",
    "LlamaIndex · v2 agent demo-agent:1",
    r"LlamaIndex · classic agent asst_\w+",
]


@pytest.fixture(name="shown")
def _shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the demonstration prints, in its four parts; each begins with its heading."""
    monkeypatch.setattr(demo, "_SECONDS_PER_WORD", 0.0)
    assert 0 == demo.main()
    return capsys.readouterr().out.split("\n===== ")[1:]


def test_each_framework_and_generation_is_shown(shown: list[str]) -> None:
    """In each: turns that remember, one request a turn, a fork, and the first thread again."""
    for heading, part in zip(SECTIONS, shown, strict=True):
        assert re.match(f"{heading} =====\n", part)
        answers = re.findall(r"^  agent   (.*)$", part, flags=re.MULTILINE)
        expected = ["Your name is Ada.", "Your name is Grace.", "Your name is Ada."]
        assert expected == answers[2:]
        assert 5 == len(re.findall(r"\d+ tokens in, \d+ out; 1 request: POST /", part))
        assert ["17", "19", "8", "8", "8"] == re.findall(r"in (\d+) pieces", part)
        assert "            user      My name is Grace.\n" in part


def test_threads_are_told_apart(shown: list[str]) -> None:
    """Classic: one thread, another for the edited history, and back; v2: what is continued."""
    for part, is_classic in zip(shown, [False, True, False, True], strict=True):
        threads = re.findall(r"thread (\w+)", part)
        if is_classic:
            first, edited = threads[0], threads[3]
            assert [first, first, first, edited, first] == threads
            assert first != edited
        else:
            links = re.findall(r"(?:continues|starts a new) (\w+)", part)
            assert ["chain", threads[0], threads[1], "chain", threads[2]] == links


def test_an_endpoint_without_an_agent_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both ways out are named, by both entrances."""
    monkeypatch.setenv(
        "AZURE_AI_PROJECT_ENDPOINT", "https://r.services.ai.azure.com/api/projects/p"
    )
    expected = (
        "azure-agents: ConfigError: AZURE_AI_PROJECT_ENDPOINT is set, so the demo would talk to "
        "Azure, but no agent is: set AZURE_AI_AGENT (v2), AZURE_AI_CLASSIC_AGENT (classic) or both,"
        " or unset AZURE_AI_PROJECT_ENDPOINT to use the emulator\n"
    )
    for enter in (demo.main, lambda: main(["demo"])):
        assert 2 == enter()
        assert ("", expected) == capsys.readouterr()
