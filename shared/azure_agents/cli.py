"""The command line: `azure-agents emulator`, `chat`, `agents sync`, `cancel` and `demo`.

What goes wrong is one line on standard error and exit code 2; a traceback would be a bug. Keys and
tokens are read from the environment only: arguments are visible to every user of the machine.
Every command imports what it needs when it runs, so that `--version` and `--help` are instant.
"""

from __future__ import annotations

import argparse
import logging
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .cli_agents import add_agents, add_cancel, add_connection, connect
from .endpoint import parse_endpoint
from .errors import AzureAgentsError, ConfigError

if TYPE_CHECKING:
    from .client import AgentClient
    from .fold import Completion
    from .messages import Message

_STOPPED = 130  # what shells report after Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        The exit code: 0, 2 after an error, 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    # azure-identity logs a page about every way to sign in that it tried.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    try:
        arguments.run(arguments)
    except AzureAgentsError as error:
        print(f"azure-agents: {_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _STOPPED
    return 0


def _printable(text: str) -> str:
    """What an agent said, without what would command the terminal: escapes, carriage returns."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept)


def _line(error: AzureAgentsError) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="azure-agents", description="Microsoft Foundry agents on the command line."
    )
    parser.add_argument("--version", action="version", version=f"azure-agents {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_emulator(commands)
    _add_chat(commands)
    add_agents(commands)
    add_cancel(commands)
    demo = commands.add_parser("demo", help="show both generations through both frameworks")
    demo.set_defaults(run=_demo)
    return parser


def _add_emulator(commands: Any) -> None:
    about = "serve an emulated project on this machine"
    parser = commands.add_parser("emulator", help=about, description=f"{about}, until Ctrl-C.")
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8321, help="0: any (default: %(default)s)")
    parser.add_argument("--agents", type=Path, metavar="FILE", help="YAML file with `agents:`")
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen on an address others can reach"
    )
    parser.add_argument(
        "--tls", type=Path, metavar="FOLDER", help="serve https, with a certificate made there"
    )
    parser.set_defaults(run=_emulator)


def _add_chat(commands: Any) -> None:
    about = "chat with an agent, streamed"
    parser = commands.add_parser(
        "chat",
        help=about,
        description=f"{about}. The credential comes from the environment. Ctrl-C stops an answer, "
        "Ctrl-D ends the chat.",
    )
    parser.add_argument("model", metavar="MODEL", help="my-agent, my-agent:1 or asst_...")
    add_connection(parser)
    parser.add_argument("--threads", default="auto", help="auto, conversation or ephemeral")
    parser.add_argument("--thread-id", help="go on with this conversation, thread or response")
    parser.add_argument("--instructions", help="sent with every turn, besides the agent's own")
    parser.set_defaults(run=_chat)


def _demo(_arguments: argparse.Namespace) -> None:
    from .demo import run

    run()


# --- emulator -------------------------------------------------------------------------------------


def _emulator(arguments: argparse.Namespace) -> None:
    from .emulator.server import DEMO_AGENTS, read_agents, run_server

    if not (arguments.allow_remote or _is_loopback(arguments.host)):
        raise ConfigError(
            f"--host {arguments.host!r} would show the emulator, which lets everybody in, to other "
            "machines: leave it out, or add --allow-remote if that is meant"
        )
    agents = DEMO_AGENTS if arguments.agents is None else _read(read_agents, arguments.agents)
    run_server(arguments.host, arguments.port, agents=agents, tls=arguments.tls, ready=_announce)


def _is_loopback(host: str) -> bool:
    name = f"[{host}]" if ":" in host else host
    return parse_endpoint(f"http://{name}/api/projects/demo", allow_http=True).is_loopback


def _read(read: Any, path: Path) -> Any:
    try:
        return read(path)
    except OSError as exc:
        raise ConfigError(f"cannot read {str(path)!r} ({exc.strerror})") from exc


def _announce(served: Any, foundry: Any) -> None:
    print("The emulator is listening (Ctrl-C ends it). Any token or key is accepted.")
    print(f"  endpoint  {served.endpoint}")
    for agent in foundry.agents:
        print(f"  agent     {agent.model}  ({agent.generation}, {agent.name})")
    model = foundry.agents[0].model if foundry.agents else "MODEL"
    command = f"azure-agents chat {model} --endpoint {served.endpoint}"
    print(f"Try: AZURE_AI_API_KEY=any {command}")
    print("Code that uses DefaultAzureCredential finds it with:")
    for name, value in served.environment.items():
        print(f"  export {name}={value}")
    print(end="", flush=True)


# --- chat -----------------------------------------------------------------------------------------


def _chat(arguments: argparse.Namespace) -> None:
    chosen = {"threads": arguments.threads, "instructions": arguments.instructions}
    with closing(connect(arguments, **chosen)) as agents:
        _Chat(agents, arguments.thread_id).run()


class _Chat:
    """A conversation at the terminal; a turn that failed or was stopped is not part of it."""

    def __init__(self, agents: AgentClient, pin: str | None) -> None:
        self._agents = agents
        self._pin = pin
        self._history: tuple[Message, ...] = ()
        self._is_terminal = sys.stdin.isatty()

    def run(self) -> None:
        while (text := self._read()) is not None:
            try:
                self._turn(text)
            except AzureAgentsError as error:
                if not self._is_terminal:
                    raise
                print(f"\nazure-agents: {_line(error)}", file=sys.stderr)
            except KeyboardInterrupt:
                print("\n[stopped]")

    def _read(self) -> str | None:
        text = ""
        while not text.strip():
            try:
                text = input("you> " if self._is_terminal else "")
            except EOFError:
                return None
        return text

    def _turn(self, text: str) -> None:
        from .messages import assistant, user

        asked = (*self._history, user(text))
        completion = self._answer(asked)
        done = completion.finished
        if completion.tool_calls:
            names = _printable(", ".join(call.name for call in completion.tool_calls))
            print(f"\n[the agent calls {names}, and this chat runs no tools: the turn is dropped]")
            return
        self._history = (*asked, assistant(completion.text, anchor=done.anchor))
        # A pinned response is one moment: the next turn goes on from the answer to this one.
        self._pin = self._pin and done.thread_id
        usage = completion.usage
        tokens = f" · {usage.input_tokens} tokens in, {usage.output_tokens} out" if usage else ""
        print(_printable(f"\n[{done.reason} · thread {done.thread_id}{tokens}]"))

    def _answer(self, asked: tuple[Message, ...]) -> Completion:
        from .events import RefusalDelta, TextDelta
        from .fold import Fold
        from .messages import TurnRequest

        folding = Fold()
        with closing(self._agents.stream(TurnRequest(asked, thread_id=self._pin))) as events:
            for event in events:
                folding.add(event)
                if isinstance(event, TextDelta | RefusalDelta):
                    print(_printable(event.text), end="", flush=True)
        return folding.result()


if __name__ == "__main__":
    raise SystemExit(main())
