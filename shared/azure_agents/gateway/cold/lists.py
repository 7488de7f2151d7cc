"""Lists of files, batches and jobs over several resources, merged by `azure_agents.routing.lists`.

Where there are several keys a key sees its own, an admin's key everything.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

from ...errors import NotFoundError
from ...jsonio import JSON, dumps
from ...models.operation_table import OPERATIONS
from ...routing import lists
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
        asked, name = dict(wanted.query), wanted.row.name
        limit = _limit(asked.get("limit"), lists.USUAL[name])
        start = await self._start(asked.get("after"), wanted, caller, request, calls)
        keeps = await asyncio.gather(*map(self._keeps, calls))
        size = min(limit, lists.PAGE) if self._sees_all(caller) else lists.PAGE
        ascending = lists.is_ascending(name, asked.get("order"))
        flow = lists.merged(keeps, limit, start, ascending=ascending, size=size)
        page = await self._read(flow, calls)
        data = [as_told(item, calls[at], calls[at].home) for at, item in page.found]
        return lists.told_page(data, has_more=page.has_more)

    async def _read(self, flow: lists.Merging, calls: list[ColdCall]) -> lists.Merged:
        """Ask for the pages that a flow wants."""
        pages: list[Any] | None = None
        while True:
            try:
                asks = next(flow) if pages is None else flow.send(pages)
            except StopIteration as end:
                merged: lists.Merged = end.value
                return merged
            pages = await asyncio.gather(*(self._asked(calls[ask.at], ask) for ask in asks))

    async def _asked(self, one: ColdCall, ask: lists.Ask) -> Any:
        rest = tuple(pair for pair in one.ask.query if pair[0] not in ("limit", "after"))
        after = (("after", ask.after),) if ask.after else ()
        query = (*rest, ("limit", str(ask.size)), *after)
        data, _ = await self._carrier.whole(one.with_query(query))
        return data

    async def _start(
        self,
        after: str | None,
        wanted: Wanted,
        caller: Caller,
        request: Request,
        calls: list[ColdCall],
    ) -> lists.Start | None:
        """Find the thing behind which a page begins."""
        if not after:
            return None
        row = OPERATIONS[lists.LISTS[wanted.row.name][0]]
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
        return lists.start_of(one.ask.id, thing, homes.index(made_by.resource))

    async def _keeps(self, one: ColdCall) -> lists.Keeps:
        """Which things of a resource a key sees."""
        if self._sees_all(one.caller):
            return _every
        if one.ask.wanted.row.name.endswith("jobs"):
            return partial(_trains_on, await self._own_files(one))
        return partial(_is_owned_by, self._reader.seals.owner(one.caller))

    async def _own_files(self, one: ColdCall) -> set[str]:
        """The files of a key on a resource: its jobs are those that train on them."""
        row = OPERATIONS["file_list"]
        wanted = replace(one.ask.wanted, row=row, query=(("purpose", "fine-tune"),))
        files = self._reader.list_at(wanted, one)
        keeps = [partial(_is_owned_by, self._reader.seals.owner(one.caller))]
        page = await self._read(lists.merged(keeps, None, None, ascending=False), [files])
        return {str(item.get("id")) for _, item in page.found}


def _every(_: JSON) -> bool:
    return True


def _is_owned_by(owner: str, item: JSON) -> bool:
    return is_owned(item, owner)


def _trains_on(files: set[str], job: JSON) -> bool:
    return job.get("training_file") in files


def _limit(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    if text.isdecimal() and 0 < int(text) <= lists.MOST:
        return int(text)
    said = f"limit must be a number from 1 to {lists.MOST}, not {text[:50]!r}"
    raise Refusal(400, said, param="limit")
