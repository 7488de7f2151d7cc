"""An approval is sent at most once in a call, whatever becomes of its answer."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from azure_agents.emulator import Failed, Fault
from azure_agents.errors import (
    ConflictError,
    DeadlineError,
    RateLimitError,
    RunFailedError,
    TurnUnknownError,
)
from azure_agents.events import ApprovalRequest
from azure_agents.messages import assistant, user
from azure_agents.protocols.responses.flow import run_turn
from tests.core.flow_plays import OPEN, begun, ok, play, turn, v2_events, whole

from .bench import ASKED, TURN, WAYS, Bench, decision, request_of

POST: Any = {"method": "POST", "path": TURN}
LIST: Any = {"method": "GET", "path": r"/(?:responses|items)$", "times": None}
READ: Any = {"method": "GET", "path": r"/responses/\w+$", "times": None}

# Applied, and the answer lost: found in the list, or by its id.
APPLIED = {
    "lost": Fault("lost", **POST),
    "timeout": Fault("timeout_after", **POST),
    **{str(s): Fault("status_after", status=s, **POST) for s in (408, 500, 502, 503, 504)},
    "cut": Fault("cut", after_bytes=20, **POST),
}
# Not applied, as only the service knows, or gone.
GONE = {
    "reset": Fault("reset_before", **POST),
    "503": Fault("status_before", status=503, **POST),
    "lost with the turn": Fault("lost", finishes=False, **POST),
    "cut with the turn": Fault("cut", after_bytes=900, finishes=False, **POST),
}
# Provably not applied.
NOT_SENT = {
    "refused": Fault("refuse", **POST),
    "throttled": Fault("status_before", status=429, **POST),
}
KINDS: dict[str, dict[str, Any]] = {
    "chain": {},
    "background": {"background": True},
    "conversation": {"threads": "conversation"},
}


def _cases(faults: dict[str, Fault]) -> list[Any]:
    return [
        pytest.param(KINDS[kind], WAYS[at % len(WAYS)], fault, id=f"{kind}, {name}")
        for at, (kind, (name, fault)) in enumerate(product(KINDS, faults.items()))
    ]


@pytest.mark.parametrize(("kind", "way", "fault"), _cases(APPLIED))
def test_an_approval_whose_answer_was_lost_is_found(kind: Any, way: str, fault: Fault) -> None:
    """The tool ran once; the caller gets the answer of that run."""
    bench = Bench(way=way, **kind)
    history, request = bench.asks()
    bench.foundry.faults.add(fault)
    answer = bench.ask(*history, decision(request.id))
    assert ("Deleted.", 1, 1) == (answer.text, bench.runs, bench.posts)


# A background response goes on without its connection: it is found after all.
@pytest.mark.parametrize(
    ("kind", "way", "fault"),
    [case for case in _cases(GONE) if case.id != "background, lost with the turn"],
)
def test_an_approval_that_is_not_found_is_unknown(kind: Any, way: str, fault: Fault) -> None:
    """It is not sent again; the error names the place, and comes within the turn's time."""
    bench = Bench(way=way, **kind)
    history, request = bench.asks()
    bench.foundry.faults.add(fault)
    began = bench.foundry.clock.time()
    with pytest.raises((TurnUnknownError, RunFailedError)) as caught:
        bench.ask(*history, decision(request.id))
    assert bench.foundry.clock.time() - began <= 62
    assert bench.runs <= 1
    assert 1 == bench.posts
    assert caught.value.agent == bench.agent.model
    assert caught.value.thread_id
    assert "again" in str(caught.value)


@pytest.mark.parametrize(("kind", "way", "fault"), _cases(NOT_SENT))
def test_an_approval_that_was_provably_not_taken_is_sent_again(
    kind: Any, way: str, fault: Fault
) -> None:
    """Nothing is looked for: the request had no effect."""
    bench = Bench(way=way, **kind)
    history, request = bench.asks()
    looks = len(bench.looks())
    bench.foundry.faults.add(fault)
    assert "Deleted." == bench.ask(*history, decision(request.id)).text
    assert (1, looks) == (bench.runs, len(bench.looks()))


SECOND = {
    "the list fails": Fault("status_before", status=503, **LIST),
    "the list is refused": Fault("status_before", status=403, **LIST),
    "the list cannot be read": Fault("status_before", status=200, body={"data": [1]}, **LIST),
    "the list is lost": Fault("reset_before", **LIST),
    "the response cannot be read": Fault("status_before", status=500, **READ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "second"), SECOND.items(), ids=SECOND)
def test_a_look_that_fails_does_not_send_it_again(kind: str, name: str, second: Fault) -> None:
    """The answer is lost and cannot be looked for: nobody knows, and the tool ran once."""
    bench = Bench(**KINDS[kind])
    history, request = bench.asks()
    bench.foundry.faults.add(Fault("lost", **POST), second)
    with pytest.raises(TurnUnknownError) as caught:
        bench.ask(*history, decision(request.id))
    assert bench.runs <= 1
    assert 1 == bench.posts
    assert caught.value.thread_id


@pytest.mark.parametrize("kind", KINDS)
def test_a_look_that_fails_for_a_while_is_made_again(kind: str) -> None:
    """The list comes back in time, and shows the response."""
    bench = Bench(**KINDS[kind])
    history, request = bench.asks()
    late = {**LIST, "times": 4}
    bench.foundry.faults.add(Fault("lost", **POST), Fault("status_before", status=503, **late))
    assert "Deleted." == bench.ask(*history, decision(request.id)).text
    assert (1, 1) == (bench.runs, bench.posts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_that_lags_behind_is_looked_at_again(kind: str) -> None:
    """It shows nothing at first."""
    bench = Bench(**KINDS[kind])
    history, request = bench.asks()
    empty: Any = {"object": "list", "data": [], "has_more": False}
    nothing = Fault("status_before", status=200, body=empty, **{**LIST, "times": 3})
    bench.foundry.faults.add(Fault("lost", **POST), nothing)
    assert "Deleted." == bench.ask(*history, decision(request.id)).text
    assert (1, 1) == (bench.runs, bench.posts)


PINNED = ("conv_", "resp_")


@pytest.mark.parametrize("prefix", PINNED)
@pytest.mark.parametrize(("name", "fault"), (APPLIED | GONE).items(), ids=APPLIED | GONE)
def test_an_approval_on_a_pinned_thread_is_sent_once(prefix: str, name: str, fault: Fault) -> None:
    """Found it is followed; else nobody knows, and the error names the pin."""
    bench = Bench("conversation" if prefix == "conv_" else "auto", WAYS[len(name) % 4])
    asked = bench.ask(ASKED)
    pin = asked.finished.thread_id or ""
    bench.foundry.faults.add(fault)
    if name in GONE:
        with pytest.raises((TurnUnknownError, RunFailedError)) as caught:
            bench.ask(decision(request_of(asked).id), pin=pin)
        assert pin == caught.value.thread_id
    else:
        assert "Deleted." == bench.ask(decision(request_of(asked).id), pin=pin).text
    assert bench.runs <= 1
    assert 1 == bench.posts


@pytest.mark.parametrize("way", WAYS)
def test_a_denial_is_asked_again_like_a_question(way: str) -> None:
    """No tool runs twice by it: on a chain a second POST makes an unused sibling."""
    bench = Bench(way=way)
    history, request = bench.asks()
    bench.foundry.faults.add(Fault("reset_before", **POST))
    assert "Noted: denied" == bench.ask(*history, decision(request.id, approve=False)).text
    assert (0, 2) == (bench.runs, bench.posts)


def test_a_lost_denial_on_a_conversation_forks() -> None:
    """It is told to another conversation; nothing can run there by it."""
    bench = Bench("conversation")
    history, request = bench.asks()
    bench.foundry.faults.add(Fault("reset_before", **POST))
    answer = bench.ask(*history, decision(request.id, approve=False))
    assert history[1].anchor is not None
    assert (answer.finished.thread_id or "-") not in history[1].anchor
    assert (0, 1) == (bench.runs, bench.posts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_at_the_rate_limit_may_have_run_the_tool(kind: str) -> None:
    """A response that began and failed is not asked for again."""
    bench = Bench(**KINDS[kind])
    history, request = bench.asks()
    bench.agent.script(Failed("rate_limit_exceeded"))
    with pytest.raises(RateLimitError) as caught:
        bench.ask(*history, decision(request.id))
    assert 1 == bench.posts
    assert caught.value.response_id


LONG = 25  # other responses of the same agent, more than a page of the list


def test_a_response_is_found_behind_a_page_of_others(monkeypatch: Any) -> None:
    """The list is read back as far as the response that was continued."""
    bench = Bench()
    history, request = bench.asks()
    bench.foundry.faults.add(Fault("lost", **POST))
    clock = bench.foundry.clock

    def sleep(seconds: float) -> None:
        # Between the loss and the look other callers are answered.
        monkeypatch.undo()
        other = Bench.like(bench)
        for number in range(LONG):
            other.ask(user(f"other {number}"))

    monkeypatch.setattr(clock, "sleep", sleep)
    assert "Deleted." == bench.ask(*history, decision(request.id)).text
    assert (1, 1, 2) == (bench.runs, bench.posts, len(bench.looks()))


def test_an_error_names_the_response_that_was_given_up() -> None:
    """Nothing is kept of an ephemeral turn, so its id is all that is left of the one that began."""
    bench = Bench("ephemeral", "streamed")
    bench.foundry.faults.add(
        Fault("cut", after_events=3, **POST),
        Fault("status_before", status=409, **POST, nth=2),
    )
    with pytest.raises(ConflictError) as caught:
        bench.ask(ASKED)
    assert (caught.value.response_id or "").startswith("resp_")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "second"), SECOND.items(), ids=SECOND)
def test_a_background_question_is_asked_again_only_if_the_list_lacks_it(
    way: str, name: str, second: Fault
) -> None:
    """A list that fails for the moment cannot say so; one that the service refuses never can."""
    bench = Bench(way=way, background=True)
    bench.foundry.faults.add(Fault("lost", **POST), second)
    if name == "the list is refused":
        bench.ask(user("hello"))
    else:
        with pytest.raises(TurnUnknownError) as caught:
            bench.ask(user("hello"))
        assert "not asked for again" in str(caught.value)
    posts = [r for r in bench.foundry.requests if r.path.endswith("/responses")]
    posts = [r for r in posts if r.method == "POST"]
    assert (2 if name == "the list is refused" else 1) == len(posts)


@pytest.mark.parametrize("way", WAYS)
def test_a_background_question_is_found_in_a_list_that_lags(way: str) -> None:
    """It is looked for twice before it is asked again."""
    bench = Bench(way=way, background=True)
    empty: Any = {"object": "list", "data": [], "has_more": False}
    nothing = Fault("status_before", status=200, body=empty, **{**LIST, "times": 1})
    bench.foundry.faults.add(Fault("lost", **POST), nothing)
    assert "Noted: hello" == bench.ask(user("hello")).text
    assert 1 == len(bench.foundry.seen)


def test_a_turn_without_a_name_cannot_be_looked_for() -> None:
    """With `name_turns=False` nothing tells the response from another's: unknown at once."""
    bench = Bench(name_turns=False)
    history, request = bench.asks()
    bench.foundry.faults.add(Fault("lost", **POST))
    with pytest.raises(TurnUnknownError):
        bench.ask(*history, decision(request.id))
    assert (1, []) == (bench.posts, bench.looks())


@pytest.mark.parametrize("kind", KINDS)
def test_a_turn_that_ended_badly_says_that_the_tool_may_have_run(kind: str) -> None:
    """The caller knows how it ended, and not what the tool did before."""
    bench = Bench(**KINDS[kind])
    history, request = bench.asks()
    bench.agent.script(Failed("server_error"))
    with pytest.raises(RunFailedError, match="may have run") as caught:
        bench.ask(*history, decision(request.id))
    assert (1, True) == (bench.posts, caught.value.response_id is not None)


def test_a_call_without_time_says_that_the_tool_may_have_run() -> None:
    """Its time is over before an answer comes: nothing can be looked for any more."""
    bench = Bench()
    history, request = bench.asks()
    bench.foundry.faults.add(Fault("lost", **POST), Fault("delay", seconds=99.0, **LIST))
    with pytest.raises((TurnUnknownError, DeadlineError), match="may have run"):
        bench.ask(*history, decision(request.id))
    assert 1 == bench.posts


@pytest.mark.parametrize("way", ["whole", "async whole"])
def test_a_response_that_began_and_cannot_be_read_is_looked_at_again(way: str) -> None:
    """A background response was accepted; a 404 to the first look at it does not end the call."""
    bench = Bench(way=way, background=True)
    history, request = bench.asks()
    bench.foundry.faults.add(Fault("status_before", status=404, **{**READ, "times": 1}))
    assert "Deleted." == bench.ask(*history, decision(request.id)).text
    assert (1, 1) == (bench.runs, bench.posts)


@pytest.mark.parametrize("threads", ["auto", "conversation", "ephemeral"])
def test_a_response_that_began_and_was_refused_is_not_told_elsewhere(threads: Any) -> None:
    """The service took the approval and broke off: telling it would ask for the tool again."""
    store: dict[str, str] = {}
    where = {"conversation": {"id": "conv_1"}} if threads == "conversation" else {}
    made = [ok({"id": "conv_1"})] if where else []
    first = play(run_turn(turn(user("Hi"), threads=threads)), [*made, OPEN, whole(**where)], store)
    asks = (ApprovalRequest("mcpr_1", "delete", "{}", "files"),)
    anchor = first.completion.finished.anchor
    said = assistant("Hello", anchor=anchor, asks=asks)
    asked = turn(user("Hi"), said, decision("mcpr_1"), threads=threads)
    error = {"type": "error", "code": "invalid_request_error", "message": "no", "param": None}
    answers = [
        OPEN,
        v2_events(begun(**where), error),
        *[ok({"id": "resp_1", "status": "failed"})] * 3,
    ]
    played = play(run_turn(asked), answers, store)
    posts = [path for path in played.paths if path.startswith("POST")]
    assert ["POST /openai/v1/responses"] == posts
    assert played.error is not None
