"""`anchor_key=`: anchors that were in a browser are believed only if they are as they left.

Mallory knows everything but the key: how anchors are made, the endpoint, the agent, the ids and all
the anchors of Alice's conversation. With a key, whatever he hands in, the agent sees his own
messages and nothing of Alice's, and Alice's thread is not touched. Without one the same forgery
succeeds, which shows that these tests would notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.client.agent_client import AgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator, ToolCalls
from azure_agents.messages import Message, ToolCall, TurnRequest, assistant, tool, user
from azure_agents.settings.anchor_key import make_anchor_key
from azure_agents.settings.config import resolve_settings
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.anchor import Anchor, parse_anchor, scope_of
from azure_agents.threads.digest import digest_of
from azure_agents.threads.memory import MemoryThreadStore
from azure_agents.threads.plan import NO_SYSTEM

KEY, OTHER_KEY = "k" * 40, "o" * 40
SECRET = "Alice's diagnosis"
FORMS: dict[str, dict[str, Any]] = {
    "chain": {"generation": "v2", "threads": "auto"},
    "conversation": {"generation": "v2", "threads": "conversation"},
    "classic": {"generation": "classic", "threads": "auto"},
}


class World:
    """An agent, a thread store that everybody shares, and clients with a key or without."""

    def __init__(self, foundry: Emulator, form: str) -> None:
        self.foundry = foundry
        self.form = FORMS[form]
        self.agent = foundry.create_agent("my-agent", generation=self.form["generation"])
        self.store = MemoryThreadStore()

    def settings(self, **given: Any) -> Any:
        """Settings of a client."""
        threads = self.form["threads"]
        place = {"model": self.agent.model, "endpoint": self.foundry.endpoint, "threads": threads}
        return resolve_settings(**{**place, "env": {}, **given})

    def client(self, **given: Any) -> AgentClient:
        """A client."""
        settings = self.settings(**given)
        auth = make_auth(endpoint=settings.endpoint, credential=self.foundry.credential, env={})
        return make_client(
            AgentClient, settings, auth, transport=self.foundry.transport, store=self.store
        )

    def ask(self, *messages: Message, **given: Any) -> Message:
        """One turn; the answer as a message with its anchor."""
        done = self.client(**given).complete(TurnRequest(messages))
        return assistant(done.text, *done.tool_calls, anchor=done.finished.anchor)

    def sent(self, start: int = 0) -> str:
        """What went over the line since some request."""
        return "".join(f"{r.path} {r.query} {r.body}\n" for r in self.foundry.requests[start:])

    def seen(self) -> list[str]:
        """What the agent saw in the last turn."""
        return [message.text for message in self.foundry.seen[-1].messages]


@pytest.fixture(params=FORMS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each kind of thread."""
    with Emulator() as foundry:
        yield World(foundry, request.param)


def alices(world: World, **given: Any) -> tuple[list[Message], Anchor]:
    """Alice's conversation, and the anchor of its end."""
    question = user(f"I am told: {SECRET}")
    answer = world.ask(question, **{"anchor_key": KEY, **given})
    anchor = parse_anchor(answer.anchor)
    assert anchor is not None
    return [question, answer], anchor


# --- with the key --------------------------------------------------------------------------------


def test_a_sealed_anchor_is_continued(world: World) -> None:
    """As without a key: only the new message travels."""
    history, anchor = alices(world)
    start = len(world.foundry.requests)
    world.ask(*history, user("And now?"), anchor_key=KEY)
    assert (1, True) == (len(world.foundry.requests) - start, anchor.thread in world.sent(start))
    assert SECRET not in world.sent(start)
    assert [m.text for m in history] == world.seen()[:2]


@pytest.mark.parametrize("length", range(1, 6))
def test_a_sealed_conversation_goes_on(world: World, length: int) -> None:
    """Every answer is sealed; no turn is a replay."""
    history: list[Message] = []
    for turn in range(length):
        history.append(user(f"turn {turn}"))
        start = len(world.foundry.requests)
        history.append(world.ask(*history, anchor_key=KEY))
        assert ("turn 0" in world.sent(start)) == (turn == 0)
    assert [m.text for m in history[:-1]] == world.seen()


# --- without it ----------------------------------------------------------------------------------


def unsealed(world: World, anchor: Anchor, history: list[Message]) -> Anchor:
    """What anybody can work out: an anchor of this history that points where `anchor` does."""
    settings = world.settings()
    scope = scope_of(settings.endpoint.url, settings.agent.requested)
    with_system = world.form["generation"] == "v2"
    digest = digest_of(history, with_system=with_system)
    return replace(anchor, scope=scope, digest=digest)


def _other_key(world: World, hers: Anchor, history: list[Message]) -> Anchor:
    return unsealed(world, hers, history).sealed(make_anchor_key(OTHER_KEY))


def _other_owner(world: World, hers: Anchor, history: list[Message]) -> Anchor:
    key = make_anchor_key(KEY)
    assert key is not None
    return unsealed(world, hers, history).sealed(key.of("mallory"))


# Mallory's own conversation, whose anchor is good, and what he makes of it to get to Alice's.
Forge = Callable[[World, Anchor, Anchor, list[Message]], Anchor]
FORGERIES: dict[str, Forge] = {
    "hers": lambda world, hers, own, mine: hers,
    "hers, with the digest of his text": lambda w, hers, own, mine: replace(
        hers, digest=own.digest
    ),
    "his, with her thread": lambda w, hers, own, mine: replace(own, thread=hers.thread),
    "his, with her thread and head": lambda w, hers, own, mine: replace(
        own, thread=hers.thread, head=hers.head
    ),
    "his, as if hers were paused": lambda w, hers, own, mine: replace(
        own, thread=hers.thread, head=hers.head, paused_under=NO_SYSTEM
    ),
    "his seal on all that she has": lambda w, hers, own, mine: replace(hers, scope=own.scope),
    "without a seal": lambda world, hers, own, mine: unsealed(world, hers, mine),
    "sealed with another key": lambda world, hers, own, mine: _other_key(world, hers, mine),
    "sealed for another owner": lambda world, hers, own, mine: _other_owner(world, hers, mine),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_anchor_is_not_believed(world: World, forge: Forge) -> None:
    """Mallory gets an answer to his own messages, on a thread of his own."""
    _, hers = alices(world)
    question = user("Hello")
    answer = world.ask(question, anchor_key=KEY)
    own = parse_anchor(answer.anchor)
    assert own is not None
    text = forge(world, hers, own, [question, answer]).encode()
    assert text is not None
    start = len(world.foundry.requests)
    asked = [question, replace(answer, anchor=text), user("What am I told?")]
    told = world.ask(*asked, anchor_key=KEY)
    assert ["Hello", answer.text, "What am I told?"] == world.seen()
    assert (False, False) == (hers.thread in world.sent(start), SECRET in told.text)


# What becomes of a seal that was good: the history is Alice's to the letter, and so is the rest.
SEALS: dict[str, Callable[[str], str]] = {
    "zeros": lambda _: "A" * 22,
    "cut short": lambda seal: seal[:12],
    "in another case": str.swapcase,
    "in small letters": str.lower,
    "turned round": lambda seal: seal[::-1],
    "one character changed": lambda seal: ("B" if seal[0] == "A" else "A") + seal[1:],
    "the last one changed": lambda seal: seal[:-1] + ("B" if seal[-1] == "A" else "A"),
}


@pytest.mark.parametrize("change", SEALS.values(), ids=SEALS)
def test_a_spoilt_seal_is_not_believed(world: World, change: Callable[[str], str]) -> None:
    """The whole seal counts: the history is replayed, on another thread."""
    (question, answer), hers = alices(world)
    text = replace(hers, scope=change(hers.scope)).encode()
    assert text not in (None, answer.anchor)
    start = len(world.foundry.requests)
    world.ask(question, replace(answer, anchor=text), user("And now?"), anchor_key=KEY)
    assert [question.text, answer.text, "And now?"] == world.seen()
    assert hers.thread not in world.sent(start)


@pytest.mark.parametrize("key", [None, KEY], ids=["without a key", "with one"])
def test_the_forgery_would_succeed_without_a_key(world: World, key: str | None) -> None:
    """What `anchor_key=` is for, seen from both sides."""
    _, hers = alices(world, anchor_key=key)
    mine = [user("Hello"), assistant("Hello Mallory")]
    text = unsealed(world, hers, mine).encode()
    world.ask(mine[0], replace(mine[1], anchor=text), user("What am I told?"), anchor_key=key)
    assert (key is None) == any(SECRET in text for text in world.seen())


def test_an_anchor_of_another_agent_is_not_believed(world: World) -> None:
    """Sealed with the same key, for the same text, in the same project."""
    history, hers = alices(world)
    other = world.foundry.create_agent("another", generation=world.form["generation"])
    start = len(world.foundry.requests)
    world.ask(*history, user("And now?"), anchor_key=KEY, model=other.model)
    assert [*(m.text for m in history), "And now?"] == world.seen()
    assert hers.thread not in world.sent(start)


@pytest.mark.parametrize("key", [None, make_anchor_key(KEY)], ids=["without a key", "with one"])
def test_an_anchor_belongs_to_its_project_and_agent(key: Any) -> None:
    """Both are part of what is sealed, and told apart."""
    place, agent = "https://r.services.ai.azure.com/api/projects/p", "my-agent"
    anchor = Anchor(scope_of(place, agent), "d" * 22, "conv_1", "resp_1").sealed(key)
    scopes = [scope_of(place, agent), scope_of(f"{place}2", agent), scope_of(place, f"{agent}:1")]
    assert [True, False, False] == [anchor.is_of(scope, key) for scope in scopes]


CHARACTERS = "AZaz09-_.~é\x00"


def test_no_character_of_an_anchor_may_change() -> None:
    """Every place, every other character: none is believed, none is an error."""
    key = make_anchor_key(KEY)
    scope = scope_of("https://r.services.ai.azure.com/api/projects/p", "my-agent")
    text = Anchor(scope, "d" * 22, "conv_1", "resp_1", NO_SYSTEM).sealed(key).encode()
    assert text is not None
    tried, believed = 0, []
    for at in range(len(text)):
        for other in [c for c in CHARACTERS if c != text[at]] + [""]:
            changed = parse_anchor(text[:at] + other + text[at + 1 :])
            tried += 1
            if changed is not None and changed.is_of(scope, key):
                believed.append(changed)
    assert (True, []) == (tried > 800, believed)


@given(st.text(max_size=250) | st.binary(max_size=200).map(lambda b: "fa1." + b.decode("latin-1")))
def test_no_text_is_believed_by_chance(text: str) -> None:
    """Nor is one an error."""
    anchor = parse_anchor(text)
    assert anchor is None or not anchor.is_of("s" * 12, make_anchor_key(KEY))


MISSING: dict[str, dict[str, Any]] = {
    "no key": {"anchor_key": None},
    "another key": {"anchor_key": OTHER_KEY},
    "another owner": {"anchor_key": KEY, "owner": "mallory"},
}


@pytest.mark.parametrize("given", MISSING.values(), ids=MISSING)
def test_a_key_that_is_missing_or_another_costs_a_replay(
    world: World, given: dict[str, Any]
) -> None:
    """After a rotation, in a worker that was not told: the same answer, with the whole history."""
    history, anchor = alices(world)
    start = len(world.foundry.requests)
    world.ask(*history, user("And now?"), **given)
    assert [*(m.text for m in history), "And now?"] == world.seen()
    assert anchor.thread not in world.sent(start)


def test_an_owner_that_is_gone_costs_a_replay(world: World) -> None:
    """What was sealed for somebody is worth nothing to nobody in particular."""
    history, anchor = alices(world, owner="alice")
    start = len(world.foundry.requests)
    world.ask(*history, user("And now?"), anchor_key=KEY)
    assert anchor.thread not in world.sent(start)
    start = len(world.foundry.requests)
    world.ask(*history, user("And now?"), anchor_key=KEY, owner="alice")
    assert anchor.thread in world.sent(start)


def test_anchors_without_a_seal_are_not_believed_once_there_is_a_key(world: World) -> None:
    """The day the key is introduced, every conversation is replayed once and goes on sealed."""
    history, anchor = alices(world, anchor_key=None)
    start = len(world.foundry.requests)
    history += [user("And now?")]
    history += [world.ask(*history, anchor_key=KEY)]
    assert anchor.thread not in world.sent(start)
    start = len(world.foundry.requests)
    world.ask(*history, user("And then?"), anchor_key=KEY)
    assert SECRET not in world.sent(start)


def test_an_anchor_on_another_history_is_not_believed(world: World) -> None:
    """Cut, longer, swapped, edited: the seal is over the transcript too."""
    history, anchor = alices(world)
    history += [user("Second"), world.ask(*history, user("Second"), anchor_key=KEY)]
    first, second = history[1], history[3]
    others = [
        [user("Something else"), first, user("?")],
        [history[0], replace(first, anchor=second.anchor), user("?")],
        [history[0], replace(first, parts=second.parts), user("?")],
        [user("Before"), *history[:2], user("?")],
        [history[1], user("?")],
    ]
    for other in others:
        start = len(world.foundry.requests)
        world.ask(*other, anchor_key=KEY)
        assert [message.text for message in other] == world.seen()
        assert anchor.thread not in world.sent(start)


# --- paused runs, pins ---------------------------------------------------------------------------


@pytest.fixture
def paused() -> Iterator[tuple[World, Anchor]]:
    """Alice's classic run waits for a tool."""
    with Emulator() as foundry:
        world = World(foundry, "classic")
        world.agent.script([ToolCalls(("look", {"x": 1})), "done", "done"])
        answer = world.ask(user("Look"), anchor_key=KEY)
        anchor = parse_anchor(answer.anchor)
        assert anchor is not None
        assert anchor.paused_under
        yield world, anchor


def test_nobody_answers_or_cancels_the_run_of_another(paused: tuple[World, Anchor]) -> None:
    """A forged anchor neither submits to Alice's run nor supersedes it."""
    world, anchor = paused
    call = ToolCall("call_1", "look", "{}")
    mine = [user("Hello"), assistant("", call)]
    text = replace(anchor, digest=digest_of(mine, with_system=False)).encode()
    forged = [mine[0], replace(mine[1], anchor=text)]
    for end in ([tool("call_1", "forged")], [user("never mind")]):
        start = len(world.foundry.requests)
        world.ask(*forged, *end, anchor_key=KEY)
        assert anchor.thread not in world.sent(start)
    assert [anchor.head] == world.foundry.active_runs


def test_a_forged_anchor_names_no_run_on_a_pinned_thread(paused: tuple[World, Anchor]) -> None:
    """The run that really waits there is looked up instead."""
    world, anchor = paused
    forged = replace(anchor, head="run_of_somebody").encode()
    messages = (user("Look"), assistant("", ToolCall("c", "look", "{}"), anchor=forged))
    calls = world.foundry.seen[-1].reply.tool_calls
    results = tuple(tool(call.id, "result") for call in calls)
    start = len(world.foundry.requests)
    request = TurnRequest((*messages, *results), thread_id=anchor.thread)
    world.client(anchor_key=KEY).complete(request)
    assert (False, True) == (
        "run_of_somebody" in world.sent(start),
        anchor.head in world.sent(start),
    )
