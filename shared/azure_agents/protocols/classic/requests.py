"""The requests of a classic turn that start a run.

Theory of operation
===================

A classic agent answers on a *thread*, which holds messages, by a *run*, which is the agent at work
on that thread. A thread takes one run at a time, and nothing can be removed from it again.

What is sent, and when
----------------------
    `start`    POST /threads/runs                a new thread with the whole history, and a run
               POST /threads, then as `run_on`   the same in two requests, where the instructions
                                                 of the call are added to those of the agent
    `run_on`   POST /threads/{t}/runs            the new messages, and a run
    `submit`   POST /threads/{t}/runs/{r}/submit_tool_outputs   (in module `submit`)

All of them stream, even for a caller who wants no deltas: the first event brings the run's id, and
nothing has to be polled. A body with too many messages is refused, and then the messages are posted
one by one (`thread_requests`). Runs, threads and single messages carry the key of the turn
(`Turn.operation`) in their metadata, so that they can be found again.

When the answer is lost
-----------------------
    1. The run's id is known, the stream was cut: the run is polled to its end and the rest of its
       answer is delivered (`recovery`).
    2. The id is not known: the run is looked for by the key of the turn, on its thread, or on the
       newest threads where the thread is new as well. If it is found, go on as in 1.
    3. It is not found: `ConnectionLostError`. What follows is the flow's decision. A new thread may
       be started again, since the first one is an orphan that is never used. On an existing
       thread that is not pinned, the turn forks. On a pinned thread the flow waits for the run to
       appear.

What is never sent twice
------------------------
A run, or a message, on a thread that later turns will use: it is sent again only after a refusal
that proves that it had no effect (429, or a connection that was never made). A run that began and
failed at the model's rate limit has left its messages on the thread: only the run is asked for
again (`_run_again`). A decision that lets a tool of the server run is sent once; results of
functions may be sent again, since a run takes them once and refuses them afterwards (`submit`).

How a run pauses
----------------
A run that needs results or decisions stops with ``requires_action``. The answer of the turn then
ends with the calls, and the flow enters the pause in the thread store (`pauses`). The turn that
brings the results takes the entry, so that one turn only answers, and submits. A turn that brings
something else cancels the run.

How it ends
-----------
Every request that may set a run going is noted before it is sent. When the turn ends, whatever was
noted and may still be running is cancelled (`cleanup`): it would cost money and lock its thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from ...errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    DeadlineError,
    RateLimitError,
)
from ...jsonio import JSON, dumps
from ...messages import Message
from ..commands import Flow, Pump, Send, Sleep
from ..options import encode_metadata
from ..retry import delay_before, may_have_been_applied, was_not_applied
from ..sending import is_too_large, retrying, send
from ..turn import Turn
from .cleanup import PossibleRun
from .codec import encode_messages, system_text
from .options import encode_options
from .pauses import Submission
from .reader import RunReader
from .recovery import RunRecovery
from .thread_requests import ThreadRequests


class RunRequests(RunRecovery):
    """The requests of one turn.

    Args:
        turn: The turn.

    Attributes:
        threads: Those that create or change a thread without running on it.
    """

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self.threads = ThreadRequests(turn, self.lookups)
        self._fields: dict[str, Any] = {
            "assistant_id": turn.settings.agent.assistant_id,
            "stream": True,
            "metadata": encode_metadata(turn.request.options, turn.operation),
            **encode_options(turn.request.options),
        }

    def add_tools_of_agent(self) -> Flow[None]:
        """Add the agent's own tools to those of the call, if the call has any.

        The service uses only the call's tools if there are any, so the agent's own go along.
        """
        own = self._fields.get("tools")
        if not own:
            return
        known = self.turn.memo.get("tools of agent")
        if known is None:
            path = f"/assistants/{self.turn.settings.agent.assistant_id}"
            agent = yield from self.lookups.get(path, "read the agent")
            known = agent.get("tools") or []
            self.turn.memo.put("tools of agent", known)
        names = {tool["function"]["name"] for tool in own}
        kept = [t for t in known if (t.get("function") or {}).get("name") not in names]
        self._fields["tools"] = [*own, *kept]

    # --- starting a run -------------------------------------------------------------------------

    def start(self, whole: Sequence[Message]) -> Flow[RunReader]:
        """Run on a new thread that holds `whole`; if it is lost, it may be started again."""
        if self._needs_thread_first(whole):
            thread = yield from self.threads.create(whole)
            return (yield from self.run_on(thread, ()))
        try:
            return (yield from self._create_and_run(self.new_reader(None), whole))
        except RateLimitError as limited:
            return (yield from self._run_again(limited))

    def _needs_thread_first(self, whole: Sequence[Message]) -> bool:
        # `/threads/runs` takes no `additional_instructions`, but `instructions`.
        return bool(system_text(whole)) and not self._replaces_instructions

    @property
    def _replaces_instructions(self) -> bool:
        return self.turn.settings.instructions_mode == "replace"

    def _create_and_run(self, reader: RunReader, whole: Sequence[Message]) -> Flow[RunReader]:
        thread = self.threads.named({"messages": encode_messages(whole)})
        try:
            return (yield from self._run(reader, "/threads/runs", thread=thread))
        except BadRequestError as error:
            if not is_too_large(error):
                raise
            created = yield from self.threads.create_one_by_one(whole)
            return (yield from self.run_on(created, ()))

    def run_on(self, thread: str, messages: Sequence[Message]) -> Flow[RunReader]:
        """Run on `thread` after appending `messages`; a lost run is looked for once.

        Raises:
            ConnectionLostError: The answer was lost, and no run of ours is on the thread.
        """
        reader = self.new_reader(thread)
        try:
            return (yield from self._append_and_run(reader, thread, messages))
        except RateLimitError as limited:
            return (yield from self._run_again(limited))

    def _append_and_run(
        self, reader: RunReader, thread: str, messages: Sequence[Message]
    ) -> Flow[RunReader]:
        path = f"/threads/{thread}/runs"
        # After some messages were posted by themselves, the rest of them must be, too.
        if not self.threads.has_posted_to(thread):
            encoded = encode_messages(messages)
            added = {"additional_messages": encoded} if encoded else {}
            try:
                return (yield from self._run(reader, path, **added))
            except BadRequestError as error:
                if not messages or not is_too_large(error):
                    raise
        yield from self.threads.append(thread, messages)
        return (yield from self._run(reader, path))

    def _run_again(self, limited: RateLimitError) -> Flow[RunReader]:
        """Run anew on a thread whose run failed at the model's rate limit."""
        thread = limited.thread_id
        if thread is None or limited.run_id is None:
            raise limited  # refused before anything was stored
        error = limited
        for retry in count(1):
            delay = delay_before(retry, error, self.turn.retry_policy, self.turn.operation)
            if delay is None:
                break
            yield Sleep(delay, instead=error)
            try:
                # Without messages: the run that failed has left them on the thread.
                return (yield from self._run(self.new_reader(thread), f"/threads/{thread}/runs"))
            except RateLimitError as again:
                error = again
        raise error

    def _run(self, reader: RunReader, path: str, **fields: Any) -> Flow[RunReader]:
        """Ask for a run and read it to its end, whatever happens to the stream."""
        body = dumps({**self._run_fields(), **fields})
        request = Send("POST", self.turn.route(path), body, stream=True)

        def attempt() -> Flow[RunReader]:
            try:
                yield from self.stream(reader, request)
            except AzureAgentsError as error:
                if not may_have_been_applied(error):
                    raise
                return (yield from self.recover(reader, error))
            return reader.checked()  # a run that failed is no lost answer: not inside `try`

        return (yield from retrying(attempt, self.turn, when=was_not_applied))

    def _run_fields(self) -> JSON:
        text = system_text(self.turn.messages)
        if not text:
            return self._fields
        name = "instructions" if self._replaces_instructions else "additional_instructions"
        return {**self._fields, name: text}

    # --- reading its stream ---------------------------------------------------------------------

    def stream(
        self, reader: RunReader, request: Send, submission: Submission | None = None
    ) -> Flow[None]:
        """Send once and read the stream to the end of the run, however that ended.

        Args:
            reader: Reads the stream.
            request: Starts a run, or continues one.
            submission: What it brings to a run that waits.

        Raises:
            ConnectionLostError: The stream ended before the run did, or lacks the end of a message.
        """
        noted = self.cleanup.note(PossibleRun(reader, submission))
        try:
            yield from send(request, self.turn, "run the agent", thread_id=reader.thread_id)
        except AzureAgentsError as error:
            if not may_have_been_applied(error) and not isinstance(error, DeadlineError):
                self.cleanup.drop(noted)  # refused: nothing runs
            raise
        yield Pump(reader)
        if not (reader.is_done and reader.is_whole):
            raise ConnectionLostError("the stream ended before the run, or without a message")
        self.cleanup.mark_over(reader.run_id)
