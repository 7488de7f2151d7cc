"""Read a classic run, streamed or stored, as canonical events.

Deltas are passed on as they come. But the classic service repeats events and leaves some out. So
the text is completed from the finished message, the calls from `required_action`, and status and
usage are taken from the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from ...errors import AzureAgentsError, ProtocolError, RunCancelledError, RunExpiredError
from ...events import Event, Finished, Other, Started, ToolCallDelta
from ...jsonio import JSON, load_object, malformed
from ...messages import Message, assistant
from ...service_errors.envelopes import error_from_event, error_from_last_error
from ...threads.anchor import Anchor
from ..delivery import Attempt, Delivered
from ..sse import KEEPALIVE, ServerSentEvent, SSEDecoder
from .codec import (
    decode_usage,
    finish_details,
    finish_reason,
    incomplete_reason,
    message_events,
    message_text,
    part_events,
    required_calls,
    required_events,
)
from .step_tools import StepTools
from .wire import RunObject

ACTIVE = ("queued", "in_progress", "cancelling")
_DELTAS = ("thread.message.delta", "thread.run.step.delta")
_SILENT = frozenset(
    {
        "thread.run.step.created",
        "thread.run.step.in_progress",
    }
)


class RunReader:
    """Decoder of one run.

    Args:
        delivered: Everything that the caller has received in this turn.
        deltas: Whether the caller wants deltas; otherwise they are skipped unparsed.
        thread_id: The thread, if it is known before the stream begins.

    Attributes:
        run: The run as last seen; the final one (or the paused one) once `is_done`.
        thread_id: The thread, once it is known.
        message_id: The last message of the answer.
        failure: The error of the run, if it failed.
        is_done: Whether the run is over or paused.
    """

    def __init__(
        self, delivered: Delivered, *, deltas: bool = True, thread_id: str | None = None
    ) -> None:
        self._delivered = delivered
        self._attempt = Attempt(delivered)
        self._final = Attempt(delivered, repeats=self._attempt, is_numbered=False)
        self._broken_off = Attempt(delivered, repeats=self._attempt)  # its text may be cut
        self._deltas = deltas
        self._sse = SSEDecoder()
        self._calls: dict[str, int] = {}  # place of a function call -> index of the call
        self._tools = StepTools()
        self._texts: list[str] = []
        self._over: set[str] = set()  # ids of messages and steps that have ended; some end twice
        self._messages: set[str] = set()  # ids of messages that were begun
        self._started = False
        self.run: RunObject = {}
        self.thread_id = thread_id
        self.message_id: str | None = None
        self.failure: AzureAgentsError | None = None
        self.is_done = False

    @property
    def run_id(self) -> str | None:
        """The run's id, once the service has sent it."""
        return self.run.get("id")

    @property
    def is_paused(self) -> bool:
        """Whether the run waits for results or decisions."""
        return self.run.get("status") == "requires_action"

    @property
    def is_whole(self) -> bool:
        """Whether every message that was begun has ended: a text without its end may be cut.

        A run that failed leaves its messages as they are.
        """
        return self.failure is not None or self._messages <= self._over

    def checked(self) -> RunReader:
        """Return the reader itself, unless its run failed.

        Raises:
            AzureAgentsError: Why it failed.
        """
        if self.failure is not None:
            raise self.failure
        return self

    @property
    def answer(self) -> Message:
        """The answer as the server keeps it: text and calls."""
        return assistant("".join(self._texts), *required_calls(self.run))

    def finished(self, anchor: Anchor | None, approval_outcomes: dict[str, str]) -> Finished:
        """Make the last event of a turn that ends with this run.

        Args:
            anchor: Where the next turn goes on; None if that cannot be known.
            approval_outcomes: Of the turn's decisions, as `Finished` has them.
        """
        run = self.run
        return Finished(
            reason=finish_reason(run),
            status=run.get("status") or "",
            thread_id=self.thread_id,
            run_id=self.run_id,
            message_id=self.message_id,
            model=run.get("model") or None,
            anchor=anchor.encode() if anchor is not None else None,
            incomplete_reason=incomplete_reason(run),
            details=finish_details(run),
            approval_outcomes=approval_outcomes,
        )

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes of the event stream; returns the events that they complete."""
        frames = self._sse.feed(data)
        with malformed(data):
            return [event for frame in frames for event in self._frame(frame)]

    def read(self, run: JSON, messages: Iterable[JSON], steps: Iterable[JSON] = ()) -> list[Event]:
        """Take a run that is over or paused, with its messages and steps, oldest first."""
        with malformed(run):
            events = list(self._take_run(run))
            for stored in _in_order(messages, steps):
                is_step = stored.get("object") == "thread.run.step"
                found = self._tools.ended(stored) if is_step else message_events(stored)
                events += self._attempt.take_all(found)
                if not is_step:
                    self._keep(stored)
            events += self._attempt.take_all(required_events(self.run))
            return [*events, *self._end()]

    def _frame(self, frame: ServerSentEvent) -> Iterable[Event]:
        name = frame.name
        if self.is_done or name in ("done", KEEPALIVE) or self._skips(name):
            return ()
        event = load_object(frame.data)
        handler = _HANDLERS.get(name)
        if handler is not None:
            return handler(self, event)
        if name.startswith("thread.run.") and not name.startswith("thread.run.step."):
            return self._on_run(event)
        return () if name in _SILENT else self._attempt.take_all([Other(name, event)])

    def _skips(self, name: str) -> bool:
        """Whether an event is a delta that is not wanted, so that it need not be parsed."""
        if self._deltas or name not in _DELTAS:
            return False
        # Recorded: the output of an MCP tool comes as a delta of a step that has ended.
        return name == "thread.message.delta" or not self._over

    def _on_thread(self, thread: JSON) -> Iterable[Event]:
        self.thread_id = thread["id"]
        return ()

    def _on_run(self, run: JSON) -> Iterable[Event]:
        yield from self._take_run(run)
        if self.run["status"] not in ACTIVE:
            yield from self._final.take_all(required_events(self.run))
            yield from self._end()

    def _take_run(self, run: JSON) -> Iterable[Event]:
        if not isinstance(run.get("id"), str) or not isinstance(run.get("status"), str):
            raise ProtocolError(f"expected a run with id and status: {str(run)[:80]!r}")
        self.run = cast("RunObject", run)
        self.thread_id = run.get("thread_id") or self.thread_id
        self._attempt.belongs_to(self.run_id)
        if self._started:
            return
        self._started = True
        yield Started(thread_id=self.thread_id, run_id=self.run_id)

    def _end(self) -> Iterable[Event]:
        self.is_done = True
        finish_reason(self.run)  # read here as well, where a malformed run is a `ProtocolError`
        self.failure = self._failure()
        if self.failure is not None:
            self.failure.add_facts(run_id=self.run_id, thread_id=self.thread_id)
        else:
            yield from self._final.take_all(self._tools.close())
            self._final.check_complete()
        usage = decode_usage(self.run)
        if usage is not None:
            yield usage

    def _failure(self) -> AzureAgentsError | None:
        match self.run.get("status"):
            case "failed":
                return error_from_last_error(self.run.get("last_error"), doing="the run")
            case "cancelled":
                return RunCancelledError("the run was cancelled: ask again")
            case "expired":
                return RunExpiredError(
                    "the run was not finished in the time the service allows: ask again"
                )
            case _:
                return None

    def _on_error(self, event: JSON) -> Iterable[Event]:
        self.failure = error_from_event(
            event, doing="the run", run_id=self.run_id, thread_id=self.thread_id
        )
        self.is_done = True
        return ()

    def _on_message_delta(self, event: JSON) -> Iterable[Event]:
        parts = event["delta"].get("content") or ()
        raw = (e for p in parts for e in part_events(p, event["id"], p.get("index", 0)))
        return self._attempt.take_all(raw)

    def _on_message_begun(self, message: JSON) -> Iterable[Event]:
        self._messages.add(message["id"])
        return ()

    def _ends_again(self, ended: JSON) -> bool:
        known = ended["id"] in self._over
        self._over.add(ended["id"])
        return known

    def _on_message_done(self, message: JSON) -> Iterable[Event]:
        if self._ends_again(message):
            return ()
        self._keep(message)
        is_whole = message.get("status") != "incomplete"
        source = self._final if is_whole else self._broken_off
        return source.take_all(message_events(message))

    def _keep(self, message: JSON) -> None:
        self._texts.append(message_text(message))
        self.message_id = message.get("id")

    def _on_step_delta(self, event: JSON) -> Iterable[Event]:
        details = event["delta"].get("step_details") or {}
        raw = (e for call in details.get("tool_calls") or () for e in self._call_delta(event, call))
        return self._attempt.take_all(raw)

    def _call_delta(self, step: JSON, call: dict[str, Any]) -> Iterable[Event]:
        if step["id"] in self._over:
            return self._tools.late_output(step["id"], call)
        if not self._deltas:
            return ()
        if call.get("type") == "function":
            return (self._function_delta(step, call),)
        return self._tools.progress(step["id"], call)

    def _function_delta(self, step: JSON, call: dict[str, Any]) -> Event:
        # Only a call's first delta has an id; later ones name its place in the step.
        place = f"{step['id']}/{call.get('index', 0)}"
        index = self._calls.setdefault(place, len(self._calls))
        function = call.get("function") or {}
        return ToolCallDelta(
            index, call.get("id") or "", function.get("name") or "", function.get("arguments") or ""
        )

    def _on_step_done(self, step: JSON) -> Iterable[Event]:
        return () if self._ends_again(step) else self._attempt.take_all(self._tools.ended(step))


def _in_order(messages: Iterable[JSON], steps: Iterable[JSON]) -> Iterator[JSON]:
    """Yield messages and steps in the order they came; a step of its own places each message."""
    by_id = {message.get("id"): message for message in messages}
    for step in steps:
        made = (step.get("step_details") or {}).get("message_creation")
        if made is None:
            if step.get("status") != "in_progress":  # the step in which the run paused
                yield step
        elif made.get("message_id") in by_id:
            yield by_id.pop(made["message_id"])
    yield from by_id.values()


_HANDLERS: dict[str, Callable[[RunReader, JSON], Iterable[Event]]] = {
    "thread.created": RunReader._on_thread,
    "thread.message.created": RunReader._on_message_begun,
    "thread.message.in_progress": RunReader._on_message_begun,
    "thread.message.delta": RunReader._on_message_delta,
    "thread.message.completed": RunReader._on_message_done,
    "thread.message.incomplete": RunReader._on_message_done,
    "thread.run.step.delta": RunReader._on_step_delta,
    **{
        f"thread.run.step.{status}": RunReader._on_step_done
        for status in ("completed", "failed", "cancelled", "expired")  # the run has the reason
    },
    "error": RunReader._on_error,
}
