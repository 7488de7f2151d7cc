"""Whether time grows with the input, or with its square.

Each case runs on some input and on one eight times as long. Linear work takes eight times as long,
quadratic work 64 times; the line is drawn at 24. Only the time of this thread's own processor is
counted, the best of several runs, so a busy machine changes little; a case that fails is measured
again before it is believed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

GROWTH, LINE, RUNS, TRIES = 8, 24.0, 3, 3

Case = Callable[[int], Callable[[], object]]  # of a size: the input is made, then the work is timed


def seconds(work: Callable[[], object]) -> float:
    """Processor time of this thread, the best of some runs."""
    best = float("inf")
    for _ in range(RUNS):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best


def ratio(case: Case, size: int) -> float:
    """How much longer the longer input takes; what is too short to measure counts as a bit more."""
    short, long = seconds(case(size)), seconds(case(GROWTH * size))
    return long / max(short, 0.0005)


def assert_linear(case: Case, size: int) -> None:
    """Eight times the input takes far less than 64 times the time."""
    gc.disable()  # its time grows with everything that other tests left behind
    try:
        ratios = []
        for _ in range(TRIES):
            ratios.append(ratio(case, size))
            if ratios[-1] < LINE:
                break
    finally:
        gc.enable()
    assert min(ratios) < LINE, ratios
