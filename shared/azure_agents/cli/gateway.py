"""`azure-agents serve`, `check-config` and `keys`: the gateway."""

from __future__ import annotations

from pathlib import Path

import click

from .terminal import show_table

_CONFIG = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path),
    default=Path("config.yaml"),
    show_default=True,
    help="The config file.",
)

_WORKERS = click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    envvar="WEB_CONCURRENCY",
    show_envvar=True,
    help="Processes that serve on the port.",
)


@click.command()
@_CONFIG
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4000, show_default=True, help="0: any port."
)
@_WORKERS
@click.option(
    "--drain",
    type=click.FloatRange(0, 600),
    default=0.0,
    show_default=True,
    help="Seconds after SIGTERM in which requests are still taken, while readiness says no.",
)
def serve(*, config: Path, host: str, port: int, workers: int, drain: float) -> None:
    """Serve agents and deployments in OpenAI's and Anthropic's format, until Ctrl-C or SIGTERM."""
    if workers == 1:
        from ..gateway.server import serve as run

        run(config, host, port, _announce, drain=drain)
    else:
        from ..gateway.workers.parent import serve_with_workers

        serve_with_workers(config, host, port, workers, _announce, drain=drain)


def _announce(url: str) -> None:
    click.echo(f"The gateway is listening at {url}/v1 (Ctrl-C ends it).")


@click.command("check-config")
@_CONFIG
@_WORKERS
def check_config(*, config: Path, workers: int) -> int:
    """Show what a config file amounts to: models, routes, credentials (never their values)."""
    from ..gateway.overview import COLUMNS, overview
    from ..gateway.server import load_config, settle_in
    from ..gateway.workers.parent import shares_nothing

    read = load_config(config)
    settle_in(read)
    rows = [tuple(getattr(row, name) for name in COLUMNS) for row in overview(read)]
    show_table(COLUMNS, rows)
    for note in read.notes:
        click.echo(f"note: {note}")
    if not read.has_keys:
        click.echo("note: no keys: only this machine may call")
    warning = shares_nothing(read, workers)
    if warning is not None:
        click.echo(f"note: {warning}")
    return 1 if any(row[-1] for row in rows) else 0


@click.group()
def keys() -> None:
    """Make keys of clients."""


@keys.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a key called NAME; the config file gets its hash, and the client the key."""
    from ..gateway.keyring import new_key

    key, hashed = new_key()
    click.echo(f"key:  {key}    (shown once, for the client)")
    click.echo("for the config file:")
    click.echo(f"keys:\n  - name: {name}\n    hash: {hashed}")
