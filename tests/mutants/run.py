"""Which mistakes would the tests notice? Put one after the other into a copy: `make mutants`.

Each mutant of `mutants.yaml` meets the nearest tests first; one that survives them meets all tests
with ``--all-tests``. Verdicts go to a file under ``build/``, line by line, so a run that was
interrupted goes on with ``--resume``. The survivors are listed at the end: each is a mistake that
nobody would have noticed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.mutants.mutants import Mutant, find_place, read_mutants, read_sources
from tests.mutants.trial import Copy, Outcome, timed

ROOT = Path(__file__).parents[2]
VERDICTS = ROOT / "build" / "mutants.jsonl"
Record: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str, str, int]


class Verdicts:
    """What is known so far, kept in a file of JSON lines.

    Args:
        path: The file.
        resume: Whether what stands there counts; else it is replaced.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._lock = Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not resume:
            path.unlink(missing_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
        self._records = {_key(record): record for record in map(json.loads, lines)}

    def of(self, mutant: Mutant) -> Record | None:
        """The last record of a mutant; None if there is none, or its entry has changed since."""
        return self._records.get(_key(asdict(mutant)))

    def add(self, mutant: Mutant, outcome: Outcome, seconds: float) -> None:
        """Write what became of a mutant."""
        record = {**asdict(mutant), **asdict(outcome), "seconds": seconds}
        del record["near"]
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            self._records[_key(record)] = record


def _key(entry: Record) -> Key:
    return entry["function"], entry["expression"], entry["replacement"], entry["occurrence"]


@dataclass(frozen=True, slots=True)
class Trials:
    """Where mutants are tried, and with which tests."""

    copies: SimpleQueue[Copy]
    verdicts: Verdicts
    all_tests: bool

    def run(self, mutant: Mutant) -> None:
        """Try a mutant as far as it is not known yet, in a copy that is free."""
        known = self.verdicts.of(mutant)
        has_survived = known is not None and known["verdict"] == "survived"
        copy = self.copies.get()
        try:
            if not has_survived:
                has_survived = self._step(mutant, partial(copy.try_near, mutant)) == "survived"
            if has_survived and self.all_tests:
                self._step(mutant, partial(copy.try_all, mutant))
        finally:
            self.copies.put(copy)

    def _step(self, mutant: Mutant, trial: partial[Outcome]) -> str:
        start = time.monotonic()
        outcome = trial()
        seconds = timed(start)
        self.verdicts.add(mutant, outcome, seconds)
        print(f"{outcome.verdict:9} {seconds:6.1f} s  {mutant.area}: {mutant.name}", flush=True)
        return outcome.verdict


def main(arguments: Sequence[str]) -> int:
    """Try what is asked for, and print the table."""
    options = _parser().parse_args(arguments)
    chosen = [m for m in read_mutants() if options.only in f"{m.area}: {m.name}"]
    sources = read_sources(options.tree)
    for mutant in chosen:  # an entry that does not fit is found before anything runs
        find_place(mutant, sources)
    verdicts = Verdicts(options.verdicts, resume=options.resume)
    due = [mutant for mutant in chosen if _is_due(verdicts.of(mutant), all_tests=options.all_tests)]
    if due:
        _try(due, verdicts, options)
    return report(chosen, verdicts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resume", action="store_true", help="keep the verdicts that are there")
    parser.add_argument("--only", default="", help="only mutants whose area and name contain this")
    parser.add_argument(
        "--all-tests", action="store_true", help="`make test` for what survives the nearest tests"
    )
    parser.add_argument("--workers", type=int, default=2, help="mutants at once, each in a copy")
    parser.add_argument("--seconds", type=float, default=900.0, help="for one path of tests")
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout to be tried")
    parser.add_argument("--verdicts", type=Path, default=VERDICTS, help="the file")
    return parser


def _is_due(known: Record | None, *, all_tests: bool) -> bool:
    if known is None or known["verdict"] == "error":
        return True
    return all_tests and (known["verdict"], known["scope"]) == ("survived", "near")


def _try(mutants: Iterable[Mutant], verdicts: Verdicts, options: argparse.Namespace) -> None:
    tree, copies = options.tree.resolve(), SimpleQueue[Copy]()
    trials = Trials(copies, verdicts, options.all_tests)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(options.workers) as pool:
        for number in range(options.workers):
            copies.put(Copy(tree, Path(folder).resolve() / str(number), options.seconds))
        for _ in pool.map(trials.run, mutants):
            pass


def report(mutants: Sequence[Mutant], verdicts: Verdicts) -> int:
    """Print what became of the mutants; 1 if one survived or could not be tried, else 0."""
    records = [record for mutant in mutants if (record := verdicts.of(mutant))]
    print(f"\n{'area':14} killed survived timeout error")
    for area in dict.fromkeys(record["area"] for record in records):
        counts = [_count(records, verdict, area) for verdict in _VERDICTS]
        print(f"{area:14} {counts[0]:6} {counts[1]:8} {counts[2]:7} {counts[3]:5}")
    for verdict in _VERDICTS[1:]:
        for record in records:
            if record["verdict"] == verdict:
                tests = f"{record['scope']} tests" if verdict == "survived" else record["by"]
                print(f"{verdict}: {record['area']}: {record['name']} ({tests})")
    return int(any(record["verdict"] in ("survived", "error") for record in records))


_VERDICTS = ("killed", "survived", "timeout", "error")


def _count(records: Iterable[Record], verdict: str, area: str) -> int:
    return sum(record["verdict"] == verdict and record["area"] == area for record in records)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
