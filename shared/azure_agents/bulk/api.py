"""`bulk` and `abulk`: a file of questions, or rows, asked in parallel.

Before anything is sent the whole input is read and checked, the output and its journal are opened
and compared with what is asked now. Then the run begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from ..drivers.clock import SystemClock
from ..errors import ConfigError
from ..jsonio import JSON
from ..routing.limits import read_limits
from .askers import asker_of, check_model
from .asking import Wanted
from .files import beside, check_files, short, shown, source_of
from .functions import Functions
from .journal import Journal
from .outputs import FAILED, JOURNAL, Answers, Failures
from .pace import Pace
from .plan import Chosen, check_input
from .rows import Row, read_rows
from .run import Job, Run, Totals
from .schemas import response_format, schema_of
from .work import Desk
from .writer import Writer

CONCURRENCY = 16


@dataclass(slots=True)
class Settings:
    """The settings of a run; `bulk` describes them."""

    out: str | Path | None = None
    column: str | None = None
    instructions: str | None = None
    schema: Any = None
    tools: Sequence[Any] = ()
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int = CONCURRENCY
    limit: int | None = None
    sample: int | None = None
    retry_failed: bool = False
    accept_changes: bool = False
    format: str = "rows"
    redis_url: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Bulk:
    """A run that was checked, and whose output is open.

    Attributes:
        input: What was read.
        totals: What it has come to.
        was_done: Rows that earlier runs answered.
        were_failed: Rows that failed in earlier runs, and are left.
        changes: What is not as it was in the run before, in sentences.
        pace: When requests begin; None before the run.

    Args:
        model: Who is asked.
        rows: A file, or rows.
        settings: Of the run.

    Raises:
        ConfigError: A setting, a file or the output is wrong.
        InvalidRequestError: A row is wrong.
    """

    def __init__(self, model: Any, rows: Any, settings: Settings) -> None:
        check_model(model)
        self._model, self._settings = model, settings
        self._source = source_of(rows)
        self._out = None if settings.out is None else Path(settings.out)
        check_files(self._out, settings.concurrency)
        self._schema = schema_of(settings.schema)
        self.totals, self.changes = Totals(), list[str]()
        self.pace: Pace | None = None
        self._run: Run | None = None
        self._answers: Answers | None = None
        self._failures: Failures | None = None
        self._journal = Journal(None if self._out is None else beside(self._out, JOURNAL))
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        settings, facts = self._settings, self._journal.facts()
        self._functions = Functions(settings.tools, self._journal)
        self._asker = asker_of(self._model, self._wanted())
        known = facts.get("total")
        self.input = check_input(self._source, settings.column, settings.format, known)
        self._compare(facts)
        self._chosen = Chosen(self.input.total, settings.limit, settings.sample)
        if self._out is not None:
            names = (*self.input.columns.own(self.input.names), *self.input.columns.ours())
            self._answers = Answers(self._out, names, self._journal)
        if settings.retry_failed:
            failed = self._journal.numbers("failed")
            self._journal.begin_again(one for one in failed if one in self._chosen)
        if self._out is not None:
            self._failures = Failures(beside(self._out, FAILED), self._journal)
        self._over = frozenset(self._journal.numbers("done") + self._journal.numbers("failed"))
        self.was_done = self._journal.count("done")
        self.were_failed = self._journal.count("failed")
        self.totals.rows = sum(one not in self._over for one in self._numbers())
        self._journal.note(self._facts())

    def _numbers(self) -> Iterator[int]:
        return (one for one in range(self.input.total) if one in self._chosen)

    def _wanted(self) -> Wanted:
        settings = self._settings
        return Wanted(
            settings.instructions,
            self._functions.declared,
            response_format(self._schema),
            settings.arguments,
        )

    # --- what changed since the run before ------------------------------------------------------

    def _facts(self) -> JSON:
        settings = self._settings
        names = [one["function"]["name"] for one in self._functions.declared]
        model = self._model if isinstance(self._model, str) else type(self._model).__name__
        return {
            "model": model,
            "instructions": settings.instructions,
            "schema": short(self._schema),
            "tools": names,
            "column": self.input.reading.column,
            "format": settings.format,
            "total": self.input.total,
            "rows": self.input.digest,
            "columns": list(self.input.names),
        }

    def _compare(self, before: Mapping[str, Any]) -> None:
        now = self._facts()
        is_begun = self._journal.count("done") or self._journal.count("failed")
        if "rows" not in before or not is_begun:
            return  # nothing was answered yet, so there is nothing to go on with
        if before["rows"] not in (self.input.digest, self.input.before):
            raise ConfigError(
                "the rows are not those of the run before: put the file back as it was, or give "
                "--out (out=) another name"
            )
        fixed = [name for name in ("column", "format") if before[name] != now[name]]
        if self._settings.out is not None and Path(self._settings.out).suffix == ".csv":
            fixed += ["columns"] if before["columns"] != now["columns"] else []
        if fixed:
            raise ConfigError(
                f"{fixed[0]} was {before[fixed[0]]!r} in the run before and is {now[fixed[0]]!r}: "
                "an output has one form, so give --out (out=) another name"
            )
        self.changes = [
            f"{name} was {shown(before[name])} in the run before, and is {shown(now[name])}"
            for name in ("model", "instructions", "schema", "tools", "total")
            if before[name] != now[name]
        ]
        if self.changes and not self._settings.accept_changes:
            raise ConfigError(
                f"{'; '.join(self.changes)}: rows that were answered stay as they are. Give --out "
                "(out=) another name, or go on with --accept-changes (accept_changes=True)"
            )

    # --- the run --------------------------------------------------------------------------------

    async def results(self) -> AsyncGenerator[JSON, None]:
        """Ask, and give each row as soon as it is written."""
        settings = self._settings
        clock = settings.arguments.get("clock") or SystemClock()
        given = {name: getattr(settings, name) for name in ("rpm", "tpm")}
        limits = read_limits({k: v for k, v in given.items() if v is not None}, "bulk")
        name = f"{self._facts()['model']}\n{settings.arguments.get('api_base')}"
        self.pace = Pace(name, limits, settings.concurrency, clock, settings.redis_url)
        writer = Writer(self._journal, self._answers, self._failures)
        desk = Desk(
            self._asker,
            self.pace,
            self._journal,
            writer,
            self._functions,
            self._schema,
            clock,
            self.totals.count,
        )
        job = Job(
            self._rows(),
            self.input.reading,
            self.input.columns,
            min(settings.concurrency, max(1, self.totals.rows)),
            self._journal.begun(),
        )
        self._run = Run(job, desk, writer, self.totals)
        try:
            async with aclosing(self._run.results()) as results:
                async for result in results:
                    yield result
        finally:
            self.pace.close()
            await writer.close()

    def _rows(self) -> Iterator[Row]:
        """The rows to be asked; first those that an earlier run may have sent."""
        sent = {number for number, at in self._journal.begun().items() if at.was_sent}
        left = len(sent)
        for row in read_rows(self._source):
            if not left:
                break
            if row.number in sent:
                left -= 1
                if row.number in self._chosen:
                    yield row
        for row in read_rows(self._source):
            if row.number in self._chosen and not (row.number in self._over or row.number in sent):
                yield row

    def stop(self) -> None:
        """Ask nothing more; what is under way is still read to its end."""
        if self._run is not None:
            self._run.stop()

    @property
    def is_stopped(self) -> bool:
        """Whether the run was stopped before its end."""
        return self._run is not None and self._run.is_stopped

    def close(self) -> None:
        """Give up a run that did not begin."""
        for file in (self._answers, self._failures):
            if file is not None:
                file.close()
        self._journal.close()


async def abulk(
    model: Any,
    rows: str | Path | Iterable[Any],
    *,
    out: str | Path | None = None,
    column: str | None = None,
    instructions: str | None = None,
    schema: Any = None,
    tools: Sequence[Any] = (),
    rpm: int | None = None,
    tpm: int | None = None,
    concurrency: int = CONCURRENCY,
    limit: int | None = None,
    sample: int | None = None,
    retry_failed: bool = False,
    accept_changes: bool = False,
    format: str = "rows",
    redis_url: str | None = None,
    **arguments: Any,
) -> AsyncGenerator[JSON, None]:
    """Do as `bulk` does, on an event loop: an async iterator of answered rows.

    Args:
        model: As for `bulk`.
        rows: As for `bulk`.
        out: As for `bulk`.
        column: As for `bulk`.
        instructions: As for `bulk`.
        schema: As for `bulk`.
        tools: As for `bulk`.
        rpm: As for `bulk`.
        tpm: As for `bulk`.
        concurrency: As for `bulk`.
        limit: As for `bulk`.
        sample: As for `bulk`.
        retry_failed: As for `bulk`.
        accept_changes: As for `bulk`.
        format: As for `bulk`.
        redis_url: As for `bulk`.
        arguments: As for `bulk`.
    """
    settings = Settings(
        out=out,
        column=column,
        instructions=instructions,
        schema=schema,
        tools=tools,
        rpm=rpm,
        tpm=tpm,
        concurrency=concurrency,
        limit=limit,
        sample=sample,
        retry_failed=retry_failed,
        accept_changes=accept_changes,
        format=format,
        redis_url=redis_url,
        arguments=arguments,
    )
    async with aclosing(Bulk(model, rows, settings).results()) as results:
        async for result in results:
            yield result


def bulk(
    model: Any, rows: str | Path | Iterable[Any], **settings: Any
) -> Generator[JSON, None, None]:
    """Ask many questions in parallel, and give each row as soon as it is answered.

    Args:
        model: A model string as `completion` takes it (an agent or a deployment), or a chat model
            of LangChain or an LLM of LlamaIndex.
        rows: A file that ends with ``.jsonl``, ``.csv`` or ``.parquet``, or dictionaries, or texts.
            A row asks its ``input`` (a text), its ``messages``, or its ``turns`` (the user's texts
            of one conversation); its other columns travel along.
        settings: All of them may be left out:

            - `out`: a file for the answers, ``.jsonl`` or ``.csv``. With it a run that ended early
              goes on where it was, and nothing is asked twice (docs/bulk.md);
            - `column`: the column that is asked, if it has another name;
            - `instructions`, `schema` (of objects as answers: a dictionary, a file, or a class of
              pydantic), `tools` (functions that run here);
            - `rpm`, `tpm`: requests and tokens a minute; `redis_url` shares their counts;
            - `concurrency`: the most rows under way (16);
            - `limit`, `sample`: only so many rows; `retry_failed`: those that failed before, too;
            - `accept_changes`: go on although the model or the instructions are not those of the
              run before;
            - `format`: names of the columns (``rows``, ``azure-ai-evaluation``, ``ragas``,
              ``pandas``);
            - anything else goes to `completion` with each turn: `api_base`, `background` …

    Yields:
        Rows with the answer's columns beside their own, or, of a row that failed for good, with
        ``error``. They come in the order in which they are answered.

    Raises:
        ConfigError: A setting or a file is wrong; nothing was sent.
        InvalidRequestError: A row is wrong; nothing was sent.
        AzureAgentsError: Nobody can be asked: sign-in, no such agent, no network. Rows stay open.
    """
    results: Queue[tuple[str, Any]] = Queue(64)
    stopped = False

    async def read() -> None:
        async with aclosing(abulk(model, rows, **settings)) as answered:
            async for row in answered:
                results.put(("row", row))
                if stopped:
                    return

    def work() -> None:
        try:
            asyncio.run(read())
            results.put(("end", None))
        except BaseException as error:  # noqa: BLE001 - whoever reads the rows raises it
            results.put(("error", error))

    thread = Thread(target=work, name="bulk", daemon=True)
    thread.start()
    try:
        while (found := results.get())[0] == "row":
            yield found[1]
    finally:
        stopped = True
        while thread.is_alive():
            _drain(results)
            thread.join(0.05)
    if found[0] == "error":
        raise found[1]


def _drain(results: Queue[tuple[str, Any]]) -> None:
    while not results.empty():
        results.get_nowait()
