"""The options that name the project: the same for all commands that talk to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..settings.timeouts import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from ..client.agent_client import AgentClient

F = TypeVar("F", bound=Callable[..., Any])


def connection_options(endpoint: str = "The project") -> Callable[[F], F]:
    """Add the options; the command gets them as keyword arguments and gives them to `connect`.

    Args:
        endpoint: What ``--endpoint`` may name, for the help text.
    """
    options = (
        click.option("--endpoint", help=f"{endpoint} (default: AZURE_AI_PROJECT_ENDPOINT)."),
        click.option(
            "--timeout",
            type=float,
            default=DEFAULT_TIMEOUT,
            show_default=True,
            help="Seconds that a turn may take.",
        ),
        click.option(
            "--scope", help="Scope of tokens, where the host of the endpoint does not imply it."
        ),
        click.option("--api-version", help="Version of the classic service's API."),
        click.option("--allow-http", is_flag=True, help="Accept plain http to another machine."),
    )

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def connect(model: str | None, connection: Mapping[str, Any], **more: Any) -> AgentClient:
    """Make the client of a command; the credential comes from the environment.

    Args:
        model: The agent; None where the environment or the endpoint names it.
        connection: The values of `connection_options`.
        more: Further arguments of the client.
    """
    from ..client.agent_client import AgentClient

    return AgentClient(model=model, **connection, **more)
