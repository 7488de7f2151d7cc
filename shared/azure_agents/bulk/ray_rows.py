"""Asks batches of rows: a class for ``map_batches`` of Ray Data, which needs no Ray itself.

Ray makes one object of it in each of its actors, on any node, and calls it with batches. A batch
that was lost with its node is given to another actor: rows that were answered come from the
journal, rows in flight are taken up (see `shared_journal`). So a batch may be asked for as often as
Ray likes, and each of its rows is asked once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from hashlib import blake2b
from typing import Any

from ..drivers.clock import SystemClock
from ..errors import AzureAgentsError, InvalidRequestError
from ..jsonio import JSON, canonical, dumps
from ..routing.limits import read_limits
from .askers import asker_of, check_model
from .asking import Answered, Wanted
from .columns import Columns
from .functions import Functions
from .outage import Outage
from .pace import Pace
from .questions import Reading
from .rows import Row, plain
from .run import told
from .schemas import response_format, schema_of
from .shared_journal import LEASE, Claim, SharedJournal, redis_url
from .work import Desk, EndedError, RowWork

CONCURRENCY = 16
_ERROR = "error"  # a row's own column of this name is refused as if it were there twice
_LOOK = 0.5  # seconds between looks at a row that another process asks
_FLOATS = ("cost", "seconds")
_INTEGERS = ("prompt_tokens", "completion_tokens", "total_tokens")


class AskRows:
    """Asks the rows of batches of pyarrow; Ray makes it in each actor.

    The Redis is that of the environment variable ``AZURE_AGENTS_REDIS_URL`` on each node, and so
    is the sign-in: no secret goes through Ray.

    Args:
        model: A model string as `completion` takes it.
        run: The name of the run: under it the journal is found again.
        key: The column that names a row: a value for each, the same whenever the row is read.
        keeps_key: Whether this column is written, too.
        column: The column that is asked, if it has no usual name.
        format: As for `bulk`.
        instructions: As for `bulk`.
        schema: As for `bulk`.
        tools: As for `bulk`; Ray must be able to pickle them.
        rpm: Requests a minute, of all actors together.
        tpm: Tokens a minute, of all actors together.
        concurrency: The most rows under way in one actor.
        lease: Seconds after which an actor that is not heard of is taken for gone.
        arguments: Of `completion`.

    Raises:
        ConfigError: A setting is wrong, or there is no Redis.
        InvalidRequestError: As for `bulk`.
    """

    def __init__(
        self,
        model: str,
        *,
        run: str,
        key: str,
        keeps_key: bool = True,
        column: str | None = None,
        format: str = "rows",
        instructions: str | None = None,
        schema: Any = None,
        tools: Sequence[Any] = (),
        rpm: int | None = None,
        tpm: int | None = None,
        concurrency: int = CONCURRENCY,
        lease: float = LEASE,
        **arguments: Any,
    ) -> None:
        check_model(model)
        self._key, self._keeps_key = key, keeps_key
        self._column, self._format = column, format
        given = {"rpm": rpm, "tpm": tpm}
        limits = read_limits({k: v for k, v in given.items() if v is not None}, "bulk")
        clock = arguments.get("clock") or SystemClock()
        shape = schema_of(schema)
        self._journal = SharedJournal(run, lease)
        functions = Functions(tools, self._journal)
        wanted = Wanted(instructions, functions.declared, response_format(shape), arguments)
        asker = asker_of(model, wanted)
        name = f"{model}\n{arguments.get('api_base')}"
        self._pace = Pace(name, limits, concurrency, clock, redis_url())
        self._desk = Desk(
            asker, self._pace, self._journal, self._journal, functions, shape, clock, _nobody
        )
        self._desk.patience = Outage(self._desk).is_lost
        self._under_way: set[int] = set()

    async def __call__(self, batch: Any) -> AsyncGenerator[Any, None]:
        """Ask a batch.

        Args:
            batch: A table of pyarrow (``batch_format="pyarrow"``).

        Yields:
            One table: the columns of the batch, and beside them those of the answers. ``error`` is
            set where a row has failed for good. Objects and lists are JSON.

        Raises:
            InvalidRequestError: A row is wrong; nothing of the batch was sent.
            AzureAgentsError: Nobody can be asked. Rows stay open.
        """
        rows = [self._row(data) for data in batch.to_pylist()]
        if not rows:
            return
        reading, columns = checked(rows, self._column, self._format)
        asking = [asyncio.create_task(self._told(row, reading)) for row in rows]
        try:
            answers = await asyncio.gather(*asking)
        except EndedError as error:
            raise (error.__cause__ or error) from None
        finally:
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        yield _beside(self._own(batch), columns, answers)

    def close(self) -> None:
        """Give up what is not over: others may take it up at once."""
        self._journal.close()
        self._pace.close()

    def _own(self, batch: Any) -> Any:
        return batch if self._keeps_key else batch.drop_columns([self._key])

    def _row(self, data: JSON) -> Row:
        if data.get(self._key) is None:
            raise InvalidRequestError(
                f"a row has no {self._key!r}: key= names a column with a value for each row"
            )
        key = data[self._key]
        given = data if self._keeps_key else {k: v for k, v in data.items() if k != self._key}
        return Row(
            _number(key), f"row {key}", {name: plain(value) for name, value in given.items()}
        )

    async def _told(self, row: Row, reading: Reading) -> JSON:
        steps = reading.steps(row)
        claim = await self._claim(row)
        if claim.told is not None:
            return claim.told
        self._under_way.add(row.number)
        try:
            return await self._ask(RowWork(self._desk, row, steps, claim.begun), row)
        finally:
            self._under_way.discard(row.number)

    async def _claim(self, row: Row) -> Claim:
        digest = blake2b(dumps(row.data), digest_size=16).hexdigest()
        while True:
            if row.number not in self._under_way:
                claim = await self._journal.claim(row.number, digest)
                if claim.state == "other":
                    raise InvalidRequestError(
                        f"{row.place} is in the journal with other columns: {self._key!r} must "
                        "name one row only; give the run another name if the rows have changed"
                    )
                if claim.state != "held":
                    return claim
            await self._desk.clock.asleep(_LOOK)

    async def _ask(self, work: RowWork, row: Row) -> JSON:
        try:
            ours = await work.run()
        except AzureAgentsError as error:
            ours = {_ERROR: told(error)}
        await self._journal.end(row.number, "failed" if _ERROR in ours else "done", ours)
        return ours


def checked(rows: Sequence[Row], column: str | None, format: str) -> tuple[Reading, Columns]:
    """Check rows before any of them is sent.

    Args:
        rows: One at least.
        column: The column that is asked; None: by its usual name.
        format: Of the output.

    Raises:
        InvalidRequestError: A row is wrong.
    """
    reading = Reading.of(rows[0], column)
    columns = Columns(format, reading.column)
    for row in rows:
        reading.steps(row)
        columns.check((*row.data, *(name for name in row.data if name == _ERROR)), row.place)
    return reading, columns


def _beside(batch: Any, columns: Columns, answers: Sequence[JSON]) -> Any:
    """Put answers beside their rows, whose columns keep their types."""
    import pyarrow as pa

    table = batch.rename_columns(list(columns.own(batch.column_names)))
    flat = [columns.flat({}, ours) for ours in answers]
    for name in columns.ours():
        values = [one.get(name) for one in flat]
        kind = pa.string()
        if name in _FLOATS or name in _INTEGERS:
            kind = pa.float64() if name in _FLOATS else pa.int64()
        else:
            values = [_text(value) for value in values]
        table = table.append_column(name, pa.array(values, kind))
    errors = [_text(ours.get(_ERROR)) for ours in answers]
    return table.append_column(_ERROR, pa.array(errors, pa.string()))


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else canonical(value)


def _number(key: Any) -> int:
    digest = blake2b(canonical(plain(key)).encode(), digest_size=12)
    return int.from_bytes(digest.digest())


def _nobody(_: Answered) -> None:
    """Counts of tokens stand in the rows."""
