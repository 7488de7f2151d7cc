"""The command line: one line per error, a chat that remembers, an emulator that can be found."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from azure_agents import __version__, fold
from azure_agents.cli.main import main
from azure_agents.emulator import (
    Consent,
    Emulator,
    Failed,
    FileSearch,
    McpApproval,
    McpCall,
    Parts,
    ToolCalls,
)
from azure_agents.emulator.served.command import run_server
from azure_agents.events import TextDelta

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GENERATIONS = ["v2", "classic"]
ELSEWHERE = "https://r.services.ai.azure.com/api/projects/p"

# (arguments, the whole of standard error after the program's name)
ERRORS = {
    "no endpoint": (
        ["chat", "my-agent"],
        (
            "ConfigError: no endpoint: pass endpoint=, or set AZURE_AI_PROJECT_ENDPOINT; copy the "
            "project endpoint from the project's page in the Foundry portal: "
            "https://<resource>.services.ai.azure.com/api/projects/<project>"
        ),
    ),
    "no agent": (
        ["chat", "--endpoint", ELSEWHERE],
        "ConfigError: no agent: pass model='my-agent', or set AZURE_AI_AGENT",
    ),
    "bad model": (
        ["chat", "asst_a:1", "--endpoint", ELSEWHERE],
        (
            "ConfigError: model 'asst_a:1' gives a version to a classic agent: classic agents have "
            "none, write 'asst_a'"
        ),
    ),
    "open to the network": (
        ["emulator", "--host", "0.0.0.0"],  # noqa: S104 - to be refused
        (
            "ConfigError: --host '0.0.0.0' would show the emulator, which lets everybody in, to "
            "other machines: leave it out, or add --allow-remote if that is meant"
        ),
    ),
    "no such file": (
        ["emulator", "--agents", "missing.yaml"],
        "ConfigError: cannot read 'missing.yaml' (No such file or directory)",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_is_one_line_and_exit_code_two(
    case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, nothing on standard output."""
    arguments, expected = ERRORS[case]
    assert 2 == main(arguments)
    assert ("", f"azure-agents: {expected}\n") == capsys.readouterr()


# (arguments, the last line on standard error)
USAGES = {
    "no such command": (["fly"], "Error: No such command 'fly'."),
    "too much": (["chat", "a", "b"], "Error: Got unexpected extra argument (b)"),
    "too little": (["agents", "sync", "a"], "Error: Missing option '--tools'."),
    "no number": (
        ["emulator", "--port", "x"],
        "Error: Invalid value for '--port': 'x' is not a valid integer range.",
    ),
    "no port": (
        ["emulator", "--port", "99999"],
        "Error: Invalid value for '--port': 99999 is not in the range 0<=x<=65535.",
    ),
}


@pytest.mark.parametrize("case", USAGES)
def test_wrong_usage_is_exit_code_two(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The usage is shown, and what is wrong with it."""
    arguments, expected = USAGES[case]
    assert 2 == main(arguments)
    output, error = capsys.readouterr()
    assert "" == output
    assert error.startswith("Usage: azure-agents")
    assert expected == error.splitlines()[-1]


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With what they do; nothing was done, so the exit code is that of an error."""
    assert 2 == main([])
    assert "  emulator " in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the package's version."""
    assert 0 == main(["--version"])
    assert f"azure-agents {__version__}\n" == capsys.readouterr().out


COMMANDS = [
    [],
    ["chat"],
    ["doctor"],
    ["agents"],
    ["agents", "sync"],
    ["agents", "create"],
    ["cancel"],
    ["emulator"],
    ["demo"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`-h` and `--help` give the same text, and send nothing."""
    assert 0 == main([*command, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(" ".join(["Usage: azure-agents", *command]))
    assert 0 == main([*command, "-h"])
    assert text == capsys.readouterr().out


# --- chat -----------------------------------------------------------------------------------------


@pytest.fixture(name="foundry")
def _foundry() -> Iterator[Emulator]:
    with Emulator(seed=3) as foundry:
        yield foundry


class Terminal:
    """Runs `azure-agents chat` on an emulator, in process."""

    def __init__(self, foundry: Emulator, patch: pytest.MonkeyPatch) -> None:
        self._foundry = foundry
        self._patch = patch
        patch.setenv(
            "AZURE_AD_TOKEN", foundry.credential.get_token("https://ai.azure.com/.default").token
        )
        patch.setattr("azure_agents.client.agent_client.SyncClient", self._client)

    def _client(self, *_: Any, **__: Any) -> Any:
        from azure_agents.drivers.clients import SyncClient

        return SyncClient(self._foundry.transport)

    def type(
        self,
        *lines: str,
        model: str,
        options: tuple[str, ...] = (),
        stdin: type[io.StringIO] = io.StringIO,
        endpoint: str | None = None,
    ) -> int:
        """Start a chat, type lines, end it; gives the exit code. An empty model is left out."""
        self._patch.setattr("sys.stdin", stdin("\n".join(lines)))
        named = [model] if model else []
        return main(["chat", *named, "--endpoint", endpoint or self._foundry.endpoint, *options])


@pytest.fixture(name="terminal")
def _terminal(foundry: Emulator, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(foundry, monkeypatch)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_chat_sends_one_request_per_turn_and_remembers(
    generation: Any, foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each turn is one request, answered in full, with thread and tokens; blank lines are none."""
    agent = foundry.create_agent("helper", generation=generation)
    assert 0 == terminal.type("My name is Ada.", "", "What is my name?", model=agent.model)
    lines = capsys.readouterr().out.splitlines()
    assert ["Nice to meet you, Ada. (turn 1)", "Your name is Ada."] == lines[::2]
    assert all(line.startswith("[stop · thread ") for line in lines[1::2])
    assert 2 == len(foundry.requests)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_chat_goes_on_with_a_thread(
    generation: Any, foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--thread-id` takes what an earlier chat printed, and stays with it."""
    agent = foundry.create_agent("helper", generation=generation)
    terminal.type("My name is Ada.", model=agent.model)
    thread = capsys.readouterr().out.split("thread ")[1].split(" ")[0]
    options = ("--thread-id", thread)
    assert 0 == terminal.type("I am back.", "Who am I?", model=agent.model, options=options)
    assert "Your name is Ada." == capsys.readouterr().out.splitlines()[2]
    said = [message.text for message in foundry.seen[-1].messages if message.role == "user"]
    assert ["My name is Ada.", "I am back.", "Who am I?"] == said


@pytest.mark.parametrize("kind", ["hosted", "application"])
def test_a_chat_at_an_agents_own_endpoint_needs_no_model(
    kind: str, foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """The endpoint names the agent; a model that disagrees is an error in one line."""
    hosted = {"kind": "hosted"} if kind == "hosted" else None
    agent = foundry.create_agent("helper", definition=hosted)
    endpoint = foundry.endpoint_of(agent) if hosted else foundry.publish(agent)
    lines = "My name is Ada.", "What is my name?"
    assert 0 == terminal.type(*lines, model="", endpoint=endpoint)
    answers = capsys.readouterr().out.splitlines()[::2]
    assert ["Nice to meet you, Ada. (turn 1)", "Your name is Ada."] == answers
    assert 2 == terminal.type(*lines, model="other", endpoint=endpoint)
    assert "model 'other' and the endpoint" in capsys.readouterr().err


def test_a_turn_that_calls_tools_is_dropped(
    foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chat has no tools; the next turn does not suffer."""
    agent = foundry.create_agent("helper", [ToolCalls(("get_time", {})), "Hello."])
    assert 0 == terminal.type("What time is it?", "Hello?", model=agent.model)
    output = capsys.readouterr().out
    assert "[the agent calls get_time, and this chat runs no tools" in output
    assert ["Hello?"] == [message.text for message in foundry.seen[-1].messages]


def test_a_failed_turn_ends_a_script_with_exit_code_two(
    foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard input is no terminal here: whoever wrote the script wants to know."""
    agent = foundry.create_agent("helper", Failed("server_error", "No luck."))
    assert 2 == terminal.type("Hello?", model=agent.model, options=("--timeout", "30"))
    error = capsys.readouterr().err
    assert error.startswith("azure-agents: RunFailedError: ")
    assert 1 == error.count("\n")


class _Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_at_a_terminal_a_failed_turn_is_dropped_and_the_chat_goes_on(
    foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error is one line, and the agent never hears of the turn again."""
    agent = foundry.create_agent("helper", [Failed("server_error", "No luck."), "Hello."])
    assert 0 == terminal.type("Hello?", "Hello again?", model=agent.model, stdin=_Keyboard)
    output, error = capsys.readouterr()
    assert error.strip().startswith("azure-agents: RunFailedError: ")
    assert "Hello.\n[stop · thread " in output
    assert ["Hello again?"] == [message.text for message in foundry.seen[-1].messages]


def test_ctrl_c_stops_an_answer_and_not_the_chat(
    foundry: Emulator,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The run is cancelled on the server, and the next turn is answered without it."""
    agent = foundry.create_agent("helper", generation="classic")
    keys = iter([True])
    show = fold.Fold.add

    def interrupted(folding: fold.Fold, event: Any) -> None:
        show(folding, event)
        if isinstance(event, TextDelta) and next(keys, False):
            raise KeyboardInterrupt

    monkeypatch.setattr("azure_agents.fold.Fold.add", interrupted)
    assert 0 == terminal.type("My name is Ada.", "Who am I?", model=agent.model)
    assert "\n[stopped]\nYou have not told me your name yet.\n" in capsys.readouterr().out
    assert foundry.requests[1].path.endswith("/cancel")


def test_no_token_appears_in_output(
    foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even when it is refused."""
    agent = foundry.create_agent("helper")
    foundry.revoke_tokens()
    assert 2 == terminal.type("Hello?", model=agent.model)
    output, error = capsys.readouterr()
    assert error.startswith("azure-agents: AuthenticationError: ")
    assert "emulator-token" not in output + error


def deletes(turn: Any) -> Any:
    """An agent that asks before it deletes."""
    last = turn.messages[-1].text
    if last == "approved":
        return Parts(McpCall("files", "delete", "{}", "gone"), "Deleted.")
    return "I left it." if last == "denied" else McpApproval("files", "delete", '{"path": "/x"}')


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    "case",
    [  # at a keyboard, options, what is typed, what the agent says
        (True, (), ("y",), "Deleted."),
        (True, (), ("N",), "I left it."),
        (True, (), ("",), "I left it."),
        (True, (), (), "I left it."),
        (True, ("--approve", "never"), (), "I left it."),
        (False, ("--approve", "always"), (), "Deleted."),
        (False, (), (), "I left it."),
    ],
)
def test_a_tool_that_needs_permission_is_shown_and_asked(
    generation: Any,
    case: tuple[bool, tuple[str, ...], tuple[str, ...], str],
    foundry: Emulator,
    terminal: Terminal,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Only a yes, or `--approve always`, lets it run; where nobody can be asked it does not."""
    keyboard, options, lines, said = case
    agent = foundry.create_agent("files", deletes, generation=generation)
    stdin = _Keyboard if keyboard else io.StringIO
    terminal.type("Delete /x", *lines, model=agent.model, options=options, stdin=stdin)
    output = capsys.readouterr().out
    decided = "[approved]" if said == "Deleted." else "[denied]"
    asked = '[the agent wants to run files.delete with {"path": "/x"}]'
    assert [True] * 3 == [text in output for text in (asked, decided, said)]


def test_a_tool_that_needs_a_sign_in_shows_the_link(
    foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to decide: the user opens it."""
    agent = foundry.create_agent("mail", Consent("https://login.example/x", "mail"))
    assert 0 == terminal.type("Read my mail", model=agent.model)
    output = capsys.readouterr().out
    assert "[a tool of mail needs you to sign in: https://login.example/x]" in output


def test_a_server_tool_shows_what_it_does(
    foundry: Emulator, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each step, before the answer."""
    agent = foundry.create_agent("reader", Parts(FileSearch(["x"], []), "Found."))
    assert 0 == terminal.type("Find x", model=agent.model)
    output = capsys.readouterr().out
    assert output.startswith("[searching files…]\nFound.")


# --- odd terminals --------------------------------------------------------------------------------


def run(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    """The command in a process of its own, its output in a pipe."""
    command = [sys.executable, "-m", "azure_agents.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


@pytest.mark.parametrize(("arguments", "code"), [("demo", 141), ("--help", 141)])
def test_a_closed_pipe_ends_without_a_traceback(arguments: str, code: int) -> None:
    """As with `| head -1`: silence, and the exit code of a program that lost its reader."""
    with run(arguments) as process:
        assert process.stdout is not None
        process.stdout.close()
        said = process.stderr.read() if process.stderr else b""
        assert (code, b"") == (process.wait(60), said)


@pytest.mark.slow
def test_characters_that_the_terminal_lacks_are_replaced() -> None:
    """A console that knows ASCII only shows question marks, and no traceback."""
    with run("demo", env={**os.environ, "PYTHONIOENCODING": "ascii"}) as process:
        output, error = process.communicate(timeout=60)
    assert (0, b"") == (process.returncode, error)
    assert output.isascii()


# --- emulator -------------------------------------------------------------------------------------


class _EnoughError(Exception):
    """Ends a server as soon as it listens."""


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_emulator_prints_its_endpoint_and_agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Endpoint, agents of the file, and a command to paste."""
    agents = tmp_path / "agents.yaml"
    agents.write_text("agents:\n- name: librarian\n  reply: Hello.\n")

    def until_ready(*args: Any, ready: Any, **kwargs: Any) -> None:
        def announce(*told: Any) -> None:
            ready(*told)
            raise _EnoughError

        run_server(*args, ready=announce, **kwargs)

    monkeypatch.setattr("azure_agents.emulator.served.command.run_server", until_ready)
    with contextlib.suppress(_EnoughError):
        main(["emulator", "--port", "0", "--agents", str(agents)])
    output = capsys.readouterr().out
    assert "agent     librarian:1  (v2, librarian)" in output
    assert "finds it with (Microsoft's own clients need https: --tls FOLDER):" in output
    assert "azure-agents chat librarian:1 --endpoint http://127.0.0.1:" in output


def test_the_list_of_commands_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a sentence that fits into a terminal of 80 columns."""
    assert 0 == main(["--help"])
    commands = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert [] == [line for line in commands if line.endswith("...") or not line[15:].strip()]
    assert len(commands) > 10
