"""An answer of this room on its way to the client: JSON with its ids changed, bytes, or events.

Bytes pass as they come, so memory stays flat whatever their number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ProtocolError
from ...jsonio import dumps, loads
from ...models.call import told_headers
from ...routing.deployments import Deployment
from ...routing.sticky import marked
from ..attempts import down
from ..exchange import Incoming
from ..marks import changed_events
from ..meter import Meter
from ..out import Out
from ..replies import Header
from .calls import ColdCall
from .events import Events
from .owners import told, told_header
from .spending import BatchMeter, hidden_of, meter_of

_MOST_JSON = 256 * 2**20  # bytes of an answer that is read whole: images stand in it
_EVENTS = "text/event-stream"
_OF_BYTES = ("content-length", "content-disposition")


class Answering:
    """One answer.

    Attributes:
        meter: What it used; None: that is not known, or nothing.
        batch: What the lines of a batch used, if it is one's output.
        is_whole: It was sent to its end.

    Args:
        one: The call.
        incoming: The answer.
        made_by: Who answered.
    """

    def __init__(self, one: ColdCall, incoming: Incoming, made_by: Deployment) -> None:
        self._one, self._incoming, self._made_by = one, incoming, made_by
        self.meter: Meter | None = None
        self.batch: BatchMeter | None = None
        self.is_whole = False

    async def send(self, out: Out, book: Callable[[Meter | None], object]) -> None:
        """Send it.

        Args:
            out: Of the request.
            book: Writes the call down; called before its end is sent.

        Raises:
            AzureAgentsError: It was cut.
        """
        wanted, kind = self._one.ask.wanted, self._incoming.headers.get("content-type", "")
        if kind.startswith(_EVENTS):
            await self._events(out, book)
        elif wanted.row.answer == "bytes":
            await self._bytes(out, book)
        else:
            await self._whole(out, book)
        self.is_whole = True

    async def json(self) -> Any:
        """Read it, with no id changed.

        Raises:
            ProtocolError: It is no JSON.
        """
        return loads(await self._read())

    async def _whole(self, out: Out, book: Callable[[Meter | None], object]) -> None:
        body, row = await self._read(), self._one.ask.wanted.row
        headers = self._down()
        if row.of_deployment:
            self._measure(_object(body))
            headers = (*headers, *self._cost())
        elif body:
            body = dumps(self.changed(loads(body)))
        out.status = self._incoming.status
        book(self.meter)
        await out.whole(self._incoming.status, body, headers)

    def changed(self, data: Any) -> Any:
        """JSON whose ids are as the client knows them.

        Args:
            data: Of the service.
        """
        return as_told(data, self._one, self._made_by)

    async def _bytes(self, out: Out, book: Callable[[Meter | None], object]) -> None:
        if self._one.ask.wanted.row.of_deployment:
            self._measure({})
        else:
            self.batch = BatchMeter()
        headers = (*self._down(), *self._of_bytes(), *self._cost())
        await out.open(self._incoming.status, headers)
        while piece := await self._incoming.read():
            if self.batch is not None:
                self.batch.feed(piece)
            await out.piece(piece)
        if self.batch is not None:
            self.batch.end()
        book(self.meter)
        await out.end()

    def _down(self) -> tuple[Header, ...]:
        return tuple(down(self._incoming.headers))

    def _of_bytes(self) -> tuple[Header, ...]:
        found = self._incoming.headers
        sent = ((name, found[name]) for name in _OF_BYTES if name in found)
        return tuple((n.encode(), told_header(v).encode("latin-1")) for n, v in sent)

    async def _events(self, out: Out, book: Callable[[Meter | None], object]) -> None:
        wanted = self._one.ask.wanted
        number = wanted.asked_for("n") if wanted.row.path.startswith("/images/") else 1
        events = Events(self._one.ask.asked.doing, _count(number))
        await out.begin(self._down())
        while piece := await self._incoming.read():
            await out.piece(self._passed(events.feed(piece)))
        self._measure({"usage": events.meter.usage, "model": events.meter.model})
        events.end()
        book(self.meter)
        await out.end()

    def _passed(self, block: bytes) -> bytes:
        if self._one.ask.wanted.row.of_deployment or not block:
            return block
        return changed_events(block, self.changed)

    def _measure(self, answer: dict[str, Any]) -> None:
        if self._one.ask.wanted.row.of_deployment:
            known = {k: v for k, v in answer.items() if v}
            hidden = hidden_of(self._made_by, self._one.ask.wanted)
            self.meter = meter_of(known, hidden, told_headers(self._incoming.headers))

    def _cost(self) -> tuple[Header, ...]:
        cost = None if self.meter is None else self.meter.cost()
        return () if cost is None else ((b"x-response-cost", f"{cost:.10f}".rstrip("0").encode()),)

    async def _read(self) -> bytes:
        found, size = [], 0
        while piece := await self._incoming.read():
            found.append(piece)
            size += len(piece)
            if size > _MOST_JSON:
                raise ProtocolError(f"the answer is longer than {_MOST_JSON} bytes")
        return b"".join(found)


def as_told(data: Any, one: ColdCall, made_by: Deployment) -> Any:
    """JSON of the service as the client gets it: its ids marked and sealed.

    Args:
        data: Of the service.
        one: The call.
        made_by: Who answered.
    """
    data = told(data) if one.seals.is_on else data
    data = marked(data, made_by.mark) if one.call.marks else data
    return one.seals.sealed_ids(data, one.caller)


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = loads(body)
    except ProtocolError:  # a transcription may be plain text
        return {}
    return data if isinstance(data, dict) else {}


def _count(number: Any) -> int:
    return int(number) if str(number).isdecimal() and int(number) > 0 else 1
