"""Windows 8 and 19: streams that break, repeat themselves or come out of order."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

from azure_agents.errors import RunFailedError, StreamInterruptedError
from azure_agents.events import TextDelta

from .window_talk import TURN, Talk
from .windows import Way, window

# --- 8: cut mid-answer ---

CUTS: dict[str, dict[str, Any]] = {
    "error": {"kind": "cut"},
    "end": {"kind": "cut", "mode": "eof"},
    "silence": {"kind": "stall"},
}


@window(8, cut=tuple(CUTS))
def test_a_cut_stream_delivers_the_stored_text_once(way: Way, cut: str) -> None:
    """Behind every event: the caller gets the stored text, byte for byte, and one run was made."""
    for index in range(MOST_EVENTS):
        talk = Talk(way)
        talk.hit(**CUTS[cut], method="POST", path=TURN, after_events=index)
        answer = talk.say_next()
        told = "".join(event.text for event in talk.events if isinstance(event, TextDelta))
        assert (answer.text if talk.events else "") == told
        if way.is_pinned or way.kind == "conversation":
            assert 1 == max(talk.runs_of_the_turn().values())
        if "stream" not in talk.posts[0] or not _was_hit(talk):
            break  # a plain answer is cut in one way only, or the stream has no more events
    assert index < MOST_EVENTS - 1


MOST_EVENTS = 24


def _was_hit(talk: Talk) -> bool:
    return len(talk.made) > (2 if talk.way.shape.is_background else 1)


@window(8, "chain", "conversation", "classic", cut=tuple(CUTS))
def test_a_turn_the_service_lost_is_asked_again_or_raises(way: Way, cut: str) -> None:
    """The service lost it, too: the same answer is joined, nothing is told twice."""
    for index in (1, 3, 6):
        talk = Talk(way)
        talk.hit(**CUTS[cut], method="POST", path=TURN, after_events=index, finishes=False)
        if way.generation == "classic":  # its run is known, and found to have failed
            assert talk.fail_next(RunFailedError).run_id
            continue
        answer = talk.say_next()
        told = "".join(event.text for event in talk.events if isinstance(event, TextDelta))
        assert (answer.text if talk.events else "") == told


# --- 19: twice, out of order ---

Meddle = Callable[[list[bytes]], list[bytes]]
_END = re.compile(rb"(?<=\n\n)")


class Meddled(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The emulator behind something that changes the order of a turn's events."""

    def __init__(self, foundry: Any, meddle: Meddle) -> None:
        self._sync, self._aio = foundry.transport, foundry.async_transport
        self._meddle = meddle

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = self._sync.handle_request(request)
        return self._changed(request, response, response.read) if _is_turn(request) else response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await self._aio.handle_async_request(request)
        if not _is_turn(request):
            return response
        body = await response.aread()
        return self._changed(request, response, lambda: body)

    def _changed(
        self, request: httpx.Request, response: httpx.Response, read: Callable[[], bytes]
    ) -> httpx.Response:
        events = [event for event in _END.split(read()) if event]
        if response.headers["content-type"].startswith("text/event-stream"):
            events = self._meddle(events)
        return httpx.Response(response.status_code, stream=_Body(events), request=request)


def meddle_with(talk: Talk, meddle: Meddle) -> None:
    """From now on the talk's clients hear everything through it."""
    foundry: Any = talk.foundry
    foundry.transport = foundry.async_transport = Meddled(foundry, meddle)
    talk.connect()


def _is_turn(request: httpx.Request) -> bool:
    return request.method == "POST" and re.search(TURN, request.url.path) is not None


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def repeated(index: int) -> Meddle:
    """One event comes twice in a row."""
    return lambda events: [*events[: index + 1], *events[index:]]


def repeated_later(index: int) -> Meddle:
    """One event comes once more behind the next."""
    return lambda events: [*events[: index + 2], *events[index : index + 1], *events[index + 2 :]]


def swapped(index: int) -> Meddle:
    """Two events change places."""
    return lambda events: [*events[:index], *events[index : index + 2][::-1], *events[index + 2 :]]


def late(index: int) -> Meddle:
    """One event comes three places too late."""
    return lambda events: [
        *events[:index],
        *events[index + 1 : index + 4],
        *events[index : index + 1],
        *events[index + 4 :],
    ]


def left_out(index: int) -> Meddle:
    """One event never comes."""
    return lambda events: [*events[:index], *events[index + 1 :]]


@window(19, meddle=(repeated, repeated_later, swapped, late, left_out))
def test_an_event_doubled_lost_or_late_gives_the_stored_text_or_an_error(
    way: Way, meddle: Callable[[int], Meddle]
) -> None:
    """At every event: numbered ones are put in order; else the caller is told, never misled."""
    for index in range(12):
        talk = Talk(way)
        meddle_with(talk, meddle(index))
        wrong = None
        try:
            answer = talk.say_next()
        except StreamInterruptedError as error:
            wrong = error
        if wrong is not None:
            # Deltas without numbers that were told doubled, in the wrong order or with a hole.
            assert ("classic", True) == (way.generation, way.is_streamed)
            assert wrong.run_id
            assert wrong.partial_text
            talk.check_runs()
            continue
        told = "".join(event.text for event in talk.events if isinstance(event, TextDelta))
        assert (answer.text if talk.events else "") == told


@window(19, "chain", "conversation", "conversation pinned", meddle=(repeated, swapped))
def test_numbered_events_cost_nothing_more_when_they_are_in_disorder(
    way: Way, meddle: Callable[[int], Meddle]
) -> None:
    """They are put in order as they come: no look, no second request, no error."""
    for index in range(1, 9):
        talk = Talk(way)
        meddle_with(talk, meddle(index))
        talk.say_next()
        assert 1 == len(talk.made)
