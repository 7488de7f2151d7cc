"""Recoveries that neither the matrix nor the table of windows reaches.

Copies of threads, answers told by several sources, runs and responses that are given up on the way,
and what is left behind: threads that nobody may keep.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from azure_agents.client.agent_client import AgentClient
from azure_agents.emulator import Emulator, Failed, Fault, Parts, Pause, Text, ToolCalls
from azure_agents.errors import (
    DeadlineError,
    InvalidRequestError,
    ProtocolError,
    RunFailedError,
    TurnUnknownError,
)
from azure_agents.events import Finished
from azure_agents.fold import fold
from azure_agents.messages import Message, TurnRequest, assistant, tool, user
from azure_agents.protocols.commands import Route, Send
from azure_agents.protocols.options import OPERATION
from azure_agents.protocols.waiting import try_cleanup
from azure_agents.threads.memory import MemoryThreadStore

from .conversation import Conversation, Shape


def talk(
    generation: str, replies: Any, threads: str = "auto", deadline: float = 60.0
) -> tuple[Emulator, AgentClient]:
    """An emulator with a scripted agent, and a client of it."""
    conversation = Conversation(Shape(generation, threads=threads, is_streamed=False))
    conversation.agent.script(replies)
    sync, _ = conversation.connect(MemoryThreadStore(), deadline=deadline)
    return conversation.foundry, sync


def ask(client: AgentClient, *messages: Message, thread_id: str | None = None) -> Any:
    """One call."""
    return client.complete(TurnRequest(messages, thread_id=thread_id))


def test_a_fork_keeps_calls_with_their_results_and_leaves_out_what_it_is_told_to() -> None:
    """More items than one request may hold are copied in order."""
    call = ToolCalls(("look_up", {}, "call_1"))
    replies = ["one", call, *(f"answer {n}" for n in range(12))]
    foundry, client = talk("v2", replies, threads="conversation")
    thread = ask(client, user("a")).finished.thread_id
    ask(client, user("b"), thread_id=thread)
    ask(client, tool("call_1", "42"), thread_id=thread)
    for number in range(11):
        ask(client, user(f"q{number}"), thread_id=thread)
    whole = foundry.seen[-1].messages
    fork = client.fork_thread(thread)
    ask(client, user("last"), thread_id=fork)
    kept = [(m.role, m.text) for m in foundry.seen[-1].messages]
    assert [(m.role, m.text) for m in whole] == kept[: len(whole)]


def test_a_classic_thread_is_forked_without_a_message() -> None:
    """What made the thread unusable stays behind."""
    foundry, client = talk("classic", ["one", "two"])
    first = ask(client, user("poison"), user("a"))
    thread = first.finished.thread_id
    listed = [r for r in foundry.requests if r.path.endswith("/messages")]
    assert [] == listed
    fork = client.fork_thread(thread, without=[first.finished.message_id])
    ask(client, user("b"), thread_id=fork)
    assert ["poison", "a", "b"] == [message.text for message in foundry.seen[-1].messages]


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("words", [("A ", "B "), ("A ", ""), ("", "B "), ("same", "same")])
def test_a_run_that_paused_twice_says_nothing_twice(
    generation: str, words: tuple[str, str]
) -> None:
    """Found again after its last answer was lost, it tells only what came after the last pause."""
    replies = [
        Parts(Text(said), ToolCalls(("look_up", {}, f"call_{n}"))) for n, said in enumerate(words)
    ]
    foundry, client = talk(generation, [*replies, "end"])
    history = [user("a")]
    for _ in words:
        answer = ask(client, *history)
        (call,) = answer.tool_calls
        said = assistant(answer.text.strip(), call, anchor=answer.finished.anchor)
        history += [said, tool(call.id, "x")]
    foundry.faults.add(Fault("lost", method="POST"))
    assert "end" == ask(client, *history).text


PAUSE = ToolCalls(("look_up", {}, "call_1"))


def threads_left(foundry: Emulator) -> set[str]:
    """The threads that turns were made on and nobody deleted."""
    deleted = {r.path.split("/")[2] for r in foundry.requests if r.method == "DELETE"}
    return {str(turn.thread_id) for turn in foundry.seen} - deleted


def test_an_ephemeral_thread_is_deleted_when_its_turn_fails() -> None:
    """Nothing is kept of a turn that brought no answer either."""
    foundry, client = talk("classic", Failed("server_error"), threads="ephemeral")
    with pytest.raises(RunFailedError):
        ask(client, user("a"))
    assert set() == threads_left(foundry)


def test_an_ephemeral_thread_is_deleted_when_the_caller_leaves() -> None:
    """The run is stopped first."""
    foundry, client = talk("classic", "a long answer", threads="ephemeral")
    stream = client.stream(TurnRequest((user("a"),)))
    next(stream)
    stream.close()
    assert ["cancel", "DELETE"] == [
        foundry.requests[-2].path.rpartition("/")[2],
        foundry.requests[-1].method,
    ]
    assert set() == threads_left(foundry)


@pytest.mark.parametrize("last", [user("never mind"), tool("call_1", "x")], ids=lambda m: m.role)
def test_an_ephemeral_pause_that_is_not_continued_leaves_no_thread(last: Message) -> None:
    """Whether the call passes the pause over, or the paused run is gone."""
    foundry, client = talk("classic", [PAUSE, "end"], threads="ephemeral")
    paused = ask(client, user("a"))
    facts = {"thread_id": paused.finished.thread_id, "run_id": paused.finished.run_id}
    client.cancel(**facts)
    answer = assistant("", *paused.tool_calls, anchor=paused.finished.anchor)
    assert "end" == ask(client, user("a"), answer, last).text
    assert set() == threads_left(foundry)


def test_a_pause_outlives_a_caller_who_leaves_after_its_end() -> None:
    """The last event was told: the turn is not over before its results are in."""
    foundry, client = talk("classic", [PAUSE, "end"], threads="ephemeral")
    stream = client.stream(TurnRequest((user("a"),)))
    events = []
    for event in stream:
        events.append(event)
        if isinstance(event, Finished):
            break
    stream.close()
    paused = fold(events)
    answer = assistant("", *paused.tool_calls, anchor=paused.finished.anchor)
    assert "end" == ask(client, user("a"), answer, tool("call_1", "x")).text
    assert 1 == len({turn.thread_id for turn in foundry.seen})


@pytest.mark.parametrize("given", ["../../agents/x", "resp_1/../resp_2", "resp_1?x=1", ""])
def test_an_id_cannot_lead_elsewhere(given: str) -> None:
    """Ids end up in paths, so what is none is refused before anything is sent."""
    for generation, calls in _CALLS_WITH_IDS.items():
        foundry, client = talk(generation, "one")
        for call in calls:
            with pytest.raises(InvalidRequestError):
                call(client, given)
        assert [] == foundry.requests


_CALLS_WITH_IDS: dict[str, list[Any]] = {
    "v2": [
        lambda client, given: client.cancel(response_id=given),
        lambda client, given: list(client.resume(given)),
        lambda client, given: client.fork_thread(f"conv_{given}"),
        lambda client, given: client.fork_thread("thread_1"),
    ],
    "classic": [
        lambda client, given: client.cancel(thread_id=given, run_id="run_1"),
        lambda client, given: client.cancel(thread_id="thread_1", run_id=given),
        lambda client, given: client.fork_thread(f"thread_{given}"),
    ],
}


TALE = Text(deltas=("one ", "two ", "three ", "four ", "five"))

# --- runs that are given up ---


def test_a_run_that_nobody_can_follow_is_stopped_when_another_has_answered() -> None:
    """The first thread is left behind, and so that its run costs nothing more."""
    foundry, client = talk("classic", "two")
    foundry.rules.polls_until_noticed = 9
    foundry.faults.add(Fault("cut", method="POST", after_events=3))
    foundry.faults.add(Fault("status_before", status=503, method="GET", times=3))
    assert "two" == ask(client, user("a")).text
    first, second = foundry._world.threads.values()
    assert [["cancelling"], ["completed"]] == [
        [run.status for run in thread.runs.values()] for thread in (first, second)
    ]


@pytest.mark.parametrize("status", [429, 503])
def test_a_run_on_a_pinned_thread_that_nobody_can_follow_is_named(status: int) -> None:
    """Its id is on the error, and it is stopped: the deadline is over."""
    foundry, client = talk("classic", ["one", [Pause(500.0), "two"]])
    thread = ask(client, user("a")).finished.thread_id
    foundry.faults.add(Fault("cut", method="POST", after_events=2))
    foundry.faults.add(
        Fault("status_before", status=status, method="GET", path=r"/runs/[^/]+$", times=None)
    )
    with pytest.raises(TurnUnknownError) as caught:
        ask(client, user("b"), thread_id=thread)
    (run,) = (
        run for run in foundry._world.threads[thread].runs if run not in foundry.seen[0].run_id
    )
    assert (thread, run) == (caught.value.thread_id, caught.value.run_id)
    assert [] == [r for r in foundry._world.active_runs.values() if r.status != "cancelling"]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("threads", ["auto", "conversation"])
@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_a_look_that_fails_has_found_nothing(generation: str, threads: str, status: int) -> None:
    """The history goes to another thread, as if it had been looked for in vain."""
    foundry, client = talk(generation, ["one", "two", "two"], threads=threads)
    first = ask(client, user("a"))
    foundry.faults.add(Fault("lost", method="POST"))
    foundry.faults.add(Fault("status_before", status=status, method="GET", times=3))
    history = (user("a"), assistant("one", anchor=first.finished.anchor), user("b"))
    assert "two" == ask(client, *history).text


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_on_a_pinned_thread_it_is_looked_again(generation: str, status: int) -> None:
    """Nobody is told of a limit or a server's error, as if nothing had been sent."""
    foundry, client = talk(generation, ["one", "two"], threads="conversation")
    thread = ask(client, user("a")).finished.thread_id
    foundry.faults.add(Fault("lost", method="POST"))
    foundry.faults.add(Fault("status_before", status=status, method="GET", times=5))
    assert "two" == ask(client, user("b"), thread_id=thread).text
    assert 2 == len(foundry.seen)


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_a_stream_that_makes_no_sense_stops_what_it_told_of(generation: str) -> None:
    """The caller gets an error with ids, the service a cancel; v2 needs one in the background."""
    foundry, client = talk(generation, TALE)
    inner: Any = foundry.transport.handle_request

    def garbled(request: httpx.Request) -> httpx.Response:
        response = inner(request)
        if not request.content or "event-stream" not in response.headers["content-type"]:
            return response
        pieces = iter(response.stream)
        start = [next(pieces), next(pieces), b"event: thread.run.created\ndata: [1\n\n"]
        response.close()
        return httpx.Response(200, stream=httpx.ByteStream(b"".join(start)))

    foundry.transport.handle_request = garbled  # type: ignore[method-assign]
    options = {"background": True} if generation == "v2" else {}
    foundry.wireline.chunk_size = 9999
    with pytest.raises(ProtocolError) as caught:
        fold(client.stream(TurnRequest((user("a"),), options=options)))
    assert caught.value.run_id or caught.value.response_id
    assert "cancel" == foundry.requests[-1].path.rpartition("/")[2]


def test_an_ephemeral_thread_is_deleted_although_its_run_cannot_be_stopped() -> None:
    """One thing that cannot be tidied up does not keep the next from being tried."""
    foundry, client = talk("classic", TALE, threads="ephemeral")
    foundry.faults.add(Fault("status_before", status=503, path="/cancel$", times=None))
    stream = client.stream(TurnRequest((user("a"),)))
    next(stream)
    stream.close()
    assert set() == threads_left(foundry)


# --- what errors say ---


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_a_deadline_in_the_middle_of_an_answer_says_which_and_what_was_told(
    generation: str,
) -> None:
    """Thread, run or response, and the text that the caller has got."""
    foundry, client = talk(generation, [[Text("once "), Pause(50.0), Text("upon")]], deadline=4.0)
    events = []
    with pytest.raises(DeadlineError) as caught:
        events.extend(client.stream(TurnRequest((user("a"),))))
    error = caught.value
    assert error.run_id if generation == "classic" else error.response_id
    assert ("once ", foundry.seen[0].agent) == (error.partial_text, error.agent)


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_every_write_of_a_turn_has_its_name(generation: str) -> None:
    """Threads, messages, runs, responses and conversations carry the key of the operation."""
    foundry, client = talk(generation, ["one", "two", "three"], threads="conversation")
    foundry.rules.most_messages = 0
    first = ask(client, user("a"))
    ask(client, user("a"), assistant("one", anchor=first.finished.anchor), user("b"))
    client.fork_thread(first.finished.thread_id)
    made = [r.body for r in foundry.requests if r.method == "POST" and r.status == 200]
    named = [{**body, **body.get("thread", {})}.get("metadata", {}).get(OPERATION) for body in made]
    unnamed = [body for body, key in zip(made, named, strict=True) if key is None]
    # The messages of a copy are posted as they are.
    assert all(set(body) == {"role", "content"} for body in unnamed)
    assert len(set(named)) >= 3


def test_what_is_tidied_up_when_the_time_runs_out_is_tried_again() -> None:
    """There are two more seconds then, for just that; a third time is never tried."""
    sent: list[str] = []

    def step() -> Any:
        sent.append("a cancel")
        yield Send("POST", Route("/threads/thread_1/runs/run_1/cancel"))

    flow = try_cleanup(step)
    flow.send(None)
    flow.throw(DeadlineError("too late"))
    with pytest.raises(StopIteration):
        flow.throw(DeadlineError("too late again"))
    assert ["a cancel"] * 2 == sent
