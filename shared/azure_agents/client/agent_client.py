"""The clients that the adapters wrap: settings and a request in, events or a completion out.

`AgentClient` is for threads, `AsyncAgentClient` its twin for event loops. Nothing is sent and no
connection is opened before the first call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Generator, Sequence
from contextlib import aclosing, closing
from functools import partial
from typing import Any

from ..content.stop import StopCut
from ..drivers.aio import AsyncDriver
from ..drivers.clients import LoopClients, SyncClient
from ..drivers.sync import SyncDriver
from ..drivers.turn import Wiring
from ..events import Event
from ..files.async_files import AsyncFiles
from ..files.files import Files
from ..files.vector_stores import AsyncVectorStores, VectorStores
from ..fold import Completion, Fold
from ..jsonio import JSON
from ..messages import TurnRequest, request_of
from ..protocols.cancel import cancel
from ..protocols.copying import fork_thread
from ..protocols.responses.background import resume_response
from ..protocols.responses.definition import answer_schema, declare_tools
from .base import BaseClient
from .server_threads import AsyncThreads, Threads


class AgentClient(BaseClient):
    """Calls one agent, from any number of threads.

    Example:
        >>> client = AgentClient("my-agent", endpoint="https://…/api/projects/p")
        >>> client.complete("Hello").text

    Args:
        model: ``my-agent``, ``my-agent:1`` (v2) or ``asst_…`` (classic); else the environment
            variable ``AZURE_AI_AGENT``.
        endpoint: The project, ``https://….services.ai.azure.com/api/projects/…``, or a hosted
            agent's or an application's own endpoint; else ``AZURE_AI_PROJECT_ENDPOINT``.
        credential: An azure-identity credential (sync or async), a callable that returns a token,
            or a token; else the environment, and last ``DefaultAzureCredential``.
        thread_store: Remembers which history stands where on the server; by default in memory, one
            store for the process.
        transport: An httpx transport of sync calls, instead of the network.
        async_transport: An httpx transport of async calls; every client takes both, so that the
            same arguments fit both.
        clock: The time, to be replaced in tests.
        operation_keys: Makes the unique key of each turn, to be replaced in tests.
        observer: Its `record` is called with every request and retry.
        arguments: The settings that a model of an adapter has, by the same names (``threads``,
            ``thread_id``, ``owner``, ``instructions``, ``timeout`` in seconds, ``max_retries`` …),
            and other ways to sign in (``api_key``, ``tenant_id``, ``client_id``,
            ``client_secret``, ``scope``).

    Raises:
        ConfigError: A setting is missing or wrong.
        TypeError: The client has no such argument.
    """

    _is_async = False

    def _connect(self, transport: Any) -> None:
        self._client = SyncClient(transport, self.settings.endpoint)

    def stream(self, request: TurnRequest | str) -> Generator[Event, None, None]:
        """Ask, and give the answer piece by piece; the last event is `Finished`.

        Closing the generator early stops the turn, also on the server where that is possible.

        Args:
            request: A `TurnRequest`, or a text: the only message of one.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; bad requests before anything is sent.
        """
        return self._events(request_of(request), deltas=True)

    def complete(self, request: TurnRequest | str) -> Completion:
        """Ask, and give the whole answer.

        Args:
            request: A `TurnRequest`, or a text: the only message of one.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; bad requests before anything is sent.
        """
        folding = Fold()
        with closing(self._events(request_of(request), deltas=False)) as events:
            for event in events:
                folding.add(event)
        return folding.result()

    def _events(self, request: TurnRequest, *, deltas: bool) -> Generator[Event, None, None]:
        wiring, flow = self._begin_turn(request, deltas=deltas)
        return self._driver_with(wiring).events(flow, _stop_filter(request))

    def resume(
        self, response_id: str, *, starting_after: int | None = None
    ) -> Generator[Event, None, None]:
        """Give the rest of a background response, also of one that another process began.

        Args:
            response_id: ``resp_…`` of the response.
            starting_after: Sequence number of the last event that the caller has; None: give
                all.
        """
        turn = self._project_turn("resume()")
        return self._driver.events(resume_response(turn, response_id, starting_after))

    def cancel(
        self,
        *,
        response_id: str | None = None,
        thread_id: str | None = None,
        run_id: str | None = None,
    ) -> str:
        """Stop a background response (v2) or a run (classic); returns its status.

        Args:
            response_id: ``resp_…`` of the response (v2).
            thread_id: ``thread_…`` of the run (classic).
            run_id: ``run_…`` (classic).

        Raises:
            InvalidRequestError: The ids are not those of the agent's generation.
        """
        flow = cancel(
            self._project_turn("cancel()"),
            response_id=response_id,
            thread_id=thread_id,
            run_id=run_id,
        )
        return self._driver.result(flow)

    def fork_thread(self, thread_id: str, *, without: Collection[str] = ()) -> str:
        """Copy a ``thread_…`` or ``conv_…`` without some of its messages; returns the new id.

        Function calls that were never answered are left out: so a thread that refuses every turn
        (`PoisonedThreadError`) can be left behind.

        Args:
            thread_id: The thread or conversation to copy.
            without: Ids of messages or items to leave out as well.
        """
        return self._driver.result(
            fork_thread(self._project_turn("fork_thread()"), thread_id, without)
        )

    def declare_tools(self, tools: Sequence[object]) -> str:
        """Make a version of the v2 agent that declares these function tools; returns it.

        A client whose `model` names a version keeps using that version. A classic agent takes tools
        with every call: nothing is done there, and the version is "".

        Args:
            tools: Function tools as OpenAI's dictionaries (``{"type": "function", "function":
                {…}}``, or flat). The agent's other tools stay; one of the same name is replaced.
        """
        return self._driver.result(declare_tools(self._project_turn("declare_tools()"), tools))

    def answer_schema(self) -> JSON | None:
        """Get the JSON schema that a v2 agent's definition puts on its answers, if any."""
        return self._driver.result(answer_schema(self._turn()))

    @property
    def files(self) -> Files:
        """Files of the project, and those that answers bring."""
        return Files(partial(self._project_turn, "files"), self._driver_within)

    @property
    def vector_stores(self) -> VectorStores:
        """Vector stores of the project."""
        return VectorStores(
            self.files, partial(self._project_turn, "vector_stores"), self._driver_within
        )

    @property
    def threads(self) -> Threads:
        """Threads and conversations that the service keeps."""
        turns = partial(self._project_turn, "threads")
        return Threads(turns, lambda: self._driver, self._clock.time)

    @property
    def _driver(self) -> SyncDriver:
        return self._driver_with(self._wiring)

    def _driver_within(self, seconds: float | None) -> SyncDriver:
        return self._driver_with(self._wiring.within(seconds))

    def _driver_with(self, wiring: Wiring) -> SyncDriver:
        return SyncDriver(wiring, self._store, self._client.get)

    def close(self) -> None:
        """Close idle connections; the client can still be used."""
        self._client.close()


def _stop_filter(request: TurnRequest) -> Callable[[Event], list[Event]] | None:
    # Agents know no stop sequences, so the answer is cut here; None for a call without any.
    return StopCut(request.stop).feed if request.stop else None


class AsyncAgentClient(BaseClient):
    """Calls one agent, from any number of tasks and event loops.

    Example:
        >>> client = AsyncAgentClient("my-agent", endpoint="https://…/api/projects/p")
        >>> (await client.complete("Hello")).text

    Args:
        model: ``my-agent``, ``my-agent:1`` (v2) or ``asst_…`` (classic); else the environment
            variable ``AZURE_AI_AGENT``.
        endpoint: The project, ``https://….services.ai.azure.com/api/projects/…``, or a hosted
            agent's or an application's own endpoint; else ``AZURE_AI_PROJECT_ENDPOINT``.
        credential: An azure-identity credential (sync or async), a callable that returns a token,
            or a token; else the environment, and last ``DefaultAzureCredential``.
        thread_store: Remembers which history stands where on the server; by default in memory, one
            store for the process.
        transport: An httpx transport of sync calls, instead of the network.
        async_transport: An httpx transport of async calls; every client takes both, so that the
            same arguments fit both.
        clock: The time, to be replaced in tests.
        operation_keys: Makes the unique key of each turn, to be replaced in tests.
        observer: Its `record` is called with every request and retry.
        arguments: The settings that a model of an adapter has, by the same names (``threads``,
            ``thread_id``, ``owner``, ``instructions``, ``timeout`` in seconds, ``max_retries`` …),
            and other ways to sign in (``api_key``, ``tenant_id``, ``client_id``,
            ``client_secret``, ``scope``).

    Raises:
        ConfigError: A setting is missing or wrong.
        TypeError: The client has no such argument.
    """

    _is_async = True

    def _connect(self, transport: Any) -> None:
        self._clients = LoopClients(transport, self.settings.endpoint)

    def stream(self, request: TurnRequest | str) -> AsyncGenerator[Event, None]:
        """Ask, and give the answer piece by piece; the last event is `Finished`.

        Use it under ``contextlib.aclosing``: leaving that early stops the turn at once, also on
        the server where that is possible.

        Args:
            request: A `TurnRequest`, or a text: the only message of one.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; bad requests before anything is sent.
        """
        return self._events(request_of(request), deltas=True)

    async def complete(self, request: TurnRequest | str) -> Completion:
        """Ask, and give the whole answer.

        Args:
            request: A `TurnRequest`, or a text: the only message of one.

        Raises:
            AzureAgentsError: See `azure_agents.errors`; bad requests before anything is sent.
        """
        folding = Fold()
        async with aclosing(self._events(request_of(request), deltas=False)) as events:
            async for event in events:
                folding.add(event)
        return folding.result()

    def _events(self, request: TurnRequest, *, deltas: bool) -> AsyncGenerator[Event, None]:
        wiring, flow = self._begin_turn(request, deltas=deltas)
        return self._driver_with(wiring).events(flow, _stop_filter(request))

    def resume(
        self, response_id: str, *, starting_after: int | None = None
    ) -> AsyncGenerator[Event, None]:
        """Give the rest of a background response, also of one that another process began.

        Args:
            response_id: ``resp_…`` of the response.
            starting_after: Sequence number of the last event that the caller has; None: give
                all.
        """
        turn = self._project_turn("resume()")
        return self._driver.events(resume_response(turn, response_id, starting_after))

    async def cancel(
        self,
        *,
        response_id: str | None = None,
        thread_id: str | None = None,
        run_id: str | None = None,
    ) -> str:
        """Stop a background response (v2) or a run (classic); returns its status.

        Args:
            response_id: ``resp_…`` of the response (v2).
            thread_id: ``thread_…`` of the run (classic).
            run_id: ``run_…`` (classic).

        Raises:
            InvalidRequestError: The ids are not those of the agent's generation.
        """
        flow = cancel(
            self._project_turn("cancel()"),
            response_id=response_id,
            thread_id=thread_id,
            run_id=run_id,
        )
        return await self._driver.result(flow)

    async def fork_thread(self, thread_id: str, *, without: Collection[str] = ()) -> str:
        """Copy a ``thread_…`` or ``conv_…`` without some of its messages; returns the new id.

        Function calls that were never answered are left out: so a thread that refuses every turn
        (`PoisonedThreadError`) can be left behind.

        Args:
            thread_id: The thread or conversation to copy.
            without: Ids of messages or items to leave out as well.
        """
        return await self._driver.result(
            fork_thread(self._project_turn("fork_thread()"), thread_id, without)
        )

    async def declare_tools(self, tools: Sequence[object]) -> str:
        """Make a version of the v2 agent that declares these function tools; returns it.

        A client whose `model` names a version keeps using that version. A classic agent takes tools
        with every call: nothing is done there, and the version is "".

        Args:
            tools: Function tools as OpenAI's dictionaries (``{"type": "function", "function":
                {…}}``, or flat). The agent's other tools stay; one of the same name is replaced.
        """
        return await self._driver.result(
            declare_tools(self._project_turn("declare_tools()"), tools)
        )

    async def answer_schema(self) -> JSON | None:
        """Get the JSON schema that a v2 agent's definition puts on its answers, if any."""
        return await self._driver.result(answer_schema(self._turn()))

    @property
    def files(self) -> AsyncFiles:
        """Files of the project, and those that answers bring."""
        return AsyncFiles(partial(self._project_turn, "files"), self._driver_within)

    @property
    def vector_stores(self) -> AsyncVectorStores:
        """Vector stores of the project."""
        return AsyncVectorStores(
            self.files, partial(self._project_turn, "vector_stores"), self._driver_within
        )

    @property
    def threads(self) -> AsyncThreads:
        """Threads and conversations that the service keeps."""
        turns = partial(self._project_turn, "threads")
        return AsyncThreads(turns, lambda: self._driver, self._clock.time)

    @property
    def _driver(self) -> AsyncDriver:
        return self._driver_with(self._wiring)

    def _driver_within(self, seconds: float | None) -> AsyncDriver:
        return self._driver_with(self._wiring.within(seconds))

    def _driver_with(self, wiring: Wiring) -> AsyncDriver:
        return AsyncDriver(wiring, self._store, self._clients.get)

    async def aclose(self) -> None:
        """Close idle connections of the running event loop; the client can still be used."""
        await self._clients.aclose()
