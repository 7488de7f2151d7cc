"""Runs that are killed at any step and go on: no row lost, none paid twice, tools run once."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from azure_agents.emulator import Emulator, SeenTurn, Text, ToolCalls

from ..covering import scaled
from .killed import Killer, run_until_killed

ROWS = 8
CONCURRENCY = 4
KILLS = scaled(all=25, pairs=4, few=1)


class Kind(NamedTuple):
    """One kind of run: who is asked, and what a row asks."""

    generation: str
    background: bool
    tools: bool
    turns: bool

    def __str__(self) -> str:
        words = [name for name in ("background", "tools", "turns") if getattr(self, name)]
        return " ".join([self.generation, *words])


KINDS = [
    Kind(generation, background, tools, turns)
    for generation, background in (("v2", False), ("v2", True), ("classic", False))
    for tools in (False, True)
    for turns in (False, True)
]


def _reply(turn: SeenTurn) -> Any:
    if turn.messages[-1].role == "user" and turn.last_user_text.startswith("look up "):
        return ToolCalls(("look_up", {"what": turn.last_user_text.removeprefix("look up ")}))
    return Text(f"said: {turn.last_user_text}")


class Lookups:
    """A function with an effect: it counts its calls."""

    def __init__(self) -> None:
        self.looked_up: list[str] = []

    def tool(self) -> Any:
        """The function."""

        def look_up(what: str) -> str:
            """Look something up."""
            self.looked_up.append(what)
            return f"{what} was found"

        return look_up


def _rows(kind: Kind) -> list[dict[str, Any]]:
    word = "look up " if kind.tools else ""
    if kind.turns:
        return [{"id": n, "turns": [f"{word}{n}", f"and {n}"]} for n in range(ROWS)]
    return [{"id": n, "input": f"{word}{n}"} for n in range(ROWS)]


def _agent(foundry: Emulator, kind: Kind) -> str:
    what = {"type": "object", "properties": {"what": {"type": "string"}}}
    function = {"name": "look_up", "parameters": what}
    tools = [{"type": "function", **function}] if kind.generation == "v2" else []
    extra = {"tools": tools} if kind.tools and tools else {}
    return foundry.create_agent("a", _reply, generation=kind.generation, **extra).model


async def _play(kind: Kind, folder: Path, last: int | None) -> tuple[int, Emulator, Lookups, Path]:
    """Kill a run at a step, and the next one, and let a third go on to its end.

    Returns:
        The steps of the first, the service, what functions did, and the output.
    """
    with Emulator(seed=1) as foundry:
        lookups, out = Lookups(), folder / f"{last}.jsonl"
        settings: dict[str, Any] = {"concurrency": CONCURRENCY}
        settings["tools"] = [lookups.tool()] if kind.tools else []
        settings["arguments"] = {"background": True} if kind.background else {}
        model, rows = _agent(foundry, kind), _rows(kind)
        killer = Killer(last)
        for one in (killer, *([Killer(last // 2 + 1)] if last else []), Killer()):
            given = dict(settings)
            await run_until_killed(one, model, rows, out, foundry.connection(), **given)
        return killer.steps, foundry, lookups, out


def _turns(kind: Kind) -> int:
    """Turns of the agent that a run takes which nobody kills."""
    return ROWS * (1 + kind.turns + kind.tools)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_a_killed_run_goes_on(kind: Kind, tmp_path: Path) -> None:
    """Each row is written once and whole, and tools have run once."""
    steps, *_ = await _play(kind, tmp_path, None)
    chosen = random.Random(str(kind)).sample(range(1, steps), KILLS)  # noqa: S311 - no secret
    for last in chosen:
        _, foundry, lookups, out = await _play(kind, tmp_path, last)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        assert list(range(ROWS)) == sorted(line["id"] for line in lines), last
        expected = {n: f"said: {'and ' if kind.turns else ''}{n}" for n in range(ROWS)}
        if not (kind.tools and not kind.turns):
            assert expected == {line["id"]: line["answer"] for line in lines}, last
        assert sorted(set(lookups.looked_up)) == sorted(lookups.looked_up), last
        ran = {*lookups.looked_up, *_never_known(foundry)}
        assert ({str(n) for n in range(ROWS)} if kind.tools else set()) == ran, last
        again = len(foundry.seen) - _turns(kind)
        assert 0 <= again <= (2 * CONCURRENCY if _may_ask_again(kind) else 0), (last, again)


def _never_known(foundry: Emulator) -> set[str]:
    """Rows whose function the process ended in: it did not run again, and the agent heard why."""
    told = (turn for turn in foundry.seen if "its result is not known" in turn.messages[-1].text)
    return {turn.last_user_text.removeprefix("look up ") for turn in told}


def _may_ask_again(kind: Kind) -> bool:
    # A chain that is answered in the foreground ends with its connection.
    return kind.generation == "v2" and not kind.background
