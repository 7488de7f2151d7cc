"""Seeded sequences: two to four faults, processes that die or start anew, a second client.

A sequence plays the scenario of `conversation` with a caller who does what the documentation says.
Faults hit requests by their number. Moves belong to a turn: before it the process is started anew,
or another client pins the thread; in it the process dies at one of its steps, or a second client
makes a turn at one of them, from the same history and, if the conversation is pinned, on the same
thread. All of it runs in one thread and is repeatable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any, NamedTuple

from azure_agents.emulator import Fault, SeenTurn
from azure_agents.errors import AzureAgentsError
from azure_agents.messages import Message, TurnRequest, tool, user
from azure_agents.threads.memory import MemoryThreadStore
from tests.promise.oracle import Fact, expected_facts, seen_facts

from .conversation import TIDYING, Shape
from .matrix import FAULTS, SHAPES, Outcome, baseline, most_extra, play
from .mortal import Died, Mortal, is_within, takes_no_results

RESTARTS = {"restart": False, "restart, store lost": True}
DEATHS = {"death": False, "death, store lost": True}
RIVALS = {"rival": False, "rival elsewhere": True}  # elsewhere: with a store of its own
PIN = "pinned by another"
MOVES = (*RESTARTS, *DEATHS, *RIVALS, PIN)
TURNS = 4
STEPS = 16  # of a turn, at which something may happen
PATIENCE = 5.0  # seconds that a second client waits for a busy thread
OUTAGES = (1, 1, 1, 1, 4)  # requests in a row that one fault hits; four outlast every retry
ATTEMPTS = 16  # of a turn, with all its faults, deaths, and ways out of a thread that is stuck


class Move(NamedTuple):
    """Something that happens in a turn."""

    turn: int
    what: str
    step: int


class Hit(NamedTuple):
    """A fault: the first request that it hits, and how many from there on."""

    request: int
    fault: str
    times: int = 1


@dataclass(frozen=True)
class Sequence:
    """What is tried."""

    shape: Shape
    hits: tuple[Hit, ...]
    moves: tuple[Move, ...] = ()

    def __str__(self) -> str:
        faults = [f"{times} x {name} at {request}" for request, name, times in self.hits]
        moves = [f"{what} in turn {turn} at {step}" for turn, what, step in self.moves]
        return f"{self.shape}: {'; '.join([*faults, *moves])}"


class Story(Mortal):
    """One play of a sequence."""

    def __init__(self, sequence: Sequence) -> None:
        super().__init__(sequence.shape)
        self._moves = list(sequence.moves)
        self._happened: list[str] = []
        self._turn_number = 0
        self._thread: str | None = None
        self._words: set[str] = set()  # every text that was ever asked, by whomever
        self._others: list[list[Fact]] = []  # what second clients said on the pinned thread
        self._settled: list[list[Fact]] = []  # as much of it as was said before this attempt
        self._deaths = 0
        self._abandoned: set[str] = set()  # runs of dead processes that were not over then
        for request, name, times in sequence.hits:
            self.foundry.faults.add(Fault(nth=request, times=times, **FAULTS[name]))

    # --- the caller -----------------------------------------------------------------------------

    async def play(self) -> None:
        """All turns; whatever fails or dies is tried again."""
        for question in ("first question", "second question", None, "third question"):
            self._turn_number += 1
            self._move_before()
            if question or self.history[-1].tool_calls:
                await self._insist(question)

    async def _insist(self, question: str | None) -> None:
        for attempt in range(ATTEMPTS):
            try:
                await self._attempt(question, attempt)
            except Died:
                self._abandoned.update(super().still_running())
                self.begin_anew()
            except AzureAgentsError as error:
                self.errors.append(error)
                if not self.met():
                    self.wrong.append(f"an error, and nothing was wrong: {error!r}")
                if self.pin and question is None and takes_no_results(error):
                    self.is_left = True  # the thread went on without them, or with them
                    return
                self.stuck = error
            else:
                return
            self.is_left = self.is_left or self.pin is not None
        self.wrong.append(f"the conversation did not recover: {self.errors[-2:]!r}")

    async def _attempt(self, question: str | None, attempt: int) -> None:
        """One call for a question, or for the results of the tools."""
        self._settled = list(self._others)
        self.process.plan(self._plans())
        self.get_unstuck()
        # On a pinned thread the question may stand already: said in other words it is not doubled.
        again = f", again {attempt}" if attempt and self.pin else ""
        fresh = [user(question + again)] if question else self._run_tools()
        self._words |= {message.text for message in fresh}
        history = [*self.history, *fresh]
        completion = await self.ask(history)
        self.check(history, completion)
        self.keep(history, completion)
        self._thread = completion.finished.thread_id

    def _run_tools(self) -> list[Message]:
        return [tool(call.id, self.run_tool(call)) for call in self.history[-1].tool_calls]

    # --- moves ----------------------------------------------------------------------------------

    def _move_before(self) -> None:
        for move in self._due():
            if move.what in RESTARTS:
                self._note(move)
                self.begin_anew(is_store_lost=RESTARTS[move.what])
            if move.what == PIN and self.history:
                self._note(move)
                self._ask_as_another(self.store, pin=self._thread)

    def _due(self) -> list[Move]:
        return [move for move in self._moves if move.turn == self._turn_number]

    def _note(self, move: Move) -> None:
        self._moves.remove(move)
        self._happened.append(move.what)

    def _plans(self) -> dict[int, Callable[[], None]]:
        """What is still to happen in this turn, by step."""
        return {move.step: partial(self._happen, move) for move in self._due() if move.what != PIN}

    def _happen(self, move: Move) -> None:
        self._note(move)
        if move.what in RIVALS:
            store = MemoryThreadStore() if RIVALS[move.what] else self.store
            self._ask_as_another(store, pin=self.pin)
            return
        if DEATHS[move.what]:
            self.store = MemoryThreadStore()
        self._deaths += 1
        self.process.die()

    def _ask_as_another(self, store: Any, *, pin: str | None) -> None:
        """A second client goes on from the same history, maybe while the first is in its turn."""
        words = f"rival question {len(self._words)}"
        self._words.add(words)
        history = [*self.history, user(words)]
        client, _ = self.connect(store, deadline=PATIENCE)
        self.patience += PATIENCE + TIDYING
        self.is_left = self.is_left or self.pin is not None
        faults = self.faults_met()
        try:
            completion = client.complete(TurnRequest(tuple(history), thread_id=pin))
        except AzureAgentsError as error:
            if not pin and faults == self.faults_met():
                self.wrong.append(f"a second client was refused: {error!r}")
            return
        self.check(history, completion, is_loose=pin is not None)
        if self.pin:
            self._others.append([("user", words), ("assistant", completion.text)])

    def met(self) -> tuple[str, ...]:
        """What happened of all that was planned."""
        return (*("fault" for _ in range(self.faults_met())), *self._happened)

    # --- the oracle -----------------------------------------------------------------------------

    def check_transcript(self, history: list[Message], seen: SeenTurn, *, is_loose: bool) -> None:
        """On a pinned thread there may be more, of which nobody knows whether it was said."""
        super().check_transcript(history, seen, is_loose=is_loose)
        if not is_loose:
            return
        facts = seen_facts(seen)
        foreign = [f for f in facts if f[0] == "user" and f[1] not in self._words]
        self.expect("foreign", [], foreign)
        for said in (expected_facts(tuple(history), seen.generation), *self._settled):
            if not is_within(said, facts):
                self.wrong.append(f"lost: {said!r} is not within {facts!r}")

    def check_end(self) -> None:
        """Also that each result is what the tool said, unless the process died in it."""
        super().check_end()
        calls = {call.id: call for message in self.history for call in message.tool_calls}
        for message in self.history:
            if message.role == "tool":
                call = calls[message.tool_call_id or ""]
                is_told = message.text == f"result of {call.arguments}"
                if not is_told and not (self._deaths and "was begun" in message.text):
                    self.wrong.append(f"the result of {call.id} is {message.text!r}")
                if is_told and self.effects[call.id] != 1:
                    self.wrong.append(f"{call.id} ran {self.effects[call.id]} times")

    def still_running(self) -> list[str]:
        """But for what a dead process left behind, and what could not be looked for."""
        self.foundry.clock.advance(30.0)  # a run that is being stopped may take a moment
        left = [run for run in super().still_running() if run not in self._abandoned]
        return [run for run in left if not self._was_out_of_reach(run)]

    def _was_out_of_reach(self, run: str) -> bool:
        """Whether a fault hit the very requests by which the run is found and stopped."""
        path = f"/threads/{self.foundry.seen_by(run).thread_id}/runs"
        ways = {("GET", "/threads"), ("GET", path), ("POST", f"{path}/{run}/cancel")}
        return any((r.method, r.path) in ways for r in self.foundry.requests if r.fault)


def random_sequence(source: Random) -> Sequence:
    """Some faults and moves anywhere in any kind of conversation."""
    names = sorted(FAULTS)
    requests = [source.randint(1, 5)]
    for _ in range(source.randint(1, 3)):
        requests.append(requests[-1] + source.choice((1, 1, 1, 2, 3)))
    hits = tuple(Hit(n, source.choice(names), source.choice(OUTAGES)) for n in requests)
    moves = tuple(
        Move(source.randint(1, TURNS), source.choice(MOVES), source.randint(1, STEPS))
        for _ in range(source.randint(0, 3))
    )
    return Sequence(source.choice(SHAPES), hits, moves)


def try_sequence(sequence: Sequence) -> Outcome:
    """Play it; any typed error will do, but nothing lost, doubled, foreign or half-done."""
    story, without = Story(sequence), _baseline(sequence.shape)
    play(story)
    if not story.is_left:  # else a turn is missing, or asked in other words
        story.expect("conversation", _read(without.visible), _read(story.visible()))
    if not (story.errors or sequence.moves):
        # A fault may hit what another one costs: then it costs one request more.
        hits = [hit.fault for hit in sequence.hits for _ in range(hit.times)]
        most = sum(most_extra(sequence.shape, name) + 1 for name in hits)
        extra = len(story.foundry.requests) - without.requests
        if extra > most:
            story.wrong.append(f"{extra} requests more than without faults, expected {most}")
    verdict = type(story.errors[0]).__name__ if story.errors else "answered"
    return Outcome(sequence.shape, 0, str(sequence), verdict, story.wrong, story.met())


_baseline = cache(baseline)


def _read(visible: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Without what tools returned: a process may have died in one."""
    return [said for said in visible if said[0] != "tool"]
