"""The server's side: an emulator on a real socket for one client, which plays the rows one by one.

The client gets one order at a time, so that a fault can be planned between two turns.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure_agents.emulator import Emulator, RealClock
from azure_agents.emulator.agent.seen import from_items

from .child import START, Child
from .faults import (
    CHANGED,
    FIRST,
    FUNCTION,
    HISTORY_ROWS,
    OTHER,
    ROWS,
    SECOND,
    THIRD,
    THREE_TURNS,
    Row,
    answer_to,
)
from .verdicts import Facts, Log, Spoken, Told, Verdict, judge
from .ways import HERE, Way

if TYPE_CHECKING:
    from azure_agents.emulator import LoggedRequest, SeenTurn, Served

GRACE = 3.0  # seconds in which a run that works may end by itself
TOOLS = {
    "classic": [{"type": "function", "function": FUNCTION}],
    "v2": [{"type": "function", **FUNCTION}],
}


@dataclass(slots=True)
class Cell:
    """A row, played by a client."""

    row: Row
    verdict: Verdict
    told: Told
    requests: list[LoggedRequest] = field(default_factory=list)


class Stage:
    """One client before its emulator.

    Args:
        way: The client.
        foundry: The emulator.
        child: The client's process.
    """

    def __init__(self, way: Way, foundry: Emulator, child: Child) -> None:
        self._way = way
        self._foundry = foundry
        self._child = child
        self._number = 0
        self._history: list[Spoken] = []
        self.keeps_history = True

    def play(self, row: Row) -> Cell:
        """One row, from a new client object to the verdict."""
        foundry, world = self._foundry, self._foundry.wireline.world
        foundry.faults.clear()
        before = set(foundry.active_runs)
        known = {*world.threads, *world.conversations}
        turns, requests = len(foundry.seen), len(foundry.requests)
        if row.not_on_v2 and self._way.generation == "v2":
            told, was_hit = Told(missing=row.not_on_v2), False
        else:
            told = self._perform(row)
            was_hit = any(one.fault for one in foundry.requests[requests:])
        facts = Facts(
            question=self._history[-1][1] if self._history else "",
            history=tuple(self._history),
            turns=tuple((turn, self._status(turn)) for turn in foundry.seen[turns:]),
            logs=tuple(self._logs(known)),
            running=() if told.calls else tuple(self._still_running(before)),
            was_hit=was_hit,
        )
        verdict = judge(row, told, facts, keeps_history=self.keeps_history or row in HISTORY_ROWS)
        if row is THREE_TURNS:
            self.keeps_history = verdict.is_harmless
        return Cell(row, verdict, told, foundry.requests[requests:])

    # -- the client's part ------------------------------------------------------------------------

    def _perform(self, row: Row) -> Told:
        self._history = []
        question = FIRST if row.on_first else SECOND
        self._open(row.script(question))
        return _ACTS[row.act](self, row)

    def _open(self, script: Any) -> None:
        self._number += 1
        generation: Any = self._way.generation
        agent = self._foundry.create_agent(
            f"agent-{self._number}", script, generation=generation, tools=TOOLS[generation]
        )
        name = agent.model if generation == "classic" else agent.name
        told = self._child.order(START, do="open", agent=name, options=dict(self._way.options))
        if told.error or told.hangs:
            raise RuntimeError(f"{self._way.name} does not start: {told}")

    def _cleanly(self, *questions: str) -> None:
        """Turns before the one that counts: they must go well."""
        for question in questions:
            told = self._child.order(do="ask", text=question, stream=False, timeout=None)
            if told.text != answer_to(question):
                raise RuntimeError(f"{self._way.name}: a turn without a fault went wrong: {told}")
            self._history += _turn(question)

    def _ask(self, row: Row) -> Told:
        """The turn that the fault strikes, or three turns without one."""
        before, question = ((FIRST, SECOND), THIRD) if row is THREE_TURNS else ((FIRST,), SECOND)
        if row.on_first:
            before, question = (), FIRST
        self._cleanly(*before)
        if row.fault is not None:
            self._foundry.faults.add(row.fault)
        self._history.append(("user", question))
        order = {"text": question, "stream": row.is_streamed, "timeout": row.timeout}
        with self._conditions(row):
            return self._child.order(do="ask", **order)

    def _replay(self, _: Row) -> Told:
        self._history = [*_turn(FIRST), *_turn(SECOND), ("user", THIRD)]
        return self._child.order(do="replay", history=self._history)

    def _back(self, _: Row) -> Told:
        self._cleanly(FIRST, SECOND)
        self._history = [*_turn(FIRST), ("user", OTHER)]
        return self._child.order(do="back", text=OTHER)

    def _edit(self, _: Row) -> Told:
        self._cleanly(FIRST, SECOND)
        kept = [("assistant", answer_to(FIRST)), *_turn(SECOND)]
        self._history = [("user", CHANGED), *kept, ("user", THIRD)]
        return self._child.order(do="edit", changed=CHANGED, text=THIRD)

    def _leave(self, _: Row) -> Told:
        self._cleanly(FIRST)
        self._history.append(("user", SECOND))
        requests = len(self._foundry.requests)
        told = self._child.order(do="leave", text=SECOND, after=3.0)
        if not any(one.path.endswith("/runs") for one in self._foundry.requests[requests:]):
            raise RuntimeError(f"{self._way.name} left before it began: {told}")
        return told

    # -- what the server knows --------------------------------------------------------------------

    @contextmanager
    def _conditions(self, row: Row) -> Iterator[None]:
        """Let runs expire while somebody waits for them, if the row wants that."""
        if row.lifetime is None:
            yield
            return
        rules, over = self._foundry.rules, threading.Event()
        usual, rules.run_lifetime = rules.run_lifetime, row.lifetime

        def pass_time() -> None:
            while not over.wait(0.25):
                _ = self._foundry.active_runs  # looks at the clock

        thread = threading.Thread(target=pass_time)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            rules.run_lifetime = usual

    def _status(self, turn: SeenTurn) -> str:
        """How the run or response of a turn ended."""
        world = self._foundry.wireline.world
        if turn.run_id is not None:
            threads = world.threads.values()
            runs = (thread.runs[turn.run_id] for thread in threads if turn.run_id in thread.runs)
            return next((run.status for run in runs), "deleted")
        response = world.responses.get(turn.response_id or "")
        return response.status if response else "deleted"

    def _logs(self, known: set[str]) -> Iterator[Log]:
        """The threads and conversations that were made since."""
        world = self._foundry.wireline.world
        for id, thread in world.threads.items():
            if id not in known:
                said = (message for entry in thread.entries for message in entry.seen)
                yield Log(id, tuple((one.role, one.text) for one in said if one.text))
        for id, conversation in world.conversations.items():
            if id not in known:
                said = from_items(conversation.items)
                yield Log(id, tuple((one.role, one.text) for one in said if one.text))

    def _still_running(self, before: set[str]) -> list[str]:
        """Runs that are active, and stay so for a while."""
        until = time.monotonic() + GRACE
        while True:
            running = [run for run in self._foundry.active_runs if run not in before]
            if not running or time.monotonic() > until:
                return running
            time.sleep(0.1)


_ACTS: dict[str, Callable[[Stage, Row], Told]] = {
    "ask": Stage._ask,
    "replay": Stage._replay,
    "back": Stage._back,
    "edit": Stage._edit,
    "leave": Stage._leave,
}


def _turn(question: str) -> list[Spoken]:
    return [("user", question), ("assistant", answer_to(question))]


def play(way: Way, rows: Sequence[Row] = ROWS) -> list[Cell]:
    """Every row with one client, on an emulator of its own."""
    foundry = Emulator(seed=5, clock=RealClock())
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile(mode="w+") as complaints,
        foundry.serve(tls=Path(folder)) as served,
    ):
        child = Child(way, _environment(served), complaints)
        stage = Stage(way, foundry, child)
        try:
            # Whether a client keeps a history must be known before it is measured by that.
            first = stage.play(THREE_TURNS)
            return [first if row is THREE_TURNS else stage.play(row) for row in rows]
        finally:
            child.end()


def _environment(served: Served) -> dict[str, str]:
    """What leads a client's script, and the client, to the emulator."""
    settings = {
        "ORACLE_ENDPOINT": served.endpoint,
        "ORACLE_CONTROL": served.control,
        "ORACLE_STRICT": "",
        "PYTHONPATH": str(HERE.parent / "oracles"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it looks for prices on the network
    }
    return os.environ | served.environment | settings
