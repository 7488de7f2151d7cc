"""Runs a folder of Parquet on a cluster of Ray: rows in, answers out, an actor on every node.

Ray Data reads, schedules, starts actors anew, and writes. What is asked, and that it is asked once,
is the actors' business (`ray_rows`). Rows are named by Ray's hash of their file and place, so that
they have the same names whenever they are read.

The output is written whole, at the end from the journal: a run that ended early goes on by the same
call, and puts its output in the place of what there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import AzureAgentsError, ConfigError, InvalidRequestError
from ..jsonio import JSON
from .files import short, shown
from .ray_rows import CONCURRENCY, AskRows, checked
from .rows import Row, plain
from .schemas import schema_of
from .shared_journal import SharedJournal

_HASH = "row_hash"  # Ray's name
_AT_ONCE = 4  # batches that Ray lets an actor have under way
_CHECKED = 4_096  # rows of a batch that is checked
_SHARE = 0.5  # of a core, for an actor: it waits most of the time


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run on a cluster came to.

    Attributes:
        rows: Rows of the input.
        done: Rows that are answered.
        failed: Rows that failed for good.
    """

    rows: int
    done: int
    failed: int


def map_on_ray(
    model: str,
    questions: str,
    out: str,
    *,
    actors: int | None = None,
    accept_changes: bool = False,
    **settings: Any,
) -> Ended:
    """Ask every row of a folder of Parquet, on the cluster that Ray is connected to.

    Args:
        model: As for `AskRows`.
        questions: A Parquet file or a folder of them; a path, or a URL as fsspec knows them.
        out: A folder; a path, or a URL as fsspec knows them.
        actors: How many ask; None: as many as there are nodes.
        accept_changes: Go on although the model or the instructions are not those of the run
            before.
        settings: Of `AskRows`.

    Raises:
        ConfigError: A setting, a folder or the cluster is wrong.
        InvalidRequestError: A row is wrong; nothing was sent.
        AzureAgentsError: Nobody can be asked; the same call goes on.
    """
    _connect()
    questions, out = _absolute(questions), _absolute(out)
    journal = SharedJournal(out)
    try:
        with _errors_of_actors():
            found = _read(questions)
            total = _checked(found, settings)
            _compare(journal, _facts(model, settings, total), accept_changes=accept_changes)
            _check_out(journal, out)
            _ask(found, model, out, actors, settings)
        return Ended(total, journal.count("done"), journal.count("failed"))
    finally:
        journal.close()


def _connect() -> None:
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ImportError as error:
        raise ConfigError(
            'runs on many machines need Ray, install it with: pip install "azure-agents[ray]"'
        ) from error
    try:
        ray.init(ignore_reinit_error=True)
    except ConnectionError as error:
        raise ConfigError(f"cannot reach the cluster of Ray ({error})") from error


@contextmanager
def _errors_of_actors() -> Iterator[None]:
    """Raise the error that an actor raised, not Ray's that holds it."""
    ray_error = import_module("ray.exceptions").RayError
    try:
        yield
    except ray_error as error:
        known: BaseException | None = error
        while known is not None and not isinstance(known, AzureAgentsError):
            known = getattr(known, "cause", None) or known.__cause__
        if known is None:
            raise
        raise known from error


# --- before anything is sent ----------------------------------------------------------------------


def _read(questions: str) -> Any:
    data, place = import_module("ray.data"), _placed(questions)
    try:
        names = data.read_parquet(**place).schema().names
        if _HASH in names:
            raise InvalidRequestError(
                f"{questions!r} has a column {_HASH!r}, which Ray names rows with: rename it"
            )
        return data.read_parquet(**place, include_row_hash=True)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {questions!r} ({error})") from error


def _checked(found: Any, settings: Mapping[str, Any]) -> int:
    """Have all rows checked, and give their number."""
    check = partial(_check, column=settings.get("column"), format=settings.get("format", "rows"))
    total = 0
    for one in found.map_batches(check, batch_size=_CHECKED, batch_format="pyarrow").iter_rows():
        if one["wrong"]:
            raise InvalidRequestError(one["wrong"])
        total += one["rows"]
    if not total:
        raise InvalidRequestError("there are no rows: nothing to ask")
    return total


def _check(batch: Any, column: str | None, format: str) -> dict[str, list[Any]]:
    rows = list[Row]()
    for data in batch.drop_columns([_HASH]).to_pylist():
        values = {name: plain(value) for name, value in data.items()}
        rows.append(Row(len(rows), f"the row {shown(values)}", values))
    wrong = ""
    try:
        if rows:
            checked(rows, column, format)
    except InvalidRequestError as error:
        wrong = error.message
    return {"rows": [len(rows)], "wrong": [wrong]}


def _facts(model: str, settings: Mapping[str, Any], total: int) -> JSON:
    tools = [getattr(one, "__name__", str(one)) for one in settings.get("tools") or ()]
    return {
        "model": model,
        "instructions": settings.get("instructions"),
        "schema": short(schema_of(settings.get("schema"))),
        "tools": tools,
        "total": total,
    }


def _compare(journal: SharedJournal, now: JSON, *, accept_changes: bool) -> None:
    if not journal.hold():
        raise ConfigError(
            "another run writes this output: wait for its end, or give --out another name"
        )
    before = journal.facts()
    changes = [
        f"{name} was {shown(before[name])} in the run before, and is {shown(value)}"
        for name, value in now.items()
        if name in before and before[name] != value
    ]
    if changes and not accept_changes:
        raise ConfigError(
            f"{'; '.join(changes)}: rows that were answered stay as they are. Give --out another "
            "name, or go on with --accept-changes (accept_changes=True)"
        )
    journal.note_facts(now)


def _check_out(journal: SharedJournal, out: str) -> None:
    """Refuse a folder with anything in it that no run of this journal wrote."""
    system, path = _located(out)
    is_ours = journal.facts().get("has_output")
    if not is_ours and system.exists(path) and system.ls(path):
        raise ConfigError(
            f"{out!r} is not empty, and is an output of another run, or of none: give --out "
            "another name, or empty it"
        )
    journal.note_facts({"has_output": True})


# --- the run --------------------------------------------------------------------------------------


def _ask(found: Any, model: str, out: str, actors: int | None, settings: Mapping[str, Any]) -> None:
    ray, data = import_module("ray"), import_module("ray.data")
    nodes = sum(bool(node["Alive"]) for node in ray.nodes())
    number = actors or nodes
    most = settings.get("concurrency") or CONCURRENCY
    given = {**settings, "run": out, "key": _HASH, "keeps_key": False}
    answers = found.map_batches(
        AskRows,
        fn_constructor_args=(model,),
        fn_constructor_kwargs=given,
        batch_size=max(1, most // _AT_ONCE),
        batch_format="pyarrow",
        # Without its node an actor is not made anew until another has room: one is enough to go on.
        compute=data.ActorPoolStrategy(min_size=1, max_size=number, initial_size=number),
        num_cpus=_SHARE,
        ray_remote_args_fn=_spread,
    )
    answers.write_parquet(**_placed(out, "path"), mode=data.SaveMode.OVERWRITE)


def _spread() -> dict[str, Any]:
    return {"scheduling_strategy": "SPREAD"}


def _absolute(place: str) -> str:
    # Actors have other working directories, and the journal is found by the name of the output.
    return place if "://" in place else str(Path(place).absolute())


def _placed(url: str, name: str = "paths") -> dict[str, Any]:
    """The place of a path or URL, as Ray Data takes it."""
    if "://" not in url:
        return {name: url}
    system, path = _located(url)
    return {name: path, "filesystem": system}


def _located(url: str) -> tuple[Any, str]:
    try:
        found: tuple[Any, str] = import_module("fsspec.core").url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"cannot open {url!r} ({error})") from error
    return found
