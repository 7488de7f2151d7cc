"""The clients that the adapters wrap: settings and a request in, events or a completion out.

`Agents` and `AsyncAgents` are the same thing for threads and for event loops. Nothing is sent and
no connection is opened before the first call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Generator, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING
from uuid import uuid4

from .auth import FoundryAuth
from .commands import Flow
from .config import Settings, check_owner
from .drivers.aio import AsyncDriver
from .drivers.call import Wiring
from .drivers.clients import LoopClients, SyncClient
from .drivers.clock import Clock, SystemClock
from .drivers.sync import SyncDriver
from .errors import InvalidRequestError
from .events import Event
from .files import AsyncFiles, Files
from .fold import Completion, Fold
from .jsonio import JSON
from .messages import TurnRequest
from .naming import check_handle, parse_handle
from .observe import Observer
from .protocols.cancel import cancel
from .protocols.classic.flow import run_turn as run_classic_turn
from .protocols.forking import fork_thread
from .protocols.memo import Memo
from .protocols.responses.background import resume_response
from .protocols.responses.declared import answer_schema, declare_tools
from .protocols.responses.flow import run_turn as run_responses_turn
from .protocols.turn import Turn
from .stop import StopCut
from .threads.memory import shared_store
from .threads.store import ThreadStore
from .vector_stores import AsyncVectorStores, VectorStores

if TYPE_CHECKING:
    import httpx

_FLOWS = {"classic": run_classic_turn, "v2": run_responses_turn}


def _new_key() -> str:
    return uuid4().hex


class _Client:
    """What both clients share: checking a request and starting its flow."""

    def __init__(
        self,
        settings: Settings,
        auth: FoundryAuth,
        *,
        store: ThreadStore | None,
        clock: Clock | None,
        operation_keys: Callable[[], str] | None,
        observer: Observer | None,
    ) -> None:
        self.settings = settings
        self._store = store if store is not None else shared_store()
        self._keys = operation_keys or _new_key
        url, clock = settings.endpoint.url, clock or SystemClock()
        self._wiring = Wiring(url, auth, settings.timeouts, clock, observer)
        self._memo = Memo(clock.time)

    def _start(self, request: TurnRequest, *, deltas: bool) -> Flow[None]:
        check_request(self.settings, request)
        turn = self._turn(request, deltas=deltas)
        return _FLOWS[self.settings.agent.generation](turn)

    def _turn(self, request: TurnRequest | None = None, *, deltas: bool = True) -> Turn:
        asked = request or TurnRequest(())
        return Turn(self.settings, asked, self._keys(), deltas, self._memo)

    def __repr__(self) -> str:
        agent, url = self.settings.agent.requested, self.settings.endpoint.url
        return f"{type(self).__name__}({agent!r}, endpoint={url!r})"


class Agents(_Client):
    """Calls an agent from any number of threads.

    Args:
        settings: Agent, endpoint, policies, limits (`azure_agents.config.resolve_settings`).
        auth: The credential (`azure_agents.auth.make_auth`).
        transport: An httpx transport to use instead of the network.
        store: Thread store; by default one in memory, shared by all clients of the process.
        clock: Time, to be replaced in tests.
        operation_keys: Makes the unique key of each turn, to be replaced in tests.
        observer: Is told of every request.
    """

    def __init__(
        self,
        settings: Settings,
        auth: FoundryAuth,
        *,
        transport: httpx.BaseTransport | None = None,
        store: ThreadStore | None = None,
        clock: Clock | None = None,
        operation_keys: Callable[[], str] | None = None,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(
            settings,
            auth,
            store=store,
            clock=clock,
            operation_keys=operation_keys,
            observer=observer,
        )
        self._client = SyncClient(transport, is_local=settings.endpoint.is_loopback)
        self._driver = SyncDriver(self._wiring, self._store, self._client.get)

    def stream(self, request: TurnRequest) -> Generator[Event, None, None]:
        """Answer piece by piece; the last event is `Finished`.

        Closing the generator early stops the turn, also on the server where that is possible.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; bad requests before anything is sent.
        """
        return self._events(request, deltas=True)

    def complete(self, request: TurnRequest) -> Completion:
        """Answer whole.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; bad requests before anything is sent.
        """
        folding = Fold()
        with closing(self._events(request, deltas=False)) as events:
            for event in events:
                folding.add(event)
        return folding.result()

    def _events(self, request: TurnRequest, *, deltas: bool) -> Generator[Event, None, None]:
        flow = self._start(request, deltas=deltas)
        return self._driver.events(flow, _cut(request))

    def resume(
        self, response_id: str, *, starting_after: int | None = None
    ) -> Generator[Event, None, None]:
        """Tell the rest of a background response, also one that another process began.

        Args:
            response_id: ``resp_…`` of the response.
            starting_after: Sequence number of the last event already seen; None: from the start.
        """
        turn = self._turn()
        return self._driver.events(resume_response(turn, response_id, starting_after))

    def cancel(
        self,
        *,
        response_id: str | None = None,
        thread_id: str | None = None,
        run_id: str | None = None,
    ) -> str:
        """Stop a background response (v2) or a run (classic); returns its status."""
        flow = cancel(self._turn(), response_id=response_id, thread_id=thread_id, run_id=run_id)
        return self._driver.result(flow)

    def fork_thread(self, thread_id: str, *, without: Collection[str] = ()) -> str:
        """Copy a ``thread_…`` or ``conv_…`` without some of its messages; returns the new id.

        Function calls that were never answered are left out: the way out of a poisoned thread.
        """
        return self._driver.result(fork_thread(self._turn(), thread_id, without))

    def declare_tools(self, tools: Sequence[object]) -> str:
        """Make a version of the v2 agent that declares these function tools; returns it."""
        return self._driver.result(declare_tools(self._turn(), tools))

    def answer_schema(self) -> JSON | None:
        """The JSON schema that a v2 agent's own definition puts on its answers, if it has one."""
        return self._driver.result(answer_schema(self._turn()))

    @property
    def files(self) -> Files:
        """The files of the project, and those that answers bring."""
        return Files(self._turn, self._driver_within)

    @property
    def vector_stores(self) -> VectorStores:
        """The vector stores of the project."""
        return VectorStores(self.files, self._turn, self._driver_within)

    def _driver_within(self, seconds: float | None) -> SyncDriver:
        return SyncDriver(self._wiring.within(seconds), self._store, self._client.get)

    def close(self) -> None:
        """Close idle connections; the client can still be used."""
        self._client.close()


def _cut(request: TurnRequest) -> Callable[[Event], list[Event]] | None:
    """What tells no more of an answer than up to a stop sequence, if the call names any."""
    return StopCut(request.stop).feed if request.stop else None


class AsyncAgents(_Client):
    """Calls an agent from any number of tasks and event loops.

    Args:
        settings: Agent, endpoint, policies, limits (`azure_agents.config.resolve_settings`).
        auth: The credential (`azure_agents.auth.make_auth`).
        transport: An async httpx transport to use instead of the network.
        store: Thread store; by default one in memory, shared by all clients of the process.
        clock: Time, to be replaced in tests.
        operation_keys: Makes the unique key of each turn, to be replaced in tests.
        observer: Is told of every request.
    """

    def __init__(
        self,
        settings: Settings,
        auth: FoundryAuth,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        store: ThreadStore | None = None,
        clock: Clock | None = None,
        operation_keys: Callable[[], str] | None = None,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(
            settings,
            auth,
            store=store,
            clock=clock,
            operation_keys=operation_keys,
            observer=observer,
        )
        self._clients = LoopClients(transport, is_local=settings.endpoint.is_loopback)
        self._driver = AsyncDriver(self._wiring, self._store, self._clients.get)

    def stream(self, request: TurnRequest) -> AsyncGenerator[Event, None]:
        """Answer piece by piece; the last event is `Finished`.

        Use it under ``contextlib.aclosing``: leaving that early stops the turn at once, also on
        the server where that is possible.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; bad requests before anything is sent.
        """
        return self._events(request, deltas=True)

    async def complete(self, request: TurnRequest) -> Completion:
        """Answer whole.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; bad requests before anything is sent.
        """
        folding = Fold()
        async with aclosing(self._events(request, deltas=False)) as events:
            async for event in events:
                folding.add(event)
        return folding.result()

    def _events(self, request: TurnRequest, *, deltas: bool) -> AsyncGenerator[Event, None]:
        flow = self._start(request, deltas=deltas)
        return self._driver.events(flow, _cut(request))

    def resume(
        self, response_id: str, *, starting_after: int | None = None
    ) -> AsyncGenerator[Event, None]:
        """Tell the rest of a background response, also one that another process began.

        Args:
            response_id: ``resp_…`` of the response.
            starting_after: Sequence number of the last event already seen; None: from the start.
        """
        turn = self._turn()
        return self._driver.events(resume_response(turn, response_id, starting_after))

    async def cancel(
        self,
        *,
        response_id: str | None = None,
        thread_id: str | None = None,
        run_id: str | None = None,
    ) -> str:
        """Stop a background response (v2) or a run (classic); returns its status."""
        flow = cancel(self._turn(), response_id=response_id, thread_id=thread_id, run_id=run_id)
        return await self._driver.result(flow)

    async def fork_thread(self, thread_id: str, *, without: Collection[str] = ()) -> str:
        """Copy a ``thread_…`` or ``conv_…`` without some of its messages; returns the new id.

        Function calls that were never answered are left out: the way out of a poisoned thread.
        """
        return await self._driver.result(fork_thread(self._turn(), thread_id, without))

    async def declare_tools(self, tools: Sequence[object]) -> str:
        """Make a version of the v2 agent that declares these function tools; returns it."""
        return await self._driver.result(declare_tools(self._turn(), tools))

    async def answer_schema(self) -> JSON | None:
        """The JSON schema that a v2 agent's own definition puts on its answers, if it has one."""
        return await self._driver.result(answer_schema(self._turn()))

    @property
    def files(self) -> AsyncFiles:
        """The files of the project, and those that answers bring."""
        return AsyncFiles(self._turn, self._driver_within)

    @property
    def vector_stores(self) -> AsyncVectorStores:
        """The vector stores of the project."""
        return AsyncVectorStores(self.files, self._turn, self._driver_within)

    def _driver_within(self, seconds: float | None) -> AsyncDriver:
        return AsyncDriver(self._wiring.within(seconds), self._store, self._clients.get)

    async def aclose(self) -> None:
        """Close idle connections of the running event loop; the client can still be used."""
        await self._clients.aclose()


def check_request(settings: Settings, request: TurnRequest) -> None:
    """Refuse a call that cannot be right, before anything is sent.

    Raises:
        InvalidRequestError: No messages, a pin that does not fit, a policy that does not fit.
    """
    if not request.messages:
        raise InvalidRequestError("no messages: give at least one")
    check_owner(request.owner)
    if request.thread_id is not None:
        handle = parse_handle(request.thread_id)
        check_handle(handle, settings.agent.generation)
        if settings.threads == "ephemeral":
            raise InvalidRequestError(
                f"thread_id={request.thread_id!r} cannot be pinned with threads='ephemeral', which "
                "keeps nothing: use threads='auto'"
            )
