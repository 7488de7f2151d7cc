"""`azure-agents serve`, `check-config` and `keys`: the gateway."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..jsonio import dumps
from .terminal import show_table

if TYPE_CHECKING:
    from ..gateway.config.objects import GatewayKey
    from ..gateway.spend.keys import KeyStore

# A hash may be all digits, or digits and one e: YAML would read a number.
_WORD = re.compile(r"[A-Za-z][\w-]*|(?=.*[a-df].*[a-df])[0-9a-f]{64}", re.ASCII)
_NO_TEXTS = {"yes", "no", "true", "false", "on", "off", "null", "y", "n"}
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


@click.command(short_help="Serve the gateway.")
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
    from ..gateway.server import serve as run
    from ..gateway.server import start_log

    start_log()
    if workers == 1:
        run(config, host, port, _announce, drain=drain)
    else:
        from ..gateway.workers.parent import serve_with_workers

        serve_with_workers(config, host, port, workers, _announce, drain=drain)


def _announce(url: str) -> None:
    click.echo(f"The gateway is listening at {url}/v1 (Ctrl-C ends it).")


@click.command("check-config", short_help="Show what a config file amounts to.")
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


@click.group(short_help="Make keys of the gateway's clients.")
def keys() -> None:
    """Make keys of clients; with a Redis list and delete them, too."""


_REDIS = click.option(
    "--redis-url",
    help="Where gateways with keys_in_redis look; os.environ/NAME for a URL with a password.",
)
_PREFIX = click.option("--redis-prefix", help="The config's redis_prefix, if it has one.")


@keys.command()
@click.argument("name")
@_REDIS
@_PREFIX
@click.option("--model", "models", multiple=True, help="It may use this one; * for any part.")
@click.option("--rpm", type=int, help="Requests in a minute.")
@click.option("--tpm", type=int, help="Tokens in a minute.")
@click.option("--budget", type=float, help="Dollars in a period.")
@click.option("--budget-period", help="day, week, month or total.")
@click.option("--expires", help="2027-01-31, or a moment.")
@click.option("--admin", is_flag=True, help="It sees metrics and the spend of all keys.")
def new(*, name: str, redis_url: str | None, redis_prefix: str | None, **settings: Any) -> None:
    """Make a key called NAME, for the config file or for Redis; the client gets the key."""
    from ..gateway.config.client_keys import read_key
    from ..gateway.keyring import new_key

    key, hashed = new_key()
    given = {name: list(value) if name == "models" else value for name, value in settings.items()}
    wanted = {"hash": hashed, **{name: value for name, value in given.items() if value}}
    read_key({"name": name, **wanted})
    if redis_url is not None:
        _store(redis_url, redis_prefix).add(name, wanted)
    click.echo(f"key:  {key}    (shown once, for the client)")
    if redis_url is None:
        click.echo("for the config file:")
        lines = "".join(f"\n    {each}: {_yaml(value)}" for each, value in wanted.items())
        click.echo(f"keys:\n  - name: {_yaml(name)}{lines}")


@keys.command("list")
@_REDIS
@_PREFIX
def list_keys(*, redis_url: str | None, redis_prefix: str | None) -> None:
    """List the keys in Redis."""
    columns = ("name", "models", "limits", "budget", "expires", "admin")
    show_table(columns, [_row(key) for key in _store(redis_url, redis_prefix).all()])


@keys.command()
@click.argument("name")
@_REDIS
@_PREFIX
def delete(*, name: str, redis_url: str | None, redis_prefix: str | None) -> None:
    """Delete the key called NAME from Redis: gateways refuse it within seconds."""
    _store(redis_url, redis_prefix).delete(name)
    click.echo(f"deleted: {name}")


def _yaml(value: object) -> str:
    """A value as YAML reads it again: JSON, but for words that it takes as they are."""
    is_word = isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NO_TEXTS
    return str(value) if is_word else dumps(value).decode()


def _row(key: GatewayKey) -> tuple[str, ...]:
    limits = {"rpm": key.rpm, "tpm": key.tpm}
    return (
        key.name,
        " ".join(key.models) or "all",
        " ".join(f"{name}={value}" for name, value in limits.items() if value is not None),
        "" if key.budget is None else f"{key.budget} a {key.budget_period}",
        "" if key.expires is None else key.expires.isoformat(),
        "yes" if key.is_admin else "",
    )


def _store(url: str | None, prefix: str | None) -> KeyStore:
    from ..gateway.spend.keys import KeyStore
    from ..routing.settings import PREFIX

    if url is None:
        raise click.UsageError("--redis-url is missing: keys of a config file stand in the file")
    name = url.removeprefix("os.environ/")
    found = url if name == url else os.environ.get(name)
    if not found:
        raise click.UsageError(f"the variable {name} is not set")
    return KeyStore(found, PREFIX if prefix is None else prefix)
