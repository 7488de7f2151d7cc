"""The command line: which commands there are, what one may leave behind, and its exit code.

An error is one line on standard error and exit code 2 (a config file with several problems has a
line for each); a traceback would be a bug. Keys and tokens are read from the environment only:
arguments are visible to every user of the machine. Arguments are read by click. Every command
imports what it needs when it runs, so that `--version` and `--help` are instant.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import click

from .._version import __version__
from ..errors import AzureAgentsError
from .agents import agents, cancel
from .chat import chat
from .doctor import doctor
from .emulator import emulator
from .gateway import check_config, keys, serve
from .map import map_rows
from .terminal import error_lines, hang_up, show_anything
from .threads import threads

_STOPPED = 130  # what shells report after Ctrl-C
_UNREAD = 141  # what shells report of a program whose output nobody reads any more


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def azure_agents() -> None:
    """Microsoft Foundry agents on the command line."""


@click.command()
def demo() -> None:
    """Show both generations through both frameworks."""
    from .demo import run

    run()


for command in (
    emulator,
    chat,
    map_rows,
    doctor,
    agents,
    threads,
    cancel,
    demo,
    serve,
    check_config,
    keys,
):
    azure_agents.add_command(command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        The exit code: 0, 2 after an error, 130 after Ctrl-C, 141 if nobody reads the output; or
        another one, of a command that has codes of its own.
    """
    show_anything()
    # azure-identity logs a page about every way to sign in that it tried.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    try:
        return _run(argv)
    except BrokenPipeError:
        hang_up()
        return _UNREAD
    except click.UsageError as wrong:
        wrong.show()
        return wrong.exit_code
    except (AzureAgentsError, OSError) as error:
        click.echo("azure-agents: " + "\n".join(error_lines(error)), err=True)
        return 2
    except (KeyboardInterrupt, click.Abort):
        click.echo(err=True)
        return _STOPPED


def _run(argv: Sequence[str] | None) -> int:
    arguments = None if argv is None else list(argv)
    try:
        code = azure_agents.main(arguments, prog_name="azure-agents", standalone_mode=False)
    except SystemExit as unread:  # this is all that click makes of a lost reader
        raise BrokenPipeError from unread
    finally:
        sys.stdout.flush()  # a lost reader (``| head``) shows here, not when Python ends
    return code if isinstance(code, int) else 0
