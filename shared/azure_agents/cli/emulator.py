"""`azure-agents emulator`: an emulated project on this machine, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import ConfigError
from ..settings.endpoint import parse_endpoint


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8321, show_default=True, help="0: any port."
)
@click.option("--agents", type=click.Path(path_type=Path), help="YAML file with `agents:`.")
@click.option("--allow-remote", is_flag=True, help="Listen on an address that others can reach.")
@click.option(
    "--tls",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Serve https, with a certificate that is made there.",
)
def emulator(
    *, host: str, port: int, agents: Path | None, allow_remote: bool, tls: Path | None
) -> None:
    """Serve an emulated project on this machine, until Ctrl-C."""
    from ..emulator.served.command import DEMO_AGENTS, read_agents, run_server

    if not (allow_remote or _is_loopback(host)):
        raise ConfigError(
            f"--host {host!r} would show the emulator, which lets everybody in, to other machines: "
            "leave it out, or add --allow-remote if that is meant"
        )
    found = DEMO_AGENTS if agents is None else _from_file(read_agents, agents)
    run_server(host, port, agents=found, tls=tls, ready=_announce)


def _is_loopback(host: str) -> bool:
    name = f"[{host}]" if ":" in host else host
    return parse_endpoint(f"http://{name}/api/projects/demo", allow_http=True).is_loopback


def _from_file(read: Any, path: Path) -> Any:
    try:
        return read(path)
    except OSError as exc:
        raise ConfigError(f"cannot read {str(path)!r} ({exc.strerror})") from exc


def _announce(served: Any, agents: Any) -> None:
    click.echo("The emulator is listening (Ctrl-C ends it). Any token or key is accepted.")
    click.echo(f"  endpoint  {served.endpoint}")
    for agent in agents:
        click.echo(f"  agent     {agent.model}  ({agent.generation}, {agent.name})")
    model = agents[0].model if agents else "MODEL"
    command = f"azure-agents chat {model} --endpoint {served.endpoint}"
    click.echo(f"Try: AZURE_AI_API_KEY=any {command}")
    only = "" if served.authority else " (Microsoft's own clients need https: --tls FOLDER)"
    click.echo(f"Code that uses DefaultAzureCredential finds it with{only}:")
    for name, value in served.environment.items():
        click.echo(f"  export {name}={value}")
