"""Window 17: a thread on which every turn fails, and the ways out."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from azure_agents.emulator import Failed
from azure_agents.errors import BadRequestError, PoisonedThreadError, RunFailedError
from azure_agents.messages import Media, Message, Text, user

from .window_talk import TURN, Talk, answer
from .windows import OURS, PINNED, Way, window

BAD = Media("image", url="https://example.org/gone.png")
NO_IMAGE = Failed("invalid_image_url", "The image at https://example.org/gone.png is gone.")
TOO_MUCH = {
    "error": {"code": "context_length_exceeded", "message": "128000 tokens at most.", "param": None}
}


def cannot_see(turn: Any) -> Any:
    """An agent that fails as long as the image is in its transcript."""
    return NO_IMAGE if any(message.media for message in turn.messages) else answer(turn)


def with_image(talk: Talk) -> None:
    """The image comes onto the pinned thread: by a turn, or by somebody who adds to it."""
    talk.agent.script(cannot_see)
    if talk.way.generation == "classic":
        error = talk.fail_with([*talk.history, _image_message()], RunFailedError)
        assert "invalid_image_url" == error.code
        return
    token = talk.foundry.credential.get_token("https://ai.azure.com/.default").token
    part = {"type": "input_image", "image_url": BAD.url, "detail": "auto"}
    item = {"type": "message", "role": "user", "content": [part]}
    url = f"{talk.foundry.endpoint}/openai/v1/conversations/{talk.pin}/items"
    with httpx.Client(transport=talk.foundry.transport) as http:
        headers = {"authorization": f"Bearer {token}"}
        http.post(url, json={"items": [item]}, headers=headers).raise_for_status()
    talk.fail_with([*talk.history, user("what is this?")], RunFailedError)


def _image_message() -> Message:
    return Message("user", (Text("look at this"), BAD))


def poisoned(way: Way) -> Talk:
    """A pinned thread with a bad image, behind a round of tools where the way has one."""
    talk = Talk(way)
    if way.has_results:
        talk.say_next()
    with_image(talk)
    talk.start = len(talk.foundry.requests)
    return talk


@window(17, *PINNED)
def test_the_second_turn_that_fails_alike_names_the_way_out(way: Way) -> None:
    """The error tells the message that may be the cause; a copy without it goes on."""
    talk = poisoned(way)
    error = talk.fail_with([*talk.history, user("and now?")], PoisonedThreadError)
    assert talk.pin == error.thread_id
    assert 1 == len(talk.posts), "no retries"
    (cause,) = _images(talk)
    assert cause in error.message
    talk.pin = _fork(talk, error.thread_id or "", cause)
    said = talk.ask([*talk.history, user("better?")])
    assert "hello better?" == said.text
    texts = [message.text for message in talk.foundry.seen[-1].messages]
    assert "hello" == texts[0]
    assert "look at this" not in texts
    if way.has_results and way.generation == "v2":
        assert 2 == sum(message.role == "tool" for message in talk.foundry.seen[-1].messages)


def _images(talk: Talk) -> list[str]:
    """The ids of the messages with the image."""
    world = talk.foundry._world
    messages = [m for thread in world.threads.values() for m in thread.messages]
    items = [item for one in world.conversations.values() for item in one.items]
    return [str(one["id"]) for one in [*messages, *items] if "gone.png" in str(one.get("content"))]


def _fork(talk: Talk, thread: str, without: str) -> str:
    if not talk.way.is_async:
        return talk.sync.fork_thread(thread, without=[without])
    import asyncio

    return asyncio.run(talk.aio.fork_thread(thread, without=[without]))


@window(17, *PINNED)
def test_the_same_turn_again_proves_nothing_about_the_thread(way: Way) -> None:
    """What was sent may be the cause itself, and nothing of it is on the thread."""
    talk = Talk(way)
    if way.has_results:
        talk.say_next()
    talk.hit("status_before", status=400, body=TOO_MUCH, path=TURN, times=None)
    question = [*talk.history, user("a very long question")]
    for _ in range(3):
        error = talk.fail_with(question, BadRequestError)
        assert not isinstance(error, PoisonedThreadError)
    talk.fail_with([*talk.history, user("a short one")], PoisonedThreadError)


@window(17, *PINNED)
def test_a_turn_that_was_answered_clears_the_suspicion(way: Way) -> None:
    """Two failures with an answer between them are no poison."""
    talk = Talk(way)
    if way.has_results:
        talk.say_next()
    for number in range(2):
        talk.hit("status_before", status=400, body=TOO_MUCH, path=TURN)
        error = talk.fail_with([*talk.history, user(f"too long {number}")], BadRequestError)
        assert not isinstance(error, PoisonedThreadError)
        talk.say(user(f"short {number}"))


@window(17, *PINNED)
def test_a_wrong_option_is_not_taken_for_poison(way: Way) -> None:
    """What is refused is how the call is made, whatever it says."""
    talk = Talk(way)
    if way.has_results:
        talk.say_next()
    body = {"error": {"code": "invalid_payload", "message": "Not allowed.", "param": "/max_tokens"}}
    talk.hit("status_before", status=400, body=body, path=TURN, times=None)
    for number in range(3):
        error = talk.fail_with([*talk.history, user(f"question {number}")], BadRequestError)
        assert not isinstance(error, PoisonedThreadError)


@window(17, *OURS)
def test_a_refused_message_leaves_the_conversation_as_it_was(way: Way) -> None:
    """One request, no retries; without the message the conversation goes on."""
    talk = Talk(way)
    results = talk.next
    talk.hit("status_before", status=400, body=TOO_MUCH, path=TURN, times=None)
    looks = len([*talk.made])
    talk.fail_with([*talk.history, *results, user("a very long question")], BadRequestError)
    assert len(talk.made) - looks <= 3
    assert talk.posts[0] not in talk.posts[1:], "nothing is sent twice"
    talk.foundry.faults.clear()
    talk.say_next()
    talk.go_on()


@window(17, "classic")
def test_a_long_thread_is_copied_message_by_message(way: Way) -> None:
    """Where one request takes no more, the copy is made of several."""
    talk = Talk(way)
    talk.say_next()
    talk.foundry.rules.most_messages = 2
    (thread,) = talk.foundry._world.threads
    copy = talk.foundry._world.threads[_fork(talk, thread, "nothing")]
    original = talk.foundry._world.threads[thread]
    told = [entry.seen[0].text for entry in original.entries if entry.message is not None]
    assert told == [entry.seen[0].text for entry in copy.entries]


@pytest.mark.parametrize("kind", PINNED)
def test_the_suspicion_is_forgotten_after_some_minutes(kind: str) -> None:
    """A model that was changed meanwhile may take it."""
    talk = Talk(Way(kind, is_async=False, is_streamed=True, turn="text"))
    talk.hit("status_before", status=400, body=TOO_MUCH, path=TURN, times=None)
    talk.fail_with([*talk.history, user("one")], BadRequestError)
    talk.foundry.clock.advance(301)
    error = talk.fail_with([*talk.history, user("two")], BadRequestError)
    assert not isinstance(error, PoisonedThreadError)
