"""Find a run whose stream was cut or whose answer was lost, and deliver the rest of it.

Only reading requests are made here. A run is found by its id, which the first event of a stream
brings, or by the key of the turn (`Turn.operation`) in its metadata. It is polled until it is over
or pauses; then its messages and steps are read, and `Delivered` lets pass what the caller has not
got yet.
"""

from __future__ import annotations

from functools import partial

from ...errors import AzureAgentsError, ConnectionLostError
from ...events import Event
from ...jsonio import JSON
from ..commands import Emit, Flow, Sleep
from ..delivery import Delivered
from ..retry import is_transient
from ..turn import Turn
from ..waiting import none_if_it_fails, poll
from .cleanup import RunCleanup
from .lookups import Lookups
from .pauses import Submission
from .reader import ACTIVE, RunReader
from .remainder import delivered_by, has_server_tools, has_words, messages_after, steps_since

SETTLING = (0.5, 2.0)  # seconds between lookups, where lists lag behind what was written


class RunRecovery:
    """The sources of one turn's answer, and how a run that was lost is read all the same.

    Args:
        turn: The turn.

    Attributes:
        lookups: Its reading requests.
        cleanup: The runs it may have set going.
        last_reader: The reader that was made last: what it knows belongs on every error.
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.lookups = Lookups(turn)
        self.cleanup = RunCleanup(turn, self.lookups)
        self._delivered = Delivered()
        self.last_reader = self.new_reader(None)

    def new_reader(self, thread: str | None) -> RunReader:
        """Make a reader for the next source of the answer; `thread` is None until it is known."""
        self.last_reader = RunReader(
            self._delivered, deltas=self.turn.wants_deltas, thread_id=thread
        )
        return self.last_reader

    def recover(self, reader: RunReader, error: AzureAgentsError) -> Flow[RunReader]:
        """Follow the run that `reader` was to read, wherever it can be found.

        Raises:
            AzureAgentsError: `error`, if no run is found.
        """
        thread = reader.thread_id
        run = reader.run_id or (yield from none_if_it_fails(partial(self.find_run, reader)))
        if run is None:
            error.add_facts(thread_id=thread)
            raise error
        return (yield from self.follow(reader, run))

    def find_forked(self) -> Flow[RunReader | None]:
        """Read the run that an earlier process started on a new thread for this turn, if any.

        A look that fails is the call's failure: a run that was only not seen would be paid twice.
        """
        reader = self.new_reader(None)
        run = yield from self.find_run(reader)
        return None if run is None else (yield from self.follow(reader, run))

    def find_run(self, reader: RunReader) -> Flow[str | None]:
        """Look for the run with this turn's key, on the reader's thread or on any new one."""
        thread = reader.thread_id
        threads = [thread] if thread else (yield from self.lookups.our_threads())
        if not threads:
            return None
        reader.thread_id = threads[0]
        for run in (yield from self.lookups.our_runs(threads[0])):
            return str(run["id"])
        return None

    def follow(
        self, reader: RunReader, run_id: str, submission: Submission | None = None
    ) -> Flow[RunReader]:
        """Poll a run to its end (or pause) and deliver what of its answer is missing.

        Args:
            reader: The source that was cut; it knows the thread.
            run_id: The run.
            submission: What the run was given at its last pause: the answer begins behind it.

        Raises:
            ConnectionLostError: It could not be read: what became of it is unknown.
        """
        thread = reader.thread_id or ""
        try:
            stored, events = yield from self._read_stored(thread, run_id, submission)
        except AzureAgentsError as error:
            if not is_transient(error):
                raise
            # A lookup failed or was not sent, but the run was started all the same. Raised as it
            # is, "not sent" would be taken for a run that may be started again.
            lost = f"the run could not be followed: {error.message}"
            raise ConnectionLostError(lost, **error.facts) from error
        self.cleanup.mark_over(run_id, found_on=thread)
        was_announced = reader.run_id is not None
        yield Emit(events[1:] if was_announced else events)  # `Started` is delivered once
        return stored.checked()

    def _read_stored(
        self, thread: str, run_id: str, submission: Submission | None
    ) -> Flow[tuple[RunReader, list[Event]]]:
        run = yield from poll(partial(self.lookups.run, thread, run_id), active=ACTIVE)
        # A run that paused before has messages and steps of earlier answers: they come first.
        before = "" if submission is None else delivered_by(run_id, self.turn.messages)
        answered = set() if submission is None else submission.calls
        messages = yield from self._new_messages(thread, run, before)
        steps = (yield from self.lookups.steps_of(thread, run_id)) if has_server_tools(run) else []
        stored = self.new_reader(thread)
        return stored, stored.read(run, messages, steps_since(answered, steps))

    def _new_messages(self, thread: str, run: JSON, before: str) -> Flow[list[JSON]]:
        """Read the messages that follow the text `before`."""
        messages = yield from self.lookups.messages_of(thread, run["id"])
        # The list may lag behind a run that completed, and lack the answer that was paid for.
        for pause in SETTLING if has_words(run) else ():
            if messages_after(before, messages):
                break
            yield Sleep(pause)
            messages = yield from self.lookups.messages_of(thread, run["id"])
        return messages_after(before, messages)

    def raise_end_of(self, thread: str, run: str) -> Flow[None]:
        """Explain why a run refuses its outputs, if it ended badly.

        Raises:
            TurnError: It expired, was cancelled or failed.
        """
        state = yield from none_if_it_fails(partial(self.lookups.run, thread, run))
        if state is not None and state.get("status") in ("expired", "cancelled", "failed"):
            reader = self.new_reader(thread)
            reader.read(state, ())
            reader.checked()

    def add_facts(self, error: AzureAgentsError) -> None:
        """Put what is known of the turn on the error that ends it."""
        error.add_facts(
            agent=self.turn.settings.agent.requested,
            thread_id=self.last_reader.thread_id,
            run_id=self.last_reader.run_id,
            partial_text=self._delivered.text or None,
        )
