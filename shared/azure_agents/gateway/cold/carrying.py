"""Carries the calls of this room out: asked, answered, booked, and every resource given back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from ...errors import AzureAgentsError, InvalidRequestError, TransportError
from ...models.call import told_headers
from ...routing.deployments import Deployment
from ...routing.flow import Attempt, Routed
from ..allowance import Allowance, Taken
from ..asgi import ClientGone, Receive, while_there
from ..asked import Asked
from ..exchange import Incoming
from ..keyring import NOBODY
from ..meter import Meter
from ..out import Out
from ..passage import Ended, Tried
from ..refusals import Refusal, without_urls
from ..targets import Target, Targets
from ..upstream import Upstream
from .answering import Answering
from .asking import ask_once
from .calls import ColdCall, Reader
from .spending import BatchMeter, Booked, estimate, hidden_of

_LOGGER = logging.getLogger("azure_agents")
_PAID = frozenset({"batch", "job"})  # what is made and paid for, but files


@dataclass(frozen=True, slots=True)
class Tools:
    """What the calls of this room share.

    Attributes:
        reader: Makes calls.
        targets: Where deployments are.
        upstream: The pool of connections.
        allowance: Of the keys.
        note: Is told how each call ended.
        tried: Is told how each attempt ended.
        booked: Which outputs of batches were paid for.
    """

    reader: Reader
    targets: Targets
    upstream: Upstream
    allowance: Allowance
    note: Callable[[Ended], object]
    tried: Callable[[Tried], object]
    booked: Booked


class Carrier:
    """Carries calls out.

    Args:
        tools: What they share.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def carry(self, one: ColdCall, receive: Receive, out: Out) -> None:
        """Ask, and answer.

        Args:
            one: The call.
            receive: Of the request, its body read.
            out: Of the request.
        """
        taken = await self._take(one)
        carried = _Carried(self._tools, one, out)
        try:
            with while_there(receive):
                await carried.answer()
        except ClientGone:
            carried.ended.status = 499
        except AzureAgentsError as error:
            carried.ended.error = error
            await carried.refuse(error)
        finally:
            carried.book()
            await asyncio.shield(carried.close(taken))

    @asynccontextmanager
    async def counted(self, one: ColdCall, ended: Ended, out: Out) -> AsyncIterator[None]:
        """Count a call that is several requests upstream as one of its key, and write it down.

        Args:
            one: The first of them.
            ended: How it ends.
            out: Of the request.
        """
        taken = await self._take(one)
        try:
            yield
        except AzureAgentsError as error:
            ended.error = error
            raise
        finally:
            ended.status = ended.status or out.status or 500
            ended.seconds = monotonic() - ended.begun
            self._tools.note(ended)
            await self._tools.allowance.settle(taken, None, None)

    async def whole(self, one: ColdCall) -> tuple[Any, Deployment]:
        """Ask for JSON that the gateway itself reads; returns it, and who answered.

        Args:
            one: The call.

        Raises:
            AzureAgentsError: It failed.
        """
        carried = _Carried(self._tools, one, None)
        try:
            data, routed = await carried.json()
        finally:
            await asyncio.shield(carried.close(Taken(NOBODY)))
        return data, routed.ticket.deployment

    async def _take(self, one: ColdCall) -> Taken:
        """Reserve; what costs nothing needs no budget."""
        row = one.ask.wanted.row
        dollars, caller = None, one.caller
        is_free = not row.of_deployment and row.makes not in _PAID
        if row.of_deployment:
            deployment = one.call.job.groups[0][0]
            if caller.key is not None and caller.key.budget is not None:
                dollars = estimate(hidden_of(deployment, one.ask.wanted))
        amounts = one.call.job.amounts
        return await self._tools.allowance.take(caller, amounts, dollars, is_free=is_free)


class _Carried:
    """One call, with what must be given back at its end."""

    def __init__(self, tools: Tools, one: ColdCall, out: Out | None) -> None:
        self._tools, self._one, self._out = tools, one, out
        row = one.ask.wanted.row
        group = one.call.group if row.of_deployment else ""
        self.ended = Ended(one.ask.asked, one.caller.name, group)
        self._routed: Routed | None = None
        self._spent: BatchMeter | None = None
        self._is_booked = False

    async def json(self) -> tuple[Any, Routed]:
        routed = self._routed = await self._tools.reader.board.route(self._one.call, self._ask)
        return await self._answering(routed).json(), routed

    async def answer(self) -> None:
        routed = self._routed = await self._tools.reader.board.route(self._one.call, self._ask)
        assert self._out is not None  # noqa: S101 - only `whole` has none
        deployment = routed.ticket.deployment
        self.ended.deployment = deployment.id.removesuffix("/resource")
        self.ended.first = monotonic() - self.ended.begun
        self._out.add((b"x-model-id", self.ended.deployment.encode("latin-1", "replace")))
        answering = self._answering(routed)
        try:
            await answering.send(self._out, self.book)
        finally:
            self.ended.meter = answering.meter
            self._spent = answering.batch if answering.is_whole else None

    def _answering(self, routed: Routed) -> Answering:
        incoming: Incoming = routed.answer
        return Answering(self._one, incoming, routed.ticket.deployment)

    async def _ask(self, attempt: Attempt) -> Incoming:
        begun = monotonic()
        try:
            incoming = await self._asked(attempt)
        except AzureAgentsError as error:
            self.ended.last_failure = error
            self._tools.tried(Tried(attempt.deployment, monotonic() - begun, error))
            raise
        except BaseException:
            self._tools.tried(Tried(attempt.deployment, monotonic() - begun, is_left=True))
            raise
        self._tools.tried(Tried(attempt.deployment, monotonic() - begun))
        return incoming

    async def _asked(self, attempt: Attempt) -> Incoming:
        tools, one = self._tools, self._one
        name = one.ask.wanted.row.name
        target: Target | None = tools.targets.get(attempt.deployment, name)
        assert target is not None  # noqa: S101 - only chats are mapped
        body = await one.bodies.to(attempt.deployment, target)
        return await ask_once(tools.upstream, attempt, target, one.ask, body)

    async def refuse(self, error: AzureAgentsError) -> None:
        out, ask = self._out, self._one.ask
        is_clients = isinstance(error, InvalidRequestError)
        if not is_clients and (error.status is None or error.status >= 500):
            _LOGGER.warning("%s failed: %s", ask.asked.doing, error)
        if out is None or out.is_ended:
            return
        if out.status is not None and not ask.wanted.streams:
            out.cut()  # half a file must not look like a whole one
            return
        await out.refuse(ask.refused.get(id(error)) or self._told(error))

    def _told(self, error: AzureAgentsError) -> Refusal:
        row = self._one.ask.wanted.row
        if isinstance(error, TransportError) and not row.may_repeat:
            return Refusal(
                502,
                f"the answer was lost, so nobody knows whether the {row.makes} was made: look for "
                "it in the list before you make it again",
                code="upstream_error",
            )
        if error.status == 404 and not row.of_deployment:
            return Refusal(404, without_urls(error.message), code="not_found", param="id")
        return self._tools.reader.board.refusal_of(self._one.call, error)

    def book(self, meter: Meter | None = None) -> None:
        """Write the call down, once; before its end is sent, so that a client finds it there.

        Args:
            meter: What it used; None: what was told before, if anything.
        """
        if self._is_booked or self._out is None:
            return
        self.ended.meter = meter or self.ended.meter
        self._is_booked, ended = True, self.ended
        ended.status = ended.status or self._out.status or 500
        ended.seconds = monotonic() - ended.begun
        self._tools.note(ended)

    async def close(self, taken: Taken) -> None:
        """Let go of the upstream, and settle what was used."""
        routed, meter = self._routed, self.ended.meter
        try:
            meter = self._booked_batch() or meter
            if routed is not None:
                incoming: Incoming = routed.answer
                incoming.close()
        finally:
            used = None if meter is None else meter.used()
            if routed is not None:
                told: Mapping[str, str] = told_headers(routed.answer.headers)
                await self._tools.reader.board.give_back(routed.ticket, used, told)
            await self._tools.allowance.settle(taken, used, meter)

    def _booked_batch(self) -> Meter | None:
        """Book the lines of a batch whose output was read to its end, once."""
        spent, ask = self._spent, self._one.ask
        if spent is None or not spent.by_model or not self._tools.booked.is_first(ask.id):
            return None
        for model, meter in spent.by_model.items():
            asked = Asked("batch", "openai", model, {}, None, streams=False)
            group = self._tools.reader.board.name_of(model)
            ended = replace(self.ended, asked=asked, group=group, meter=meter, status=200)
            self._tools.note(ended)
        costs = [meter.told_cost for meter in spent.by_model.values()]
        return Meter(told_cost=sum(one for one in costs if one is not None))
