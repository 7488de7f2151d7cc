"""Two faults in one conversation: in one turn, in a turn and its recovery, in two turns in a row.

Which pairs are tried says a covering array: for every kind of conversation, any two choices of two
questions below meet at least once. Seeded samples with a third fault come on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from typing import NamedTuple

from .branching import Branching, Place
from .conversation import Shape
from .matrix import FAULTS, play

_V2, _CLASSIC = Shape("v2"), Shape("classic")
KINDS = {
    "chain": _V2,
    "conversation": replace(_V2, threads="conversation"),
    "ephemeral": replace(_V2, threads="ephemeral"),
    "background": replace(_V2, is_background=True),
    "pinned conversation": replace(_V2, threads="conversation", is_pinned=True),
    "classic": _CLASSIC,
    "classic ephemeral": replace(_CLASSIC, threads="ephemeral"),
    "classic pinned": replace(_CLASSIC, is_pinned=True),
}
# Where the second fault is, seen from the first one: so many requests later in the same turn, at
# the first requests of the next turn, or where a turn that failed is asked again.
SAME_TURN, NEXT_TURN, AGAIN = (1, 2, 3), (1, 2), (1, 2)
_GAPS = len(SAME_TURN) + len(NEXT_TURN) + len(AGAIN)
_NAMES = tuple(FAULTS)


class Case(NamedTuple):
    """What is tried: where a fault hits, and where the process is killed."""

    shape: Shape
    faults: tuple[tuple[Place, str], ...] = ()
    deaths: tuple[Place, ...] = ()


@dataclass
class Result:
    """What became of a case.

    Attributes:
        verdict: ``answered``, or the first error.
        wrong: What was lost, doubled, silent, told in part or left running.
        hits: How many faults hit.
    """

    case: object
    verdict: str
    wrong: list[str] = field(default_factory=list)
    hits: int = 0


def covering_pairs(kind: str) -> Iterator[Case]:
    """Every fault with every other one, spread over steps, requests, gaps and ways of asking.

    For a prime p, the columns i, j, i + j, i + 2j ... over all i and j below p hold every pair of
    values of any two columns; folding a column to fewer values keeps that.
    """
    p = len(_NAMES)
    for i in range(p):
        for j in range(p):
            step, request, gap, way = ((i + n * j) % p for n in (1, 2, 3, 4))
            shape = asked_in(KINDS[kind], way)
            requests = _requests_of(shape)
            at = step % len(requests)
            first = Place(at + 1, request % requests[at] + 1)
            second = _behind(first, gap % _GAPS)
            yield Case(shape, ((first, _NAMES[i]), (second, _NAMES[j])))


def random_faults(source: Random) -> Case:
    """Two or three faults close to each other, anywhere."""
    shape = asked_in(source.choice(list(KINDS.values())), source.randrange(4))
    requests = _requests_of(shape)
    at = source.randrange(len(requests))
    places = [Place(at + 1, source.randint(1, requests[at]))]
    for _ in range(source.randint(1, 2)):
        places.append(_behind(places[-1], source.randrange(_GAPS)))
    return Case(shape, tuple((place, source.choice(_NAMES)) for place in places))


def asked_in(shape: Shape, way: int) -> Shape:
    """One of four ways: sync or async, streamed or whole."""
    return replace(shape, is_async=bool(way & 1), is_streamed=bool(way & 2))


def _behind(first: Place, gap: int) -> Place:
    if gap < len(SAME_TURN):
        return first._replace(nth=first.nth + SAME_TURN[gap])
    gap -= len(SAME_TURN)
    if gap < len(NEXT_TURN):
        return Place(first.step + 1, NEXT_TURN[gap])
    return Place(first.step, AGAIN[gap - len(NEXT_TURN)], first.attempt + 1)


@cache
def _requests_of(shape: Shape) -> tuple[int, ...]:
    """Requests of each step where nothing goes wrong."""
    story = Branching(shape)
    play(story)
    assert not story.errors
    return tuple(story.requests_of)


def try_case(case: Case) -> Result:
    """Play it: any typed error will do, but nothing lost, doubled, silent or half-done."""
    story = Branching(*case)
    play(story)
    verdict = type(story.errors[0]).__name__ if story.errors else "answered"
    return Result(case, verdict, story.wrong, story.faults_met())
