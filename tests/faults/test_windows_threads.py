"""Windows 16, 18 and 20: others on the thread, lists that lag behind, restarts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents.errors import BadRequestError, ThreadBusyError, TurnUnknownError
from azure_agents.messages import user
from azure_agents.threads.memory import MemoryThreadStore
from azure_agents.threads.sqlite import SQLiteThreadStore

from .window_talk import TURN, Talk
from .windows import CLASSIC, OURS, PINNED, Way, window

# --- 16: two clients on one thread ---


def other_turn(talk: Talk) -> Any:
    """A turn that another client has begun on the same thread, half read."""
    sync, _ = talk._play.connect(MemoryThreadStore(), operation_keys=lambda: "other")
    request = talk.request([user("hello from elsewhere")])
    stream = sync.stream(type(request)(request.messages, thread_id=talk.pin))
    next(stream)
    talk.start = len(talk.foundry.requests)
    return stream


@window(16, *PINNED, turns=("text",))
def test_a_thread_that_stays_busy_is_an_error_that_names_the_run(way: Way) -> None:
    """Waited for within the deadline, never queued behind it."""
    talk = Talk(way)
    stream = other_turn(talk)
    began = talk.foundry.clock.time()
    error = talk.fail_with(
        [*talk.history, *talk.next], ThreadBusyError, keep=lambda: (talk.active() or [None])[0]
    )
    assert 50.0 < talk.foundry.clock.time() - began <= talk.deadline
    assert talk.pin == error.thread_id
    if way.generation == "classic":
        assert [error.run_id] == talk.active()
    stream.close()


@window(16, "classic pinned", turns=("text",), lost=("status_after", "lost"))
def test_a_request_lost_while_the_thread_is_busy_names_the_run_that_holds_it(
    way: Way, lost: str
) -> None:
    """The service refused it for that run: the caller must know which one to cancel."""
    talk = Talk(way)
    stream = other_turn(talk)
    talk.hit(lost, method="POST", path=TURN, nth=2)
    error = talk.fail_with([*talk.history, *talk.next], ThreadBusyError, keep=talk.active()[0])
    assert [error.run_id] == talk.active()
    assert 2 == len(talk.posts)
    stream.close()


@window(16, *PINNED, turns=("text",))
def test_without_a_deadline_a_busy_thread_is_not_waited_for_for_ever(way: Way) -> None:
    """As long as `Timeouts.busy` says, then the caller decides."""
    talk = Talk(way)
    stream = other_turn(talk)
    talk.deadline = None  # type: ignore[assignment]
    talk.connect()
    began = talk.foundry.clock.time()
    with pytest.raises(ThreadBusyError):
        talk.ask([*talk.history, *talk.next])
    assert talk.foundry.clock.time() - began <= 60.0
    stream.close()


@window(16, *PINNED, turns=("text",))
def test_a_busy_thread_is_waited_for(way: Way) -> None:
    """The other turn ends while we wait: ours comes behind it, and each has its own answer."""
    talk = Talk(way)
    stream = other_turn(talk)
    clock: Any = talk.foundry.clock
    advance, others = clock.advance, []

    def and_let_the_other_end(seconds: float) -> None:
        advance(seconds)
        if seconds and not others:
            others.extend(stream)

    clock.advance = and_let_the_other_end
    answer = talk.ask([*talk.history, *talk.next])
    clock.advance = advance
    assert "once upon a time" == answer.text
    assert others
    finished = answer.finished
    seen = talk.foundry.seen_by(finished.run_id or finished.response_id or "")
    texts = [message.text for message in seen.messages if message.role == "user"]
    assert ["hello", "hello from elsewhere", "tell me a tale"] == texts
    talk.check_runs()


@window(16, *OURS)
def test_two_clients_with_one_history_do_not_meet_on_a_thread(way: Way) -> None:
    """Whoever claims the head goes on; the other has a thread of its own, and both are right."""
    first = Talk(way)
    second = first.twin()
    history = [*first.history]
    a = first.say_next()
    second.history = history
    b = second.say_next()
    assert a.text == b.text
    if way.kind in ("classic", "conversation"):
        assert a.finished.thread_id != b.finished.thread_id
    first.go_on()
    second.go_on()


@window(16, *OURS)
def test_a_client_that_does_not_know_the_head_leaves_the_thread_alone(way: Way) -> None:
    """Another store, or an older answer: the thread is never appended to."""
    talk = Talk(way)
    old = [*talk.history]
    before = talk.say_next()
    talk.connect(MemoryThreadStore())
    talk.history = old
    again = talk.say_next()
    if way.kind in ("classic", "conversation"):
        assert before.finished.thread_id != again.finished.thread_id


@window(16, "classic pinned", turns=("tools",))
def test_results_that_another_client_has_sent_are_not_sent_again(way: Way) -> None:
    """The run takes them once: the second client is told so."""
    first = Talk(way)
    second = first.twin()
    second.history, second.pin = [*first.history], first.pin
    first.say_next()
    second.fail_next(BadRequestError)
    assert {1} == set(first.effects.values())


# --- 18: lists lag behind ---

_LISTS = re.compile(r"/(?:threads|runs|messages|items|responses)$")


class Lagging(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The emulator behind a replica that shows some looks what was there before."""

    def __init__(self, foundry: Any, looks: int, change: Callable[[Any], Any]) -> None:
        self._sync, self._aio = foundry.transport, foundry.async_transport
        self.left, self._change = looks, change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = self._sync.handle_request(request)
        if not self._is_old(request):
            return response
        return self._shown(request, response.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await self._aio.handle_async_request(request)
        if not self._is_old(request):
            return response
        return self._shown(request, await response.aread())

    def _is_old(self, request: httpx.Request) -> bool:
        if request.method != "GET" or self.left <= 0:
            return False
        return self._change is not show_paused or "/runs/" in request.url.path

    def _shown(self, request: httpx.Request, body: bytes) -> httpx.Response:
        shown = json.loads(body)
        if self._change is show_paused or _LISTS.search(request.url.path):
            self.left -= 1
            shown = self._change(shown)
        return httpx.Response(200, json=shown, request=request)


def show_nothing_new(page: Any) -> Any:
    """A list without its newest entry."""
    return page | {"data": page["data"][1:]}


def show_paused(run: Any) -> Any:
    """A run as it was before it took the results."""
    return run | {"status": "requires_action", "required_action": None}


def lag(talk: Talk, looks: int, change: Callable[[Any], Any] = show_nothing_new) -> Lagging:
    """From now on so many looks are old."""
    foundry: Any = talk.foundry
    foundry.transport = foundry.async_transport = lagging = Lagging(foundry, looks, change)
    talk.connect()
    return lagging


@window(18, *OURS, looks=(1, 2))
def test_what_a_list_does_not_show_yet_is_never_posted_there_again(way: Way, looks: int) -> None:
    """One look, then a thread of its own; what turns up on the old one later is stopped."""
    talk = Talk(way)
    lag(talk, looks)
    talk.hit("lost", method="POST", path=TURN)
    history = [*talk.history, *talk.next]
    answer = talk.ask(history)
    talk.foundry.clock.advance(30.0)
    assert [] == talk.foundry.active_runs
    talk.check(history, answer)
    assert 1 == max(talk.runs_of_the_turn().values(), default=1)


@window(18, "classic", turns=("text",))
def test_a_lost_run_that_waits_for_results_by_now_is_stopped(way: Way) -> None:
    """Nobody will bring them: of two runs that wait, only the one that was told is left."""
    talk = Talk(way)
    lag(talk, 1)
    talk.hit("lost", method="POST", path=TURN)
    talk.hit("delay", method="POST", path="/threads/runs$", after_events=2, seconds=4.0)
    answer = talk.ask([*talk.history, user("look it up")])
    assert [answer.finished.run_id] == talk.active()


@window(18, "classic pinned:text", "conversation pinned", looks=(1, 3, 6))
def test_a_pinned_thread_is_looked_at_until_the_turn_turns_up(way: Way, looks: int) -> None:
    """The looks settle, half a second and more apart; nothing is posted a second time."""
    talk = Talk(way)
    lagging = lag(talk, looks)
    talk.hit("lost", method="POST", path=TURN)
    began = talk.foundry.clock.time()
    talk.say_next()
    assert (1, 0) == (len(talk.posts), max(lagging.left, 0))
    assert talk.foundry.clock.time() - began >= 0.5
    talk.go_on()


@window(18, *PINNED, turns=("text",))
def test_without_a_deadline_a_turn_that_is_lost_is_not_looked_for_for_ever(way: Way) -> None:
    """It was never applied: looked for as long as `Timeouts.busy` says, then nobody knows."""
    talk = Talk(way)
    talk.deadline = None  # type: ignore[assignment]
    talk.connect()
    talk.hit("reset_before", method="POST", path=TURN)
    began = talk.foundry.clock.time()
    with pytest.raises(TurnUnknownError):
        talk.ask([*talk.history, *talk.next])
    assert talk.foundry.clock.time() - began <= 60.0


@window(18, *CLASSIC, turns=("tools",), looks=(1, 2))
def test_a_run_that_is_shown_as_it_was_takes_its_results_once(way: Way, looks: int) -> None:
    """It seems to wait still: sent again, it refuses, and its answer is followed."""
    talk = Talk(way)
    lag(talk, looks, show_paused)
    talk.hit("lost", method="POST", path=TURN)
    talk.say_next()
    assert {1} == set(talk.effects.values())
    assert 1 == max(talk.runs_of_the_turn().values())
    talk.go_on()


# --- 20: a restart between turns ---


@window(20, lost=("nothing", "the store"))
def test_a_restart_between_turns_loses_nothing(way: Way, lost: str, tmp_path: Path) -> None:
    """With its store it goes on where it was; without, another thread holds the same history."""
    talk = Talk(way, store=SQLiteThreadStore(tmp_path / "heads.db"))
    thread = talk.foundry.seen[-1].thread_id
    results = talk.next  # kept in the history, or by LangGraph's checkpoints
    kept = lost == "nothing"
    talk.connect(SQLiteThreadStore(tmp_path / ("heads.db" if kept else "others.db")))
    answer = talk.say(*results)
    goes_on = kept or way.is_pinned or way.kind in ("chain", "background")
    if goes_on:
        assert 1 == len(talk.posts)
    if way.kind == "conversation":
        assert kept == (answer.finished.thread_id == thread)
    talk.connect(SQLiteThreadStore(tmp_path / "heads.db"))
    talk.go_on()


@window(20)
def test_a_restart_after_a_failed_turn_loses_nothing_either(way: Way, tmp_path: Path) -> None:
    """A head that was taken and never given back costs a fork, not the conversation."""
    talk = Talk(way, store=SQLiteThreadStore(tmp_path / "heads.db"))
    talk.hit("lost", method="POST", path=TURN, finishes=False)
    talk.hit("status_before", status=503, method="GET", times=None)
    error = talk.try_next()
    talk.foundry.faults.clear()
    talk.foundry.clock.advance(30.0)
    talk.connect(SQLiteThreadStore(tmp_path / "heads.db"))
    if error is not None and way.is_pinned:
        return  # the caller looks at the thread before asking again
    if error is not None:
        talk.say_next()
    talk.go_on()
