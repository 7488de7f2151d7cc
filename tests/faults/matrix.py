"""The fault matrix: every fault at every request of every kind of conversation, one at a time.

The scenario is played once without faults to learn its requests and what it leads to. Then it is
played again for every request and every fault. A turn ends well, with the whole right answer, or
with a typed error - and the conversation goes on rightly either way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from azure_agents.emulator import Fault
from azure_agents.errors import (
    AzureAgentsError,
    RunFailedError,
    StreamInterruptedError,
    TurnUnknownError,
)

from .conversation import Conversation, Shape


def _shapes() -> Iterator[Shape]:
    for is_async in (False, True):
        for is_streamed in (False, True):
            shape = Shape("v2", is_async=is_async, is_streamed=is_streamed)
            yield shape
            yield replace(shape, threads="conversation")
            yield replace(shape, threads="conversation", is_pinned=True)
            yield replace(shape, is_background=True)
            yield replace(shape, generation="classic")
            yield replace(shape, generation="classic", is_pinned=True)


SHAPES = tuple(_shapes())
KINDS = len(SHAPES) // 4  # each sync and async, streamed and whole

FAULTS: dict[str, dict[str, Any]] = {
    "connection refused": {"kind": "refuse"},
    "connect timeout": {"kind": "connect_timeout"},
    "reset before it was applied": {"kind": "reset_before"},
    "answer lost": {"kind": "lost"},
    "answer timed out": {"kind": "timeout_after"},
    **{f"{n} before": {"kind": "status_before", "status": n} for n in (500, 502, 503, 504)},
    **{f"{n} after": {"kind": "status_after", "status": n} for n in (500, 502, 503, 504)},
    "429 retry-after": {"kind": "status_before", "status": 429, "headers": {"retry-after": "2"}},
    "429 retry-after-ms": {
        "kind": "status_before",
        "status": 429,
        "headers": {"retry-after-ms": "300"},
    },
    "401 expired token": {"kind": "status_before", "status": 401},
    "408 before": {"kind": "status_before", "status": 408},
    "408 after": {"kind": "status_after", "status": 408},
    **{f"cut after event {k}": {"kind": "cut", "after_events": k} for k in (0, 1, 3, 5, 8, 13)},
    "quiet end after event 4": {"kind": "cut", "after_events": 4, "mode": "eof"},
    "stalled after event 4": {"kind": "stall", "after_events": 4},
    "slow start": {"kind": "delay", "seconds": 3.0},
    "answer lost and turn lost": {"kind": "lost", "finishes": False},
    "cut and turn lost": {"kind": "cut", "after_events": 5, "finishes": False},
}
# The service itself lost the turn; or a pinned thread cannot know what became of it.
MAY_FAIL = {
    "answer lost and turn lost": (RunFailedError, StreamInterruptedError, TurnUnknownError),
    "cut and turn lost": (RunFailedError, StreamInterruptedError, TurnUnknownError),
}
# Requests that a fault may cost beyond those of the scenario without it: what was refused is sent
# again; what may have been applied is looked for (classic: threads, runs, the run until it is over,
# its messages, and whose results its steps have; conversation: items, and the three newest
# responses), and if it is not there the history is sent anew (a conversation: made, then posted
# to). A turn that the service lost is asked again by the caller.
COLUMNS = ("chain", "background", "conversation", "classic")
MOST_EXTRA_REQUESTS = {
    "late": (0, 0, 0, 0),
    "refused": (1, 1, 1, 1),
    "not applied": (1, 4, 6, 4),
    "answer lost": (1, 2, 6, 5),
    "cut": (2, 1, 2, 4),
    "turn lost": (3, 6, 6, 6),
}
# A turn on a pinned thread is looked for until the deadline, since nothing may be posted again.
MOST_LOOKS = 33
REQUESTS_OF_A_LOOK = {"conversation": 4, "classic": 1}
UNKNOWN_WHEN_PINNED = {name for name in FAULTS if "before" in name}


@dataclass
class Outcome:
    """What became of one case."""

    shape: Shape
    request: int
    fault: str
    verdict: str  # "answered" or the name of the typed error
    wrong: list[str] = field(default_factory=list)
    met: tuple[str, ...] = ("fault",)


class Baseline(NamedTuple):
    """The scenario without faults: how many requests it takes, and what it leads to."""

    requests: int
    visible: list[tuple[str, str, int]]


def baseline(shape: Shape) -> Baseline:
    """Play the scenario without faults."""
    conversation = Conversation(shape)
    play(conversation)
    assert not conversation.errors
    assert not conversation.wrong
    return Baseline(len(conversation.foundry.requests), conversation.visible())


def play(conversation: Conversation) -> None:
    """Play the scenario and check its end."""
    try:
        asyncio.run(conversation.play())
    except AzureAgentsError as error:
        conversation.wrong.append(f"the conversation did not recover: {error!r}")
    conversation.check_end()


def try_case(shape: Shape, request: int, name: str, without: Baseline) -> Outcome:
    """Play the scenario with one fault at one request (counted from 1)."""
    conversation = Conversation(shape)
    conversation.foundry.faults.add(Fault(nth=request, **FAULTS[name]))
    play(conversation)
    errors, wrong = conversation.errors, conversation.wrong
    wrong += [f"wrong error for {name}: {e!r}" for e in errors if not _is_allowed(shape, name, e)]
    if not conversation.is_left:
        conversation.expect("conversation", without.visible, conversation.visible())
    extra = len(conversation.foundry.requests) - without.requests
    if extra > most_extra(shape, name, errors):
        wrong.append(f"{extra} requests more than without the fault")
    verdict = type(errors[0]).__name__ if errors else "answered"
    return Outcome(shape, request, name, verdict, wrong)


def most_extra(shape: Shape, name: str, errors: Sequence[AzureAgentsError] = ()) -> int:
    """How many requests a fault may cost."""
    column = _column(shape)
    cost = MOST_EXTRA_REQUESTS[_family(name)][COLUMNS.index(column)]
    if any(isinstance(error, TurnUnknownError) for error in errors):
        cost += MOST_LOOKS * REQUESTS_OF_A_LOOK[column]
    return cost


def _column(shape: Shape) -> str:
    if shape.generation == "classic":
        return "classic"
    chain = "background" if shape.is_background else "chain"
    return "conversation" if shape.threads == "conversation" else chain


def _family(name: str) -> str:
    fault = Fault(**FAULTS[name])
    if not fault.finishes:
        return "turn lost"
    if fault.kind == "delay":
        return "late"
    if fault.kind in ("refuse", "connect_timeout") or fault.status in (401, 429):
        return "refused"
    if fault.kind in ("cut", "stall") and fault.after_events:
        return "cut"
    return "not applied" if "before" in fault.kind else "answer lost"


def _is_allowed(shape: Shape, name: str, error: AzureAgentsError) -> bool:
    if isinstance(error, MAY_FAIL.get(name, ())):
        return True
    if isinstance(error, TurnUnknownError):
        return shape.is_pinned and name in UNKNOWN_WHEN_PINNED
    return False


def try_shape(shape: Shape, first: int = 0, every: int = 1) -> list[Outcome]:
    """Every fault at every request of one shape, or a slice of them.

    The number of faults is odd. So of four shapes with `every=4` and `first` from 0 to 3 each meets
    every fault, and the four together meet every fault at every request.
    """
    without = baseline(shape)
    cases = [(request, name) for request in range(1, without.requests + 1) for name in FAULTS]
    return [try_case(shape, *case, without) for case in cases[first::every]]
