"""Processes that only use a store; started with a mode and JSON arguments."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any


def store_at(kind: str, place: str) -> Any:
    """A store of one kind; only what it needs is imported."""
    name = {"memory": "MemoryThreadStore", "sqlite": "SQLiteThreadStore"}
    module = import_module(f"azure_agents.threads.{kind}")
    made = getattr(module, name.get(kind, "RedisThreadStore"))
    return made(place) if place else made()


def race(kind: str, place: str) -> None:
    """Take every key that is named on standard input, and say whether it was ours."""
    store = store_at(kind, place)
    for line in sys.stdin:
        os.write(1, f"{store.take(line.strip(), 'head')}\n".encode())


def hammer(kind: str, place: str) -> None:
    """Put and take for ever, saying before and after what is done."""
    store = store_at(kind, place)
    for number in range(1_000_000):
        key, value = f"key {number}", f"value {number}"
        os.write(1, f"put {number}\n".encode())
        store.put(key, value)
        os.write(1, f"has {number}\n".encode())
        if number % 2:
            store.take(key, value)
            os.write(1, f"took {number}\n".encode())


MODES = {"race": race, "hammer": hammer}

if __name__ == "__main__":
    MODES[sys.argv[1]](**json.loads(sys.argv[2]))
