"""Events that only keep a stream alive: they satisfy waits, use up numbers, and say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.events import Event, Other, TextDelta
from azure_agents.messages import TurnRequest, user
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.reader import ResponseReader
from azure_agents.settings.timeouts import Timeouts

from . import classic_samples as classic
from .peer import Peer, stream
from .v2_samples import CREATED, WHERE, frame, message_item, response

KEEPALIVES = [
    b'event: keepalive\ndata: {"type":"keepalive","sequence_number":1}\n\n',
    b'event: keepalive\ndata: {"sequence_number":1}\n\n',
    b"event: keepalive\ndata: {}\n\n",
    b"event: keepalive\ndata: ping\n\n",
    b"event: keepalive\ndata: []\n\n",
    b"event: keepalive\ndata: \n\n",  # as reported of classic streams
    b"event: keepalive\ndata\n\n",
    b"event: keepalive\n\n",
    b'data: {"type":"keepalive","sequence_number":1}\n\n',
    b": keepalive\n\n",
]
# On a classic stream only the event's name tells.
NAMED = [data for data in KEEPALIVES if data.startswith(b"event:")]
DELTA = {"type": "response.output_text.delta", "delta": "Hi", **WHERE}
DONE = frame({"type": "response.completed", "response": response(message_item("Hi"))})


def texts(events: list[Event]) -> list[str]:
    """The pieces of text; nothing unknown is among the events."""
    assert [] == [event for event in events if isinstance(event, Other)]
    return [event.text for event in events if isinstance(event, TextDelta)]


@pytest.mark.parametrize("keepalive", KEEPALIVES)
@pytest.mark.parametrize("count", [1, 3])
def test_a_v2_stream_goes_on_behind_keepalives(keepalive: bytes, count: int) -> None:
    """Before the answer, inside it and behind it; one that has a number counts."""
    reader = ResponseReader(Delivered())
    told = [
        reader.feed(data)
        for data in (
            frame({**CREATED, "sequence_number": 0}),
            keepalive * count,
            frame({**DELTA, "sequence_number": 2 if b"1" in keepalive else 1}),
            keepalive,
            DONE,
            keepalive,
        )
    ]
    assert ["Hi"] == texts([event for events in told for event in events])
    assert ([], [], True) == (told[1], told[3], reader.is_done)


@pytest.mark.parametrize("keepalive", NAMED)
def test_a_classic_stream_goes_on_behind_keepalives(keepalive: bytes) -> None:
    """With deltas and without."""
    for deltas in (True, False):
        reader = RunReader(Delivered(), deltas=deltas)
        data = [
            classic.frame("thread.run.created", classic.run("queued")),
            classic.frame("thread.message.completed", classic.message(classic.text_part("Hi"))),
            classic.frame("thread.run.completed", classic.run()),
        ]
        assert ["Hi"] == texts(list(reader.feed(keepalive.join([b"", *data, b""]))))


HI = TurnRequest((user("Hi"),))


def _asked(place: dict[str, Any]) -> list[Event]:
    with closing(AgentClient(**place)) as client:
        return list(client.stream(HI))


def _asked_on_a_loop(place: dict[str, Any]) -> list[Event]:
    async def asked() -> list[Event]:
        client = AsyncAgentClient(**place)
        try:
            return [event async for event in client.stream(HI)]
        finally:
            await client.aclose()

    return asyncio.run(asked())


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("ask", [_asked, _asked_on_a_loop], ids=["sync", "async"])
def test_keepalives_satisfy_the_wait_between_events(
    ask: Callable[[dict[str, Any]], list[Event]],
) -> None:
    """The agent is silent for twice as long as one wait may take, but for keepalives."""
    beats = [piece for number in range(1, 9) for piece in (0.2, _beat(number))]
    with Peer([stream(frame({**CREATED, "sequence_number": 0}), *beats, DONE)]) as peer:
        waits = Timeouts(first_event=20, between_events=0.8)
        place = {"endpoint": peer.url, "api_key": "x", "allow_http": True, "timeout": waits}
        assert ["Hi"] == texts(ask({"model": "a:1", **place}))


def _beat(number: int) -> bytes:
    return frame({"type": "keepalive", "sequence_number": number})
