"""Trying a mutant: put it into a copy of the tree and run the tests there.

The work tree is never touched. Each worker has a copy of its own; it stands first on the path, so
that the copy is imported and not what an editable install points to. A kill counts only where the
test that failed passes without the mutant.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutants import Mutant, find_place, mutated, read_sources

# Examples of property tests must not decide whether a mutant is killed today and not tomorrow.
_OPTIONS = ("-x", "-q", "--tb=line", "-p", "no:cacheprovider", "--hypothesis-seed=0")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of tests ended.

    Attributes:
        verdict: ``killed``, ``survived``, ``timeout``, or ``error``: no test decided.
        by: The test that failed, or what went wrong.
        scope: ``near`` or ``all``: how many tests a survivor has survived.
    """

    verdict: str
    by: str = ""
    scope: str = "near"


class Copy:
    """A copy of the tree, for one worker.

    Args:
        tree: The tree; what git ignores is left out.
        folder: Where the copy goes.
        seconds: How long one run of nearest tests may take; all tests may take ten times as long.
    """

    def __init__(self, tree: Path, folder: Path, seconds: float) -> None:
        self.folder = folder
        self._seconds = seconds
        _copy(tree, folder)
        _link_recordings(tree, folder)
        self._sources = read_sources(folder)
        self._check_path()

    def _check_path(self) -> None:
        code = "import azure_agents; print(azure_agents.__file__)"
        command = (sys.executable, "-c", code)
        told = subprocess.check_output(command, env=self._environment(), cwd=self.folder, text=True)
        if not Path(told.strip()).is_relative_to(self.folder):
            raise RuntimeError(f"the tests would import {told.strip()}, which is not in the copy")

    def try_near(self, mutant: Mutant) -> Outcome:
        """Run the nearest tests with the mutant in place."""
        with self._holding(mutant):
            outcome = Outcome("survived")
            for path in mutant.near:
                outcome = self._run(_pytest(path), self._seconds)
                if outcome.verdict != "survived":
                    break
        return self._checked(outcome)

    def try_all(self, mutant: Mutant) -> Outcome:
        """Run what `make test` runs with the mutant in place."""
        command = ("make", "test", "SETUP=", f"PY={sys.executable}", f"ARGS={' '.join(_OPTIONS)}")
        with self._holding(mutant):
            outcome = self._run(command, 10 * self._seconds)
        outcome = self._checked(outcome)
        return Outcome(outcome.verdict, outcome.by, "all")

    def _checked(self, outcome: Outcome) -> Outcome:
        """The outcome, if the test that killed the mutant passes without it."""
        if outcome.verdict != "killed":
            return outcome
        without = self._run(_pytest(outcome.by), self._seconds)
        if without.verdict == "survived":
            return outcome
        return Outcome("error", f"fails without the mutant as well: {outcome.by}")

    @contextmanager
    def _holding(self, mutant: Mutant) -> Iterator[None]:
        place = find_place(mutant, self._sources)
        text = self._sources[place.module]
        path = self.folder / place.module
        try:
            _write(path, mutated(mutant, place, text))
            yield
        finally:
            _write(path, text)
            # Examples that failed with this mutant would be tried first with the next one.
            shutil.rmtree(self.folder / ".hypothesis", ignore_errors=True)

    def _run(self, command: Sequence[str], seconds: float) -> Outcome:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return Outcome("timeout", command[-1])
        finally:
            _kill_group(process)
        return _outcome(process.returncode, output)

    def _environment(self) -> dict[str, str]:
        paths = os.pathsep.join((str(self.folder / "shared"), str(self.folder)))
        return {**os.environ, "PYTHONPATH": paths}


def _pytest(path: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pytest", *_OPTIONS, path)


def _outcome(code: int, output: str) -> Outcome:
    if code == 0:
        return Outcome("survived")
    failed = _FAILED.search(output)
    if failed is None:  # a path that is not there, for instance
        return Outcome("error", "\n".join(output.splitlines()[-5:]))
    return Outcome("killed", failed[1])


def _kill_group(process: subprocess.Popen[str]) -> None:
    """End what the tests may have left running, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    # Byte code is known by second and size: that of a moment ago would be taken for the new one.
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def _copy(tree: Path, folder: Path) -> None:
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.check_output(command, cwd=tree, text=True).split("\0")
    for name in filter(None, names):
        if (tree / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, folder / name)


def _link_recordings(tree: Path, folder: Path) -> None:
    """Tests read recordings beside the tree: the copy has them in the same place."""
    there, here = tree.parent / "shared", folder.parent / "shared"
    if there.is_dir() and not here.exists():
        here.symlink_to(there, target_is_directory=True)


def timed(start: float) -> float:
    """Seconds since `start`, for a record."""
    return round(time.monotonic() - start, 1)
