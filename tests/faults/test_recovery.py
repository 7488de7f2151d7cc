"""Recoveries that the matrix does not reach: limited runs, poisoned and busy threads, forks.

And what is left behind: threads that nobody may keep.
"""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.client import Agents
from azure_agents.emulator import Emulator, Failed, Fault, Parts, Text, ToolCalls
from azure_agents.errors import (
    InvalidRequestError,
    PoisonedThreadError,
    RateLimitError,
    RunFailedError,
    ThreadBusyError,
)
from azure_agents.events import Finished
from azure_agents.fold import fold
from azure_agents.messages import Message, TurnRequest, assistant, tool, user

from .matrix import Conversation, Shape

LIMITED = Failed("rate_limit_exceeded", "Rate limit is exceeded. Try again in 7 seconds.")


def talk(generation: str, replies: Any, threads: str = "auto") -> tuple[Emulator, Agents]:
    """An emulator with a scripted agent, and a client of it."""
    conversation = Conversation(Shape(generation, threads=threads, is_streamed=False))
    conversation.agent.script(replies)
    return conversation.foundry, conversation.sync


def ask(client: Agents, *messages: Message, thread_id: str | None = None) -> Any:
    """One call."""
    return client.complete(TurnRequest(messages, thread_id=thread_id))


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_a_run_at_the_rate_limit_is_run_again_and_says_nothing_twice(generation: str) -> None:
    """The message is stored: after the wait the service asks for, only the run is made anew."""
    foundry, client = talk(generation, ["one", LIMITED, LIMITED, "two"])
    first = ask(client, user("a"))
    history = (user("a"), assistant("one", anchor=first.finished.anchor), user("b"))
    before = foundry.clock.time()
    second = ask(client, *history)
    assert "two" == second.text
    assert foundry.clock.time() - before >= 14.0
    seen = foundry.seen_by(second.finished.run_id or second.finished.response_id)
    assert ["a", "one", "b"] == [message.text for message in seen.messages]


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_a_limit_that_lasts_is_an_error_with_its_wait(generation: str) -> None:
    """After the retries the caller learns how long to wait, and which run it was."""
    _, client = talk(generation, LIMITED)
    with pytest.raises(RateLimitError) as caught:
        ask(client, user("a"))
    assert 7.0 == caught.value.retry_after
    assert caught.value.run_id or caught.value.response_id


def test_a_conversation_with_an_open_call_is_poisoned_and_a_fork_leaves_it() -> None:
    """The error names the way out, and the way out works."""
    call = ToolCalls(("look_up", {}, "call_1"))
    foundry, client = talk("v2", ["one", call, "three"], threads="conversation")
    thread = ask(client, user("a")).finished.thread_id
    ask(client, user("b"), thread_id=thread)
    with pytest.raises(PoisonedThreadError, match="fork_thread") as caught:
        ask(client, user("c"), thread_id=thread)
    assert thread == caught.value.thread_id
    fork = client.fork_thread(thread)
    assert fork != thread
    answer = ask(client, user("c"), thread_id=fork)
    seen = foundry.seen_by(answer.finished.response_id)
    assert ["a", "one", "b", "c"] == [message.text for message in seen.messages]


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


def test_a_pinned_thread_whose_run_waits_for_results_is_busy() -> None:
    """The error names the run in the way, after waiting as long as the turn may take."""
    call = ToolCalls(("look_up", {}, "call_1"))
    _, client = talk("classic", ["one", call])
    thread = ask(client, user("a")).finished.thread_id
    waiting = ask(client, user("b"), thread_id=thread)
    with pytest.raises(ThreadBusyError) as caught:
        ask(client, user("c"), thread_id=thread)
    assert (thread, waiting.finished.run_id) == (caught.value.thread_id, caught.value.run_id)


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


@pytest.mark.parametrize("seconds", [1.0, 300.0])
def test_a_wait_beyond_the_deadline_is_not_waited(seconds: float) -> None:
    """retry-after is honoured while there is time for it, and told at once when there is not."""
    foundry, client = talk("v2", "one")
    headers = {"retry-after-ms": str(int(seconds * 1000))}
    foundry.faults.add(Fault("status_before", status=429, headers=headers))
    before = foundry.clock.time()
    if seconds < 60:
        assert "one" == ask(client, user("a")).text
        return
    with pytest.raises(RateLimitError):
        ask(client, user("a"))
    assert foundry.clock.time() - before < 1.0
