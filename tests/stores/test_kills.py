"""A process is killed at every step of a conversation with a tool round; another one goes on.

The oracle is what the emulator's agents saw and which runs are left, and a file in which the tools
leave a line for every time that they ran.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from azure_agents.emulator import Emulator, SeenTurn, Text, ToolCalls

from ..covering import scaled
from ..promise.oracle import expected_facts, seen_facts
from .conftest import backend_of
from .killed import QUESTIONS, Said, load
from .processes import result, start

if TYPE_CHECKING:
    from .conftest import Backend

CALLS = ToolCalls(("look_up", {"n": 1}), ("look_up", {"n": 2}))
FUNCTION = {"name": "look_up", "parameters": {}}
TOOLS: dict[str, Any] = {
    "v2": [{"type": "function", **FUNCTION}],
    "classic": [{"type": "function", "function": FUNCTION}],
}
ANSWERS = QUESTIONS + 1
ROLES = "uauattaua"  # the first letters of a whole conversation's roles
AFTER_PUT = "after tool put"
OPERATION = "azure_agents_operation"
ENOUGH = 200  # kill points that there must be in all
EVERY = scaled(all=1, pairs=6, few=12)  # of the steps one


class Kind(NamedTuple):
    """One kind of conversation, how many heirs each has, and the least number of its steps."""

    store: str
    generation: str
    threads: str
    client: str
    answer: str
    heirs: int
    least: int

    def __str__(self) -> str:
        return " ".join(self[:5])


KINDS = (
    Kind("sqlite", "classic", "auto", "sync", "stream", 1, 75),
    Kind("sqlite", "classic", "auto", "async", "whole", 2, 50),
    Kind("sqlite", "v2", "auto", "async", "stream", 1, 65),
    Kind("sqlite", "v2", "auto", "sync", "whole", 1, 40),
    Kind("sqlite", "v2", "conversation", "sync", "stream", 1, 80),
    Kind("sqlite", "v2", "conversation", "async", "whole", 2, 55),
    Kind("redis", "classic", "auto", "async", "stream", 1, 75),
    Kind("redis", "v2", "auto", "async", "whole", 1, 40),
    Kind("redis", "v2", "conversation", "sync", "stream", 1, 80),
)


def _reply(turn: SeenTurn) -> Any:
    last = turn.messages[-1]
    if last.role == "tool" or last.text.startswith("[tool "):
        return Text(deltas=("two and two",))
    if turn.last_user_text.startswith("question 1 "):
        return CALLS
    return Text(deltas=(f"asked: {turn.last_user_text}",))


class Kills:
    """All kills of one kind, once they are over."""

    def __init__(self, kind: Kind, backend: Backend, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        # Whole events, not random pieces of them: this is not about decoding.
        self.foundry = Emulator(seed=1, chunk_size=1_000_000)
        agent = self.foundry.create_agent(
            "my-agent", _reply, generation=kind.generation, tools=TOOLS[kind.generation]
        )
        case: dict[str, Any] = {"model": agent.model, "threads": kind.threads}
        case |= {"kind": backend.kind, "place": backend.place, "folder": str(folder)}
        case |= {"is_async": kind.client == "async", "is_streamed": kind.answer == "stream"}
        case |= {"heirs": kind.heirs, "every": EVERY}
        with self.foundry.serve() as server:
            self.steps: list[str] = result(start("killed", endpoint=server.endpoint, **case))
        self.foundry.clock.advance(30.0)  # whatever works without a client is done by then
        self._active = self.foundry.active_runs
        self._turns: dict[str, list[SeenTurn]] = {}
        for turn in self.foundry.seen:
            self._turns.setdefault(turn.run_id or turn.response_id or "", []).append(turn)

    def check(self, number: int) -> None:
        """The conversation whose first process was killed at this step."""
        done = self.steps[:number]
        began = done.count(AFTER_PUT)  # a put before each tool and one after it: odd is inside
        heirs = [self._history(number, heir) for heir in range(1, self.kind.heirs + 1)]
        unknown: set[str] = set()
        for history in heirs:
            assert ROLES == "".join(said.message.role[0] for said in history)
            self._check_transcripts(history)
            calls = [call.id for said in history for call in said.message.tool_calls]
            lost = {calls[began // 2]} if began % 2 else set()
            assert lost == _unknown(history)
            unknown |= lost
        ran = {c.id for history in heirs for said in history for c in said.message.tool_calls}
        if done.count("in the tool, done") <= began // 2:
            ran -= unknown  # it was begun, and killed before it could do anything
        assert dict.fromkeys(ran, 1) == self._effects(number)
        self._check_turns(number)

    def _history(self, number: int, heir: int) -> list[Said]:
        file = self.folder / f"{number}.{heir}"
        return load(file.read_text()) if file.exists() else []

    def _effects(self, number: int) -> dict[str, int]:
        file = self.folder / f"{number}.effects"
        return Counter(file.read_text().split()) if file.exists() else {}

    def _check_transcripts(self, history: list[Said]) -> None:
        """Each answer was given to just the messages before it."""
        told = Counter[str]()  # a classic run tells one answer before its tools, and one after
        for index, (message, turn) in enumerate(history):
            if turn is None:
                continue
            seen = self._turns[turn][told[turn]]
            told[turn] += 1
            before = tuple(said.message for said in history[:index])
            assert expected_facts(before, self.kind.generation) == seen_facts(seen)
            assert seen.reply is not None
            calls = [call.id for call in seen.reply.tool_calls]
            assert (message.text, [call.id for call in message.tool_calls]) == (
                seen.reply.text,
                calls,
            )

    def _check_turns(self, number: int) -> None:
        """Only the turn that was cut is made again, and nothing is left but its paused run."""
        answered = sum(said.message.role == "assistant" for said in self._history(number, 0))
        made = answered + self.kind.heirs * (ANSWERS - answered)
        turns = [turn for turn in self.foundry.seen if _is_of(turn, f"{number}.")]
        assert len(turns) in (made, made + 1)
        left = [turn for turn in turns if turn.run_id in self._active]
        assert len(left) <= 1
        for turn in left:
            assert _is_of(turn, f"{number}.0-")
            assert turn.reply is not None
            assert turn.reply.tool_calls
            assert 1 == answered, "the answer is in nobody's history"


def _is_of(turn: SeenTurn, process: str) -> bool:
    return turn.metadata[OPERATION].startswith(process)


def _unknown(history: list[Said]) -> set[str]:
    """The calls whose result is that nobody knows it."""
    results = [said.message for said in history if said.message.role == "tool"]
    known = {m.tool_call_id for m in results if m.text == f"result of {m.tool_call_id}"}
    told = {m.tool_call_id for m in results if "was begun" in m.text}
    assert len(results) == len(known) + len(told)
    return {str(call) for call in told}


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_process_killed_at_any_step_loses_and_doubles_nothing(
    kind: Kind, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A kill at each step: the conversation ends, its tools ran once, nothing is left."""
    kills = Kills(kind, backend_of(kind.store, request), tmp_path)
    assert kind.least <= len(kills.steps)
    for number in range(1, len(kills.steps) + 1, EVERY):
        kills.check(number)


def test_there_are_enough_kills() -> None:
    """What the specification asks for."""
    assert ENOUGH <= sum(kind.least for kind in KINDS)
