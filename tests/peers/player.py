"""The client's side: reads orders, has a client carry them out, and reports what it told.

Runs in a peer's own environment: nothing of this project can be imported here but `oracle`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

Messages = list[list[str]]  # role and text


class MissingError(Exception):
    """The client cannot do this."""


class Client:
    """A client in one way to use it; a new one for every case.

    Args:
        agent: The agent: a name, or the id of a classic one.
        options: Of the way.
    """

    def __init__(self, agent: str, options: dict[str, Any]) -> None:
        self.agent = agent
        self.options = options

    def ask(self, text: str, *, stream: bool, timeout: float | None) -> dict[str, Any]:
        """The next turn; a timeout is asked for with classic agents only."""
        raise NotImplementedError

    def replay(self, history: Messages) -> dict[str, Any]:
        """Start with a history that came from elsewhere; its last message is the question."""
        raise NotImplementedError

    def back(self, text: str) -> dict[str, Any]:
        """Forget the last turn and ask something else."""
        raise NotImplementedError

    def edit(self, changed: str, text: str) -> dict[str, Any]:
        """Change the first message and ask the next question."""
        raise NotImplementedError

    def leave(self, text: str, after: float) -> dict[str, Any]:
        """Ask in a task, and cancel the task after so many seconds (classic agents only)."""
        raise NotImplementedError


def report(text: str | None, done: str, calls: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the caller was told; `done` is ``"complete"`` only if the client says so."""
    return {"text": text or "", "done": done, "calls": list(calls)}


def give_up(call: Callable[[], Coroutine[Any, Any, Any]], after: float) -> dict[str, Any]:
    """Make a call in a task, and cancel the task after so many seconds."""

    async def go() -> None:
        task = asyncio.create_task(call())
        await asyncio.sleep(after)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(go())
    return report("", "")


def main(client: type[Client]) -> None:
    """Carry out one order a line until there are no more."""
    player: Client | None = None
    for line in sys.stdin:
        order = json.loads(line)
        what, began = order.pop("do"), time.monotonic()
        answer: dict[str, Any] = {}
        try:
            if what == "open":
                player = client(**order)
            else:
                answer = getattr(player, what)(**order)
        except MissingError as missing:
            answer = {"missing": str(missing)}
        except Exception as error:  # noqa: BLE001 - told to the caller, so to the table
            sentence = " ".join(str(error).split())
            answer = {"error": f"{type(error).__name__}: {sentence[:160]}"}
        answer["seconds"] = time.monotonic() - began
        # Some clients print; a report is a line that begins so.
        sys.stdout.write(json.dumps({"told": answer}) + "\n")
        sys.stdout.flush()
