"""Both drivers against a peer on real sockets: waits, callers who leave, event loops."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing, closing
from typing import Any
from weakref import WeakSet

import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.errors import DeadlineError, ServiceError, TimedOutError
from azure_agents.events import Event, Finished, TextDelta
from azure_agents.messages import TurnRequest, user
from azure_agents.protocols.commands import Send
from azure_agents.settings.config import resolve_settings
from azure_agents.settings.timeouts import Timeouts
from azure_agents.sign_in.auth import make_auth

from ..eventually import eventually
from .peer import POST, STREAM, Act, Peer, Run, answer, head, outcomes, send, silence, stream, then

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

# Seconds. What a slow machine adds to a wait is far less than what the next limit would add.
SHORT, LONG = 0.8, 30.0
LONGS = {"read": LONG, "first_event": LONG, "between_events": LONG}

WAITS: list[Any] = [
    pytest.param({"read": SHORT}, POST, [silence], [TimedOutError], id="read: no head"),
    pytest.param(
        {"read": SHORT},
        POST,
        [then(send(head("content-length: 9")), silence)],
        [TimedOutError],
        id="read: no body",
    ),
    pytest.param({"first_event": SHORT}, STREAM, [silence], [TimedOutError], id="first event"),
    pytest.param(
        {"between_events": SHORT},
        STREAM,
        [then(stream(b"data: 1\n\n", end=False), silence)],
        [200, TimedOutError],
        id="between events",
    ),
    pytest.param({"turn": SHORT}, POST, [silence], [DeadlineError], id="turn: no head"),
    pytest.param(
        {"turn": SHORT},
        STREAM,
        [then(stream(b"data: 1\n\n", end=False), silence)],
        [200, DeadlineError],
        id="turn: no more events",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("limits", "command", "script", "told"), WAITS)
def test_every_wait_has_its_limit(
    run: Run, limits: dict[str, float], command: Send, script: list[Act], told: list[Any]
) -> None:
    """The shortest limit that applies ends a wait, and says which it was."""
    timeouts = Timeouts(**LONGS | {"turn": LONG} | limits)
    with Peer(script) as peer:
        start = time.monotonic()
        assert told == outcomes(run, peer, command, timeouts=timeouts)
        assert SHORT - 0.05 < time.monotonic() - start < LONG / 2


LATE: list[Any] = [
    pytest.param(stream(0.6, b"data: 1\n\n"), [200], id="the first event late"),
    pytest.param(
        stream(b"data: 1\n\n", *[0.2, b'data: {"type": "keepalive"}\n\n'] * 5),
        [200],
        id="kept alive",
    ),
    pytest.param(stream(b": ping\n\n", 0.6, b"data: 1\n\n"), [200], id="after a comment"),
    pytest.param(
        then(stream(0.6, b"data: 1\n\n", end=False), silence), [200, TimedOutError], id="then none"
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("act", "told"), LATE)
def test_the_first_event_has_a_limit_of_its_own(run: Run, act: Act, told: list[Any]) -> None:
    """The wait for it begins with the request, whenever the head comes; then the other holds."""
    timeouts = Timeouts(read=LONG, first_event=LONG, between_events=0.3, turn=LONG)
    with Peer([act]) as peer:
        start = time.monotonic()
        assert told == outcomes(run, peer, STREAM, timeouts=timeouts)
        assert time.monotonic() - start < LONG / 2


@pytest.mark.slow
def test_an_event_behind_a_comment_has_begun_the_stream(run: Run) -> None:
    """In one piece with it: from there on the other limit holds."""
    timeouts = Timeouts(read=LONG, first_event=SHORT, between_events=LONG, turn=LONG)
    late = stream(b": hello\n\ndata: 1\n\n", 1.5, b"data: 2\n\n")
    with Peer([late]) as peer:
        assert [200] == outcomes(run, peer, STREAM, timeouts=timeouts)


@pytest.mark.slow
def test_the_first_event_may_be_the_shorter_wait(run: Run) -> None:
    """Also where the head is there at once, and comments come in between."""
    timeouts = Timeouts(read=LONG, first_event=SHORT, between_events=LONG, turn=LONG)
    with Peer([then(stream(*[b": ping\n\n", 0.2] * 2, end=False), silence)]) as peer:
        start = time.monotonic()
        assert [200, TimedOutError] == outcomes(run, peer, STREAM, timeouts=timeouts)
        assert SHORT - 0.05 < time.monotonic() - start < LONG / 2


SLOW: list[Any] = [
    pytest.param(
        STREAM,
        then(stream(*[b": ping\n\n", 0.45] * 4, end=False), silence),
        id="a stream goes silent late",
    ),
    pytest.param(STREAM, stream(*[b": ping\n\n", 0.05] * 600), id="a stream of pings"),
    pytest.param(
        POST, send(head("content-length: 999"), *[b"x", 0.05] * 600), id="a body that trickles"
    ),
    pytest.param(
        POST,
        then(send(head("content-length: 999"), *[b"x", 0.45] * 4), silence),
        id="a body goes silent late",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "act"), SLOW)
def test_the_deadline_of_a_turn_holds_whatever_trickles_in(
    run: Run, command: Send, act: Act
) -> None:
    """Bytes that keep coming do not move the end of the turn."""
    timeouts = Timeouts(**LONGS, turn=2.0)
    with Peer([act]) as peer:
        start = time.monotonic()
        assert DeadlineError is outcomes(run, peer, command, timeouts=timeouts)[-1]
        assert 1.95 < time.monotonic() - start < 3.6  # 3.8, if the last wait had a limit anew


def sse(name: str, data: Any) -> bytes:
    """One event of a classic stream."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


RUN = {"id": "run_1", "thread_id": "thread_1", "status": "in_progress"}
TEXT = {
    "id": "msg_1",
    "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "Hi"}}]},
}


BEGUN = sse("thread.run.created", RUN) + sse("thread.message.delta", TEXT)


RUNS, CANCEL = "POST /threads/runs", "POST /threads/thread_1/runs/run_1/cancel"


BUSY: list[Act] = [then(stream(BEGUN, end=False), silence), answer()]


def settings(peer: Peer, model: str = "asst_1", timeout: float = LONG) -> Any:
    """Settings of a client of this peer, and its credential."""
    found = resolve_settings(model=model, endpoint=peer.url, timeout=timeout, max_retries=0, env={})
    return found, make_auth(credential=lambda: "canary", endpoint=found.endpoint)


ASK = TurnRequest((user("Hi"),))


def paths(peer: Peer) -> list[str]:
    """Method and path of every request, without the query."""
    return [line.partition("?")[0] for line in peer.lines]


def test_a_sync_caller_who_leaves_ends_the_run() -> None:
    """Closing the generator closes the stream and cancels the run on the server."""
    with Peer(BUSY) as peer:
        agents = make_client(AgentClient, *settings(peer))
        with closing(agents.stream(ASK)) as events:
            assert TextDelta("Hi", "msg_1", 0) in (next(events), next(events))
        agents.close()
        assert [RUNS, CANCEL] == paths(peer)


async def test_an_async_caller_who_leaves_ends_the_run() -> None:
    """The same for an async generator: when it is closed the cancel has been sent."""
    with Peer(BUSY) as peer:
        agents = make_client(AsyncAgentClient, *settings(peer))
        async with aclosing(agents.stream(ASK)) as events:
            assert TextDelta("Hi", "msg_1", 0) in (await anext(events), await anext(events))
        assert [RUNS, CANCEL] == paths(peer)
        await agents.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("streams", [True, False], ids=["stream", "complete"])
async def test_a_cancelled_task_ends_the_run_before_it_ends(streams: bool) -> None:
    """Cancellation waits, shielded and bounded, until the run was told to stop."""
    with Peer(BUSY) as peer:
        agents = make_client(AsyncAgentClient, *settings(peer))

        async def call() -> None:
            if streams:
                async with aclosing(agents.stream(ASK)) as events:
                    async for _ in events:
                        pass
            else:
                await agents.complete(ASK)

        task = asyncio.create_task(call())
        await eventually(lambda: peer.asked)
        await asyncio.sleep(0.5)  # the run has begun and its stream has gone silent
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [RUNS, CANCEL] == paths(peer)
        await agents.aclose()


@pytest.mark.slow
async def test_a_run_that_cannot_be_cancelled_does_not_hold_the_caller_for_long() -> None:
    """Clean-up is bounded: a service that does not answer the cancel is left alone."""
    with Peer([BUSY[0], silence]) as peer:
        agents = make_client(AsyncAgentClient, *settings(peer))
        events = agents.stream(ASK)
        await anext(events)
        start = time.monotonic()
        await events.aclose()
        assert 1.5 < time.monotonic() - start < LONG / 2
        await agents.aclose()


@pytest.mark.slow
def test_the_deadline_ends_the_run() -> None:
    """A turn that took too long is stopped on the server, too."""
    with Peer(BUSY) as peer:
        agents = make_client(AgentClient, *settings(peer, timeout=1.5))
        with pytest.raises(DeadlineError, match=r"longer than timeout=1\.5 seconds") as caught:
            list(agents.stream(ASK))
        agents.close()
        assert ([RUNS, CANCEL], DeadlineError) == (paths(peer), caught.type)


def test_a_redirect_is_an_error_that_names_the_way_out() -> None:
    """The caller learns where the service wanted to send the request."""
    with Peer([answer(b"", "location: https://evil.example/x?sig=1", status="302 Found")]) as peer:
        agents = make_client(AgentClient, *settings(peer, model="my-agent"))
        with pytest.raises(ServiceError, match=r"a redirect to 'https://evil\.example'") as caught:
            agents.complete(ASK)
        agents.close()
        assert (302, 1) == (caught.value.status, len(peer.asked))


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
        }
    ],
}


HELLO = answer(json.dumps(RESPONSE).encode())


@pytest.fixture
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing may be left unclosed: asyncio and aiohttp log what they find."""
    with caplog.at_level(logging.WARNING):
        yield
        gc.collect()
    assert [] == [record.getMessage() for record in caplog.records]


@pytest.mark.usefixtures("no_complaints")
def test_one_client_serves_one_event_loop_after_another() -> None:
    """Each `asyncio.run` has its own connections, closed with it, and leaves nothing behind."""
    with Peer([HELLO]) as peer:
        agents = make_client(AsyncAgentClient, *settings(peer, model="my-agent"))

        loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()

        async def twice() -> list[str]:
            loops.add(asyncio.get_running_loop())
            return [(await agents.complete(ASK)).text for _ in range(2)]

        assert [["Hello"] * 2] * 3 == [asyncio.run(twice()) for _ in range(3)]
        assert [1, 1, 2, 2, 3, 3] == [asked.connection for asked in peer.asked]
        gc.collect()
        assert 0 == len(loops)


@pytest.mark.usefixtures("no_complaints")
def test_a_stream_that_was_not_closed_ends_with_its_loop() -> None:
    """A caller who forgets `aclosing` costs nothing but time: the loop closes what is open."""
    with Peer(BUSY) as peer:
        agents = make_client(AsyncAgentClient, *settings(peer, model="asst_1"))

        async def forgetful() -> Event:
            return await anext(agents.stream(ASK))

        asyncio.run(forgetful())
        assert [RUNS, CANCEL] == paths(peer)


def test_event_loops_in_threads_do_not_share_connections() -> None:
    """One client may be used by several loops at once, each with connections of its own."""
    with Peer([HELLO]) as peer:
        agents = make_client(AsyncAgentClient, *settings(peer, model="my-agent"))
        barrier = threading.Barrier(3)
        texts: list[str] = []

        async def twice() -> None:
            for _ in range(2):
                texts.append((await agents.complete(ASK)).text)
                barrier.wait(LONG)

        threads = [threading.Thread(target=asyncio.run, args=(twice(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        used = [asked.connection for asked in peer.asked]
        assert (["Hello"] * 6, [1, 1, 2, 2, 3, 3]) == (texts, sorted(used))


def test_threads_share_one_sync_client() -> None:
    """A sync client may be used by many threads at once."""
    with Peer([HELLO]) as peer:
        agents = make_client(AgentClient, *settings(peer, model="my-agent"))
        texts: list[str] = []
        threads = [
            threading.Thread(target=lambda: texts.append(agents.complete(ASK).text))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        agents.close()
        assert ["Hello"] * 8 == texts


async def test_many_parallel_calls_do_not_wait_for_each_other() -> None:
    """There is no hidden limit on connections: 120 streams are open at the same time."""
    count = 120
    barrier = threading.Barrier(count + 1)

    def meet(connection: socket.socket) -> bool | None:
        barrier.wait(LONG)
        return HELLO(connection)

    with Peer([meet]) as peer:
        agents = make_client(AsyncAgentClient, *settings(peer, model="my-agent"))
        calls = [asyncio.create_task(agents.complete(ASK)) for _ in range(count)]
        await asyncio.to_thread(barrier.wait, LONG)
        answers = await asyncio.gather(*calls)
        await agents.aclose()
        assert ["Hello"] * count == [found.text for found in answers]
        assert all(isinstance(found.finished, Finished) for found in answers)
