"""Print the fault table: `make faults`."""

from __future__ import annotations

import argparse
import logging
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.kills import random_kills, single_kills
from tests.faults.matrix import FAULTS, SHAPES, Outcome, try_shape
from tests.faults.pairs import KINDS, Case, Result, covering_pairs, random_faults, try_case
from tests.faults.sequences import MOVES, random_sequence, try_sequence
from tests.faults.storms import storms, try_storm

SEQUENCES = 2_000  # of which most have two faults that hit
SAMPLE = 1_500
KILLS = 1_000
TROUBLES = ("lost", "doubled", "silent", "told in part", "left running")
_CHUNK = 20  # cases that a worker gets at once


def main() -> int:
    """Try everything and print what became of it; the number of wrong cases is the exit code."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--workers", type=int, help="processes; by default one for each core")
    with ProcessPoolExecutor(parser.parse_args().workers, initializer=_be_quiet) as pool:
        singles = list(chain.from_iterable(pool.map(try_shape, SHAPES)))
        print_single(singles)
        several = list(pool.map(_try_seed, range(SEQUENCES), chunksize=_CHUNK))
        print_several(several)
        print(f"\n{'approvals and branches':32} {'cases':>6}  what the caller got first")
        results = [
            result for title, tried in harder(pool) for result in print_section(title, tried)
        ]
    return conclude([*singles, *several, *results])


def _be_quiet() -> None:
    """What the log says of runs that could not be stopped is not part of the table."""
    logging.lastResort = None


def _try_seed(seed: int) -> Outcome:
    return try_sequence(random_sequence(random.Random(seed)))  # noqa: S311 - repeatable


def harder(pool: Executor) -> Iterator[tuple[str, list[Result]]]:
    """The harder scenario, a part at a time."""

    def tried(cases: Iterable[Any], attempt: Callable[[Any], Result] = try_case) -> list[Result]:
        return list(pool.map(attempt, cases, chunksize=_CHUNK))

    for kind in KINDS:
        yield f"two faults: {kind}", tried(covering_pairs(kind))
    yield "two and three faults, sampled", tried(_sampled(random_faults, SAMPLE))
    for kind in KINDS:
        yield f"a worker killed: {kind}", tried(single_kills(kind))
    yield "kills and faults, sampled", tried(_sampled(random_kills, KILLS))
    for kind in KINDS:
        yield f"weather: {kind}", list(pool.map(try_storm, storms(kind)))


def _sampled(draw: Callable[[random.Random], Case], number: int) -> Iterator[Case]:
    return (draw(random.Random(seed)) for seed in range(number))  # noqa: S311 - repeatable


def print_single(outcomes: list[Outcome]) -> None:
    """A line a fault."""
    print(f"{'fault':32} {'cases':>6}  what the caller got")
    for name in FAULTS:
        print_line(name, [outcome for outcome in outcomes if outcome.fault == name])


def print_several(outcomes: list[Outcome]) -> None:
    """A line for every number of faults, and for everything else that happened between them."""
    print(f"\n{'two faults and more':32} {'cases':>6}  what the caller got first")
    for number in (2, 3, 4):
        print_line(f"{number} faults", [o for o in outcomes if o.met.count("fault") == number])
    print_line("5 faults and more", [o for o in outcomes if o.met.count("fault") > 4])
    for move in MOVES:
        print_line(f"with: {move}", [outcome for outcome in outcomes if move in outcome.met])


def print_section(title: str, results: list[Result]) -> list[Result]:
    """One line of the harder scenario."""
    print_line(title, results)
    return results


def print_line(name: str, outcomes: Sequence[Outcome | Result]) -> None:
    """One line of a table."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    got = ", ".join(f"{verdict} {count}" for verdict, count in verdicts.most_common())
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    print(f"{name:32} {len(outcomes):6}  {got}; wrong {wrong}", flush=True)


def conclude(outcomes: Sequence[Outcome | Result]) -> int:
    """What is wrong, case by case, and in one line."""
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    for outcome in wrong:
        print(outcome)
    kinds = Counter(kind for o in wrong for kind in {text.split(":")[0] for text in o.wrong})
    troubles = dict.fromkeys(TROUBLES, 0) | kinds
    told = ", ".join(f"{count} {kind}" for kind, count in troubles.items())
    print(f"\n{len(outcomes)} cases, {len(wrong)} wrong: {told}")
    return min(len(wrong), 100)


if __name__ == "__main__":
    sys.exit(main())
