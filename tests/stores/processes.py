"""Starts other processes."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, cast

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


def race(keys: list[str], **arguments: Any) -> list[int]:
    """Let four children take one key after the other, each together; how many won it.

    All of them are told of a key before the first is listened to. So each key is fought for on
    a machine of any speed, whichever process the system lets run.
    """
    with ExitStack() as stack:
        children = [stack.enter_context(start("race", **arguments)) for _ in range(4)]
        pipes = [(cast("IO[str]", one.stdin), cast("IO[str]", one.stdout)) for one in children]
        won = []
        for key in keys:
            for told, _ in pipes:
                told.write(f"{key}\n")
                told.flush()
            won.append([said.readline() for _, said in pipes].count("True\n"))
        return won
