"""`azure-agents chat` shows what an agent says: text, and nothing that a terminal would obey."""

from __future__ import annotations

import io

import pytest

from azure_agents.cli.main import main
from azure_agents.emulator import Emulator

COMMANDS = {
    "clear": "\x1b[2J",
    "title": "\x1b]0;x\x07",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "one byte": "\x9b2J",
    "answer back": "\x1b[6n",
    "overwrite": "safe\rrm -rf /",
    "backspace": "ab\x08\x08cd",
    "surrogate": "a\ud800b",
}


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_an_agent_says_commands_no_terminal(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An agent may have read it on a page; line breaks and tabs stay."""
    monkeypatch.setenv("AZURE_AI_API_KEY", "any")
    monkeypatch.setattr("sys.stdin", io.StringIO("Hi\n"))
    foundry = Emulator()
    foundry.create_agent("my-agent", f"one\n\t{command}two")
    with foundry.serve() as server:
        assert 0 == main(["chat", "my-agent", "--endpoint", server.endpoint])
    out = capsys.readouterr().out
    assert (True, True) == ("one\n\t" in out, "two" in out)
    assert [] == [c for c in out if not c.isprintable() and c not in "\n\t"]
