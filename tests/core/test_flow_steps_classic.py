"""Flows of classic agents stepped by hand: which requests a turn makes, in which order."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any

import pytest

from azure_agents.errors import Abandoned, DeadlineError, TurnUnknownError
from azure_agents.events import Started, TextDelta
from azure_agents.messages import assistant, system, user
from azure_agents.protocols.classic.flow import run_turn as run_classic
from azure_agents.protocols.commands import Reply

from .flow_plays import (
    ASST,
    CALL,
    HISTORY,
    LOST,
    OPEN,
    OPERATION,
    PAUSED,
    RESULT,
    Cut,
    answered,
    classic,
    classic_events,
    classic_message,
    ok,
    paused,
    play,
    refused,
    run,
    second_turn,
)

RUNS = "/threads/thread_1/runs"
BEGUN = classic_events(("thread.run.created", run("in_progress")))


LISTED = ok({"data": [classic_message()]})
FIELDS = {"assistant_id": ASST, "stream": True, "metadata": OPERATION}


def test_a_first_classic_turn_is_one_post() -> None:
    """Thread, messages and run are created at once."""
    played = play(classic(*HISTORY), [OPEN, answered()])
    messages = [{"role": m.role, "content": m.text} for m in HISTORY]
    thread = {"messages": messages, "metadata": OPERATION}
    assert [("POST", "/threads/runs", {**FIELDS, "thread": thread})] == played.requests
    end = played.completion.finished
    assert ("Hello", "thread_1", "run_1", "msg_1") == (
        played.completion.text,
        end.thread_id,
        end.run_id,
        end.message_id,
    )


def test_a_first_classic_turn_with_a_system_message_is_two() -> None:
    """`/threads/runs` takes no additional instructions: the thread first, then the run."""
    played = play(
        classic(system("Be brief."), user("Hi")), [ok({"id": "thread_1"}), OPEN, answered()]
    )
    assert [
        (
            "POST",
            "/threads",
            {"messages": [{"role": "user", "content": "Hi"}], "metadata": OPERATION},
        ),
        ("POST", RUNS, {**FIELDS, "additional_instructions": "Be brief."}),
    ] == played.requests


def first_classic(store: dict[str, str]) -> str:
    """The anchor of a first classic turn."""
    return play(classic(user("Hi")), [OPEN, answered()], store).anchor


def test_the_next_classic_turn_appends() -> None:
    """One POST with the new message, wherever the store lets us."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), system("Be brief."), model=ASST)
    played = play(run_classic(asked), [OPEN, answered("So.", "run_2")], store)
    new = [{"role": "user", "content": "And?"}]
    fields = {**FIELDS, "additional_instructions": "Be brief.", "additional_messages": new}
    assert [("POST", RUNS, fields)] == played.requests


def test_a_classic_head_is_claimed_once() -> None:
    """The second continuation of an answer goes to a thread of its own."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), model=ASST)
    answers = [OPEN, answered("So.", "run_2")]
    paths = [play(run_classic(asked), answers, store).paths for _ in range(2)]
    assert [[f"POST {RUNS}"], ["POST /threads/runs"]] == paths


BUSY = refused(400, "Can't add messages to thread_1 while a run run_9 is active.")
NO_THREAD = refused(404, "No thread found with id 'thread_1'.")


@pytest.mark.parametrize("problem", [BUSY, NO_THREAD], ids=["busy", "gone"])
def test_a_classic_thread_that_cannot_go_on_forks(problem: Reply) -> None:
    """A thread that is busy or gone is not an error: the history goes to a new one."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), model=ASST)
    played = play(run_classic(asked), [problem, OPEN, answered("So.", "run_2")], store)
    assert ([f"POST {RUNS}", "POST /threads/runs"], "So.") == (
        played.paths,
        played.completion.text,
    )


OUTPUTS = {"tool_outputs": [{"tool_call_id": "call_1", "output": "42"}], "stream": True}
SUBMIT = "POST /threads/thread_1/runs/run_1/submit_tool_outputs"


def test_results_are_submitted_to_the_run_that_waits() -> None:
    """The outputs of a paused run are one POST; nothing is claimed and nothing re-sent."""
    played = play(run_classic(paused(RESULT)), [OPEN, answered()])
    assert [(*SUBMIT.split(), OUTPUTS)] == played.requests


TOLD = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "[tool call call_1: f({})]"},
    {"role": "assistant", "content": "[tool result call_1: 42]"},
]


@pytest.mark.parametrize(
    "problem", [refused(400, "Runs in status expired do not accept tool outputs."), NO_THREAD]
)
def test_results_nobody_waits_for_are_told_as_text(problem: Reply) -> None:
    """A run that no longer waits is no error: calls and results go to a new thread as text."""
    played = play(run_classic(paused(RESULT)), [problem, OPEN, answered()])
    assert [SUBMIT, "POST /threads/runs"] == played.paths
    assert TOLD == played.requests[1][2]["thread"]["messages"]


def test_a_paused_run_that_is_passed_over_is_cancelled() -> None:
    """More than the results: a cancel, again if it fails for the moment, and a new thread."""
    cancel = "POST /threads/thread_1/runs/run_1/cancel"
    for answers in ([ok(run("cancelled"))], [refused(400)], [refused(500), ok(run("cancelled"))]):
        flow = run_classic(paused(RESULT, user("And?")))
        played = play(flow, [*answers, OPEN, answered("So.")])
        assert [*[cancel] * len(answers), "POST /threads/runs"] == played.paths
        assert [*TOLD, {"role": "user", "content": "And?"}] == (
            played.requests[-1][2]["thread"]["messages"]
        )


def test_lost_results_are_submitted_again_only_while_the_run_waits() -> None:
    """The run itself says whether results arrived, and its steps whose."""
    waiting = [LOST, ok(run("requires_action")), OPEN, answered()]
    waits = play(run_classic(paused(RESULT)), waiting)
    call = {"id": "call_1", "type": "function", "function": {"output": "42"}}
    steps = ok({"data": [{"id": "step_1", "step_details": {"tool_calls": [call]}}]})
    gone_on = [LOST, ok(run("queued")), steps, ok(run()), LISTED]
    went_on = play(run_classic(paused(RESULT)), gone_on)
    look = "GET /threads/thread_1/runs/run_1"
    assert [SUBMIT, look, SUBMIT] == waits.paths
    looks = [SUBMIT, look, f"{look}/steps", look]
    assert (looks, "Hello") == (went_on.paths[:4], went_on.completion.text)


def test_a_classic_run_that_was_lost_is_found() -> None:
    """One look for our operation on the thread finds the run, and it is followed."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), model=ASST)
    page = ok({"data": [run("completed", "run_2")]})
    answers = [LOST, page, ok(run("in_progress", "run_2")), ok(run("completed", "run_2")), LISTED]
    played = play(run_classic(asked), answers, store)
    look = f"GET {RUNS}/run_2"
    assert [f"POST {RUNS}", f"GET {RUNS}", look, look, "GET /threads/thread_1/messages"] == (
        played.paths
    )


def test_a_classic_run_that_is_not_found_forks_and_is_cancelled_if_it_turns_up() -> None:
    """Nothing is posted to the thread again; a straggler is stopped when the answer is there."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), model=ASST)
    late = ok({"data": [run("in_progress", "run_2"), run("completed", "run_1", metadata={})]})
    answers = [LOST, ok({"data": []}), OPEN, answered("So.", "run_3"), late, ok({})]
    played = play(run_classic(asked), answers, store)
    assert [
        f"POST {RUNS}",
        f"GET {RUNS}",
        "POST /threads/runs",
        f"GET {RUNS}",
        f"POST {RUNS}/run_2/cancel",
    ] == played.paths


def test_a_classic_stream_that_was_cut_is_followed() -> None:
    """The run goes on without us: poll it, and tell the rest of its message."""
    said_so_far = classic_events(
        ("thread.run.created", run("in_progress")),
        (
            "thread.message.delta",
            {
                "id": "msg_1",
                "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "Hel"}}]},
            },
        ),
    )
    answers = [OPEN, Cut(said_so_far, LOST), ok(run("in_progress")), ok(run()), LISTED]
    played = play(classic(user("Hi")), answers)
    texts = [event.text for event in played.events if isinstance(event, TextDelta)]
    assert (["Hel", "lo"], 1) == (texts, sum(isinstance(e, Started) for e in played.events))


def test_a_run_with_more_messages_than_a_page_is_told_whole() -> None:
    """The rest of a long answer is on the next page."""
    pages = [
        ok({"data": [classic_message("One. ", "msg_1")], "has_more": True}),
        ok({"data": [classic_message("Two.", "msg_2")], "has_more": False}),
    ]
    played = play(classic(user("Hi")), [OPEN, Cut(BEGUN, LOST), ok(run()), *pages])
    texts = [event.text for event in played.events if isinstance(event, TextDelta)]
    assert (None, ["One. ", "Two."]) == (played.error, texts)


def test_a_new_run_that_begins_like_the_paused_one_is_read_whole() -> None:
    """Only what the same run said before its pause is left out, when it is read from the start."""
    words = classic_events(("thread.message.completed", classic_message("Let me see. ")))
    anchor = play(classic(user("Hi")), [OPEN, words + PAUSED]).anchor
    history = (user("Hi"), assistant("Let me see. ", CALL, anchor=anchor), RESULT)
    expired = refused(400, "Runs in status expired do not accept tool outputs.")
    cut = Cut(classic_events(("thread.run.created", run("in_progress", "run_2"))), LOST)
    messages = [classic_message("Let me see. ", "msg_2"), classic_message("It is 42.", "msg_3")]
    answers = [expired, OPEN, cut, ok(run("completed", "run_2")), ok({"data": messages})]
    played = play(classic(*history, operation="op2"), answers)
    assert "Let me see. It is 42." == played.completion.text


def test_a_run_lost_on_a_pinned_thread_is_waited_for() -> None:
    """A pin cannot fork, and nothing is posted twice: look until the run turns up."""
    empty, found = ok({"data": []}), ok({"data": [run("completed", "run_2")]})
    answers = [LOST, empty, empty, found, ok(run("completed", "run_2")), LISTED]
    played = play(classic(*HISTORY, pin="thread_1"), answers)
    assert (["POST"], [TurnUnknownError] * 2) == (
        [method for method, _, _ in played.requests if method == "POST"],
        [type(wait.instead) for wait in played.waits],
    )


@pytest.mark.parametrize("why", [Abandoned(), DeadlineError("too late")], ids=repr)
@pytest.mark.parametrize(
    ("answers", "looks"),
    [
        ([OPEN, Cut(BEGUN, LOST), None], [f"POST {RUNS}/run_1/cancel"]),
        ([OPEN, None], []),
    ],
    ids=["the run is known", "nothing is known"],
)
def test_a_turn_that_is_given_up_stops_its_run(
    why: BaseException, answers: list[Any], looks: list[str]
) -> None:
    """Once its run is known it is cancelled, and the reason goes on upwards."""
    given = [why if answer is None else answer for answer in answers]
    played = play(classic(user("Hi")), chain(given, repeat(ok({}))))
    assert why is played.error
    assert looks == [path for path in played.paths if path.endswith("/cancel")]


def test_a_run_on_a_known_thread_is_looked_for_before_it_is_stopped() -> None:
    """Without the run's id the operation names it."""
    answers = [OPEN, Abandoned(), ok({"data": [run("in_progress", "run_2")]}), ok({})]
    played = play(classic(*HISTORY, pin="thread_1"), answers)
    assert [f"POST {RUNS}", f"GET {RUNS}", f"POST {RUNS}/run_2/cancel"] == played.paths
