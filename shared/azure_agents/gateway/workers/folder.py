"""What the workers of one gateway tell each other, where they share no Redis: files in one folder.

Each worker writes its own totals, whole, once a second and when somebody asks; whoever is asked
adds all files up. Totals of one worker only grow, and nobody adds anything that is not yet in a
file, so sums never go back, whichever worker is asked: Prometheus would take that for a restart.
The file of a worker that was killed stays, so only its last second is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_ENDED = "ended"


class Folder:
    """The files of one gateway, as one worker sees them.

    Args:
        path: The folder; nobody else writes there.
        worker: The name of this worker, which no other one has or had.
    """

    def __init__(self, path: Path, worker: str) -> None:
        self._path, self._worker = path, worker

    def write(self, kind: str, content: bytes) -> None:
        """Put this worker's file in the place of the last one, at once.

        Args:
            kind: What it holds.
            content: All of it.
        """
        half = self._path / f"half.{kind}@{self._worker}"
        half.write_bytes(content)
        half.replace(self._path / f"{kind}@{self._worker}")

    def read(self, kind: str) -> Iterator[tuple[bytes, bool]]:
        """The files of all workers, this one's too, and whether each worker still runs.

        Args:
            kind: What they hold.
        """
        ended = {_worker(file) for file in self._path.glob(f"{_ENDED}@*")}
        for file in sorted(self._path.glob(f"{kind}@*")):
            yield file.read_bytes(), _worker(file) not in ended


def bury(path: Path, worker: str) -> None:
    """Let the others know that a worker runs no longer; what it counted stays.

    Args:
        path: The folder.
        worker: The name of the worker.
    """
    (path / f"{_ENDED}@{worker}").touch()


def _worker(file: Path) -> str:
    return file.name.rpartition("@")[2]
