"""A request of this room, ready to be routed: ids as the service knows them, and who is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from ...routing.calls import RoutedCall
from ...routing.deployments import Deployment
from ...routing.lines import models_in
from ..asked import Asked, going_up
from ..board import Board
from ..keyring import Caller
from ..refusals import Refusal
from ..requests import Request
from ..seals import Seals
from .asked import PATHS, Wanted
from .asking import Ask
from .bodies import Bodies
from .choosing import Chosen, check_use, choose, kept_in

_CURSORS = ("after", "before")  # of a query: ids
_BATCH = "batch"
_RESOURCE = "its resource"  # what is asked, where no model is


@dataclass(frozen=True, slots=True)
class ColdCall:
    """A call that may be made.

    Attributes:
        ask: What is asked.
        call: The same, read by the router.
        bodies: Writes what goes up.
        caller: Whose key.
        seals: Of the keys.
    """

    ask: Ask
    call: RoutedCall
    bodies: Bodies
    caller: Caller
    seals: Seals

    @property
    def home(self) -> Deployment:
        """Who is asked first."""
        return self.call.job.groups[0][0]

    def with_query(self, query: tuple[tuple[str, str], ...]) -> ColdCall:
        """The same call with another query.

        Args:
            query: All that goes up.
        """
        return replace(self, ask=replace(self.ask, query=query))


class Reader:
    """Makes calls of requests.

    Args:
        board: With all deployments.
        seals: Of the keys.
    """

    def __init__(self, board: Board, seals: Seals) -> None:
        self.board, self.seals = board, seals

    async def read(
        self,
        wanted: Wanted,
        caller: Caller,
        request: Request,
        kept_by: ExitStack | None = None,
    ) -> ColdCall:
        """Make a call.

        Args:
            wanted: What is asked.
            caller: Whose key.
            request: Its head.
            kept_by: Closes files that are written on the way; not needed where none is sent.

        Raises:
            Refusal: The key may not, or knows no such id.
            InvalidRequestError: Ids or models do not fit together.
        """
        named = self._named(wanted, caller)
        chosen, call = await self._routed(wanted, caller, named)
        given = {k: call.given.get(k, v) for k, v in wanted.fields.items()}
        query = tuple(
            (k, str(call.given.get(k, v)) if k in _CURSORS else v) for k, v in wanted.query
        )
        asked = self._asked(wanted, given, request)
        owner = self.seals.owner(caller) if self.seals.is_on else None
        bodies = Bodies(wanted, asked, chosen.names, owner, kept_by or ExitStack())
        ask = Ask(wanted, asked, str(call.given.get("id", "")), query)
        return ColdCall(ask, call, bodies, caller, self.seals)

    def lists(self, wanted: Wanted, caller: Caller, request: Request) -> list[ColdCall]:
        """Make the calls of a list: one for each resource.

        Args:
            wanted: The list.
            caller: Whose key.
            request: Its head.

        Raises:
            Refusal: The key may use no resource.
        """
        models = [] if wanted.model is None else [wanted.model]
        chosen = choose(self.board, caller, wanted.row, wanted.provider, models)
        asked = self._asked(wanted, {}, request)
        homes = [one for group in chosen.groups for one in group]
        return [self._list(wanted, caller, asked, home) for home in homes]

    def list_at(self, wanted: Wanted, beside: ColdCall) -> ColdCall:
        """Make the call of another list of the same resource.

        Args:
            wanted: The list.
            beside: A call of the resource.
        """
        asked = beside.ask.asked._replace(operation=wanted.row.name)
        return self._list(wanted, beside.caller, asked, beside.home)

    def _list(self, wanted: Wanted, caller: Caller, asked: Asked, home: Deployment) -> ColdCall:
        call = self.board.read_for(wanted.row.name, {}, ((home,),))
        call = call._replace(marks=self._marks(wanted))
        bodies = Bodies(wanted, asked, {}, None, ExitStack())
        return ColdCall(Ask(wanted, asked, "", wanted.query), call, bodies, caller, self.seals)

    def _asked(self, wanted: Wanted, given: Mapping[str, Any], request: Request) -> Asked:
        return Asked(
            wanted.row.name,
            "openai",
            wanted.model or _RESOURCE,
            given,
            wanted.raw if given == wanted.fields else None,
            wanted.streams,
            wanted.names_model,
            headers=going_up(request.first, request.headers),
        )

    def _named(self, wanted: Wanted, caller: Caller) -> dict[str, Any]:
        """All that may hold an id, without seals."""
        fields = {k: v for k, v in wanted.fields.items() if k not in PATHS}
        named = self.seals.opened_ids(fields, caller)
        if wanted.id:
            named["id"] = self.seals.opened_id(wanted.id, caller, "id")
        for name, value in wanted.query:
            if name in _CURSORS and value:
                named[name] = self.seals.opened_id(value, caller, name)
        return named

    async def _routed(
        self, wanted: Wanted, caller: Caller, named: Mapping[str, Any]
    ) -> tuple[Chosen, RoutedCall]:
        row, model = wanted.row, wanted.model
        if row.of_deployment:
            check_use(caller, str(model))
            texts = {} if wanted.form is None else dict(wanted.form.texts)
            return Chosen(()), self.board.read(row.name, str(model), {**texts, **named})
        chosen = choose(self.board, caller, row, wanted.provider, await _models(wanted))
        call = self.board.read_for(row.name, named, chosen.groups)
        self._check_home(call, caller, wanted)
        return chosen, call._replace(marks=self._marks(wanted))

    def _marks(self, wanted: Wanted) -> bool:
        return len({one.resource for one in kept_in(self.board, wanted.row)}) > 1

    def _check_home(self, call: RoutedCall, caller: Caller, wanted: Wanted) -> None:
        """Ids lead to a resource; a key that may not use it knows none of them."""
        homes = {one.resource for group in call.job.groups for one in group}
        usable = {one.resource for one in kept_in(self.board, wanted.row, caller)}
        if not homes <= usable:
            raise Refusal(404, "there is no such id", code="not_found", param="id")


async def _models(wanted: Wanted) -> list[str]:
    """The models that a request names, in its fields or in its lines."""
    found = [] if wanted.model is None else [wanted.model]
    form = wanted.form
    if form is not None and form.text("purpose") == _BATCH:
        for _, file in form.files:
            found += await asyncio.to_thread(models_in, file)
    return list(dict.fromkeys(found))
