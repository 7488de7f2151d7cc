"""Starts other processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAMS = {"race": "child", "hammer": "child", "say": "talker", "killed": "killed"}


def start(mode: str, **arguments: Any) -> subprocess.Popen[str]:
    """Start a child; its standard input and output are pipes."""
    module = f"tests.stores.{PROGRAMS[mode]}"
    command = [sys.executable, "-m", module, mode, json.dumps(arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


def result(child: subprocess.Popen[str]) -> Any:
    """What a child that ended well wrote."""
    said, _ = child.communicate(timeout=120)
    assert 0 == child.returncode
    return json.loads(said)


def race(**arguments: Any) -> list[list[str]]:
    """Let four children take the same keys at the same time; what each of them won."""
    children = [start("race", **arguments) for _ in range(4)]
    for child in children:
        assert child.stdout is not None
        assert "ready\n" == child.stdout.readline()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    return [result(child) for child in children]
