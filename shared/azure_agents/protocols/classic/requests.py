"""What can be done on a classic thread: create it, run on it, submit to a run, find a run again.

The answer is always streamed underneath: only then is the run's id known early, and nothing is
polled. A stream that was cut, or an answer that was lost, is followed if its run can be found by
its id or by the operation key in its metadata; polling is the fallback.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

from ...errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    DeadlineError,
    RateLimitError,
)
from ...events import Event
from ...jsonio import JSON, dumps
from ...messages import Message
from ..commands import Emit, Flow, Pump, Reply, Send, Sleep
from ..delivery import Delivered
from ..options import OPERATION, PIECE, encode_metadata
from ..retry import delay_before, is_unknown, may_pass, was_not_applied
from ..sending import is_too_much, read_object, retrying, send
from ..turn import Turn
from ..waiting import poll, settle, suppress_but_deadline, unknown_turn, unless_it_fails
from .cleanup import Begun, BegunRuns
from .codec import encode_messages, system_text
from .lookups import Looks
from .options import encode_options
from .pauses import Pause
from .reader import ACTIVE, RunReader
from .remainder import after, has_server_tools, has_words, since, told_by
from .submission import Submission

SETTLING = (0.5, 2.0)  # seconds between looks that seem to show what was before


class Runs:
    """The requests of one turn.

    Args:
        turn: The turn.

    Attributes:
        reader: The source of the answer that is being read, or was read last.
        pause: The pause that this turn answers, or passes over.
        sent: What the paused run took of this turn.
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.looks = Looks(turn)
        self.begun = BegunRuns(turn, self.looks)
        self._delivered = Delivered()
        self.pause: Pause | None = None
        self.sent: Sequence[Message] = ()
        self._told_before = ""  # text the run had told before it paused
        self._pieces: dict[str, int] = {}  # thread -> how many messages were posted one by one
        self._answered: set[str] = set()  # calls the run had paused for
        self._fields: dict[str, Any] = {
            "assistant_id": turn.settings.agent.assistant_id,
            "stream": True,
            "metadata": encode_metadata(turn.request.options, turn.operation),
            **encode_options(turn.request.options),
        }
        self.reader = self._new_reader(None)

    def _new_reader(self, thread: str | None) -> RunReader:
        """A reader for the next source of the answer."""
        return RunReader(self._delivered, deltas=self.turn.deltas, thread_id=thread)

    def add_tools_of_agent(self) -> Flow[None]:
        """The tools of a run replace those of its agent: send both, the call's own first."""
        own = self._fields.get("tools")
        if not own:
            return
        known = self.turn.memo.get("tools of agent")
        if known is None:
            path = f"/assistants/{self.turn.settings.agent.assistant_id}"
            agent = yield from self.looks.get(path, "read the agent")
            known = agent.get("tools") or []
            self.turn.memo.put("tools of agent", known)
        names = {tool["function"]["name"] for tool in own}
        kept = [t for t in known if (t.get("function") or {}).get("name") not in names]
        self._fields["tools"] = [*own, *kept]

    # --- creating -------------------------------------------------------------------------------

    def start(self, whole: Sequence[Message]) -> Flow[None]:
        """Run on a new thread that holds `whole`. A lost one is an orphan nobody will use."""
        self.reader = self._new_reader(None)
        if self._needs_thread_first(whole):
            thread = yield from self._create_thread(whole)
            yield from self.run_on(thread, ())
            return
        try:
            yield from self._create_and_run(whole)
        except RateLimitError as limited:
            yield from self._run_again(limited)

    def _run_again(self, limited: RateLimitError) -> Flow[None]:
        """The run failed at the model's rate limit, its messages are stored: only run anew."""
        thread = limited.thread_id
        if thread is None or limited.run_id is None:
            raise limited  # refused before anything was stored
        self.reader = self._new_reader(thread)
        error = limited
        for retry in count(1):
            delay = delay_before(retry, error, self.turn.policy, self.turn.operation)
            if delay is None:
                raise error
            yield Sleep(delay, instead=error)
            self.reader = self._new_reader(thread)
            try:
                yield from self._post_run(thread, ())
            except RateLimitError as again:
                error = again
            else:
                return

    def _needs_thread_first(self, whole: Sequence[Message]) -> bool:
        # `/threads/runs` takes no `additional_instructions`, but `instructions`.
        return bool(system_text(whole)) and not self._replaces_instructions

    @property
    def _replaces_instructions(self) -> bool:
        return self.turn.settings.instructions_mode == "replace"

    def _create_and_run(self, whole: Sequence[Message]) -> Flow[None]:
        named = {OPERATION: self.turn.operation}
        thread = {"messages": encode_messages(whole), "metadata": named}
        body = {**self._run_fields(), "thread": thread}
        try:
            yield from self._run(
                Send("POST", self.turn.route("/threads/runs"), dumps(body), stream=True)
            )
        except BadRequestError as error:
            if not is_too_much(error):
                raise
            created = yield from self._create_thread_piecewise(whole)
            yield from self.run_on(created, ())

    def _create_thread(self, whole: Sequence[Message]) -> Flow[str]:
        try:
            return (yield from self._post_thread(whole))
        except BadRequestError as error:
            if not is_too_much(error):
                raise
            return (yield from self._create_thread_piecewise(whole))

    def _post_thread(self, messages: Sequence[Message]) -> Flow[str]:
        named = {OPERATION: self.turn.operation}
        body = dumps({"messages": encode_messages(messages), "metadata": named})
        reply = yield from self._post(
            Send("POST", self.turn.route("/threads"), body), "create a thread"
        )
        return str(read_object(reply)["id"])

    def _create_thread_piecewise(self, whole: Sequence[Message]) -> Flow[str]:
        """The caps on messages in one body are not documented: past them, one by one."""
        thread = yield from self._post_thread(())
        yield from self._post_messages(thread, whole)
        return thread

    def _post_messages(self, thread: str, messages: Sequence[Message]) -> Flow[None]:
        for number, message in enumerate(encode_messages(messages)):
            if number < self._pieces.get(thread, 0):
                continue  # the thread was busy before it could take the next one
            named = {OPERATION: self.turn.operation, PIECE: str(number)}
            route = self.turn.route(f"/threads/{thread}/messages")
            request = Send("POST", route, dumps({**message, "metadata": named}))
            try:
                yield from self._post(request, "post a message")
            except AzureAgentsError as error:
                if not is_unknown(error):
                    raise
                yield from self._find_message(thread, str(number), error)
            self._pieces[thread] = number + 1

    def _find_message(self, thread: str, piece: str, lost: AzureAgentsError) -> Flow[None]:
        """Go on behind a message that is on the thread although its answer was lost.

        Raises:
            AzureAgentsError: `lost`, if it is not there; on a pinned thread only the deadline
                ends the search.
        """
        look = partial(self.looks.has_message, thread, piece)
        if (yield from unless_it_fails(look)):
            return
        if self.turn.pin is None:
            raise lost
        unknown = unknown_turn(lost, "the message", self.turn.pin)
        yield from settle(look, self.turn, unknown)

    def run_on(self, thread: str, messages: Sequence[Message]) -> Flow[None]:
        """Run on `thread` after appending `messages`; a lost answer is looked for once.

        Raises:
            ConnectionLostError: The answer was lost, and no run of ours is on the thread.
        """
        self.reader = self._new_reader(thread)
        try:
            yield from self._append_and_run(thread, messages)
        except RateLimitError as limited:
            yield from self._run_again(limited)

    def _append_and_run(self, thread: str, messages: Sequence[Message]) -> Flow[None]:
        if thread not in self._pieces:
            try:
                return (yield from self._post_run(thread, messages))
            except BadRequestError as error:
                if not messages or not is_too_much(error):
                    raise
        yield from self._post_messages(thread, messages)
        yield from self._post_run(thread, ())

    def _post_run(self, thread: str, messages: Sequence[Message]) -> Flow[None]:
        body = self._run_fields()
        encoded = encode_messages(messages)
        if encoded:
            body["additional_messages"] = encoded
        route = self.turn.route(f"/threads/{thread}/runs")
        yield from self._run(Send("POST", route, dumps(body), stream=True))

    def _run(self, request: Send) -> Flow[None]:
        attempt = partial(self._stream, request)
        yield from retrying(attempt, self.turn, when=was_not_applied)

    def _post(self, request: Send, doing: str) -> Flow[Reply]:
        attempt = partial(send, request, self.turn, doing)
        return (yield from retrying(attempt, self.turn, when=was_not_applied))

    def _run_fields(self) -> dict[str, Any]:
        text = system_text(self.turn.messages)
        if not text:
            return dict(self._fields)
        name = "instructions" if self._replaces_instructions else "additional_instructions"
        return {**self._fields, name: text}

    def read_anew(self, thread: str, submission: Submission) -> None:
        """The next source of the answer tells what a run does behind a pause."""
        self._told_before = told_by(submission.run, self.turn.messages)
        self._answered = submission.calls
        self.reader = self._new_reader(thread)

    def _stream(self, request: Send) -> Flow[None]:
        """Post and read to the end of the run; what was cut is followed if its run is known."""
        try:
            yield from self.read_run(request)
        except AzureAgentsError as error:
            if not is_unknown(error):
                raise
            thread = self.reader.thread_id
            found = self.reader.run_id or (
                yield from unless_it_fails(partial(self.ours_on, thread))
            )
            if found is None:
                error.add_facts(thread_id=thread)
                raise
            yield from self.follow(self.reader.thread_id or "", found)
        self.raise_failure()

    def read_run(self, request: Send, submission: Submission | None = None) -> Flow[None]:
        """Post and read to the end of the stream."""
        reader = self.reader
        begun = self.begun.note(Begun(reader, submission))
        try:
            yield from send(request, self.turn, "run the agent", thread_id=reader.thread_id)
        except AzureAgentsError as error:
            if not is_unknown(error) and not isinstance(error, DeadlineError):
                self.begun.was_refused(begun)
            raise
        yield Pump(reader)
        if not (reader.is_done and reader.is_whole):
            raise ConnectionLostError("the stream ended before the run, or without a message")
        self.begun.is_over(reader.run_id)

    # --- finding out ----------------------------------------------------------------------------

    def ours_on(self, thread: str | None) -> Flow[str | None]:
        """The run on `thread` that carries this turn's operation key."""
        threads = [thread] if thread else (yield from self.looks.our_threads())
        if not threads:
            return None
        self.reader.thread_id = threads[0]
        for run in (yield from self.looks.our_runs(threads[0])):
            return str(run["id"])
        return None

    def follow(self, thread: str, run_id: str) -> Flow[None]:
        """Poll a run to its end (or pause) and tell what of its answer is still untold.

        Raises:
            ConnectionLostError: It could not be read, so nobody knows what became of it.
        """
        announced = self.reader.run_id is not None
        try:
            events = yield from self._found(thread, run_id)
        except AzureAgentsError as error:
            if not may_pass(error):
                raise
            # It was a look that failed or was not sent: the run was started all the same.
            lost = f"the run could not be followed: {error.message}"
            raise ConnectionLostError(lost, **error.facts) from error
        self.begun.is_over(run_id, found_on=thread)
        yield Emit(events[1:] if announced else events)
        self.raise_failure()

    def _found(self, thread: str, run_id: str) -> Flow[list[Event]]:
        run = yield from poll(partial(self.looks.run, thread, run_id), active=ACTIVE)
        messages = yield from self._messages_of(thread, run)
        messages = after(self._told_before, messages)
        steps = (yield from self.looks.steps_of(thread, run_id)) if has_server_tools(run) else []
        self.reader = self._new_reader(thread)
        return self.reader.read(run, messages, since(self._answered, steps))

    def raise_failure(self) -> None:
        """Raise what the run that was read failed of, if it did."""
        if self.reader.failure is not None:
            raise self.reader.failure

    def _messages_of(self, thread: str, run: JSON) -> Flow[list[JSON]]:
        """The messages of a run that is over; a list that lags behind has none of its words."""
        messages = yield from self.looks.messages_of(thread, run["id"])
        for pause in SETTLING if has_words(run) else ():
            if after(self._told_before, messages):
                break
            yield Sleep(pause)
            messages = yield from self.looks.messages_of(thread, run["id"])
        return messages

    def raise_how_it_ended(self, thread: str, run: str) -> Flow[None]:
        """Say why a run takes no outputs any more, if it ended badly.

        Raises:
            TurnError: It expired, was cancelled or failed.
        """
        state = yield from unless_it_fails(partial(self.looks.run, thread, run))
        if state is not None and state.get("status") in ("expired", "cancelled", "failed"):
            self.reader = self._new_reader(thread)
            self.reader.read(state, ())
            self.raise_failure()

    def add_facts(self, error: AzureAgentsError) -> None:
        """What is known of the turn belongs on every error that ends it."""
        error.add_facts(
            agent=self.turn.settings.agent.requested,
            thread_id=self.reader.thread_id,
            run_id=self.reader.run_id,
            partial_text=self._delivered.text or None,
        )

    def delete_thread(self, thread: str | None) -> Flow[None]:
        """Delete a thread, if one is known, as well as possible: nobody will use it again."""
        if thread is None:
            return
        with suppress_but_deadline():
            yield Send("DELETE", self.turn.route(f"/threads/{thread}"))
