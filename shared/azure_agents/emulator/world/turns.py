"""One turn in progress: a generator that moves the service's state while it emits events.

The generator yields frames (stream events), `Wait`, and once `Think` when the agent has to
answer. Whoever reads the stream drives it; a turn nobody reads goes on when somebody looks at it
or when time passes. So a run is active exactly as long as its stream is open, a dropped client
leaves a turn that ends by itself, and nothing needs a thread of its own.

Locking: state moves under the emulator's one lock, but an agent thinks outside of it, so that
scripted answers may block, meet at a barrier, or call the emulator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ... import jsonio
from ..agent.replies import Failed

if TYPE_CHECKING:
    import threading

    from ..agent.brains import Brain
    from ..agent.replies import Part
    from ..agent.transcripts import SeenTurn
    from .clock import Clock


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event, already encoded."""

    event: str
    data: bytes

    def encode(self) -> bytes:
        """The event as it goes over the wire."""
        return b"event: %b\ndata: %b\n\n" % (self.event.encode(), self.data)


def frame(event: str, data: object) -> Frame:
    """An event with JSON data, encoded now: later changes of the data do not show."""
    return Frame(event, jsonio.dumps(data))


@dataclass(frozen=True, slots=True)
class Think:
    """The agent has to answer."""

    seen: SeenTurn
    brain: Brain


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing happens for a while."""

    seconds: float


Step: TypeAlias = Frame | Think | Wait
Work: TypeAlias = Generator[Step, Any, None]


class Turn:
    """A turn that somebody drives.

    Args:
        work: The generator.
        lock: The emulator's lock (as a condition).
        clock: The emulator's clock.
        status: Says how far the turn is; a look at an unread turn moves it to the next status.
        drop: Undoes the turn when it is lost on the server.
        report: Takes an error in the emulator or in a script: the turn fails, its caller does not.
        linger: How many looks an abandoned turn stays as it is.
    """

    def __init__(
        self,
        work: Work,
        *,
        lock: threading.Condition,
        clock: Clock,
        status: Callable[[], str],
        drop: Callable[[], None],
        report: Callable[[Exception], None],
        linger: int,
    ) -> None:
        self._work = work
        self._lock = lock
        self._clock = clock
        self._status = status
        self._drop = drop
        self._report = report
        self._linger = linger
        self._thinking: Think | None = None
        self._claimed = False
        self._reply: tuple[Part, ...] | None = None
        self._wake = 0.0
        self._patience = 0
        self._seen_at = clock.time()
        self.frames: list[Frame] = []
        self.readers = 0
        self.done = False
        self.broken = False

    # -- called with the lock held ------------------------------------------------------------

    def step(self) -> Step | None:
        """Move on by one step; None at the end."""
        if self.done:
            return None
        if self._thinking is not None:
            return self._thinking
        try:
            step = self._work.send(self._reply)
        except StopIteration:
            self.done = True
            return None
        except Exception as error:  # noqa: BLE001 - say, a script that this generation cannot play
            self._break(error)
            self._drop()
            self.done = True
            return None
        self._reply = None
        if isinstance(step, Frame):
            self.frames.append(step)
        elif isinstance(step, Think):
            self._thinking = step
        return step

    def _break(self, error: Exception) -> None:
        self.broken = True
        self._report(error)

    def stop(self, *closing: Frame) -> None:
        """End the turn now; readers still get these events."""
        if self.done:
            return
        self._work.close()
        self.frames.extend(closing)
        self.done = True

    def leave(self) -> None:
        """A reader goes away before the end."""
        self.readers -= 1
        self._patience = self._linger
        self._seen_at = self._clock.time()

    def lose(self) -> None:
        """The service loses the turn."""
        if not self.done:
            self.stop()
            self._drop()

    # -- called without the lock ---------------------------------------------------------------

    def think(self) -> None:
        """Let the agent answer, or wait until somebody else has let it."""
        with self._lock:
            task = self._thinking
            if task is None:
                return
            if self._claimed:
                self._lock.wait_for(lambda: not self._claimed or self.done, timeout=60)
                return
            self._claimed = True
        reply: tuple[Part, ...] = (Failed(),)
        try:
            reply = task.brain.answer(task.seen)
        except Exception as error:  # noqa: BLE001 - whatever a script raises, the agent is what fails
            self._break(error)
        finally:
            with self._lock:
                self._reply, self._thinking, self._claimed = reply, None, False
                self._lock.notify_all()

    async def athink(self) -> None:
        """As `think`, without blocking the event loop while a scripted function runs."""
        with self._lock:
            task = self._thinking
        if task is not None and (task.brain.may_block or self._claimed):
            await asyncio.to_thread(self.think)
        else:
            self.think()

    def look(self) -> None:
        """Give an unread turn the time to reach its next status."""
        with self._lock:
            if self.readers or self.done or self._claimed or self._is_waiting():
                return
            before = self._status()
        while True:
            with self._lock:
                step = self.step()
                if isinstance(step, Wait):
                    now = self._clock.time()
                    self._wake = max(now, self._wake) + step.seconds
                    if self._wake < now + 1:  # a look lasts a second: short waits fit into it
                        continue
                if step is None or isinstance(step, Wait):
                    return
                if self._status() != before and not self._is_settled():
                    return
            if isinstance(step, Think):
                self.think()

    def catch_up(self) -> None:
        """Give an unread turn the time that passed on the clock, one status a second."""
        while True:
            with self._lock:
                now = self._clock.time()
                if self.readers:
                    self._seen_at = now
                if self.done or self._seen_at + 1 > now:
                    return
                # No turn has more than a few statuses: an hour need not be walked second by second.
                self._seen_at = max(self._seen_at + 1, now - 60)
            self.look()

    def _is_waiting(self) -> bool:
        # A look lasts a second for the turn, so that clients on a real clock get on as well.
        if self._patience > 0:
            self._patience -= 1
            return True
        if self._wake > self._clock.time():
            self._wake -= 1
            return True
        return False

    def _is_settled(self) -> bool:
        return self._status() not in {"queued", "in_progress"}
