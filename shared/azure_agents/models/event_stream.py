"""Streams whose events name their type, as they come: responses, images. Pure.

Every event is delivered as the service sent it. Until the first content nothing is delivered: a
failure before it is no failure of the caller's, the call is made again. Content is everything but
the words that a call was taken up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..errors import AzureAgentsError, ConnectionLostError, TransportError
from ..jsonio import JSON, load_object
from ..protocols.sse import KEEPALIVE, SSEDecoder
from ..service_errors.envelopes import error_from_event

_DONE = b"[DONE]"


@dataclass(frozen=True, slots=True)
class EventRules:
    """What the types of events mean in one kind of stream.

    Attributes:
        finishes: The stream is whole.
        failures: The stream ended badly; makes the error of such an event.
        taken_up: The call was taken up, and nothing has come of it.
        text: Its ``delta`` is text for the caller.
    """

    finishes: frozenset[str]
    failures: dict[str, Callable[[JSON, str], AzureAgentsError]] = field(default_factory=dict)
    taken_up: frozenset[str] = frozenset()
    text: str = ""


class EventDecoder:
    """Reads one stream.

    Args:
        doing: What is being done, for errors.
        rules: What the types of its events mean.
        finishes: How many events of `EventRules.finishes` make it whole.
        holds: Hold back what comes before the first content. Not where the call must not be made
            again, and its first event already tells the caller something.
        runs_on: What the stream tells of runs on if it is cut, and can be asked for.
    """

    def __init__(
        self,
        doing: str,
        rules: EventRules,
        *,
        finishes: int = 1,
        holds: bool = True,
        runs_on: bool = False,
    ) -> None:
        self.has_content = False
        self.text = ""
        self._id: str | None = None
        self._number: object = None  # of the last event
        self._doing = doing
        self._rules = rules
        self._missing = finishes
        self._holds, self._runs_on = holds, runs_on
        self._failure: AzureAgentsError | None = None  # whose reason has not come
        self._events = SSEDecoder()
        self._held: list[JSON] = []  # before the first content

    @property
    def is_done(self) -> bool:
        """The last event was seen."""
        return self._missing <= 0

    def feed(self, data: bytes) -> Iterable[JSON]:
        """Take the next bytes; give the events that may be delivered."""
        for event in self._events.feed(data):
            if self.is_done:
                return
            if event.name != KEEPALIVE and event.data != _DONE:
                yield from self._take(load_object(event.data))

    def end(self) -> Iterable[JSON]:
        """Give what was held back: nothing, since a finish is content.

        Raises:
            AzureAgentsError: The stream ended without its finish.
        """
        if self._failure is not None:
            raise self._failure
        raise ConnectionLostError(f"{self._doing}: the stream ended without its last event")

    def _take(self, event: JSON) -> Iterable[JSON]:
        kind = str(event.get("type") or "")
        if kind == "error" or (not kind and event.get("error")):
            raise error_from_event(event, doing=self._doing, of="azure")
        self._note(event, kind)
        failure = self._rules.failures.get(kind)
        if failure is None or self.has_content:
            yield from self._deliver(event, kind)
        if failure is not None:
            self._fail(failure(event, self._doing), event)

    def _fail(self, failure: AzureAgentsError, event: JSON) -> None:
        response = event.get("response") or {}
        if response.get("status") == "failed" and not response.get("error"):
            # Seen in a public report: the reason comes in an error event behind the failure.
            self._failure = failure
        else:
            raise failure

    def explain(self, error: AzureAgentsError) -> None:
        """Say of an error of this stream which response it was, and how to go on.

        Args:
            error: What ended it.
        """
        error.add_facts(response_id=self._id)
        if self._runs_on and self._id is not None and isinstance(error, TransportError):
            error.say_more(
                f"the response runs on: get_response({self._id!r}, stream=True, "
                f"starting_after={self._number})"
            )

    def _note(self, event: JSON, kind: str) -> None:
        response = event.get("response")
        if isinstance(response, dict) and isinstance(response.get("id"), str):
            self._id = response["id"]
        self._number = event.get("sequence_number", self._number)
        if kind == self._rules.text:
            self.text += str(event.get("delta") or "")
        if kind in self._rules.finishes:
            self._missing -= 1

    def _deliver(self, event: JSON, kind: str) -> Iterable[JSON]:
        self._held.append(event)
        if self._holds and not self.has_content and kind in self._rules.taken_up:
            return ()
        self.has_content = True
        held, self._held = self._held, []
        return held
