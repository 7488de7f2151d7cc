"""A large file takes no more memory than a small one, up and down, over a real connection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .calling import WAYS

SCRIPT = Path(__file__).with_name("large_files.py")
MEGABYTES = 256  # what is true of these is true of a gigabyte: neither grows (16 and 19 MB)
MOST = 32


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_memory_is_flat(way: str) -> None:
    """What is read ahead is all that is held."""
    command = [sys.executable, str(SCRIPT), way, str(MEGABYTES)]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=environment
    )
    assert "" == done.stderr
    assert int(done.stdout) <= MOST
