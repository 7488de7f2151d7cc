"""Calls that are answered with a response, whole or in events.

A response that failed is an error, as everywhere. One that runs in the background is made once: a
second would be paid, too; its first event is delivered at once, since it says the id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import AzureAgentsError, RunCancelledError
from ..jsonio import JSON
from ..protocols.commands import Reply
from .answers import Answer
from .call import OperationCall
from .event_stream import EventDecoder, EventRules
from .over_responses.answer import failure_of
from .requests import Request
from .response_answers import CLASS, ResponseAnswer, ResponseEvent
from .settings import ModelSettings


def _failed(event: JSON, doing: str) -> AzureAgentsError:
    return failure_of(event.get("response") or {}, doing=doing)


def _cancelled(event: JSON, doing: str) -> AzureAgentsError:
    id = (event.get("response") or {}).get("id")
    return RunCancelledError(f"{doing}: the response was cancelled", response_id=id)


RESPONSE_EVENTS = EventRules(
    finishes=frozenset({"response.completed", "response.incomplete"}),
    failures={"response.failed": _failed, "response.cancelled": _cancelled},
    taken_up=frozenset({"response.created", "response.queued", "response.in_progress"}),
    text="response.output_text.delta",
)


class ResponseCall(OperationCall[ResponseAnswer]):
    """One checked call; nothing has been sent.

    Args:
        settings: Of the call.
        request: What goes up.
        is_new: It makes a response; else it asks for one that is kept, which may have failed.
        in_background: The response runs on without its caller.
        cls: The class of `ResponseAnswer.output_parsed`.
    """

    def __init__(
        self,
        settings: ModelSettings,
        request: Request,
        *,
        is_new: bool = True,
        in_background: bool = False,
        cls: type | None = None,
    ) -> None:
        if in_background and is_new:
            request = replace(request, operation=replace(request.operation, may_repeat=False))
        super().__init__(settings, request)
        self._is_new, self._in_background, self._class = is_new, in_background, cls

    def answer(self, reply: Reply) -> ResponseAnswer:
        """Read a whole reply.

        Raises:
            AzureAgentsError: The response that was asked for failed.
        """
        data = self.object_of(reply)
        if self._is_new and data.get("status") == "failed":
            raise failure_of(data, doing=self.request.doing)
        return ResponseAnswer(data, self.hidden(reply.headers))

    def decoder(self) -> EventDecoder:
        """Make the decoder of one stream."""
        runs_on = self._in_background or not self._is_new
        return EventDecoder(self.request.doing, RESPONSE_EVENTS, holds=not runs_on, runs_on=runs_on)

    def hidden(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What LiteLLM keeps, and the class that was asked for."""
        known = super().hidden(headers)
        return known if self._class is None else {**known, CLASS: self._class}

    def _of_chunk(self, chunk: JSON) -> list[Answer]:
        return [ResponseEvent(chunk, self.hidden(self._heard))]
