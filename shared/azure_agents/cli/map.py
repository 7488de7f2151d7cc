"""`azure-agents map`: a file of questions in, a file of answers out.

Ctrl-C once: nothing more is asked, and what is under way is read to its end. Twice: at once. Both
say how to go on: by the same command.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AzureAgentsError, ConfigError
from .connection import connection_options
from .progress import progress_of, summary
from .terminal import error_line
from .tool_files import imported

if TYPE_CHECKING:
    from ..bulk.api import Bulk, Settings

_INTERRUPTED = 130
_REDIS = "AZURE_AGENTS_REDIS_URL"
_SAME = (  # options that are settings of a run by the same name
    "column",
    "instructions",
    "schema",
    "rpm",
    "tpm",
    "concurrency",
    "limit",
    "sample",
    "retry_failed",
    "accept_changes",
    "format",
)
_LOCAL = ("limit", "sample", "retry_failed", "dry_run")  # not with --engine ray
_GO_ON = "Run the same command again to go on."


@click.command("map", short_help="Ask every row of a file.")
@click.argument("model")
@click.argument("questions")
@click.option("--out", help="The answers: .jsonl or .csv; with --engine ray a folder of Parquet.")
@click.option("--column", help="The column that is asked (default: input, messages or turns).")
@click.option("--instructions", help="Sent with every row, besides the agent's own.")
@click.option(
    "--schema", type=click.Path(path_type=Path), help="A JSON schema: answers are objects."
)
@click.option("--tools", help="Functions that run here, as module:name; each call runs once.")
@click.option("--rpm", type=click.IntRange(1), help="Requests a minute.")
@click.option("--tpm", type=click.IntRange(1), help="Tokens a minute.")
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="The most rows under way.",
)
@click.option("--limit", type=click.IntRange(1), help="Only the first N rows.")
@click.option("--sample", type=click.IntRange(1), help="Only N rows, the same ones each time.")
@click.option("--retry-failed", is_flag=True, help="Ask rows again that failed in an earlier run.")
@click.option("--dry-run", is_flag=True, help="Check everything, and tell what it would cost.")
@click.option(
    "--background", is_flag=True, help="Answers go on without us (v2): none is paid twice."
)
@click.option(
    "--format",
    type=click.Choice(("rows", "azure-ai-evaluation", "ragas", "pandas")),
    default="rows",
    show_default=True,
    help="Names of the columns.",
)
@click.option("--base-model", help="The model behind MODEL, whose prices hold.")
@click.option("--redis", is_flag=True, help=f"Share the limits through the Redis of {_REDIS}.")
@click.option(
    "--engine",
    type=click.Choice(("local", "ray")),
    default="local",
    show_default=True,
    help=f"Where: in this process, or on a cluster of Ray, with the Redis of {_REDIS}.",
)
@click.option("--actors", type=click.IntRange(1), help="How many ask, with --engine ray.")
@click.option("--accept-changes", is_flag=True, help="Go on although the model or so was changed.")
@connection_options("The project, or the resource of a deployment")
def map_rows(*, model: str, questions: str, out: str | None, **options: Any) -> int:
    """Ask MODEL each row of QUESTIONS (.jsonl, .csv or .parquet; with --engine ray a folder).

    MODEL is an agent (my-agent, my-agent:1, asst_...) or a deployment (azure/my-deployment).

    Exit status: 0 all rows are answered, 1 rows failed, 2 refused before anything was sent,
    130 interrupted.
    """
    from ..bulk.api import Bulk

    if out is None and not options["dry_run"]:
        raise click.UsageError("Missing option '--out'.")
    if options["engine"] == "ray":
        return _ask_on_ray(model, questions, out, options)
    settings = _settings(None if options["dry_run"] or out is None else Path(out), options)
    run = Bulk(model, Path(questions), settings)
    for change in run.changes:
        click.echo(f"azure-agents: {change}", err=True)
    if options["dry_run"]:
        _tell_cost(model, run, options)
        return 0
    return _ask(run, out or "")


def _settings(out: Path | None, options: dict[str, Any]) -> Settings:
    from ..bulk.api import Settings

    tools = options["tools"]
    return Settings(
        out=out,
        tools=() if tools is None else _functions(tools),
        redis_url=_redis() if options["redis"] else None,
        arguments=_arguments(options),
        **{name: options[name] for name in _SAME},
    )


def _arguments(options: dict[str, Any]) -> dict[str, Any]:
    names = {"endpoint": "api_base", "scope": "azure_scope", "api_version": "api_version"}
    given = {theirs: options[ours] for ours, theirs in names.items()}
    flags = {name: options[name] or None for name in ("allow_http", "background", "base_model")}
    known = {name: value for name, value in {**given, **flags}.items() if value is not None}
    return {**known, "timeout": options["timeout"]}


def _functions(source: str) -> list[Any]:
    module, colon, name = source.partition(":")
    if not colon:
        raise ConfigError(f"--tools {source!r}: name a function, or a list of them, as module:name")
    found = imported(module, name)
    return list(found) if isinstance(found, list | tuple) else [found]


def _redis() -> str:
    url = os.environ.get(_REDIS)
    if not url:
        raise ConfigError(f"--redis needs the URL of a Redis in the environment variable {_REDIS}")
    return url


def _tell_cost(model: str, run: Bulk, options: dict[str, Any]) -> None:
    from ..bulk.estimate import BYTES_OF_A_TOKEN, TOKENS_OF_AN_ANSWER, estimate_run

    rows, found = run.totals.rows, run.input
    run.close()
    base, instructions = options["base_model"], options["instructions"]
    told = estimate_run(model, found, rows, instructions, base)
    click.echo(f"{rows:,} of {found.total:,} rows would be asked")
    click.echo(f"{told.tokens_in:,} tokens in, {told.tokens_out:,} tokens out")
    advice = "" if base else "; --base-model names the model behind it"
    price = f"${told.usd:,.2f}" if told.usd is not None else f"not known ({told.why}{advice})"
    click.echo(f"cost: {price}")
    click.echo(
        f"(counted: a token for {BYTES_OF_A_TOKEN} bytes of question, {TOKENS_OF_AN_ANSWER} tokens "
        "for an answer; what an agent adds by itself is not known)"
    )


def _ask_on_ray(model: str, questions: str, out: str | None, options: dict[str, Any]) -> int:
    from ..bulk.on_ray import map_on_ray

    refused = next((name for name in _LOCAL if options[name]), None)
    if refused is not None:
        name = f"--{refused}".replace("_", "-")
        raise click.UsageError(f"{name} is not there with --engine ray: leave one of them out.")
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    tools = () if options["tools"] is None else _functions(options["tools"])
    names = (name for name in (*_SAME, "actors") if name not in _LOCAL)
    given = {name: options[name] for name in names} | {"tools": tools} | _arguments(options)
    ended = map_on_ray(model, questions, out, **given)
    click.echo(f"{ended.done:,} of {ended.rows:,} rows answered, {ended.failed:,} failed: {out}")
    return 1 if ended.failed else 0


def _ask(run: Bulk, out: str) -> int:
    try:
        with _interrupts(run):
            asyncio.run(_read(run))
    except (AzureAgentsError, OSError) as error:
        if not run.totals.done + run.totals.failed:
            raise
        click.echo(f"azure-agents: {error_line(error)}", err=True)
        click.echo(f"{summary(run, out)} {_GO_ON}")
        return 1
    if run.is_stopped:
        click.echo(f"Interrupted. {summary(run, out)} {_GO_ON}")
        return _INTERRUPTED
    click.echo(summary(run, out))
    return 1 if run.totals.failed or run.were_failed else 0


async def _read(run: Bulk) -> None:
    with progress_of(run) as show:
        async for _ in run.results():
            show()


@contextmanager
def _interrupts(run: Bulk) -> Iterator[None]:
    """Stop the run at Ctrl-C, and end the process at the second one."""

    def interrupt(*_: Any) -> None:
        if run.is_stopped:
            click.echo(f"\nInterrupted at once. {_GO_ON}", err=True)
            sys.stderr.flush()
            # What is under way goes on at the service where it can, to be found by the next run:
            # an orderly end would cancel it.
            os._exit(_INTERRUPTED)
        click.echo(
            "\nAsking no more; waiting for what is under way (Ctrl-C: end at once)", err=True
        )
        run.stop()

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
