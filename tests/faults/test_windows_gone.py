"""Window 15: the caller is gone, at whatever moment, or its time is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Text, ToolCalls
from azure_agents.errors import DeadlineError
from azure_agents.events import Finished
from azure_agents.messages import user

from .window_talk import TALE, TOLD, TURN, Talk
from .windows import Way, window

MOST_STEPS = 60
TROUBLES: dict[str, dict[str, Any] | None] = {
    "no": None,
    "lost": {"kind": "lost"},
    "cut": {"kind": "cut", "after_events": 4},
    "limited": {"kind": "status_before", "status": 429},
}


def talk_of(way: Way, trouble: str = "no", latency: float = 0.0) -> Talk:
    """A talk whose turn goes through trouble; its agent answers without threads."""
    talk = Talk(way, opens=False)
    talk.foundry.wireline.chunk_size = 4096  # an event is one chunk: fewer moments, all different
    calls = [ToolCalls(("look_up", {"n": 1}))] if way.has_results else []
    last = TOLD if way.has_results else TALE
    talk.agent.script(["hello", *calls, *[Text(deltas=last)] * 9])
    talk.begin()
    talk.start = len(talk.foundry.requests)
    fault = TROUBLES[trouble]
    if fault is not None:
        talk.hit(**fault, method="POST", path=TURN)
    talk.foundry.weather.latency = latency
    return talk


def check_gone(talk: Talk) -> None:
    """Whatever the turn had set going is stopped; only an unanswered pause is left to its owner."""
    talk.foundry.weather.latency = 0.0
    talk.check_runs(keep=talk.paused())


# --- cancelled tasks and interrupted threads ---


async def cancelled(talk: Talk, steps: int) -> bool:
    """Cancel the turn's task after so many steps of the loop; whether it was over by then."""
    task = asyncio.ensure_future(talk.aask(talk.request([*talk.history, *talk.next])))
    for _ in range(steps):
        await asyncio.sleep(0)
    if task.done():
        return True
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return False


class Interrupted(httpx.BaseTransport):
    """The emulator, and a user who presses Ctrl-C at the n-th byte, request or wait."""

    def __init__(self, foundry: Any, at: int) -> None:
        self._inner, self._left = foundry.transport, at
        self._sleep = foundry.clock.sleep
        foundry.transport, foundry.clock.sleep = self, self.sleep

    def tick(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        self.tick()
        self._sleep(seconds)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.tick()
        response = self._inner.handle_request(request)
        try:
            self.tick()
        except KeyboardInterrupt:
            response.close()
            raise
        stream = _Ticking(response.stream, self.tick)
        return httpx.Response(response.status_code, headers=response.headers, stream=stream)


class _Ticking(httpx.SyncByteStream):
    def __init__(self, inner: Any, tick: Callable[[], None]) -> None:
        self._inner, self._tick = inner, tick

    def __iter__(self) -> Any:
        for piece in self._inner:
            self._tick()
            yield piece

    def close(self) -> None:
        self._inner.close()


def interrupted(talk: Talk, at: int) -> bool:
    """Interrupt the turn there; whether it was over by then."""
    Interrupted(talk.foundry, at)
    talk.connect()
    try:
        talk.ask([*talk.history, *talk.next])
    except KeyboardInterrupt:
        return False
    return True


@window(15, trouble=tuple(TROUBLES))
def test_a_turn_that_is_left_at_any_moment_is_stopped_on_the_server(way: Way, trouble: str) -> None:
    """Cancelled (async) or interrupted (sync): in a request, a read, a wait or a look-up."""
    for moment in range(1, MOST_STEPS):
        talk = talk_of(way, trouble)
        if way.is_async:
            is_over = asyncio.run(cancelled(talk, moment))
        else:
            is_over = interrupted(talk, moment)
        check_gone(talk)
        if is_over:
            break
        if moment % 5 == 0 and not way.is_pinned:  # there the question may be on the thread
            talk.connect()
            talk.go_on()
    assert 1 < moment < MOST_STEPS - 1


@window(15)
def test_a_request_that_is_under_way_is_looked_for_and_stopped(way: Way) -> None:
    """The service has it, and its answer has not begun: nobody knows the run's id yet."""
    talk = talk_of(way, latency=1.0)
    if way.is_async:
        asyncio.run(cancelled(talk, 2))
    else:
        interrupted(talk, 2)
    check_gone(talk)


# --- streams that are not read to their end ---


@window(15)
def test_a_stream_that_is_closed_behind_any_event_stops_its_run(way: Way) -> None:
    """Also one that is only dropped."""
    for events in range(8):
        for closes in (True, False):
            talk = talk_of(way)
            request = talk.request([*talk.history, *talk.next])
            if way.is_async:
                asyncio.run(_read(talk.aio.stream(request), events, closes=closes))
            else:
                stream = talk.sync.stream(request)
                for _ in range(events):
                    next(stream, None)
                if closes:
                    stream.close()
                del stream
            check_gone(talk)


@window(15, "classic", "classic pinned", turns=("text",))
def test_a_run_paused_before_its_calls_were_delivered_is_cancelled(way: Way) -> None:
    """Nobody can answer it; told to its end, it waits for its results."""
    for events in range(1, 40):
        talk = Talk(way)
        request = talk.request([*talk.history, user("look it up")])
        told: list[Any] = []
        if way.is_async:
            asyncio.run(_read(talk.aio.stream(request), events, closes=True, told=told))
        else:
            stream = talk.sync.stream(request)
            told += [next(stream, None) for _ in range(events)]
            stream.close()
        was_told = any(isinstance(event, Finished) for event in told)
        assert len(talk.active()) == (1 if was_told else 0)
        if was_told:
            return
    raise AssertionError("the turn has no end")


@window(15, "classic", "classic pinned", clients=("async",), turns=("text",))
def test_a_pause_whose_caller_is_cancelled_is_stopped(way: Way) -> None:
    """Also between its last event and the end of its stream."""
    for moment in range(1, MOST_STEPS):
        talk = talk_of(way)
        talk.agent.script([ToolCalls(("look_up", {"n": 1}))])
        is_over = asyncio.run(cancelled(talk, moment))
        assert len(talk.active()) == (1 if is_over else 0)
        if is_over:
            return
    raise AssertionError("the turn has no end")


async def _read(stream: Any, events: int, *, closes: bool, told: list[Any] | None = None) -> None:
    for _ in range(events):
        event = await anext(stream, None)
        if told is not None:
            told.append(event)
    if closes:
        await stream.aclose()


# --- loops that end ---


@pytest.mark.filterwarnings("error")
@window(15, clients=("async",), end=("held", "cut", "wrapped"))
def test_a_loop_that_ends_stops_what_was_half_read(
    way: Way, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    """`asyncio.run` is over: the cancel still goes out, and nothing complains."""
    kept: list[Any] = []

    async def main(talk: Talk) -> None:
        request = talk.request([*talk.history, *talk.next])
        stop = ("never said",) if end == "cut" else ()
        stream = talk.aio.stream(type(request)(**_fields(request), stop=stop))
        if end == "wrapped":
            stream = _wrapped(stream)
        kept.append(stream)
        for _ in range(3):
            await anext(stream)

    talk = talk_of(way)
    asyncio.run(main(talk))
    check_gone(talk)
    assert [] == [record.getMessage() for record in caplog.records if record.levelno > 25]


async def _wrapped(stream: Any) -> AsyncGenerator[Any, None]:
    """What the adapters do: a generator around ours, which a loop that ends closes as well."""
    async with aclosing(stream) as events:
        async for event in events:
            yield event


def _fields(request: Any) -> dict[str, Any]:
    names = ("messages", "thread_id", "options")
    return {name: getattr(request, name) for name in names}


@window(15, clients=("async",))
def test_a_task_that_is_cancelled_just_before_its_loop_ends_stops_its_run(way: Way) -> None:
    """The loop cancels the tidying up as well: it is done all the same."""

    async def main(talk: Talk, before: int, after: int) -> None:
        task = asyncio.ensure_future(talk.aask(talk.request([*talk.history, *talk.next])))
        for _ in range(before):
            await asyncio.sleep(0)
        task.cancel()
        for _ in range(after):
            await asyncio.sleep(0)

    for before in (2, 4, 7):
        for after in range(5):
            talk = talk_of(way)
            with suppress(asyncio.CancelledError):
                asyncio.run(main(talk, before, after))
            check_gone(talk)


# --- time ---


@window(15, trouble=("no", "lost", "cut"))
def test_a_deadline_at_any_moment_stops_the_run_within_two_seconds(way: Way, trouble: str) -> None:
    """The error names the turn, and no more time passes than the tidying up may take."""
    for tenths in (5, 10, 15, 20, 25, 30, 40, 50):
        talk = talk_of(way, trouble, latency=1.0)
        talk.deadline = tenths / 10
        talk.connect()
        began = talk.foundry.clock.time()
        try:
            talk.ask([*talk.history, *talk.next])
        except DeadlineError as error:
            late = error
        except Exception:
            if trouble == "no":
                raise
            continue
        else:
            continue
        assert talk.foundry.clock.time() - began <= talk.deadline + 2.0 + 1e-6
        assert late.agent == talk.agent.model
        check_gone(talk)


@window(15, clients=("async",))
def test_a_task_that_is_cancelled_while_its_late_turn_is_tidied_up(way: Way) -> None:
    """The time was up, the run is being looked for; whoever leaves now does not stop that."""
    for moment in range(1, MOST_STEPS):
        talk = talk_of(way, "lost", latency=0.25)
        talk.deadline = 0.4
        talk.connect()
        try:
            is_over = asyncio.run(cancelled(talk, moment))
        except DeadlineError:
            is_over = True
        check_gone(talk)
        if is_over:
            break
    assert moment > 2


@window(15, answers=("stall", "refuse", "timeout_after"))
def test_a_service_that_does_not_answer_the_cancel_is_left_alone(way: Way, answers: Any) -> None:
    """All the tidying up takes two seconds at most, whatever it waits for."""
    talk = talk_of(way)
    talk.hit(answers, path="/cancel$|/runs$|/responses$", times=None, when=lambda body: not body)
    request = talk.request([*talk.history, *talk.next])
    began = talk.foundry.clock.time()
    if way.is_async:
        asyncio.run(_read(talk.aio.stream(request), 3, closes=True))
    else:
        stream = talk.sync.stream(request)
        for _ in range(3):
            next(stream)
        stream.close()
    assert talk.foundry.clock.time() - began <= 2.0 + 1e-6


@window(15, "classic")
def test_the_first_turn_of_all_is_stopped_too(way: Way) -> None:
    """Its thread is known to nobody: it is found by the key of the operation."""
    for moment in range(1, 6):
        talk = Talk(way, opens=False)
        talk.agent.script([Text(deltas=TALE)] * 9)
        talk.foundry.weather.latency = 0.3  # a look for the thread, one for the run, and the cancel
        talk.history = [user("hello")]
        if way.is_async:
            asyncio.run(cancelled(talk, moment))
        else:
            interrupted(talk, moment)
        check_gone(talk)
