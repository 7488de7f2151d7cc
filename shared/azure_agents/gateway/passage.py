"""One call of a model, from the client's body to the end of its answer.

The router chooses; an attempt asks. Until an attempt has brought the first content of a stream, or
the whole of another answer, the client has heard nothing, and the next deployment may be asked. A
stream whose first content takes long is begun all the same, with comments: what fails then is told
as its last event. When the client leaves, in whatever phase, the upstream is left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple, Protocol, TypeAlias, cast

from ..errors import AzureAgentsError, InvalidRequestError
from ..routing.calls import RoutedCall
from ..routing.deployments import Deployment
from ..routing.flow import Attempt, Routed
from ..routing.limits import Amounts
from ..routing.sticky import marked
from .allowance import Allowance, Taken
from .asgi import ClientGone, Receive, while_there
from .asked import Asked
from .attempts import Passing
from .board import Board
from .mapped import Asker, ask_mapped
from .marks import Change, changed_body, changed_events
from .meter import Meter
from .out import Out
from .refusals import Refusal, Refused, without_secrets
from .replies import Reply, Stream, Whole
from .targets import Targets, secrets_of

_LOGGER = logging.getLogger("azure_agents")
_BEAT = 10.0  # seconds between two comments


@dataclass(slots=True)
class Ended:
    """How a call ended, for the books.

    Attributes:
        asked: By the client.
        caller: The name of its key.
        group: The model's name in the config.
        status: That the client heard; 499: it had gone.
        deployment: The id of the deployment that answered; "" if none did.
        meter: What it used; None: nothing.
        seconds: From its body to its end.
        first: Seconds until the first byte; None: there was none.
        error: Why it failed; None: it did not, or its client left.
        last_failure: Of the last attempt that failed.
    """

    asked: Asked
    caller: str
    group: str
    status: int = 0
    deployment: str = ""
    meter: Meter | None = None
    seconds: float = 0.0
    first: float | None = None
    error: AzureAgentsError | None = None
    last_failure: AzureAgentsError | None = None
    begun: float = field(default_factory=monotonic)


class Tried(NamedTuple):
    """How one attempt ended.

    Attributes:
        deployment: Who was asked.
        seconds: Until its answer, of a stream until its first content.
        error: Why it failed; None: it did not.
        is_left: Nobody waited for its end: the client had gone.
    """

    deployment: Deployment
    seconds: float
    error: AzureAgentsError | None = None
    is_left: bool = False


Ask: TypeAlias = Callable[[Attempt], Awaitable[Reply]]


class Watched(Protocol):
    """What watches one call, for traces.

    Attributes:
        ended: Is set to how it ends, when it begins.
    """

    ended: Ended | None

    def around(self, make: Callable[[Mapping[str, str]], Ask]) -> Ask:
        """Watch each attempt.

        Args:
            make: Makes what asks, with headers that go up as well.
        """


class Passage:
    """Carries calls out.

    Args:
        board: Chooses deployments.
        passing: Asks those whose answers pass as bytes.
        targets: Where they are.
        allowance: Of the keys.
        first_content: Seconds that the status of a stream waits.
        note: Is told how each call ended.
        tried: Is told how each attempt ended.
    """

    def __init__(
        self,
        board: Board,
        passing: Passing,
        targets: Targets,
        allowance: Allowance,
        *,
        first_content: float,
        note: Callable[[Ended], object],
        tried: Callable[[Tried], object],
    ) -> None:
        self._board, self._passing, self._targets = board, passing, targets
        self._allowance, self._first_content = allowance, first_content
        self._note, self._tried = note, tried
        self._secrets = secrets_of(board.deployments)

    async def carry(
        self,
        asked: Asked,
        call: RoutedCall,
        asker: Asker,
        receive: Receive,
        out: Out,
        *,
        span: Watched | None = None,
    ) -> None:
        """Ask, and answer.

        Args:
            asked: By the client.
            call: The same, read by the router.
            asker: Who asks.
            receive: Of the request, its body read.
            out: Of the request.
            span: Watches it, for traces.
        """
        amounts = call.job.amounts
        dollars = self._dollars(asked, call, asker)
        taken = await self._allowance.take(asker.caller, amounts, dollars)
        ended = Ended(asked, asker.caller.name, call.group)
        one = _One(self._board, call, out, ended, self._note, asker=asker)
        refused: dict[int, Refused] = {}
        ask = self._asking(asked, call, asker, refused, ended)
        if span is not None:
            span.ended = ended
            ask = span.around(
                lambda sent: self._asking(
                    asked.also_sending(sent), call, asker.also_sending(sent), refused, ended
                )
            )
        try:
            with while_there(receive):
                await one.answer(ask, self._first_content)
        except ClientGone:
            one.ended.status = 499
        except AzureAgentsError as failed:
            error = without_secrets(failed, self._secrets)  # of a stream that the library maps
            one.ended.error = error
            self._log(asked, error)
            await out.refuse(refused.get(id(error)) or self._board.refusal_of(call, error))
        finally:
            one.book()
            closing = self._close(one, taken)
            # A task costs time, and only the end of a stream, and Redis, are waited for.
            await (asyncio.shield(closing) if one.may_wait else closing)

    def _log(self, asked: Asked, error: AzureAgentsError) -> None:
        if isinstance(error, InvalidRequestError):
            return  # a client's fault fills no log
        status = error.status or 0
        if status == 0 or status >= 500 or status in (401, 403):
            _LOGGER.warning("%s failed: %s", asked.doing, error)

    def _dollars(self, asked: Asked, call: RoutedCall, asker: Asker) -> float | None:
        """What a call will cost, as far as known; asked only of keys with a budget."""
        key = asker.caller.key
        if key is None or key.budget is None:
            return None
        target = self._targets.get(call.job.groups[0][0], asked.operation)
        if target is None or target.model is None:
            return None
        return target.pricer.usd_of_text(*call.job.amounts, target.model)

    async def _close(self, one: _One, taken: Taken) -> None:
        tokens: Amounts | None = None
        try:
            tokens = await one.close()
        finally:
            await self._allowance.settle(taken, tokens, one.ended.meter)

    def _asking(
        self,
        asked: Asked,
        call: RoutedCall,
        asker: Asker,
        refused: dict[int, Refused],
        ended: Ended,
    ) -> Ask:
        async def ask(attempt: Attempt) -> Reply:
            begun = monotonic()
            try:
                target = self._targets.get(attempt.deployment, asked.operation)
                if target is None:
                    reply = await ask_mapped(call, attempt, asker, streams=asked.streams)
                else:
                    reply = await self._passing.ask(attempt, target, asked, refused)
            except AzureAgentsError as failed:
                error = without_secrets(failed, self._secrets)
                ended.last_failure = error
                self._tried(Tried(attempt.deployment, monotonic() - begun, error))
                if error is failed:
                    raise
                raise error from None  # a cause has the same words
            except BaseException:
                self._tried(Tried(attempt.deployment, monotonic() - begun, is_left=True))
                raise
            self._tried(Tried(attempt.deployment, monotonic() - begun))
            return reply

        return ask


class _One:
    """One call, with what must be given back at its end."""

    def __init__(
        self,
        board: Board,
        call: RoutedCall,
        out: Out,
        ended: Ended,
        note: Callable[[Ended], object],
        *,
        asker: Asker,
    ) -> None:
        self._board, self._call, self._out, self.ended = board, call, out, ended
        self._note, self._asker = note, asker
        self._is_booked = False
        self._routed: Routed | None = None

    def book(self, status: int = 0) -> None:
        """Write the call down, once; before its end is sent, so that a client finds it there.

        Args:
            status: That the client hears; 0: what it heard.
        """
        if self._is_booked:
            return
        self._is_booked, ended = True, self.ended
        ended.status = ended.status or status or self._out.status or 500
        ended.seconds = monotonic() - ended.begun
        self._note(ended)

    async def answer(
        self, ask: Callable[[Attempt], Awaitable[Reply]], first_content: float
    ) -> None:
        if self.ended.asked.streams:
            await self._wait(ask, first_content)
        else:
            self._answered(await self._board.route(self._call, ask))
        routed = cast(Routed, self._routed)
        reply: Reply = routed.answer
        self.ended.first = monotonic() - self.ended.begun
        self._out.add((b"x-model-id", routed.ticket.deployment.id.encode("latin-1", "replace")))
        if isinstance(reply, Whole):
            await self._whole(reply)
        else:
            await self._stream(reply)

    async def _wait(self, ask: Callable[[Attempt], Awaitable[Reply]], first_content: float) -> None:
        """Route, and tell the client meanwhile that its stream lives."""
        beating: asyncio.Task[None] | None = None

        def begin() -> None:
            nonlocal beating
            beating = asyncio.create_task(self._beat())

        starting = asyncio.get_running_loop().call_later(first_content, begin)
        try:
            self._answered(await self._board.route(self._call, ask))
        finally:
            starting.cancel()
            if beating is not None:
                beating.cancel()
                await asyncio.wait({beating})

    async def _beat(self) -> None:
        while True:
            await self._out.beat()
            await asyncio.sleep(_BEAT)

    def _answered(self, routed: Routed) -> None:
        # At once: a client that leaves in this moment has used what its answer used.
        self._routed, reply = routed, routed.answer
        self.ended.deployment, self.ended.meter = routed.ticket.deployment.id, reply.meter

    async def _whole(self, reply: Whole) -> None:
        body = reply.body
        change = self._change()
        if change is not None:
            body = changed_body(body, change)
        self.book(reply.status)
        cost = reply.meter.cost()
        if cost is not None:
            self._out.add((b"x-response-cost", f"{cost:.10f}".rstrip("0").encode()))
        if self._out.status is None:
            await self._out.whole(reply.status, body, reply.headers)
        else:  # a stream was begun, and the upstream answered as if none had been asked for
            await self._out.end(b"data: " + body.replace(b"\n", b" ") + b"\n\n")

    async def _stream(self, reply: Stream) -> None:
        out, rest, change = self._out, reply.rest, self._change()
        await out.begin(reply.headers)
        piece = reply.first
        while True:
            if change is not None:
                piece = changed_events(piece, change)
            if rest.is_over:
                break
            await out.piece(piece)
            piece = await rest.read()
        self.book()
        await out.end(piece)

    def _change(self) -> Change | None:
        """What becomes of the ids of an answer; None: it has none, or they stay."""
        seals, caller, marks = self._asker.seals, self._asker.caller, self._call.marks
        if self.ended.asked.operation != "responses" or not (marks or seals.is_on):
            return None
        mark = cast(Routed, self._routed).ticket.deployment.mark if marks else ""
        return lambda data: seals.sealed_ids(marked(data, mark) if mark else data, caller)

    @property
    def may_wait(self) -> bool:
        """Whether its end may take time, in which the client's task may be cancelled."""
        answer = None if self._routed is None else self._routed.answer
        return self._board.is_shared or (isinstance(answer, Stream) and answer.rest.is_slow)

    async def close(self) -> Amounts | None:
        """Let go of the upstream, and count what was used; returns that."""
        routed = self._routed
        if routed is None:
            return None
        reply: Reply = routed.answer
        meter, reserved = reply.meter, routed.ticket.place.amounts
        is_stream = isinstance(reply, Stream)
        amounts = meter.amounts(reserved) if is_stream else meter.used()
        try:
            if isinstance(reply, Stream):
                await reply.rest.close()
        finally:
            await self._board.give_back(routed.ticket, amounts, reply.told)
        return amounts


def refusal_for(error: Exception) -> Refusal:
    """What a client hears of an error that nobody expected.

    Args:
        error: Any.
    """
    _LOGGER.error("a request failed: %s", type(error).__name__, exc_info=error)
    return Refusal(500, "the gateway failed; its log says why", code="internal_error")
