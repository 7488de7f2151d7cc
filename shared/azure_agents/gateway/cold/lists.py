"""Lists of files, batches and jobs over several resources: one list, the newest first.

Each resource is asked for its own list, and the lists are merged by the time that a thing was made.
The next page begins behind the client's last id: its own resource goes on behind it, the others
behind the time that it was made. So nothing is stored, lost or doubled.

Where there are several keys a key sees its own, an admin's key everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from ...errors import NotFoundError, ProtocolError
from ...jsonio import JSON, dumps
from ...models.operation_table import OPERATIONS
from ..asgi import JSON_TYPE, Receive, while_there
from ..keyring import Caller
from ..out import Out
from ..passage import Ended
from ..refusals import Refusal
from ..requests import Request
from .answering import as_told
from .asked import Wanted
from .calls import ColdCall, Reader
from .carrying import Carrier
from .owners import is_owned

LISTS = {
    "file_list": "file_retrieve",
    "list_batches": "retrieve_batch",
    "list_fine_tuning_jobs": "retrieve_fine_tuning_job",
}
_PAGE = 100
_MOST = 10_000
_USUAL = {"file_list": _MOST, "list_batches": 20, "list_fine_tuning_jobs": 20}


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a page begins: behind this thing."""

    id: str
    made: float
    at: int  # of the resources


@dataclass(slots=True)
class _Head:
    """A list of one resource, and the first thing of it that was not given yet."""

    at: int
    one: ColdCall
    items: AsyncGenerator[JSON]
    item: JSON | None = None


class Lists:
    """Answers lists.

    Args:
        carrier: Asks for them.
        reader: Makes calls.
    """

    def __init__(self, carrier: Carrier, reader: Reader) -> None:
        self._carrier, self._reader = carrier, reader

    async def answer(
        self, wanted: Wanted, caller: Caller, request: Request, receive: Receive, out: Out
    ) -> None:
        """Answer a list.

        Args:
            wanted: What is asked.
            caller: Whose key.
            request: Its head.
            receive: Of the request.
            out: Of the request.

        Raises:
            Refusal: A parameter is wrong, or the key is at its limit.
            AzureAgentsError: A resource failed: half a list would look like a whole one.
        """
        calls = self._reader.lists(wanted, caller, request)
        if len(calls) == 1 and self._sees_all(caller):
            one = await self._reader.read(wanted, caller, request)
            await self._carrier.carry(one, receive, out)
            return
        ended = Ended(calls[0].ask.asked, caller.name, "")
        async with self._carrier.counted(calls[0], ended, out):
            with while_there(receive):
                data = await self._page(wanted, caller, request, calls)
                ended.status = 200
                await out.whole(200, dumps(data), (JSON_TYPE,))

    def _sees_all(self, caller: Caller) -> bool:
        return caller.is_admin or not self._reader.seals.is_on

    async def _page(
        self, wanted: Wanted, caller: Caller, request: Request, calls: list[ColdCall]
    ) -> JSON:
        asked = dict(wanted.query)
        limit = _limit(asked.get("limit"), _USUAL[wanted.row.name])
        is_ascending = asked.get("order") == "asc"
        start = await self._start(asked.get("after"), wanted, caller, request, calls)
        heads = [
            _Head(at, one, self._things(at, one, limit, start, is_ascending=is_ascending))
            for at, one in enumerate(calls)
        ]
        try:
            found = await _merged(heads, limit, is_ascending=is_ascending)
        finally:
            for head in heads:
                await head.items.aclose()
        has_more = any(head.item is not None for head in heads)
        ids = [one.get("id") for one in found]
        first, last = (ids[0], ids[-1]) if ids else (None, None)
        told = {"first_id": first, "last_id": last, "has_more": has_more}
        return {"object": "list", "data": found, **told}

    async def _start(
        self,
        after: str | None,
        wanted: Wanted,
        caller: Caller,
        request: Request,
        calls: list[ColdCall],
    ) -> _Start | None:
        """Find the thing behind which a page begins."""
        if not after:
            return None
        row = OPERATIONS[LISTS[wanted.row.name]]
        one = await self._reader.read(replace(wanted, row=row, id=after, query=()), caller, request)
        try:
            thing, made_by = await self._carrier.whole(one)
        except NotFoundError:
            raise Refusal(
                404, "after: there is no such id", code="not_found", param="after"
            ) from None
        homes = [each.home.resource for each in calls]
        if made_by.resource not in homes:
            raise Refusal(404, "after: there is no such id", code="not_found", param="after")
        return _Start(one.ask.id, _made(thing), homes.index(made_by.resource))

    async def _things(
        self, at: int, one: ColdCall, limit: int, start: _Start | None, *, is_ascending: bool
    ) -> AsyncGenerator[JSON]:
        """The things of a resource that the page may hold."""
        after = start.id if start is not None and start.at == at else None
        own = await self._own_files(one) if one.ask.wanted.row.name.endswith("jobs") else None
        async with aclosing(self._all(one, limit, after)) as items:
            async for item in items:
                is_behind = after is not None or _is_behind(
                    item, at, start, is_ascending=is_ascending
                )
                if is_behind and self._is_own(item, one.caller, own):
                    yield item

    def _is_own(self, item: JSON, caller: Caller, own: set[str] | None) -> bool:
        if self._sees_all(caller):
            return True
        if own is not None:
            return item.get("training_file") in own
        return is_owned(item, self._reader.seals.owner(caller))

    async def _own_files(self, one: ColdCall) -> set[str] | None:
        """The files of a key on a resource: its jobs are those that train on them."""
        if self._sees_all(one.caller):
            return set()
        row = OPERATIONS["file_list"]
        wanted = replace(one.ask.wanted, row=row, query=(("purpose", "fine-tune"),))
        files = self._reader.list_at(wanted, one)
        owner = self._reader.seals.owner(one.caller)
        async with aclosing(self._all(files, _PAGE, None)) as items:
            return {str(item.get("id")) async for item in items if is_owned(item, owner)}

    async def _all(self, one: ColdCall, limit: int, after: str | None) -> AsyncGenerator[JSON]:
        """All things of a resource, page by page."""
        rest = tuple(pair for pair in one.ask.query if pair[0] not in ("limit", "after"))
        size = min(limit, _PAGE) if self._sees_all(one.caller) else _PAGE
        while True:
            more = (("limit", str(size)), *((("after", after),) if after else ()))
            data, _ = await self._carrier.whole(one.with_query((*rest, *more)))
            items = _items(data)
            for item in items:
                yield item
            last = str(items[-1].get("id")) if items else None
            if not data.get("has_more") or last in (None, after):
                return
            after = last


async def _merged(heads: list[_Head], limit: int, *, is_ascending: bool) -> list[JSON]:
    """The first things of some lists, in their order."""
    await asyncio.gather(*map(_step, heads))
    found: list[JSON] = []
    while len(found) < limit:
        left = [head for head in heads if head.item is not None]
        if not left:
            break
        sign = 1 if is_ascending else -1
        best = min(left, key=lambda head: (sign * _made(head.item or {}), head.at))
        found.append(as_told(best.item, best.one, best.one.home))
        await _step(best)
    return found


async def _step(head: _Head) -> None:
    head.item = await anext(head.items, None)


def _is_behind(item: JSON, at: int, start: _Start | None, *, is_ascending: bool) -> bool:
    if start is None:
        return True
    made = _made(item)
    if made == start.made:
        return at > start.at
    return (made > start.made) == is_ascending


def _made(item: JSON) -> float:
    made = item.get("created_at")
    return float(made) if isinstance(made, int | float) else 0.0


def _items(data: Any) -> list[JSON]:
    found = data.get("data") if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise ProtocolError("a list of the service has no data")
    return [one for one in found if isinstance(one, dict)]


def _limit(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    if text.isdecimal() and 0 < int(text) <= _MOST:
        return int(text)
    said = f"limit must be a number from 1 to {_MOST}, not {text[:50]!r}"
    raise Refusal(400, said, param="limit")
