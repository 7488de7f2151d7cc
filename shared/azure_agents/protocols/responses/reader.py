"""Read a v2 response, streamed or whole, as canonical events.

Deltas are passed on as they come. The last event repeats the whole response, and that object is
binding: what the deltas left out is delivered then, and the transcript's digest is made from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from ...errors import AzureAgentsError, ProtocolError, RunCancelledError
from ...events import (
    ApprovalRequest,
    Event,
    Other,
    Progress,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
)
from ...jsonio import JSON, load_object, malformed
from ...service_errors.envelopes import error_from_event, error_from_last_error
from ..delivery import Attempt, Delivered
from ..sse import KEEPALIVE, ServerSentEvent, SSEDecoder
from . import items
from .codec import (
    answer_message,
    citation,
    decode_usage,
    files_of,
    finish_reason,
    item_events,
    reasoning_part,
    response_events,
)
from .wire import ResponseObject

_TERMINAL = ("completed", "incomplete", "failed", "cancelled")
_ENDS = frozenset(f"response.{status}" for status in _TERMINAL)
_REPEATED_AT_THE_END = ("function_call", "reasoning")
_MOST_EARLY = 64  # events that wait for a late one; recorded streams leave no number out
_PROGRESS = re.compile(
    r"response\.(?P<kind>\w+)\."
    r"(?P<status>queued|in_progress|calling|searching|interpreting|generating|compacting"
    r"|completed|incomplete|failed)"
)
# Name of a delta event -> status of the `Progress` that it becomes.
_TYPED = {
    "code_interpreter_call_code": "coding",
    "custom_tool_call_input": "calling",
    "mcp_call_arguments": "calling",
    "shell_call_command": "coding",
}
# Events that only announce or repeat what is in the deltas and the final response.
_SILENT = frozenset({KEEPALIVE}) | frozenset(
    f"response.{name}"
    for name in (
        "content_part.added",
        "content_part.done",
        "output_text.done",
        "refusal.done",
        "reasoning_text.done",
        "reasoning_summary_text.done",
        "reasoning_summary_part.added",
        "reasoning_summary_part.done",
        "function_call_arguments.done",
        "code_interpreter_call_code.done",
        "custom_tool_call_input.done",
        "mcp_call_arguments.done",
        "shell_call_command.added",
        "shell_call_command.done",
        "shell_call_output_content.delta",
        "shell_call_output_content.done",
    )
)


class ResponseReader:
    """Decoder of one v2 response.

    Args:
        delivered: Everything that the caller has received in this turn.
        seen: Number of the last event that the caller received elsewhere: none up to there is
            passed on.
        seal: Seals requests for approval.

    Attributes:
        response: The response object as last seen; the final one once `is_done`.
        failure: The error of the response, if it failed.
        sequence_number: Number of the last event that was taken. An event that comes again is
            skipped; one that comes too early waits for those before it.
        is_done: Whether the response is over.
    """

    def __init__(
        self,
        delivered: Delivered,
        *,
        seen: int | None = None,
        seal: Callable[[ApprovalRequest], str] | None = None,
    ) -> None:
        self._delivered = delivered
        self._attempt = Attempt(delivered)
        self._sse = SSEDecoder()
        self._calls: dict[str, int] = {}  # item id -> index of the call
        self._tools: dict[str, tuple[str, str]] = {}  # item id -> id and kind of a server's tool
        self._started = False
        self._seen = -1 if seen is None else seen
        self._seal = seal
        self._early: dict[int, JSON] = {}  # events that came before their turn
        self.response: ResponseObject = {}
        self.failure: AzureAgentsError | None = None
        self.sequence_number: int | None = None
        self.is_done = False
        self._is_unexplained = False  # it failed, and no reason has come so far

    @property
    def response_id(self) -> str | None:
        """The response's id, once the service has sent it."""
        return self.response.get("id")

    @property
    def conversation_id(self) -> str | None:
        """The conversation the response belongs to."""
        return (self.response.get("conversation") or {}).get("id")

    def checked(self) -> ResponseReader:
        """Return the reader itself, unless its response failed.

        Raises:
            AzureAgentsError: Why it failed.
        """
        if self.failure is not None:
            raise self.failure
        return self

    @property
    def has_caught_up(self) -> bool:
        """Whether everything that the caller received elsewhere was read here as well."""
        taken = -1 if self.sequence_number is None else self.sequence_number
        return taken >= self._seen

    def reconnect(self) -> None:
        """Expect bytes of a new connection, which goes on behind the last event."""
        self._sse = SSEDecoder()
        self._early.clear()

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes of the event stream; returns the events that they complete."""
        frames = self._sse.feed(data)
        with malformed(data):
            return [event for frame in frames for event in self._take_frame(frame)]

    def read(self, response: JSON) -> list[Event]:
        """Take a whole response object: the reply to a request without stream, or a stored one."""
        with malformed(response):
            started = self.announce(response)
            events = [*started, *self._taken(self._attempt, response_events(self.response))]
            self._end(self.response)
            if self.is_done and self.failure is None:
                self._attempt.check_complete()
            return [*events, *self._usage()]

    def _take_frame(self, frame: ServerSentEvent) -> list[Event]:
        if self.is_done:
            self._take_late_reason(frame.data)
            return []
        event = _event_in(frame)
        number = event.get("sequence_number")
        if not isinstance(number, int):
            return self._decode(event)
        return [one for due in self._due(number, event) for one in self._unseen(due)]

    def _take_late_reason(self, data: bytes) -> None:
        """Take the reason of a failure from an event behind the end; ignore anything else there.

        Seen in a public report: the stream of a filtered prompt fails without a reason, and an
        error event behind that end has it.
        """
        if self._is_unexplained:
            with suppress(ProtocolError):
                event = load_object(data)
                if event.get("type") == "error":
                    self._on_error(event)
                    self._is_unexplained = False

    def _due(self, number: int, event: JSON) -> Iterator[JSON]:
        """Yield the events whose turn has come with this one, in order."""
        last = self.sequence_number
        if last is None or (event.get("type") in _ENDS and number > last):
            self.sequence_number = number  # the last event repeats whatever is missing
            yield event
            return
        if number > last:  # otherwise it came before
            self._early[number] = event
        if len(self._early) > _MOST_EARLY:  # the missing one will not come
            last = min(self._early) - 1
        while last + 1 in self._early:
            last = self.sequence_number = last + 1
            yield self._early.pop(last)

    def _unseen(self, event: JSON) -> list[Event]:
        """Decode an event; drop what the caller has received elsewhere, but for the ids."""
        events = self._decode(event)
        if event["sequence_number"] > self._seen:
            return events
        return [one for one in events if isinstance(one, Started)]

    def _decode(self, event: JSON) -> list[Event]:
        kind = event.get("type", "")
        if kind in _ENDS:
            return list(self._on_terminal(event))
        handler = _HANDLERS.get(kind)
        events = handler(self, event) if handler else self._without_handler(kind, event)
        return self._taken(self._attempt, events)

    def _taken(self, attempt: Attempt, events: Iterable[Event]) -> list[Event]:
        return attempt.take_all(map(self._sealed, events))

    def _sealed(self, event: Event) -> Event:
        if self._seal is None or not isinstance(event, ApprovalRequest):
            return event
        return replace(event, seal=self._seal(event))

    def _without_handler(self, kind: str, event: JSON) -> Iterable[Event]:
        if kind in _SILENT:
            return ()
        progress = _PROGRESS.fullmatch(kind)
        if progress is None:
            return (Other(kind, event),)
        return (Progress(*self._tool(event, progress["kind"]), progress["status"]),)

    def _tool(self, event: JSON, kind: str) -> tuple[str, str]:
        """Return id and name of the tool of an event; `kind` is the type of its item."""
        item_id = event.get("item_id") or ""
        tool = items.tool_of(kind)
        name = kind.removesuffix("_call") if tool is None else tool.name
        return self._tools.get(item_id, (item_id, name))

    def announce(self, response: Any) -> list[Event]:
        """Take a response that is not over: returns `Started`, with its ids, the first time."""
        if not isinstance(response, dict) or not isinstance(response.get("id"), str):
            raise ProtocolError(f"expected a response object with an id: {str(response)[:80]!r}")
        self.response = cast("ResponseObject", response)
        self._attempt.belongs_to(self.response_id)
        if self._started:
            return []
        self._started = True
        return [Started(thread_id=self.conversation_id, response_id=self.response_id)]

    def _on_response(self, event: JSON) -> Iterable[Event]:
        return self.announce(event.get("response"))

    def _on_terminal(self, event: JSON) -> Iterable[Event]:
        yield from self.announce(event.get("response"))
        self._end(self.response)
        if self.failure is None:
            final = Attempt(self._delivered, repeats=self._attempt)
            yield from self._taken(final, response_events(self.response))
            final.check_complete()
        yield from self._usage()

    def _end(self, response: ResponseObject) -> None:
        status = response.get("status")
        _check_readable(response)
        self.is_done = status in _TERMINAL
        if status == "failed":
            self.failure = error_from_last_error(
                response, doing="the response", response_id=self.response_id
            )
            self._is_unexplained = not response.get("error")
        elif status == "cancelled":
            self.failure = RunCancelledError(
                "the response was cancelled: ask again", response_id=self.response_id
            )

    def _usage(self) -> Iterable[Event]:
        usage = decode_usage(self.response)
        return (usage,) if usage else ()

    def _on_error(self, event: JSON) -> Iterable[Event]:
        self.failure = error_from_event(event, doing="the response", response_id=self.response_id)
        self.is_done = True
        return ()

    def _on_item_added(self, event: JSON) -> Iterable[Event]:
        item = event.get("item") or {}
        if item.get("type") == "function_call":
            index = self._calls[item.get("id") or ""] = len(self._calls)
            call = (item["call_id"], item["name"], item.get("arguments") or "")
            return (ToolCallDelta(index, *call),)
        tool = items.tool_of(item.get("type", ""))
        if tool is not None:
            self._tools[item.get("id") or ""] = (items.item_id(item), tool.name)
        return items.begun(item)

    def _on_item_done(self, event: JSON) -> Iterable[Event]:
        item = event.get("item") or {}
        if item.get("type") == "message":
            return files_of(item)
        return () if item.get("type") in _REPEATED_AT_THE_END else item_events(item, 0)

    def _on_arguments(self, event: JSON) -> Iterable[Event]:
        index = self._calls.get(event.get("item_id") or "")
        if index is None:
            return (Other(event["type"], event),)
        return (ToolCallDelta(index, "", "", event["delta"]),)


def _event_in(frame: ServerSentEvent) -> JSON:
    if frame.name != KEEPALIVE:
        return load_object(frame.data)
    with suppress(ProtocolError):  # it may be empty; its number counts if it has one
        return {**load_object(frame.data), "type": KEEPALIVE}
    return {"type": KEEPALIVE}


def _check_readable(response: ResponseObject) -> None:
    """Read what the flow will read: here a malformed response is still a `ProtocolError`."""
    answer_message(response)
    finish_reason(response)


def _on_text(_: ResponseReader, event: JSON) -> Iterable[Event]:
    return (TextDelta(event["delta"], event["item_id"], event["content_index"]),)


def _on_refusal(_: ResponseReader, event: JSON) -> Iterable[Event]:
    return (RefusalDelta(event["delta"], event["item_id"], event["content_index"]),)


def _on_summary(_: ResponseReader, event: JSON) -> Iterable[Event]:
    return (ReasoningDelta(event["delta"], event["item_id"], event["summary_index"]),)


def _on_reasoning(_: ResponseReader, event: JSON) -> Iterable[Event]:
    part = reasoning_part(event["content_index"])
    return (ReasoningDelta(event["delta"], event["item_id"], part),)


def _on_annotation(_: ResponseReader, event: JSON) -> Iterable[Event]:
    return (citation(event["annotation"], event["item_id"], event["content_index"]),)


def _on_typed(reader: ResponseReader, event: JSON) -> Iterable[Event]:
    stem = event["type"].removeprefix("response.").removesuffix(".delta")
    tool = reader._tool(event, stem.rpartition("_")[0])
    return (Progress(*tool, _TYPED[stem], event["delta"]),)


def _on_partial_image(reader: ResponseReader, event: JSON) -> Iterable[Event]:
    tool = reader._tool(event, "image_generation_call")
    return (Progress(*tool, "partial_image", image=event["partial_image_b64"]),)


def _on_consent(_: ResponseReader, event: JSON) -> Iterable[Event]:
    return items.consent(event)


_HANDLERS: dict[str, Callable[[ResponseReader, JSON], Iterable[Event]]] = {
    "response.created": ResponseReader._on_response,
    "response.queued": ResponseReader._on_response,
    "response.in_progress": ResponseReader._on_response,
    "response.output_text.delta": _on_text,
    "response.refusal.delta": _on_refusal,
    "response.reasoning_summary_text.delta": _on_summary,
    "response.reasoning_text.delta": _on_reasoning,
    "response.output_text.annotation.added": _on_annotation,
    "response.output_item.added": ResponseReader._on_item_added,
    "response.output_item.done": ResponseReader._on_item_done,
    "response.function_call_arguments.delta": ResponseReader._on_arguments,
    "response.image_generation_call.partial_image": _on_partial_image,
    "response.oauth_consent_requested": _on_consent,
    **{f"response.{stem}.delta": _on_typed for stem in _TYPED},
    "error": ResponseReader._on_error,
}
