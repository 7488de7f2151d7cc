"""Flows of v2 agents stepped by hand: which requests a turn makes, in which order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from azure_agents.errors import (
    AzureAgentsError,
    NotSentError,
    RunFailedError,
    StreamInterruptedError,
    ThreadBusyError,
    ThreadNotFoundError,
    TimedOutError,
    TurnUnknownError,
)
from azure_agents.events import Started, TextDelta
from azure_agents.messages import assistant, system, user
from azure_agents.protocols.commands import Reply
from azure_agents.protocols.responses.flow import run_turn as run_v2
from azure_agents.protocols.turn import Turn

from .flow_plays import (
    HISTORY,
    JSON,
    LOST,
    OPEN,
    Cut,
    begun,
    body,
    ok,
    play,
    refused,
    response,
    said,
    second_turn,
    turn,
    v2_events,
    whole,
)

Answers = Sequence[Reply | bytes | Cut | BaseException]


V2 = "/openai/v1/responses"
GONE = refused(404, "Response with id 'resp_1' not found.")


def item(role: str, text: str) -> JSON:
    """A message as an input item."""
    return {"type": "message", "role": role, "content": text}


def test_a_first_v2_turn_is_one_post() -> None:
    """The first turn of a chain posts its messages, and nothing else."""
    played = play(run_v2(turn(system("Be brief."), user("Hi"))), [OPEN, whole()])
    items = (item("system", "Be brief."), item("user", "Hi"))
    assert [("POST", V2, body(*items, stream=True))] == played.requests
    end = played.completion.finished
    assert ("Hello", "resp_1", "resp_1") == (
        played.completion.text,
        end.thread_id,
        end.response_id,
    )


def test_a_v2_turn_without_deltas_takes_the_plain_answer() -> None:
    """Who wants the answer whole gets it whole: no stream, the same completion."""
    plain = play(run_v2(turn(user("Hi"), deltas=False)), [ok(response())])
    streamed = play(run_v2(turn(user("Hi"))), [OPEN, whole()])
    assert [("POST", V2, body(item("user", "Hi")))] == plain.requests
    assert streamed.completion == plain.completion


def test_the_next_v2_turn_sends_what_is_new() -> None:
    """A history that matches its anchor continues: the new message, and the id before it."""
    first = play(run_v2(turn(user("Hi"))), [OPEN, whole()])
    played = play(run_v2(second_turn(first.anchor, user("And?"))), [OPEN, whole("So.", "resp_2")])
    new = body(item("user", "And?"), previous_response_id="resp_1", stream=True)
    assert [("POST", V2, new)] == played.requests


FORKS: dict[str, Callable[[str], Turn]] = {
    "an edited question": lambda a: turn(user("Hey"), assistant("Hello", anchor=a), user("And?")),
    "an edited answer": lambda a: turn(user("Hi"), assistant("Howdy", anchor=a), user("And?")),
    "no anchor": lambda _: turn(*HISTORY),
    "an anchor of nobody": lambda _: turn(user("Hi"), assistant("Hello", anchor="x"), user("And?")),
    "a new system message": lambda a: turn(system("!"), *second_turn(a, user("And?")).messages),
    "another agent": lambda a: second_turn(a, user("And?"), model="other"),
}


@pytest.mark.parametrize("edited", FORKS.values(), ids=FORKS)
def test_a_history_that_does_not_match_is_told_whole(edited: Callable[[str], Turn]) -> None:
    """Whatever was changed, the agent sees the messages of the call, in one POST."""
    first = play(run_v2(turn(user("Hi"))), [OPEN, whole()])
    asked = edited(first.anchor)
    played = play(run_v2(asked), [OPEN, whole("So.", "resp_2")])
    ((_, path, sent),) = played.requests
    assert (V2, [item(m.role, m.text) for m in asked.messages], False) == (
        path,
        sent["input"],
        "previous_response_id" in sent,
    )


def test_an_unknown_previous_response_is_no_error() -> None:
    """A response that is gone costs one request: the whole history follows."""
    first = play(run_v2(turn(user("Hi"))), [OPEN, whole()])
    played = play(
        run_v2(second_turn(first.anchor, user("And?"))), [GONE, OPEN, whole("So.", "resp_2")]
    )
    assert [
        body(item("user", "And?"), previous_response_id="resp_1", stream=True),
        body(*(item(m.role, m.text) for m in HISTORY), stream=True),
    ] == [sent for _, _, sent in played.requests]


def test_an_unknown_pinned_response_is_an_error() -> None:
    """A pin is the caller's word: it is never replayed in silence."""
    played = play(run_v2(turn(*HISTORY, pin="resp_1")), [GONE])
    assert (ThreadNotFoundError, 1) == (type(played.error), len(played.requests))


LOST_ANSWERS: list[Any] = [
    pytest.param([LOST, OPEN, whole()], 1, 1, id="no answer: asked again"),
    pytest.param([TimedOutError("x"), OPEN, whole()], 1, 1, id="no answer in time: asked again"),
    pytest.param([refused(503), OPEN, whole()], 1, 1, id="503: asked again"),
    pytest.param([NotSentError("x"), OPEN, whole()], 1, 1, id="not sent: asked again"),
    pytest.param(
        [OPEN, Cut(v2_events(begun(), said("Hel")), LOST), ok(response())],
        0,
        1,
        id="cut: the stored answer goes on",
    ),
    pytest.param(
        [OPEN, v2_events(begun(), said("Hel")), ok(response())],
        0,
        1,
        id="ended early: the stored answer goes on",
    ),
    pytest.param(
        [
            OPEN,
            Cut(v2_events(begun()), LOST),
            ok({"id": "resp_1", "status": "in_progress"}),
            ok(response()),
        ],
        1,
        1,
        id="cut: polled until it is over",
    ),
    pytest.param(
        [OPEN, Cut(v2_events(begun(), said("Hel")), LOST), GONE, OPEN, whole("Hello", "resp_2")],
        1,
        2,
        id="cut and gone: asked again, joined",
    ),
    pytest.param(
        [
            OPEN,
            Cut(v2_events(begun()), LOST),
            ok({"id": "resp_1", "status": "failed"}),
            OPEN,
            whole("Hello", "resp_2"),
        ],
        1,
        2,
        id="cut, and that ended it: asked again",
    ),
]


@pytest.mark.parametrize(("answers", "waits", "starts"), LOST_ANSWERS)
def test_a_lost_v2_answer_is_found_or_asked_for_again(
    answers: Answers, waits: int, starts: int
) -> None:
    """On a chain a twin is harmless; what was delivered is never said again."""
    played = play(run_v2(turn(user("Hi"))), answers)
    assert (None, "Hello", waits, starts) == (
        played.error,
        "".join(e.text for e in played.events if isinstance(e, TextDelta)),
        len(played.waits),
        sum(isinstance(event, Started) for event in played.events),
    )
    posts = [sent for method, _, sent in played.requests if method == "POST"]
    assert all(posts[0] == sent for sent in posts)


def test_another_answer_cannot_replace_what_was_said() -> None:
    """A twin that says something else ends the turn, with the text that was delivered."""
    cut = Cut(v2_events(begun(), said("Hel")), LOST)
    played = play(run_v2(turn(user("Hi"))), [OPEN, cut, GONE, OPEN, whole("Howdy", "resp_2")])
    assert isinstance(played.error, StreamInterruptedError)
    assert "Hel" == played.error.partial_text


FAILED: list[Any] = [
    pytest.param(response(status="failed", error={"code": "x", "message": "y"}), RunFailedError),
    pytest.param(
        response(status="failed", error={"code": "invalid_prompt", "message": "y"}), RunFailedError
    ),
]


@pytest.mark.parametrize(("stored", "cls"), FAILED)
def test_a_failed_response_is_never_asked_for_again(
    stored: JSON, cls: type[AzureAgentsError]
) -> None:
    """A turn that ended badly has had its effects: the caller decides."""
    end = v2_events(begun(), {"type": "response.failed", "response": stored})
    played = play(run_v2(turn(user("Hi"))), [OPEN, end])
    assert (cls, 1) == (type(played.error), len(played.requests))


CONVERSATION = ok({"id": "conv_1"})
ITEMS = "GET /openai/v1/conversations/conv_1/items"


def in_conversation(id: str = "resp_1", thread: str = "conv_1", text: str = "Hello") -> bytes:
    """A stream of a turn on a conversation."""
    return whole(text, id, conversation={"id": thread})


def test_a_first_turn_on_a_conversation_creates_it() -> None:
    """The history goes in with the first turn: two requests."""
    played = play(
        run_v2(turn(*HISTORY, threads="conversation")), [CONVERSATION, OPEN, in_conversation()]
    )
    assert ["POST /openai/v1/conversations", f"POST {V2}"] == played.paths
    sent = played.requests[1][2]
    assert ("conv_1", 3, True, "conv_1") == (
        sent["conversation"],
        len(sent["input"]),
        sent["stream"],
        played.completion.finished.thread_id,
    )


def first_on_conversation(store: dict[str, str]) -> str:
    """The anchor of a first turn on a conversation."""
    asked = turn(user("Hi"), threads="conversation")
    return play(run_v2(asked), [CONVERSATION, OPEN, in_conversation()], store).anchor


def test_the_next_turn_on_a_conversation_claims_its_head() -> None:
    """One POST with what is new; a second continuation of the same answer forks."""
    store: dict[str, str] = {}
    anchor = first_on_conversation(store)
    asked = second_turn(anchor, user("And?"), threads="conversation")
    played = play(run_v2(asked), [OPEN, in_conversation("resp_2")], store)
    assert [("POST", V2, body(item("user", "And?"), stream=True, conversation="conv_1"))] == (
        played.requests
    )
    again = [ok({"id": "conv_2"}), OPEN, in_conversation("resp_3", "conv_2")]
    twin = play(run_v2(asked), again, store)
    assert ("conv_2", 3) == (
        twin.requests[1][2]["conversation"],
        len(twin.requests[1][2]["input"]),
    )


@pytest.mark.parametrize("store", [{}, {"head:x:conv_1": "resp_9"}], ids=["unknown", "of others"])
def test_a_conversation_the_store_does_not_know_is_not_appended_to(store: dict[str, str]) -> None:
    """Without the claim nothing is appended: the history goes to a new conversation."""
    asked = second_turn(first_on_conversation({}), user("And?"), threads="conversation")
    played = play(
        run_v2(asked), [ok({"id": "conv_2"}), OPEN, in_conversation("resp_2", "conv_2")], store
    )
    assert ["POST /openai/v1/conversations", f"POST {V2}"] == played.paths


def test_a_turn_lost_on_a_conversation_is_found() -> None:
    """The turn carries our operation: one look finds it, and it is followed to its end."""
    store: dict[str, str] = {}
    asked = second_turn(first_on_conversation(store), user("And?"), threads="conversation")
    page = ok({"data": [{"response_id": "resp_2"}, {"response_id": "resp_1"}]})
    played = play(run_v2(asked), [LOST, page, ok(response("So.", "resp_2"))], store)
    assert [f"POST {V2}", ITEMS, f"GET {V2}/resp_2"] == played.paths
    assert "So." == played.completion.text


def test_a_turn_lost_on_a_conversation_is_never_posted_there_again() -> None:
    """Not found is not gone: items appear when a response ends, so the history forks."""
    store: dict[str, str] = {}
    asked = second_turn(first_on_conversation(store), user("And?"), threads="conversation")
    others = ok(response("Hello", "resp_1", metadata={}))
    page = ok({"data": [{"response_id": "resp_1"}]})
    fork = [ok({"id": "conv_2"}), OPEN, in_conversation("resp_2", "conv_2")]
    played = play(run_v2(asked), [LOST, page, others, *fork], store)
    posted = [sent["conversation"] for _, path, sent in played.requests if path == V2]
    assert (["conv_1", "conv_2"], "conv_2") == (posted, played.completion.finished.thread_id)


def test_a_turn_lost_on_a_pinned_conversation_is_waited_for() -> None:
    """A pin cannot fork: look until it is there, and say so if the time is over."""
    empty = ok({"data": []})
    page = ok({"data": [{"response_id": "resp_2"}]})
    answers = [LOST, empty, empty, page, ok(response("So.", "resp_2"))]
    played = play(run_v2(turn(*HISTORY, pin="conv_1")), answers)
    assert ([f"POST {V2}", ITEMS, ITEMS, ITEMS, f"GET {V2}/resp_2"], "So.") == (
        played.paths,
        played.completion.text,
    )
    assert [TurnUnknownError] * 2 == [type(wait.instead) for wait in played.waits]


def test_a_busy_pinned_conversation_is_waited_for() -> None:
    """While another turn is active nothing is posted; the deadline says why."""
    error = {"code": "conversation_locked", "message": "x", "param": None}
    busy = Reply(400, {}, json.dumps({"error": error}).encode())
    played = play(run_v2(turn(*HISTORY, pin="conv_1")), [busy, busy, OPEN, in_conversation()])
    assert (None, [ThreadBusyError] * 2) == (played.error, [type(w.instead) for w in played.waits])
