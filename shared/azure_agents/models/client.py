"""The clients of one resource: settings and a request in, an answer or chunks out.

A client is kept by what it was made from, so that calls share connections and tokens. Both kinds
run the same flows (`azure_agents.models.requests`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..drivers.aio import AsyncDriver
from ..drivers.clients import LoopClients, SyncClient
from ..drivers.clock import Clock, SystemClock
from ..drivers.observe import Observer
from ..drivers.sync import SyncDriver
from ..drivers.turn import Wiring
from ..jsonio import JSON
from ..protocols.commands import Flow
from ..settings.headers import ExtraHeaders
from ..settings.timeouts import Timeouts
from ..settings.urls import Url
from ..threads.memory import MemoryThreadStore

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connection:
    """What the clients of a resource are made from.

    Attributes:
        url: The resource; a credential goes nowhere else.
        auth: Puts the credential on requests.
        transport: An httpx transport of sync calls, instead of the network.
        async_transport: The same for async calls.
        clock: Time, to be replaced in tests.
        observer: Is told of every request.
    """

    url: Url
    auth: httpx.Auth
    transport: Any = None
    async_transport: Any = None
    clock: Clock | None = None
    observer: Observer | None = None

    def wiring(self, timeouts: Timeouts, headers: ExtraHeaders) -> Wiring:
        """What one call is run with."""
        return Wiring(
            self.url.url, self.auth, timeouts, self.clock or SystemClock(), self.observer, headers
        )


class ModelClient:
    """Asks deployments of one resource, from any number of threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = SyncClient(connection.transport, cast(Any, connection.url))

    def result(self, flow: Flow[T], timeouts: Timeouts, headers: ExtraHeaders) -> T:
        """Run a flow to its end and give its result."""
        return self._driver(timeouts, headers).result(flow)

    def chunks(
        self, flow: Flow[None], timeouts: Timeouts, headers: ExtraHeaders
    ) -> Generator[JSON, None, None]:
        """Run a flow and give its chunks; closing the generator leaves the call."""
        events: Any = self._driver(timeouts, headers).events(flow)
        return events  # type: ignore[no-any-return]  # the events of these flows are chunks

    def _driver(self, timeouts: Timeouts, headers: ExtraHeaders) -> SyncDriver:
        wiring = self._connection.wiring(timeouts, headers)
        return SyncDriver(wiring, _NO_STORE, self._client.get)

    def close(self) -> None:
        """Close idle connections; the client can still be used."""
        self._client.close()


class AsyncModelClient:
    """Asks deployments of one resource, from any number of tasks and event loops."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._clients = LoopClients(connection.async_transport, cast(Any, connection.url))

    async def result(self, flow: Flow[T], timeouts: Timeouts, headers: ExtraHeaders) -> T:
        """Run a flow to its end and give its result."""
        return await self._driver(timeouts, headers).result(flow)

    def chunks(
        self, flow: Flow[None], timeouts: Timeouts, headers: ExtraHeaders
    ) -> AsyncGenerator[JSON, None]:
        """Run a flow and give its chunks; closing the generator leaves the call."""
        events: Any = self._driver(timeouts, headers).events(flow)
        return events  # type: ignore[no-any-return]  # the events of these flows are chunks

    def _driver(self, timeouts: Timeouts, headers: ExtraHeaders) -> AsyncDriver:
        wiring = self._connection.wiring(timeouts, headers)
        return AsyncDriver(wiring, _NO_STORE, self._clients.get)

    async def aclose(self) -> None:
        """Close idle connections of the running event loop; the client can still be used."""
        await self._clients.aclose()


_NO_STORE = MemoryThreadStore()  # calls of deployments keep nothing, and no flow of theirs asks
