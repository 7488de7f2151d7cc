"""Print the fault table: `make faults`."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.matrix import FAULTS, SHAPES, Outcome, try_several, try_shape

PAIRS = 2_000


def main() -> int:
    """Try everything and print what became of it; the number of wrong cases is the exit code."""
    outcomes = [outcome for shape in SHAPES for outcome in try_shape(shape)]
    print_table(outcomes)
    several = [try_random(random.Random(seed)) for seed in range(PAIRS)]  # noqa: S311 - repeatable
    print_line("two or three faults at once", several)
    wrong = [outcome for outcome in [*outcomes, *several] if outcome.wrong]
    for outcome in wrong:
        print(outcome)
    tried = len(outcomes) + len(several)
    print(f"\n{tried} cases: {len(wrong)} with something lost, doubled, silent or left running")
    return min(len(wrong), 100)


def try_random(source: random.Random) -> Outcome:
    """A few faults anywhere in any kind of conversation."""
    names = sorted(FAULTS)
    faults = [(source.randint(1, 9), source.choice(names)) for _ in range(source.choice((2, 3)))]
    return try_several(source.choice(SHAPES), faults)


def print_table(outcomes: list[Outcome]) -> None:
    """A line a fault."""
    print(f"{'fault':32} {'cases':>6}  what the caller got")
    for name in FAULTS:
        print_line(name, [outcome for outcome in outcomes if outcome.fault == name])


def print_line(name: str, outcomes: list[Outcome]) -> None:
    """One line of the table."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    got = ", ".join(f"{verdict} {count}" for verdict, count in verdicts.most_common())
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    print(f"{name:32} {len(outcomes):6}  {got}; wrong {wrong}")


if __name__ == "__main__":
    sys.exit(main())
