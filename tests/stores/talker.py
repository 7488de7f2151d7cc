"""Processes that hold conversations; started with a mode and JSON arguments."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from azure_agents.auth import make_auth
from azure_agents.client import Agents
from azure_agents.config import resolve_settings
from azure_agents.fold import fold
from azure_agents.messages import Message, TurnRequest, assistant, user

from .child import store_at


def dump(messages: list[Message]) -> str:
    """A history as a file keeps it."""
    return json.dumps([[m.role, m.text, m.anchor] for m in messages])


def load(text: str) -> list[Message]:
    """The history that `dump` wrote."""
    return [
        user(said) if role == "user" else assistant(said, anchor=anchor)
        for role, said, anchor in json.loads(text)
    ]


class Killer:
    """Kills this process at a given step; as an observer and around a store it sees them all."""

    def __init__(self, store: Any, last: int) -> None:
        self.store = store
        self.is_blocking = store.is_blocking
        self.last = last
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def record(self, _: object) -> None:
        self.step()

    def get(self, key: str) -> Any:
        return self._around(self.store.get, key)

    def put(self, key: str, value: str) -> None:
        self._around(self.store.put, key, value)

    def take(self, key: str, expected: str) -> Any:
        return self._around(self.store.take, key, expected)

    def _around(self, operation: Any, *args: str) -> Any:
        self.step()
        result = operation(*args)
        self.step()
        return result


def client(connection: dict[str, Any], store: Any, **seams: Any) -> Agents:
    """A client of a served agent."""
    wanted = {name: connection[name] for name in ("model", "endpoint", "threads")}
    settings = resolve_settings(**wanted, allow_http=True, timeout=20.0, env={})
    auth = make_auth(credential="token", endpoint=settings.endpoint, env={})
    return Agents(settings, auth, store=store, **seams)


def talk(agents: Agents, chat: list[Message], text: str, tick: Any = bool) -> None:
    """Ask, and append what was said."""
    events = []
    for event in agents.stream(TurnRequest((*chat, user(text)))):
        events.append(event)
        tick()
    done = fold(iter(events))
    chat += [user(text), assistant(done.text, anchor=done.finished.anchor)]


def say(connection: dict[str, Any], kind: str, place: str, history: str) -> None:
    """Go on with a history, in this new process."""
    chat = load(history)
    talk(client(connection, store_at(kind, place)), chat, "in another process")
    sys.stdout.write(dump(chat))


def killed(connection: dict[str, Any], kind: str, place: str, folder: str) -> None:
    """Play a conversation once to its end, then once for each step to be killed at.

    Every play is a process of its own and keeps the turns that it finished in a file.
    """
    steps = _play(connection, kind, place, Path(folder, "0"), last=0)
    for last in range(1, steps + 1):
        child = os.fork()
        if child == 0:
            _play(connection, kind, place, Path(folder, str(last)), last=last)
            os._exit(1)  # not reached: the last step kills
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, (last, status)
    sys.stdout.write(json.dumps(steps))


def _play(connection: dict[str, Any], kind: str, place: str, file: Path, *, last: int) -> int:
    killer = Killer(store_at(kind, place), last)
    agents = client(connection, killer, observer=killer)
    chat: list[Message] = []
    for turn in range(3):
        talk(agents, chat, f"question {turn} of play {last}", killer.step)
        half = file.with_suffix(".new")
        half.write_text(dump(chat))
        half.replace(file)
    agents.close()
    return killer.steps


MODES = {"say": say, "killed": killed}

if __name__ == "__main__":
    MODES[sys.argv[1]](**json.loads(sys.argv[2]))
