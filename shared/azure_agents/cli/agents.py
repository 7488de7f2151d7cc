"""The command `agents` with what it can do, and `cancel`."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from .agent_objects import (
    create,
    delete,
    export_agents,
    import_agents,
    list_agents,
    show,
    update,
)
from .connection import connect, connection_options
from .tool_files import read_tools


@click.group(short_help="List, make, change, delete and keep agents.")
def agents() -> None:
    """List, make, change and delete agents, and keep them in files."""


for command in (list_agents, show, create, update, delete, export_agents, import_agents):
    agents.add_command(command)


@agents.command()
@click.argument("model")
@click.option(
    "--tools",
    required=True,
    help="A JSON file with a list of tools, or module:name of a list of them.",
)
@connection_options()
def sync(*, model: str, tools: str, **connection: Any) -> None:
    """Declare function tools on the v2 agent MODEL (a new version, if that changes anything)."""
    found = read_tools(tools)
    with closing(connect(model, connection)) as client:
        version = client.declare_tools(found)
    name = client.settings.agent.name
    if not version:
        click.echo(
            f"{name} is a classic agent, which takes tools with every call: nothing to declare"
        )
        return
    click.echo(f"{name}:{version} declares {len(found)} of these tools")


@click.command(short_help="Stop a background response or a run.")
@click.argument("model")
@click.option("--response-id", help="resp_... (v2).")
@click.option("--thread-id", help="thread_... (classic).")
@click.option("--run-id", help="run_... (classic).")
@connection_options()
def cancel(
    *,
    model: str,
    response_id: str | None,
    thread_id: str | None,
    run_id: str | None,
    **connection: Any,
) -> None:
    """Stop a background response (v2) or a run (classic) of the agent MODEL."""
    with closing(connect(model, connection)) as client:
        status = client.cancel(response_id=response_id, thread_id=thread_id, run_id=run_id)
    click.echo(status)
