"""`azure-agents threads`: what the service keeps, listed, shown, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import click

from ..naming import Generation, parse_handle
from .connection import connect, connection_options
from .terminal import printable, show_table

if TYPE_CHECKING:
    from ..client.agent_client import AgentClient
    from ..messages import Message

# Threads belong to a project, not to an agent: any name says which generation is meant.
_ANY: Mapping[Generation, str] = {"v2": "any", "classic": "asst_any"}
_GENERATION = click.option(
    "--generation", type=click.Choice(get_args(Generation)), help="Only those of one."
)


@click.group(short_help="List, show and delete threads.")
def threads() -> None:
    """List, show and delete threads (classic) and conversations (v2)."""


def _project(generation: Generation, connection: dict[str, Any]) -> AgentClient:
    return connect(_ANY[generation], connection)


@threads.command("list")
@_GENERATION
@connection_options()
def list_threads(*, generation: Generation | None, **connection: Any) -> None:
    """List the threads of the project, newest first."""
    rows = []
    for kind in (generation,) if generation else get_args(Generation):
        with closing(_project(kind, connection)) as client:
            rows += [(one.id, _day(one.created_at)) for one in client.threads.list()]
    if not rows:
        click.echo("The project has no threads.", err=True)
        return
    show_table(("thread", "made"), rows)


def _day(seconds: int | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


@threads.command("show")
@click.argument("thread")
@connection_options()
def show_thread(*, thread: str, **connection: Any) -> None:
    """Show what was said on THREAD: conv_..., resp_... or thread_..."""
    with closing(_project(parse_handle(thread).generation, connection)) as client:
        for message in client.threads.messages(thread):
            for line in _lines(message):
                click.echo(printable(line))


def _lines(message: Message) -> list[str]:
    said = [f"{message.role}: {message.text}"] if message.text else []
    calls = [f"{message.role}: calls {call.name}({call.arguments})" for call in message.tool_calls]
    asks = [f"{message.role}: asks for {_asked(ask)}" for ask in message.asks]
    other = [one for one in message.parts if type(one).__name__ != "Text"]
    return [*said, *calls, *asks, *(f"{message.role}: {_shown(one)}" for one in other)]


def _asked(ask: Any) -> str:
    return f"{getattr(ask, 'name', 'a sign-in')} ({ask.id})"


def _shown(part: Any) -> str:
    if hasattr(part, "approve"):
        return f"{'approves' if part.approve else 'denies'} {part.request_id}"
    return f"[{part.kind} {part.file_id or part.url or 'given as data'}]"


@threads.command("delete")
@click.argument("ids", nargs=-1, required=True, metavar="THREAD...")
@connection_options()
def delete_threads(*, ids: tuple[str, ...], **connection: Any) -> None:
    """Delete each THREAD: conv_..., thread_..., or one resp_..."""
    for id in ids:
        with closing(_project(parse_handle(id).generation, connection)) as client:
            client.threads.delete(id)


@threads.command()
@click.option("--older-than", "days", type=float, required=True, help="Days since it was made.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_GENERATION
@connection_options()
def prune(*, days: float, yes: bool, generation: Generation | None, **connection: Any) -> int:
    """Delete the threads of the project that were made long ago, whoever made them."""
    question = f"Delete every thread of the project that is older than {days:g} days?"
    if not yes and not click.confirm(question):
        return 1
    for kind in (generation,) if generation else get_args(Generation):
        with closing(_project(kind, connection)) as client:
            for id in client.threads.prune(days):
                click.echo(id)
    return 0
