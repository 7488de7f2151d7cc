"""Windows 9, 10 and 11: between a call for a tool and its results on the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from azure_agents.emulator import ToolCalls
from azure_agents.errors import (
    BadRequestError,
    PoisonedThreadError,
    ThreadBusyError,
    TurnUnknownError,
)
from azure_agents.messages import user
from azure_agents.threads.sqlite import SQLiteThreadStore

from .window_talk import TURN, Talk, answer
from .windows import OURS, PINNED, Way, window

# --- 9: results sent, answer lost ---

LOST: dict[str, dict[str, Any]] = {
    "lost": {"kind": "lost"},
    "timed out": {"kind": "timeout_after"},
    "503": {"kind": "status_after", "status": 503},
    "not applied": {"kind": "reset_before"},
    "not applied, twice": {"kind": "reset_before", "times": 2},
}


@window(9, turns=("tools",), lost=tuple(LOST), linger=(0, 1))
def test_results_whose_answer_was_lost_are_taken_once(way: Way, lost: str, linger: int) -> None:
    """The run itself says whether it took them; on a log nothing is sent a second time."""
    talk = Talk(way)
    talk.foundry.rules.polls_until_noticed = linger
    talk.hit(**LOST[lost], method="POST", path=TURN)
    if way.kind == "conversation pinned" and "not applied" in lost:
        talk.fail_next(TurnUnknownError)
        assert 1 == len(talk.posts)
        return
    talk.say_next()
    assert {1} == set(talk.effects.values())
    assert 1 == max(talk.runs_of_the_turn().values(), default=1)
    talk.go_on()


def twice(turn: Any) -> Any:
    """An agent whose tools lead to another call."""
    last = turn.messages[-1]
    rounds = sum(message.role == "tool" for message in turn.messages)
    is_result = last.role == "tool" or last.text.startswith("[tool ")
    if is_result and rounds + sum("[tool result" in m.text for m in turn.messages) == 2:
        return ToolCalls(("look_up", {"n": 3}))
    return answer(turn)


@window(9, turns=("tools",), lost=("lost", "timed out", "503"), outage=(0, 2))
def test_results_that_lead_to_another_call_are_not_sent_again(
    way: Way, lost: str, outage: int
) -> None:
    """A run that waits again waits for others: its new calls are told, and answered once."""
    talk = Talk(way)
    talk.foundry.rules.polls_until_noticed = 0
    talk.agent.script(twice)
    if outage:  # while nobody can look, the run goes on until it waits again
        talk.hit("status_before", status=503, method="GET", times=outage)
    talk.hit(**LOST[lost], method="POST", path=TURN)
    second = talk.say_next()
    (call,) = second.tool_calls
    submitted = [path for path in talk.made if path.endswith("submit_tool_outputs")]
    assert len(submitted) == (1 if way.generation == "classic" else 0)
    talk.say_next()
    assert {1} == set(talk.effects.values())
    assert call.id in talk.effects


@window(9, "classic", "classic pinned", turns=("tools",), looks=(1, 3))
def test_results_are_not_given_up_when_nobody_can_look(way: Way, looks: int) -> None:
    """The look-up fails too: sent again, a run that took them refuses, and is followed."""
    talk = Talk(way)
    talk.hit("lost", method="POST", path=TURN)
    talk.hit("status_before", status=503, method="GET", path="/runs/[^/]+$", times=looks)
    talk.say_next()
    assert {1} == set(talk.effects.values())


# --- 10: the client dies ---


@window(10, turns=("tools",), dies=("before the tools", "after the tools", "after sending"))
def test_another_process_goes_on_without_running_a_tool_again(
    way: Way, dies: str, tmp_path: Path
) -> None:
    """What the tools returned is in the store; the rest is in the history and on the server."""
    store = SQLiteThreadStore(tmp_path / "heads.db")
    talk = Talk(way, store=store)
    talk.connect(store, results=store)
    if dies != "before the tools":
        talk.run_tool(talk.history[-1].tool_calls[0])
    if dies == "after sending":
        _send_and_die(talk)
    again = SQLiteThreadStore(tmp_path / "heads.db")
    talk.connect(again, results=again)
    if dies == "after sending" and way.is_pinned:
        # The thread has had the results: it says so, and nothing is there twice.
        talk.fail_next(BadRequestError)
    else:
        talk.say_next()
        talk.go_on()
    assert {1} == set(talk.effects.values())


def _send_and_die(talk: Talk) -> None:
    """Send the results as a process does that is killed before the answer comes."""
    events = talk.sync.stream(talk.request([*talk.history, *talk.next]))
    flow = events.gi_frame.f_locals["flow"]
    next(events)
    flow.close()  # nobody tidies up
    events.close()
    talk.foundry.clock.advance(30.0)  # the service finishes what it was sent


# --- 11: nobody answers the call ---


@window(11, *OURS, turns=("tools",))
def test_a_new_question_cancels_the_run_that_waits_for_results(way: Way) -> None:
    """Another question: the paused run is stopped, and the call that has no result is left out."""
    talk = Talk(way)
    talk.start = len(talk.foundry.requests)
    talk.say(user("never mind, tell me a tale"))
    assert [] == talk.active()
    talk.go_on()


@window(11, *OURS, turns=("text",))
def test_a_run_paused_for_a_dead_client_does_not_block_the_next_question(way: Way) -> None:
    """The process died before the answer was told: the next one knows nothing of the pause."""
    talk = Talk(way)
    events = talk.sync.stream(talk.request([*talk.history, user("look it up")]))
    flow = events.gi_frame.f_locals["flow"]
    next(events)
    flow.close()
    events.close()
    talk.foundry.clock.advance(30.0)
    talk.ask([*talk.history, *talk.next])
    paused = list(talk.foundry._world.active_runs.values())
    assert all(run.status == "requires_action" for run in paused)
    assert len(paused) <= 1
    talk.foundry.clock.advance(40_000)
    assert [] == talk.foundry.active_runs


@window(11, "classic pinned", turns=("tools",))
def test_the_callers_own_pause_is_stopped_on_a_pinned_thread(way: Way) -> None:
    """The history says whose call it is: asked something else, its run is cancelled first."""
    talk = Talk(way)
    answered = talk.ask([*talk.history, user("tell me a tale")])
    assert "once upon a time" == answered.text
    assert [] == talk.active()
    assert 1 == len([path for path in talk.made if path.endswith("/cancel")])


@window(11, "classic pinned", turns=("tools",))
def test_a_paused_run_of_another_client_raises_thread_busy(way: Way) -> None:
    """Somebody may still answer it: the caller learns which run is in the way."""
    talk = Talk(way)
    (run,) = talk.active()
    talk.history = []
    question = [user("tell me a tale")]
    error = talk.fail_with(question, ThreadBusyError, keep=run)
    assert (talk.pin, run) == (error.thread_id, error.run_id)
    talk.sync.cancel(thread_id=error.thread_id, run_id=error.run_id)
    assert "once upon a time" == talk.ask(question).text


@window(11, "conversation pinned", turns=("tools",))
def test_an_unanswered_call_on_a_pinned_conversation_raises_poisoned_thread(way: Way) -> None:
    """There is nothing to cancel: the error names the way out, and the way out works."""
    talk = Talk(way)
    error = talk.fail_with([*talk.history, user("tell me a tale")], PoisonedThreadError)
    assert talk.pin == error.thread_id
    talk.pin = talk.sync.fork_thread(error.thread_id or "")
    assert "once upon a time" == talk.ask([*talk.history, user("tell me a tale")]).text


@window(11, *PINNED, turns=("text",))
def test_a_pinned_thread_takes_results_from_any_process(way: Way) -> None:
    """The one that asked is gone; whoever knows the thread and the results may bring them."""
    talk = Talk(way)
    talk.say(user("look it up"))
    talk.connect()
    results = talk.next
    talk.history = []
    assert "two and two" == talk.ask(results).text
    assert [] == talk.active()
    assert {1} == set(talk.effects.values())
