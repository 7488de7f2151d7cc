"""Theory of operation: how one turn of an agent runs inside the emulator.

**From the request to the first step.** A handler (`v2/responses.py`, `classic/runs.py`) checks the
request, stores a `Response` or a `Run`, and starts a turn with `World.start`. The turn owns a
generator, its *work*: `respond` in `v2/stream.py`, `first_leg` and `next_leg` in
`classic/stream.py`. The handler returns an `Answer` that names the turn; `line/wireline.py` drives
it and turns its frames into bytes.

**Steps.** The work yields one step at a time, and updates the stored object before each
event. There are three kinds of step:

    step          who acts on it                       what the work gets back
    Frame         the reader sends it as an event      nothing
    Wait          time passes: a scripted pause,       nothing
                  a slow tool, the weather, silence
                  before a keepalive
    AskAgent      the turn asks the agent's responder  the parts of the reply

Each work asks its agent exactly once, and a deployment once for each prompt of a list. A batch
runs the turn of each of its lines inside its own: it hands on what they ask and wait for. The
responder (`agent/responder.py`) returns the scripted reply, or the built-in one. What follows is
scripted too: the weather may replace the parts by a failure, an open file search is run, the token
budget cuts the text, and then the work plays the parts one after the other. No server tool really
runs, except the search in attached files: a tool is a part that says what the tool was asked and
what it said. A classic run that calls functions or asks for approval ends its work with the pause;
submitted outputs start the next leg as a new turn.

**Who drives.** A turn has no thread. While a client reads its stream, or waits for a plain answer,
that reader calls `step` and performs what it gets. A turn without a reader (a background response,
a polled run, a client that went away) is driven by `poll`, which gives it one second. A client that
reads the object over HTTP polls the turn, and `catch_up` polls it once for every second that passed
on the clock. So a run is active exactly as long as its stream is open, an abandoned turn ends by
itself, and a test that never waits still sees `queued`, `in_progress` and `completed` in order.

**The clock.** All time is that of the emulator's clock. A reader sleeps on it (`FakeClock` jumps);
`poll` never sleeps, it notes in `_wakes_at` when the turn may go on.

**Faults.** Planned faults and the weather act on the connection (`line/wireline.py`), not on the
turn: a cut stream leaves its turn as if the client had gone. Only a fault with `finishes=False`
reaches the turn: `lose` ends it and undoes what it stored.

**The end.** A turn ends in one of four ways: its work returns; `stop` closes it from outside
(cancel, expiry, a deleted thread), with closing frames for its readers; `lose` drops it; or the
work raises, which is an error of a script or of the emulator: the turn is `broken`, its reader gets
a server error, and the error is kept in `Emulator.errors`.

**Locks.** State changes under the emulator's one lock. The responder is asked without it, because a
scripted function may block, meet others at a barrier, or call the emulator. Two drivers may find
the same `AskAgent`: the first claims it, the other waits for the reply.
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

    from ..agent.replies import Part
    from ..agent.responder import Responder
    from ..agent.seen import SeenTurn
    from .clock import Clock


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event, already encoded."""

    event: str
    data: bytes

    def encode(self) -> bytes:
        """Encode the event as it goes over the wire; deployments send data without a name."""
        name = b"event: %b\n" % self.event.encode() if self.event else b""
        return b"%bdata: %b\n\n" % (name, self.data)


def frame(event: str, data: object) -> Frame:
    """Build an event; its data are encoded now, so later changes of them do not show."""
    return Frame(event, jsonio.dumps(data))


@dataclass(frozen=True, slots=True)
class AskAgent:
    """The agent has to reply; the work gets the parts of the reply back."""

    seen: SeenTurn
    responder: Responder


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing happens for this many seconds."""

    seconds: float


Step: TypeAlias = Frame | AskAgent | Wait
Work: TypeAlias = Generator[Step, Any, None]


class Turn:
    """One turn in progress; see the theory of operation above.

    Args:
        work: The generator that runs the turn.
        lock: The emulator's lock (as a condition).
        clock: The emulator's clock.
        status: Returns the status of the response or run.
        drop: Undoes what the turn stored, for a turn that the server loses.
        report: Takes an error of the emulator or of a script.
        polls_until_noticed: How many polls find an abandoned turn where its reader left it.

    Attributes:
        frames: The events so far; a reader may begin anywhere in them.
        readers: How many clients read the stream or wait for the answer.
        done: Whether the turn has ended.
        broken: Whether the emulator or a script failed in it.
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
        polls_until_noticed: int,
    ) -> None:
        self._work = work
        self._lock = lock
        self._clock = clock
        self._status = status
        self._drop = drop
        self._report = report
        self._polls_until_noticed = polls_until_noticed
        self._asked: AskAgent | None = None  # a step that waits for the agent's reply
        self._claimed = False  # whether a driver is asking the agent right now
        self._reply: tuple[Part, ...] | None = None  # what the work gets at its next step
        self._wakes_at = 0.0  # the end of the last wait, for a turn without a reader
        self._idle_polls = 0  # how many more polls find an abandoned turn as it is
        self._driven_until = clock.time()  # the time up to which the turn has been driven
        self.frames: list[Frame] = []
        self.readers = 0
        self.done = False
        self.broken = False

    # -- called with the lock held ------------------------------------------------------------

    def step(self) -> Step | None:
        """Run the work up to its next step; None at the end.

        An `AskAgent` is returned again and again until `ask_agent` has the reply.
        """
        if self.done:
            return None
        if self._asked is not None:
            return self._asked
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
        elif isinstance(step, AskAgent):
            self._asked = step
        return step

    def take(self, reply: tuple[Part, ...]) -> None:
        """Take the reply to an `AskAgent` from whoever asked in its place."""
        self._reply, self._asked = reply, None

    def _break(self, error: Exception) -> None:
        self.broken = True
        self._report(error)

    def stop(self, *closing: Frame) -> None:
        """End the turn now; readers still get the closing frames."""
        if self.done:
            return
        self._work.close()
        self.frames.extend(closing)
        self.done = True

    def leave(self) -> None:
        """Note that a reader has gone: it had the whole answer, or hung up before the end."""
        self.readers -= 1
        # The service notices late that a client hung up: the first polls find the turn unchanged.
        self._idle_polls = self._polls_until_noticed
        # The reader drove the turn up to now: `catch_up` must not count this time again.
        self._driven_until = self._clock.time()

    def lose(self) -> None:
        """End the turn as if the server had lost it, and undo what it stored."""
        if not self.done:
            self.stop()
            self._drop()

    # -- called without the lock ---------------------------------------------------------------

    def ask_agent(self) -> None:
        """Ask the agent's responder, or wait until another driver has done so."""
        with self._lock:
            task = self._asked
            if task is None:
                return
            if self._claimed:
                # Past this limit the driver finds the same `AskAgent`, and waits here once more.
                # 60 s are far more than a script takes, and no wait lasts for ever.
                self._lock.wait_for(lambda: not self._claimed or self.done, timeout=60)
                return
            self._claimed = True
        reply: tuple[Part, ...] = (Failed(),)
        try:
            reply = task.responder.answer(task.seen)
        except Exception as error:  # noqa: BLE001 - whatever a script raises fails its turn only
            with self._lock:
                self._break(error)
        finally:
            # Also on KeyboardInterrupt: a claim that stays would hold the other driver up.
            with self._lock:
                self._reply, self._asked, self._claimed = reply, None, False
                self._lock.notify_all()

    async def ask_agent_async(self) -> None:
        """As `ask_agent`, in a worker thread if a scripted function or another driver may block."""
        with self._lock:
            task = self._asked
        if task is not None and (task.responder.may_block or self._claimed):
            await asyncio.to_thread(self.ask_agent)
        else:
            self.ask_agent()

    def poll(self) -> None:
        """Give a turn without a reader one second: it goes on until its status changes."""
        with self._lock:
            if self.readers or self.done or self._claimed or self._skip_this_poll():
                return
            before = self._status()
        while True:
            with self._lock:
                step = self.step()
                if isinstance(step, Wait):
                    now = self._clock.time()
                    self._wakes_at = max(now, self._wakes_at) + step.seconds
                    # Pauses between tokens are shorter than the second that a poll lasts. Were
                    # each of them to end the poll, a slow text would need a poll for every token.
                    if self._wakes_at < now + 1:
                        continue
                if step is None or isinstance(step, Wait):
                    return
                # Stop at `in_progress`, so that a poller sees it. At the end (or in a pause) go
                # on: frames that follow the last status belong to this turn, too.
                if self._status() != before and not self._is_settled():
                    return
            if isinstance(step, AskAgent):
                self.ask_agent()

    def catch_up(self) -> None:
        """Give a turn without a reader the time that passed on the clock: a poll a second."""
        while True:
            with self._lock:
                now = self._clock.time()
                if self.readers:
                    self._driven_until = now
                if self.done or self._driven_until + 1 > now:
                    return
                # No turn has more than a few statuses: an hour need not be walked second by second.
                self._driven_until = max(self._driven_until + 1, now - 60)
            self.poll()

    def _skip_this_poll(self) -> bool:
        # A poll takes a second off every wait even when the clock stands still: otherwise a client
        # that polls on a clock of its own would never see a turn with a pause in it end.
        if self._idle_polls > 0:
            self._idle_polls -= 1
            return True
        if self._wakes_at > self._clock.time():
            self._wakes_at -= 1
            return True
        return False

    def _is_settled(self) -> bool:
        return self._status() not in {"queued", "in_progress"}
