"""Windows 1 to 6: what becomes of a request that was refused, lost or put off."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import (
    ConnectionLostError,
    NotSentError,
    RateLimitError,
    RunFailedError,
    TurnUnknownError,
)
from azure_agents.messages import system, user
from azure_agents.threads.memory import MemoryThreadStore

from .window_talk import TURN, Talk, requests_of
from .windows import OURS, PINNED, Way, window

# --- 1: not sent ---


@window(1, fault=("refuse", "connect_timeout"))
def test_a_request_that_was_not_sent_is_sent_again_and_not_looked_for(way: Way, fault: Any) -> None:
    """The same request goes out once more, to the same place; nobody asks what became of it."""
    talk = Talk(way)
    talk.hit(fault)
    answer = talk.say_next()
    requests = requests_of(way)
    assert [requests[0], *requests] == talk.made
    assert 1 == len({str(body) for body in talk.posts})
    if talk.pin is not None:
        assert talk.pin == answer.finished.thread_id
    talk.go_on()


# --- 2: creating something, the answer lost ---


@window(2, "classic", "conversation", fault=("lost", "timeout_after"))
def test_a_thread_whose_creation_was_lost_is_never_used(way: Way, fault: Any) -> None:
    """A new one is made; nothing is ever said on the one whose id nobody knows."""
    talk = Talk(way, opens=way.has_results)
    if way.has_results:
        _cannot_go_on(talk)
    talk.hit(fault, method="POST", path="/(?:threads|threads/runs|conversations)$")
    systems = [] if way.has_results else [system("Be brief.")]  # classic: the thread comes first
    history = [*systems, *talk.history, *talk.next]
    talk.check(history, talk.ask(history))
    assert len([path for path in talk.made if path in CREATIONS]) <= 2
    assert 1 == max(talk.runs_of_the_turn().values())


CREATIONS = ("POST /threads", "POST /threads/runs", "POST /openai/v1/conversations")


def _cannot_go_on(talk: Talk) -> None:
    """The turn has to begin anew: the store was lost, and a paused run is over."""
    talk.connect(MemoryThreadStore())
    if talk.way.generation == "classic":
        (run,) = talk.active()
        thread = next(t.id for t in talk.foundry._world.threads.values() if run in t.runs)
        talk.sync.cancel(thread_id=thread, run_id=run)
    talk.start = len(talk.foundry.requests)


# --- 3: a message, the answer lost ---

LOST: dict[str, dict[str, Any]] = {
    "lost": {"kind": "lost"},
    "timed out": {"kind": "timeout_after"},
    "not applied": {"kind": "reset_before"},
}


@window(3, "classic", "conversation", "chain", "background", lost=tuple(LOST), message=(1, 2))
def test_a_message_whose_answer_was_lost_is_there_once(way: Way, lost: str, message: int) -> None:
    """It is looked for by its key; what is not found goes to a new thread with all the rest."""
    talk = Talk(way)
    if way.generation == "classic":
        talk.foundry.rules.most_messages = 0  # so that each is posted by itself
        if way.has_results:
            _cannot_go_on(talk)
    talk.hit(**LOST[lost], method="POST", path="/(?:messages|responses)$", nth=message)
    talk.say_next()
    assert 1 == max(talk.runs_of_the_turn().values(), default=1)
    talk.foundry.rules.most_messages = None
    talk.go_on()


@window(3, "classic pinned", turns=("text",), lost=tuple(LOST))
def test_a_message_on_a_pinned_thread_is_never_posted_twice(way: Way, lost: str) -> None:
    """Found, the turn goes on behind it; not found, the caller is told that nobody knows."""
    talk = Talk(way)
    talk.foundry.rules.most_messages = 0
    talk.hit(**LOST[lost], method="POST", path="/messages$")
    if lost == "not applied":
        talk.fail_next(TurnUnknownError)
    else:
        talk.say_next()
    assert 1 == talk.made.count("POST /threads/{id}/messages")


# --- 4: a run, the answer lost ---

STARTS: dict[str, dict[str, Any]] = {
    **LOST,
    "lost with the turn": {"kind": "lost", "finishes": False},
}


@window(4, *OURS, lost=tuple(STARTS))
def test_a_turn_has_one_run_although_its_answer_was_lost(way: Way, lost: str) -> None:
    """Found by its key it is followed; else another thread, and none of them twice."""
    talk = Talk(way)
    if way.has_results and way.generation == "classic":
        _cannot_go_on(talk)
    talk.hit(**STARTS[lost], method="POST", path="/(?:runs|responses)$")
    if lost == "lost with the turn" and way.generation == "classic":
        # The run was found: the service failed it, and that is what the caller is told.
        talk.fail_next(RunFailedError)
    else:
        talk.say_next()
    assert 1 == max(talk.runs_of_the_turn().values(), default=1)
    talk.go_on()


@window(4, *PINNED, turns=("text",), lost=tuple(STARTS))
def test_a_turn_on_a_pinned_thread_has_one_run_or_is_unknown(way: Way, lost: str) -> None:
    """It is waited for within the deadline; nothing is posted a second time."""
    talk = Talk(way)
    talk.hit(**STARTS[lost], method="POST", path=TURN)
    if lost in ("lost", "timed out"):
        talk.say_next()
    else:
        error = talk.fail_next(TurnUnknownError, RunFailedError)
        assert talk.pin == error.thread_id
    assert 1 == len(talk.posts)


# --- 5: an error status although it was stored ---


@window(5, status=(408, 500, 502, 503, 504))
def test_an_error_status_says_nothing_about_what_was_stored(way: Way, status: int) -> None:
    """The turn is looked for like one whose answer was lost, and found."""
    talk = Talk(way)
    talk.hit("status_after", status=status, method="POST", path=TURN)
    talk.say_next()
    assert 1 == max(talk.runs_of_the_turn().values(), default=1)
    if way.is_pinned or (way.has_results and way.generation == "classic"):
        assert 1 == len(talk.posts)
    talk.go_on()


# --- 6: 429 ---

WAITS = {"retry-after": 2.0, "retry-after-ms": 0.7, "nothing": None}


@window(6, header=tuple(WAITS))
def test_a_429_is_retried_after_the_wait_it_names(way: Way, header: str) -> None:
    """Nothing was applied, so the same request is sent again after the wait."""
    talk = Talk(way)
    seconds = WAITS[header]
    value = {"retry-after": "2", "retry-after-ms": "700"}.get(header)
    headers = {"retry-after": "", "retry-after-ms": ""} | ({header: value} if value else {})
    talk.hit("status_before", status=429, headers=headers, body={"error": {"code": "429"}})
    began = talk.foundry.clock.time()
    talk.say_next()
    took = talk.foundry.clock.time() - began
    assert talk.made[0] == talk.made[1]
    longest = 1.0 if seconds is None else seconds + 0.3 * len(talk.made)  # polls of the background
    assert (seconds or 0.3) - 1e-6 <= took < longest
    talk.go_on()


@window(6, wait=(61, 200))
def test_a_429_wait_beyond_the_deadline_raises_at_once(way: Way, wait: int) -> None:
    """The caller learns how long it would be; no time passes, and nothing was applied."""
    talk = Talk(way)
    headers = {"retry-after-ms": str(wait * 1000)}
    talk.hit("status_before", status=429, headers=headers, times=None)
    began = talk.foundry.clock.time()
    error = talk.fail_next(RateLimitError)
    assert (float(wait), 429) == (error.retry_after, error.status)
    assert talk.foundry.clock.time() - began < 1.0
    assert 1 == len(talk.made)
    talk.foundry.faults.clear()
    talk.say_next()


@window(6)
def test_a_limit_that_stays_is_an_error_within_the_deadline(way: Way) -> None:
    """Three attempts, then the caller decides."""
    talk = Talk(way)
    talk.hit("status_before", status=429, headers={"retry-after": "9"}, times=None)
    talk.fail_next(RateLimitError)
    assert (3, 1) == (len(talk.made), len(set(talk.made)))


def test_a_first_turn_is_looked_for_where_nobody_knows_its_thread() -> None:
    """Also one whose thread was listed behind a page of others."""
    talk = Talk(Way("classic", is_async=False, is_streamed=True, turn="text"), opens=False)
    for number in range(60):
        talk.sync.complete(talk.request([user(f"hello {number}")]))
    talk.hit("lost", method="POST")
    talk.start = len(talk.foundry.requests)
    talk.say_next()
    assert 1 == talk.made.count("POST /threads/runs")


@pytest.mark.parametrize("fault", ["refuse", "lost"])
def test_nothing_is_looked_for_where_nothing_was_sent(fault: str) -> None:
    """A service that nobody can reach is told as soon as the attempts are over."""
    talk = Talk(Way("classic", is_async=False, is_streamed=True, turn="text"))
    talk.hit(fault, times=None)
    with pytest.raises((NotSentError, ConnectionLostError)):
        talk.ask([*talk.history, *talk.next])
    looks = [path for path in talk.made if path.startswith("GET")]
    assert bool(looks) == (fault == "lost")
