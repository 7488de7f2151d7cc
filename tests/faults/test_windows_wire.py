"""Window 15 on real sockets: time that runs out, loops that end and clients that are closed."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import aclosing, closing, suppress
from typing import Any

import httpx
import pytest

from azure_agents.client.agent_client import AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.drivers.aio import AsyncDriver
from azure_agents.drivers.clients import LoopClients, SyncClient
from azure_agents.drivers.clock import SystemClock
from azure_agents.drivers.sync import SyncDriver
from azure_agents.drivers.turn import Wiring
from azure_agents.drivers.watchdog import Watchdog
from azure_agents.errors import DeadlineError, NotSentError
from azure_agents.messages import TurnRequest, user
from azure_agents.protocols.commands import Reply
from azure_agents.settings.config import resolve_settings
from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.settings.timeouts import Timeouts
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore
from tests.core.peer import POST, PROJECT, STREAM, Act, Peer, answer, asking, silence, stream, then
from tests.eventually import eventually

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

UNAUTHORIZED = answer(b"{}", status="401 Unauthorized")
BEGUN = (
    b"event: thread.run.created\n"
    b'data: {"id":"run_1","thread_id":"thread_1","status":"in_progress"}\n\n'
)
BUSY: Act = then(stream(BEGUN, end=False), silence)
CANCEL = "POST /threads/thread_1/runs/run_1/cancel"
ASK = TurnRequest((user("Hi"),))


def wiring(peer: Peer, turn: float) -> Wiring:
    """A credential that can be renewed, and a deadline."""
    auth = make_auth(credential=lambda: "canary", endpoint=parse_endpoint(peer.url))
    return Wiring(peer.url, auth, Timeouts(turn=turn), SystemClock(), None)


def late(seconds: float) -> Act:
    """Take so long, and then refuse the token."""

    def act(connection: Any) -> bool | None:
        time.sleep(seconds)
        return UNAUTHORIZED(connection)

    return act


@pytest.mark.slow
@pytest.mark.parametrize("command", [POST, STREAM], ids=["plain", "stream"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_second_try_with_a_new_token_has_no_more_time_than_is_left(
    is_async: bool, command: Any
) -> None:
    """Each wait of a request ends with the turn, also those that begin late."""
    told: list[Any] = []
    with Peer([late(2.0), silence]) as peer:
        began = time.monotonic()
        flow = asking(told, command, pump=True)
        if is_async:
            driver = AsyncDriver(wiring(peer, 3.5), MemoryThreadStore(), LoopClients().get)
            asyncio.run(driver.result(flow))
        else:
            client = SyncClient()
            with closing(client):
                sync = SyncDriver(wiring(peer, 3.5), MemoryThreadStore(), client.get)
                sync.result(flow)
        assert time.monotonic() - began < 5.2  # 5.5, if the second wait had the whole limit
    assert ([DeadlineError], 2) == ([type(one) for one in told], len(peer.asked))


def test_a_client_that_somebody_closed_has_sent_nothing() -> None:
    """One thread closes the client just before another sends: it is safe to try again."""
    told: list[Any] = []
    with Peer([answer()]) as peer:
        closed, clients = httpx.Client(), SyncClient()
        closed.close()
        both = iter([closed, clients.get()])
        driver = SyncDriver(wiring(peer, 30.0), MemoryThreadStore(), both.__next__)
        driver.result(asking(told, POST, POST))
        clients.close()
    assert (NotSentError, Reply) == (type(told[0]), type(told[1]))


@pytest.mark.parametrize("over", ["aiohttp", "httpx"])
async def test_an_async_client_that_somebody_closed_has_sent_nothing(over: str) -> None:
    """The same on an event loop."""
    told: list[Any] = []
    with Peer([answer()]) as peer:
        transport = httpx.AsyncHTTPTransport() if over == "httpx" else None
        clients = LoopClients(transport)
        closed = await LoopClients(transport).get()
        await closed.aclose()
        both = iter([closed, await clients.get()])

        async def get() -> httpx.AsyncClient:
            return next(both)

        await AsyncDriver(wiring(peer, 30.0), MemoryThreadStore(), get).result(
            asking(told, POST, POST)
        )
        await clients.aclose()
        if transport is not None:
            await transport.aclose()
    assert (NotSentError, Reply) == (type(told[0]), type(told[1]))


def agents(peer: Peer, turn: float = 30.0) -> AsyncAgentClient:
    """A client of the peer."""
    timeout = Timeouts(turn=turn)
    settings = resolve_settings(model="asst_1", endpoint=peer.url, timeout=timeout, env={})
    auth = make_auth(credential=lambda: "canary", endpoint=settings.endpoint)
    return make_client(AsyncAgentClient, settings, auth, store=MemoryThreadStore())


def paths(peer: Peer) -> list[str]:
    """Method and path of every request, without the query."""
    return [line.partition("?")[0].replace(PROJECT, "") for line in peer.lines]


@pytest.mark.slow
async def test_a_caller_who_leaves_while_a_late_turn_is_tidied_up_changes_nothing() -> None:
    """The time was up, the cancel is under way; then the task is cancelled, too."""

    def slowly(connection: Any) -> bool | None:
        time.sleep(1.5)
        return answer()(connection)

    with Peer([BUSY, slowly]) as peer:
        client = agents(peer, turn=1.5)
        task = asyncio.ensure_future(client.complete(ASK))
        await eventually(lambda: [CANCEL] == paths(peer)[1:])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert {CANCEL} == set(paths(peer)[1:])
        await client.aclose()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("stop", [(), ("never said",)], ids=["plain", "with stop"])
def test_a_loop_that_ends_with_a_stream_in_somebodys_hands(
    stop: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """The cancel goes out before the connections are closed; nobody complains."""
    kept: list[Any] = []
    with Peer([BUSY, answer()]) as peer:
        client = agents(peer)

        async def main() -> None:
            events = client.stream(TurnRequest(ASK.messages, stop=stop))
            kept.append(events)
            await anext(events)

        asyncio.run(main())
        assert [CANCEL] == paths(peer)[1:]
    assert [] == [record.getMessage() for record in caplog.records if record.levelno > 25]


def test_a_loop_that_is_interrupted_stops_its_run() -> None:
    """Ctrl-C in `asyncio.run`: the main task is cancelled, and finishes its tidying up."""
    with Peer([BUSY, answer()]) as peer:
        client = agents(peer)

        async def main() -> None:
            async with aclosing(client.stream(ASK)) as events:
                async for _ in events:
                    asyncio.get_running_loop().call_later(0.1, _interrupt)

        def _interrupt() -> None:
            raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            asyncio.run(main())
        assert [CANCEL] == paths(peer)[1:]


@pytest.mark.parametrize("is_over", [False, True])
def test_a_watchdog_leaves_a_connection_alone_that_has_been_given_back(is_over: bool) -> None:
    """The body was read, and the socket may serve another thread: it is not shut any more."""
    ours, peers = socket.socketpair()
    with ours, peers:
        stream = _Stream(ours)
        response = httpx.Response(200, content=b"", extensions={"network_stream": stream})
        response.is_closed = is_over
        watchdog = Watchdog(response)
        watchdog.allow(0.01)
        time.sleep(0.1)
        peers.settimeout(0.01)
        if is_over:
            with pytest.raises(TimeoutError):
                peers.recv(1)
        else:
            assert b"" == peers.recv(1)
        watchdog.rest()


class _Stream:
    def __init__(self, ours: socket.socket) -> None:
        self._ours = ours

    def get_extra_info(self, name: str) -> socket.socket:
        assert "socket" == name
        return self._ours
