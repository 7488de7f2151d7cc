"""The command line: `azure-agents emulator`, `chat`, `agents sync`, `cancel` and `demo`.

An error is one line on standard error and exit code 2; a traceback would be a bug. Keys and tokens
are read from the environment only: arguments are visible to every user of the machine. Every
command imports what it needs when it runs, so that `--version` and `--help` are instant.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._version import __version__
from ..errors import AzureAgentsError, ConfigError
from ..settings.endpoint import parse_endpoint
from .agents import add_agents, add_cancel
from .chat import add_chat
from .terminal import error_line, hang_up, show_anything

_STOPPED = 130  # what shells report after Ctrl-C
_LAST_PORT = 65535
_UNREAD = 141  # what shells report of a program whose output nobody reads any more


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        The exit code: 0, 2 after an error, 130 after Ctrl-C, 141 if nobody reads the output.
    """
    show_anything()
    # azure-identity logs a page about every way to sign in that it tried.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    try:
        _run(argv)
    except BrokenPipeError:
        hang_up()
        return _UNREAD
    except (AzureAgentsError, OSError) as error:
        print(f"azure-agents: {error_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _STOPPED
    return 0


def _run(argv: Sequence[str] | None) -> None:
    try:
        arguments = _parser().parse_args(argv)
        arguments.run(arguments)
    finally:
        sys.stdout.flush()  # a lost reader (``| head``) shows here, not when Python ends


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="azure-agents", description="Microsoft Foundry agents on the command line."
    )
    parser.add_argument("--version", action="version", version=f"azure-agents {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_emulator(commands)
    add_chat(commands)
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


def _demo(_arguments: argparse.Namespace) -> None:
    from .demo import run

    run()


# --- emulator -------------------------------------------------------------------------------------


def _emulator(arguments: argparse.Namespace) -> None:
    from ..emulator.served.command import DEMO_AGENTS, read_agents, run_server

    if not (arguments.allow_remote or _is_loopback(arguments.host)):
        raise ConfigError(
            f"--host {arguments.host!r} would show the emulator, which lets everybody in, to other "
            "machines: leave it out, or add --allow-remote if that is meant"
        )
    if not 0 <= arguments.port <= _LAST_PORT:
        raise ConfigError(f"--port {arguments.port} is no port: use 0 (any) to {_LAST_PORT}")
    agents = DEMO_AGENTS if arguments.agents is None else _from_file(read_agents, arguments.agents)
    run_server(arguments.host, arguments.port, agents=agents, tls=arguments.tls, ready=_announce)


def _is_loopback(host: str) -> bool:
    name = f"[{host}]" if ":" in host else host
    return parse_endpoint(f"http://{name}/api/projects/demo", allow_http=True).is_loopback


def _from_file(read: Any, path: Path) -> Any:
    try:
        return read(path)
    except OSError as exc:
        raise ConfigError(f"cannot read {str(path)!r} ({exc.strerror})") from exc


def _announce(served: Any, agents: Any) -> None:
    print("The emulator is listening (Ctrl-C ends it). Any token or key is accepted.")
    print(f"  endpoint  {served.endpoint}")
    for agent in agents:
        print(f"  agent     {agent.model}  ({agent.generation}, {agent.name})")
    model = agents[0].model if agents else "MODEL"
    command = f"azure-agents chat {model} --endpoint {served.endpoint}"
    print(f"Try: AZURE_AI_API_KEY=any {command}")
    only = "" if served.authority else " (Microsoft's own clients need https: --tls FOLDER)"
    print(f"Code that uses DefaultAzureCredential finds it with{only}:")
    for name, value in served.environment.items():
        print(f"  export {name}={value}")
    print(end="", flush=True)
