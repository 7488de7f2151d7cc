"""Sync and async do the same: equal events, equal requests, and streams fold to what is whole.

A story is a generator that yields requests and gets what came of them; it is told once to each
of the four ways to call an agent, each against an emulator that starts from the same seed.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Generator
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import httpx
import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Empty, Emulator, Failed, Fault, Incomplete, Parts, Text, ToolCalls
from azure_agents.errors import (
    AuthenticationError,
    AzureAgentsError,
    RateLimitError,
    RunFailedError,
    ServerError,
)
from azure_agents.events import Event, Finished, TextDelta
from azure_agents.fold import Completion, fold
from azure_agents.messages import Message, TurnRequest, assistant, system, tool, user
from azure_agents.settings.config import Settings, resolve_settings
from azure_agents.settings.timeouts import Timeouts
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore

GENERATIONS = ["v2", "classic"]


@dataclass
class Heard:
    """What came of one request."""

    events: list[Event] = field(default_factory=list)
    completion: Completion | None = None
    error: AzureAgentsError | None = None

    @property
    def answer(self) -> Message:
        """The answer, as it goes into the history."""
        assert self.completion is not None, self.error
        anchor = self.completion.finished.anchor
        return assistant(self.completion.text, *self.completion.tool_calls, anchor=anchor)

    @property
    def thread(self) -> str:
        """The thread to go on with."""
        assert self.completion is not None, self.error
        return self.completion.finished.thread_id or ""


Story: TypeAlias = Generator[TurnRequest, Heard, None]


def ask(*messages: Message, **more: Any) -> TurnRequest:
    """A request."""
    return TurnRequest(messages, **more)


# --- stories -------------------------------------------------------------------------------------

HI = user("Hi, I am Ann.")
AND = user("What is my name?")


def two_turns(_: Emulator) -> Story:
    """A turn, and the next."""
    first = yield ask(HI)
    yield ask(HI, first.answer, AND)


def with_a_system_message(_: Emulator) -> Story:
    """Two turns under the same system message."""
    first = yield ask(system("Be brief."), HI)
    yield ask(system("Be brief."), HI, first.answer, AND)


def an_edited_history(_: Emulator) -> Story:
    """The question of the first turn is edited."""
    first = yield ask(HI)
    yield ask(user("Hi, I am Bob."), first.answer, AND)


def twice_from_one_answer(_: Emulator) -> Story:
    """Two continuations of one answer."""
    first = yield ask(HI)
    yield ask(HI, first.answer, AND)
    yield ask(HI, first.answer, user("And who are you?"))


def faulty(*faults: Fault) -> Callable[[Emulator], Story]:
    """A second turn that something goes wrong with."""

    def story(foundry: Emulator) -> Story:
        first = yield ask(HI)
        foundry.faults.add(*faults)
        second = yield ask(HI, first.answer, AND)
        if second.completion is not None:
            yield ask(HI, first.answer, AND, second.answer, user("Thanks."))

    return story


def a_thread_that_is_gone(foundry: Emulator) -> Story:
    """What the first turn left on the server is deleted."""
    first = yield ask(HI)
    thread = first.thread
    path = (
        f"/threads/{thread}" if thread.startswith("thread_") else f"/openai/v1/responses/{thread}"
    )
    delete(foundry, path)
    yield ask(HI, first.answer, AND)


def an_unknown_pin(foundry: Emulator) -> Story:
    """A pinned thread is deleted."""
    first = yield ask(HI)
    thread = first.thread
    path = (
        f"/threads/{thread}" if thread.startswith("thread_") else f"/openai/v1/responses/{thread}"
    )
    delete(foundry, path)
    yield ask(HI, first.answer, AND, thread_id=thread)


def a_pinned_thread(_: Emulator) -> Story:
    """Only the new messages go to a pinned thread."""
    first = yield ask(HI)
    yield ask(AND, thread_id=first.thread)
    yield ask(HI, assistant("Whatever."), AND, thread_id=first.thread)


def a_token_that_was_revoked(foundry: Emulator) -> Story:
    """The token is refused, and a new one taken."""
    first = yield ask(HI)
    foundry.revoke_tokens()
    yield ask(HI, first.answer, AND)


def one_turn(_: Emulator) -> Story:
    """One turn."""
    yield ask(HI)


def tools(_: Emulator) -> Story:
    """All calls of the first answer are answered."""
    first = yield ask(HI)
    results = [tool(call.id, f"{call.name} is done") for call in first.answer.tool_calls]
    yield ask(HI, first.answer, *results)


def stop(_: Emulator) -> Story:
    """One answer is cut, one is not."""
    yield ask(HI, stop=("three",))
    yield ask(HI, stop=("never",))


def delete(foundry: Emulator, path: str) -> None:
    """Delete something behind the client's back."""
    token = foundry.credential.get_token("https://ai.azure.com/.default").token
    with httpx.Client(transport=foundry.transport) as client:
        version = {"api-version": "2025-05-15-preview"} if path.startswith("/threads") else {}
        headers = {"authorization": f"Bearer {token}"}
        answer = client.delete(f"{foundry.endpoint}{path}", params=version, headers=headers)
        assert 200 == answer.status_code


POST = {"method": "POST"}
LATE = {"retry-after-ms": "250", "retry-after": "3"}
# story, what the agent answers, how each request ends (None: well)
STORIES: dict[str, tuple[Callable[[Emulator], Story], Any, list[type[Exception] | None]]] = {
    "text": (two_turns, None, [None, None]),
    "system message": (with_a_system_message, None, [None, None]),
    "edited": (an_edited_history, None, [None, None]),
    "branch": (twice_from_one_answer, None, [None] * 3),
    "lost answer": (faulty(Fault("lost", **POST)), None, [None] * 3),
    "no answer in time": (faulty(Fault("timeout_after", **POST)), None, [None] * 3),
    "reset": (faulty(Fault("reset_before", **POST)), None, [None] * 3),
    "cut early": (faulty(Fault("cut", **POST, after_events=2)), None, [None] * 3),
    "cut midway": (faulty(Fault("cut", **POST, after_events=7)), None, [None] * 3),
    "ended midway": (faulty(Fault("cut", **POST, after_events=7, mode="eof")), None, [None] * 3),
    "cut bytes": (faulty(Fault("cut", **POST, after_bytes=900)), None, [None] * 3),
    "stalled": (faulty(Fault("stall", **POST, after_events=7)), None, [None] * 3),
    "said twice": (faulty(Fault("duplicate", **POST, after_events=1)), None, [None] * 3),
    "late": (faulty(Fault("delay", **POST, seconds=5)), None, [None] * 3),
    "429": (faulty(Fault("status_before", **POST, status=429, headers=LATE)), None, [None] * 3),
    "429 for good": (
        faulty(Fault("status_before", **POST, status=429, times=None)),
        None,
        [None, RateLimitError],
    ),
    "503": (faulty(Fault("status_before", **POST, status=503)), None, [None] * 3),
    "500 after it was applied": (
        faulty(Fault("status_after", **POST, status=500)),
        None,
        [None] * 3,
    ),
    "503 for good": (
        faulty(Fault("status_before", status=503, times=None)),
        None,
        [None, ServerError],
    ),
    "refused connection": (faulty(Fault("refuse", **POST)), None, [None] * 3),
    "401 for good": (
        faulty(Fault("status_before", status=401, times=None)),
        None,
        [None, AuthenticationError],
    ),
    "401 refresh": (a_token_that_was_revoked, None, [None, None]),
    "gone": (a_thread_that_is_gone, None, [None, None]),
    "failed": (one_turn, Failed("server_error", "Sorry."), [RunFailedError]),
    "failed after text": (one_turn, Failed("server_error", "Sorry.", "Hello"), [RunFailedError]),
    "incomplete": (one_turn, Incomplete("max_output_tokens", "Hello"), [None]),
    "filtered": (one_turn, Incomplete("content_filter", "Hello"), [None]),
    "empty": (one_turn, Empty(), [None]),
    "characters": (one_turn, Text(deltas=("Gr", "üße ", "😀", "\u2028\r\n")), [None]),
    "stop": (stop, "one two three four", [None, None]),
    "tools": (tools, [ToolCalls(("f", {"a": 1}), ("g", "{}")), "Done."], [None, None]),
    "text and tools": (tools, [Parts("Let me see.", ToolCalls(("f", {}))), "Done."], [None, None]),
}

# --- telling them --------------------------------------------------------------------------------


@dataclass
class Told:
    """A story as one of the four ways told it."""

    heard: list[Heard]
    requests: list[Any]
    scopes: list[tuple[str, ...]]


def make_emulator(generation: str, reply: Any) -> tuple[Emulator, Settings]:
    """An emulator that starts from a seed, and settings for its only agent."""
    foundry = Emulator(seed=7, chunk_size=11)
    functions = [
        {"type": "function", "name": name, "parameters": {"type": "object"}} for name in "fg"
    ]
    if generation == "classic":
        functions = [{"type": "function", "function": {"name": name}} for name in "fg"]
    agent = foundry.create_agent("agent", reply, tools=functions, generation=generation)
    return foundry, settings_for(foundry, agent.model)


def settings_for(foundry: Emulator, model: str, **more: Any) -> Settings:
    """Settings of a client of this emulator."""
    # A single wait is shorter than the turn, so that something can follow it.
    limits = Timeouts(read=10, first_event=10, between_events=10, turn=100)
    return resolve_settings(model=model, endpoint=foundry.endpoint, timeout=limits, env={}, **more)


def parts(foundry: Emulator) -> dict[str, Any]:
    """Everything a client is given, so that it has nothing random."""
    keys = (f"operation-{number}" for number in itertools.count())
    return {
        "store": MemoryThreadStore(),
        "clock": foundry.clock,
        "operation_keys": lambda: next(keys),
    }


def tell(foundry: Emulator, settings: Settings, story: Story, *, streams: bool) -> Told:
    """Tell a story to the sync client."""
    auth = make_auth(credential=foundry.credential, endpoint=settings.endpoint)
    agents = make_client(AgentClient, settings, auth, transport=foundry.transport, **parts(foundry))
    heard: list[Heard] = []
    request = next(story)
    while True:
        heard.append(Heard())
        try:
            if streams:
                with closing(agents.stream(request)) as events:
                    for event in events:
                        heard[-1].events.append(event)
                heard[-1].completion = fold(heard[-1].events)
            else:
                heard[-1].completion = agents.complete(request)
        except AzureAgentsError as error:
            heard[-1].error = error
        try:
            request = story.send(heard[-1])
        except StopIteration:
            return Told(heard, requests_of(foundry), foundry.token_scopes)


async def atell(foundry: Emulator, settings: Settings, story: Story, *, streams: bool) -> Told:
    """Tell a story to the async client."""
    auth = make_auth(credential=foundry.async_credential, endpoint=settings.endpoint)
    agents = make_client(
        AsyncAgentClient, settings, auth, transport=foundry.async_transport, **parts(foundry)
    )
    heard: list[Heard] = []
    request = next(story)
    while True:
        heard.append(Heard())
        try:
            if streams:
                async with aclosing(agents.stream(request)) as events:
                    async for event in events:
                        heard[-1].events.append(event)
                heard[-1].completion = fold(heard[-1].events)
            else:
                heard[-1].completion = await agents.complete(request)
        except AzureAgentsError as error:
            heard[-1].error = error
        try:
            request = story.send(heard[-1])
        except StopIteration:
            return Told(heard, requests_of(foundry), foundry.token_scopes)


def requests_of(foundry: Emulator) -> list[Any]:
    """Everything that went over the wire."""
    return [
        (r.method, r.path, r.query, r.body, r.status, r.fault, r.headers.get("accept"))
        for r in foundry.requests
    ]


def tell_all(
    make: Callable[[], tuple[Emulator, Settings]], story: Callable[[Emulator], Story]
) -> dict[str, Told]:
    """Tell a story in all four ways."""
    told = {}
    for streams in (True, False):
        kind = "stream" if streams else "complete"
        foundry, settings = make()
        told[f"sync {kind}"] = tell(foundry, settings, story(foundry), streams=streams)
        foundry, settings = make()
        told[f"async {kind}"] = asyncio.run(
            atell(foundry, settings, story(foundry), streams=streams)
        )
    return told


def ended(told: Told) -> list[tuple[type[Exception], dict[str, Any]] | None]:
    """How each request ended."""
    return [None if h.error is None else (type(h.error), h.error.facts) for h in told.heard]


_IDS = re.compile(r"\b(resp|msg|conv|thread|run|call|step|fc)_\w+")


def nameless(completion: Completion | None) -> str:
    """A completion with ids numbered as they appear: a stream needs more ids than an answer."""
    if completion is None:
        return "nothing"
    # Recorded: only streams tell of content filters.
    finished = replace(completion.finished, anchor=None, details={})
    names: dict[str, str] = {}
    text = repr(replace(completion, finished=finished))
    return _IDS.sub(lambda m: names.setdefault(m[0], f"{m[1]}_{len(names)}"), text)


def compare(told: dict[str, Told]) -> None:
    """Sync is async, and a folded stream is the whole answer."""
    for kind in ("stream", "complete"):
        sync, other = told[f"sync {kind}"], told[f"async {kind}"]
        assert [h.events for h in sync.heard] == [h.events for h in other.heard]
        assert [h.completion for h in sync.heard] == [h.completion for h in other.heard]
        assert ended(sync) == ended(other)
        assert sync.requests == other.requests
        assert sync.scopes == other.scopes
    streamed, whole = told["sync stream"], told["sync complete"]
    assert [nameless(h.completion) for h in streamed.heard] == [
        nameless(h.completion) for h in whole.heard
    ]
    kinds = [[h.error and type(h.error) for h in one.heard] for one in (streamed, whole)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("story", "reply", "ends"), STORIES.values(), ids=STORIES)
def test_sync_is_async_and_a_stream_is_its_answer(
    story: Callable[[Emulator], Story],
    reply: Any,
    ends: list[type[Exception] | None],
    generation: str,
) -> None:
    """The same events, errors and requests in all four ways."""
    told = tell_all(lambda: make_emulator(generation, reply), story)
    compare(told)
    assert ends == [h.error and type(h.error) for h in told["sync stream"].heard]


PINS: list[Any] = [
    pytest.param("classic", "auto", a_pinned_thread, id="thread"),
    pytest.param("v2", "auto", a_pinned_thread, id="response"),
    pytest.param("v2", "conversation", a_pinned_thread, id="conversation"),
    pytest.param("classic", "auto", an_unknown_pin, id="unknown thread"),
    pytest.param("v2", "auto", an_unknown_pin, id="unknown response"),
    *(
        pytest.param("v2", "conversation", STORIES[name][0], id=f"on a conversation: {name}")
        for name in ("text", "branch", "edited", "lost answer", "cut midway", "503", "reset")
    ),
    pytest.param("v2", "ephemeral", two_turns, id="ephemeral v2"),
    pytest.param("classic", "ephemeral", two_turns, id="ephemeral classic"),
]


@pytest.mark.parametrize(("generation", "policy", "story"), PINS)
def test_all_policies_do_the_same_in_all_ways(
    generation: str, policy: Any, story: Callable[[Emulator], Story]
) -> None:
    """Pinned threads, conversations and threads that are not kept."""

    def make() -> tuple[Emulator, Settings]:
        foundry, settings = make_emulator(generation, None)
        return foundry, replace(settings, threads=policy)

    compare(tell_all(make, story))


def test_every_event_of_a_turn_reaches_the_caller_as_it_comes() -> None:
    """A stream is a stream: text arrives in many pieces, and the last event ends it."""
    for generation in GENERATIONS:
        foundry, settings = make_emulator(generation, "one two three four five")
        (heard,) = tell(foundry, settings, one_turn(foundry), streams=True).heard
        pieces = [event for event in heard.events if isinstance(event, TextDelta)]
        assert len(pieces) > 3
        assert isinstance(heard.events[-1], Finished)
