"""Memory of open streams: the benchmark in short."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gateway_streams.py"


@pytest.mark.slow
def test_an_open_stream_is_small_and_leaves_nothing() -> None:
    """At most 40 kB each; a second wave holds no more than the first did at its most."""
    command = [sys.executable, str(SCRIPT), "--rounds", "0", "--open", "800"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    held, more = re.findall(r"^kB .*: ([\d.]+)$", done.stdout, re.MULTILINE)
    assert 40 >= float(held)
    assert 4 >= float(more)  # allocators round
