"""Weather: eight conversations at once in two workers with one store, while requests fail.

Each turn of a conversation is made by the worker that is free: here they take turns, so that every
conversation wanders between them. All of them talk to one agent and say the same things.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from azure_agents.emulator import Emulator, Fault
from azure_agents.threads.memory import MemoryThreadStore
from azure_agents.threads.sqlite import SQLiteThreadStore

from .branching import Branching, Tools
from .conversation import Shape
from .matrix import FAULTS
from .mortal import Process
from .pairs import KINDS, Result, asked_in

CONVERSATIONS = 8
WORKERS = 2
SHARE = 0.07  # of all requests that fail
DEADLINE = 120.0  # seconds of a turn: the clock is everybody's, and all the waits add up on it
ROUNDS = 6
DEATHS = (20, 400)  # the steps of a worker between which it is killed, in every other round


class Storm(NamedTuple):
    """What is tried: a kind of conversation, the number of the dice, and whether a worker dies."""

    shape: Shape
    seed: int
    has_kills: bool = False


class Caught(Branching):
    """A conversation in the storm; each attempt is made by the next worker."""

    def __init__(self, number: int, shape: Shape, foundry: Emulator, tools: Tools) -> None:
        super().__init__(shape, foundry=foundry, tools=tools)
        self.number = number
        self.workers: list[Process] = []
        self.patience = math.inf

    def plan(self, step: int, attempt: int) -> None:
        """Nothing of its own: the next worker takes it."""
        self.process = self.workers[(self.number + step + attempt) % len(self.workers)]

    def begin_anew(self, *, is_store_lost: bool = False) -> None:
        """The worker was killed; the first who notices starts another one."""
        if self.process in self.workers:
            at = self.workers.index(self.process)
            self.workers[at] = self.process.successor(len(self.workers))


def storms(kind: str) -> Iterator[Storm]:
    """One kind of conversation several times, asked in different ways, with other dice."""
    for number in range(ROUNDS):
        shape = asked_in(KINDS[kind], 1 | number)
        yield Storm(shape, number, has_kills=number % 2 == 1)


def try_storm(storm: Storm) -> Result:
    """All conversations end; each is told all that is its own and nothing else, once."""
    foundry, tools = Emulator(seed=storm.seed), Tools()
    caught = [Caught(n, storm.shape, foundry, tools) for n in range(CONVERSATIONS)]
    dice = Random(storm.seed)  # noqa: S311 - repeatable
    rain(foundry, dice)
    with tempfile.TemporaryDirectory() as place, closing(_Workers(caught, place)) as workers:
        if storm.has_kills:
            workers.made[0].plan({dice.randint(*DEATHS): workers.made[0].die})
        asyncio.run(_play(caught))
    foundry.faults.clear()
    return _judged(storm, *caught)


def _judged(storm: Storm, first: Caught, *others: Caught) -> Result:
    for other in others:
        other.check_caller()
        first.wrong += other.wrong
        first.errors += other.errors
        first.killed += other.killed
        first.anchors |= other.anchors
    first.check_end()
    verdict = type(first.errors[0]).__name__ if first.errors else "answered"
    return Result(storm, verdict, first.wrong, first.faults_met())


def rain(foundry: Emulator, dice: Random) -> None:
    """Any request may be hit by any fault, all as likely."""

    def falls(_: object) -> bool:
        return dice.random() < SHARE / len(FAULTS)

    foundry.faults.add(*(Fault(times=None, when=falls, **fault) for fault in FAULTS.values()))


class _Workers:
    """Two workers, each with its own connection to one store."""

    def __init__(self, caught: list[Caught], place: str) -> None:
        connect = partial(caught[0].connect, deadline=DEADLINE)
        path = Path(place, "threads.db")
        self._stores = [SQLiteThreadStore(path) for _ in range(WORKERS)]
        results = MemoryThreadStore()
        self.made = [Process(connect, store, results, n) for n, store in enumerate(self._stores)]
        for one in caught:
            one.workers = self.made

    def close(self) -> None:
        for store in self._stores:
            store.close()


async def _play(caught: list[Caught]) -> None:
    await asyncio.gather(*(one.play() for one in caught))
