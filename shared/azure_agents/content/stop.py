"""Cuts an answer at `stop` sequences, on this side: agents know no such parameter.

The text before the first sequence is the answer; what follows is read (the turn goes on to its end
on the server) but not delivered, be it text or a tool call: a model that stops makes none. Of
sequences that overlap, the one that is complete first counts, as where a model stops by itself:
then it does not matter how the text is streamed. An answer that was cut differs from the server's
and has no anchor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..errors import InvalidRequestError
from ..events import Citation, Event, Finished, Progress, Started, TextDelta, Usage
from ..naming import shown


def stop_texts(stop: object) -> tuple[str, ...]:
    """Read what callers pass as ``stop``, at every door: None, one text, or several.

    Args:
        stop: None, a text, or a sequence of texts; None is no text at all.

    Raises:
        InvalidRequestError: Something else, or an empty text.
    """
    if stop is None:
        return ()
    texts = (stop,) if isinstance(stop, str) else stop
    if isinstance(texts, Sequence) and all(isinstance(text, str) and text for text in texts):
        return tuple(texts)
    raise InvalidRequestError(
        f"stop must be a text or a list of texts, none of them empty, got {shown(stop)}"
    )


class StopCut:
    """Event filter that cuts one answer at the first stop sequence.

    Args:
        stop: The sequences.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = stop_texts(stop)
        self._keep = max(map(len, self._stop)) - 1  # what may be the start of a sequence
        self._held: list[TextDelta | Citation] = []  # begins with text, if there is any
        self._is_cut = False

    def feed(self, event: Event) -> list[Event]:
        """Return the events to deliver now.

        Args:
            event: The next event of the turn.
        """
        if isinstance(event, Finished):
            return [*self._release(), self._finished(event)]
        if isinstance(event, Started | Usage):
            return [event]
        if self._is_cut:
            return []
        if isinstance(event, TextDelta):
            return self._take(event)
        if isinstance(event, Progress):
            return [event]
        if isinstance(event, Citation) and self._held:
            self._held.append(event)
            return []
        return [*self._release(), event]  # no sequence spans two texts with this between them

    def _finished(self, event: Finished) -> Finished:
        return replace(event, reason="stop", anchor=None) if self._is_cut else event

    def _take(self, event: TextDelta) -> list[Event]:
        self._held.append(event)
        text = "".join(held.text for held in self._held if isinstance(held, TextDelta))
        found = [(at + len(stop), at) for stop in self._stop if (at := text.find(stop)) >= 0]
        if found:  # the one that is complete first, however the text was cut into deltas
            self._is_cut = True
            _, start = min(found)
            return self._deliver(start, drop=True)
        return self._deliver(len(text) - self._keep)

    def _release(self) -> list[Event]:
        held, self._held = self._held, []
        return list(held)

    def _deliver(self, count: int, *, drop: bool = False) -> list[Event]:
        """Return the first `count` held characters as events; hold the rest, or drop it."""
        out: list[Event] = []
        rest: list[TextDelta | Citation] = []
        for held in self._held:
            if isinstance(held, Citation):
                (rest or out).append(held)
                continue
            take = max(0, min(count, len(held.text)))
            count -= take
            if take:
                out.append(replace(held, text=held.text[:take]))
            if take < len(held.text):
                rest.append(replace(held, text=held.text[take:]))
        self._held = [] if drop else rest
        return out
