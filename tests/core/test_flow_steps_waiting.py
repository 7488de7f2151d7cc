"""Flows stepped by hand: how long they wait, and what they do with answers that make no sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from azure_agents import Timeouts
from azure_agents.drivers.turn import guarded
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    DeadlineError,
    NotSentError,
    RateLimitError,
    RunFailedError,
    ServerError,
    ThreadBusyError,
)
from azure_agents.events import Finished
from azure_agents.messages import system, user
from azure_agents.protocols.classic.flow import run_turn as run_classic
from azure_agents.protocols.commands import Flow, Reply, Sleep
from azure_agents.protocols.responses.flow import run_turn as run_v2

from .flow_plays import (
    ASST,
    HISTORY,
    LOST,
    OPEN,
    RESULT,
    answered,
    classic,
    classic_events,
    ok,
    paused,
    play,
    refused,
    run,
    turn,
    whole,
)


def locked() -> Reply:
    """A conversation that is busy, as OpenAI says it."""
    error = {"message": "Busy.", "type": "invalid_request_error", "code": "conversation_locked"}
    return Reply(400, {}, json.dumps({"error": error}).encode())


BUSY = {
    "v2": (run_v2, locked(), "conv_1", {}),
    "classic": (
        run_classic,
        refused(400, "Thread thread_1 already has an active run run_9."),
        "thread_1",
        {"model": ASST},
    ),
}


@pytest.mark.parametrize("generation", BUSY)
@pytest.mark.parametrize(
    ("timeout", "limit"), [(600.0, 60.0), (None, 60.0), (Timeouts(busy=5.0), 5.0)]
)
def test_a_busy_thread_has_a_limit_of_its_own(generation: str, timeout: Any, limit: float) -> None:
    """However long a turn may take, one hears of it within a minute."""
    flow, answer, pin, more = BUSY[generation]
    played = play(flow(turn(user("hi"), pin=pin, timeout=timeout, **more)), repeat(answer))
    assert isinstance(played.error, ThreadBusyError)
    waited = sum(sleep.seconds for sleep in played.waits)
    assert limit - 2.0 <= waited <= limit


WAITS: list[Any] = [
    pytest.param(refused(429, retry_after_ms="2500", retry_after="3"), 2.5, 2.5, id="ms first"),
    pytest.param(refused(429, retry_after="3"), 3.0, 3.0, id="seconds"),
    pytest.param(refused(429, retry_after="0"), 0.375, 0.625, id="at once: our own"),
    pytest.param(refused(429, "Try again in 7 seconds."), 7.0, 7.0, id="in words"),
    pytest.param(refused(429), 0.375, 0.625, id="nothing said: our own"),
    pytest.param(NotSentError("x"), 0.375, 0.625, id="not sent"),
]


@pytest.mark.parametrize("model", ["my-agent", ASST])
@pytest.mark.parametrize(("problem", "shortest", "longest"), WAITS)
def test_a_request_that_was_not_applied_is_sent_again(
    problem: Any, shortest: float, longest: float, model: str
) -> None:
    """After the wait the service asks for, or a growing one, the same request goes out."""
    flow, stream = {"my-agent": (run_v2, whole()), ASST: (run_classic, answered())}[model]
    played = play(flow(turn(user("Hi"), model=model)), [problem, OPEN, stream])
    (wait,) = played.waits
    assert played.requests[0] == played.requests[1]
    assert shortest <= wait.seconds <= longest
    assert isinstance(wait.instead, RateLimitError | NotSentError)


@pytest.mark.parametrize("model", ["my-agent", ASST])
@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_patience_has_an_end(retries: int, model: str) -> None:
    """After `max_retries` the last error is raised; each wait is longer than the one before."""
    flow = {"my-agent": run_v2, ASST: run_classic}[model]
    asked = turn(user("Hi"), model=model, max_retries=retries)
    played = play(flow(asked), repeat(refused(429)))
    waits = [wait.seconds for wait in played.waits]
    assert (RateLimitError, retries + 1, retries) == (
        type(played.error),
        len(played.requests),
        len(waits),
    )
    assert waits == sorted(waits)


def test_a_wait_that_is_too_long_is_not_made() -> None:
    """A service that wants minutes gets no silent sleep: the caller is told how long."""
    played = play(run_v2(turn(user("Hi"))), [refused(429, retry_after="500")])
    assert isinstance(played.error, RateLimitError)
    assert ([], 500.0) == (played.waits, played.error.retry_after)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
@pytest.mark.parametrize("model", ["my-agent", ASST])
def test_what_would_fail_again_is_not_tried_again(status: int, model: str) -> None:
    """A refusal is final."""
    flow = {"my-agent": run_v2, ASST: run_classic}[model]
    played = play(flow(turn(user("Hi"), model=model)), [refused(status)])
    assert ([], 1, status) == (
        played.waits,
        len(played.requests),
        getattr(played.error, "status", None),
    )


def test_the_deadline_during_a_wait_tells_why_it_waited() -> None:
    """A sleep that would end too late raises what it waited for, not the deadline."""
    flow = run_v2(turn(user("Hi")))
    flow.send(None)
    wait = flow.send(refused(429, retry_after="3"))
    assert isinstance(wait, Sleep)
    assert wait.instead is not None
    with pytest.raises(RateLimitError):
        flow.throw(wait.instead)


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["id", "data", "status", "output", "metadata", "thread_id", "content"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


TURNS: dict[str, Callable[[], Flow[None]]] = {
    "v2": lambda: run_v2(turn(user("Hi"), deltas=False)),
    "v2 conversation": lambda: run_v2(turn(user("Hi"), threads="conversation")),
    "v2 pinned": lambda: run_v2(turn(user("Hi"), pin="conv_1")),
    "classic": lambda: classic(user("Hi")),
    "classic with a system message": lambda: classic(system("!"), user("Hi")),
    "classic pinned": lambda: classic(user("Hi"), pin="thread_1"),
    "classic results": lambda: run_classic(paused(RESULT)),
}


def confused(answers: list[Any]) -> Any:
    """Nonsense in place of every answer, first some lost ones, in the end an error."""
    for answer in answers:
        yield LOST if answer == "lost" else ok(answer)
    yield from repeat(DeadlineError("the test is over"))


@pytest.mark.parametrize("start", TURNS.values(), ids=TURNS)
@examples(max_examples=60)
@given(answers=st.lists(st.just("lost") | NONSENSE, max_size=5))
def test_no_answer_leads_out_of_the_error_tree(
    start: Callable[[], Flow[None]], answers: list[Any]
) -> None:
    """Whatever JSON the service answers, the flow ends with an answer or a typed error."""
    played = play(guarded(start()), confused(answers))
    assert isinstance(played.error, AzureAgentsError) or isinstance(played.events[-1], Finished)


def test_errors_name_the_agent_and_the_thread() -> None:
    """What the client knows of the turn is on the error of a refused request."""
    played = play(classic(*HISTORY, pin="thread_1"), [refused(400, "No.", x_request_id="r")])
    assert isinstance(played.error, BadRequestError)
    assert {"status": 400, "request_id": "r", "agent": ASST, "thread_id": "thread_1"} == (
        played.error.facts
    )


def test_a_failed_run_is_not_run_again() -> None:
    """A run that failed has had its effects, also where its own error was a server's."""
    failed = classic_events(
        ("thread.run.failed", run("failed", last_error={"code": "server_error", "message": "x"}))
    )
    played = play(classic(user("Hi")), [OPEN, failed])
    assert (RunFailedError, ["POST /threads/runs"]) == (type(played.error), played.paths)


def test_an_error_event_before_the_run_is_known_is_a_failed_request() -> None:
    """A stream that begins with a server's error made nothing: a new thread is tried."""
    broken = classic_events(("error", {"error": {"code": "server_error", "message": "x"}}))
    played = play(classic(user("Hi"), max_retries=1), [OPEN, broken, OPEN, answered()])
    assert (None, ["POST /threads/runs"] * 2) == (played.error, played.paths)
    assert [ServerError] == [type(wait.instead) for wait in played.waits]
