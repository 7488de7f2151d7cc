"""Print the fault table: `make faults`."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.matrix import FAULTS, SHAPES, Outcome, try_shape
from tests.faults.sequences import MOVES, random_sequence, try_sequence

SEQUENCES = 2_000  # in which at least two faults hit


def main() -> int:
    """Try everything and print what became of it; the number of wrong cases is the exit code."""
    singles = [outcome for shape in SHAPES for outcome in try_shape(shape)]
    print_single(singles)
    several = list(islice(sequences(), SEQUENCES))
    print_several(several)
    outcomes = [*singles, *several]
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    for outcome in wrong:
        print(outcome)
    tried = len(outcomes)
    print(f"\n{tried} cases: {len(wrong)} with something lost, doubled, silent or left running")
    return min(len(wrong), 100)


def sequences() -> Iterator[Outcome]:
    """Seeded sequences in which at least two faults hit."""
    for seed in count():
        outcome = try_sequence(random_sequence(random.Random(seed)))  # noqa: S311 - repeatable
        if outcome.met.count("fault") > 1 or outcome.wrong:
            yield outcome


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


def print_line(name: str, outcomes: list[Outcome]) -> None:
    """One line of the table."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    got = ", ".join(f"{verdict} {count}" for verdict, count in verdicts.most_common())
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    print(f"{name:32} {len(outcomes):6}  {got}; wrong {wrong}")


if __name__ == "__main__":
    sys.exit(main())
