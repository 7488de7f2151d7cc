"""`make soak`: half an hour of mixed load with faults, or as many seconds as the argument says."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .soak import problems, soak, told

SECONDS = 1800.0


def main(seconds: float) -> int:
    """Run it, and say what came of it; returns 1 if anything is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        books = soak(seconds, Path(folder))
    print(told(books))
    wrong = problems(books)
    print("\n".join(wrong) or "nothing leaked, and every request is accounted for")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else SECONDS))
