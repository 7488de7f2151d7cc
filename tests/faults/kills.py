"""Workers that are killed: at every step of a process, and in bad weather.

A step is a request, an operation of the store before and after, an event of a stream, and the
moments around the effect of a function. Another worker with the same store asks again.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from .branching import Branching, Place
from .matrix import play
from .pairs import KINDS, Case, asked_in, random_faults

MOMENTS = 16  # of a turn, at which its worker may be killed; few turns have more


def single_kills(kind: str) -> Iterator[Case]:
    """One worker is killed, at every moment of every step, asked in ways that take turns."""
    story = Branching(KINDS[kind])
    play(story)
    for step in range(1, len(story.requests_of) + 1):
        for moment in range(1, MOMENTS + 1):
            shape = asked_in(KINDS[kind], step + moment)
            yield Case(shape, deaths=(Place(step, moment),))


def random_kills(source: Random) -> Case:
    """A fault or two, and a worker or two that are killed near them."""
    case = random_faults(source)
    step = case.faults[0][0].step
    deaths = [Place(step, source.randint(1, MOMENTS), attempt) for attempt in (1, 2)]
    return case._replace(deaths=tuple(deaths[: source.randint(1, 2)]))
