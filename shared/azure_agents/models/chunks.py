"""Chunks of a streamed chat or text, as they come and as callers may have them. Pure.

A chunk is delivered as the service sent it, but for three rules. Until the first content nothing
is delivered: a failure before it is no failure of the caller's, the call is made again. A choice
without ``delta`` gets an empty one, and what a chunk without choices holds rides on the next that
has one: people write ``chunk.choices[0].delta``. Only the usage that was asked for has a chunk of
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import ConnectionLostError, ProtocolError
from ..jsonio import JSON, load_object
from ..protocols.sse import KEEPALIVE, SSEDecoder
from ..service_errors.envelopes import error_from_event

_CONTENT = ("content", "tool_calls", "function_call", "refusal", "reasoning_content", "audio")
_DONE = b"[DONE]"


class ChatDecoder:
    """Reads the stream of a chat.

    Args:
        doing: What is being done, for errors.
        include_usage: Deliver a chunk that holds nothing but the usage.
        read: Makes the chunk of a chat of what came; by default that is one.
    """

    def __init__(
        self, doing: str, *, include_usage: bool, read: Callable[[JSON], JSON] | None = None
    ) -> None:
        self.has_content = False
        self.text = ""
        self._doing = doing
        self._include_usage = include_usage
        self._events = SSEDecoder()
        self._held: list[JSON] = []  # before the first content
        self._riding: JSON = {}  # fields of chunks without choices
        self._read = read
        self._begun: set[int] = set()  # choices
        self._finished: set[int] = set()
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """``[DONE]`` was seen."""
        return self._is_done

    def feed(self, data: bytes) -> Iterable[JSON]:
        """Take the next bytes; give the chunks that may be delivered."""
        for event in self._events.feed(data):
            if event.data == _DONE:
                self._is_done = True
                yield from self.end()
                return
            if event.name == KEEPALIVE:
                continue
            chunk = load_object(event.data)
            yield from self._take(chunk if self._read is None else self._read(chunk))

    def end(self) -> Iterable[JSON]:
        """Give what was held back, once the stream is over.

        Raises:
            ConnectionLostError: It ended, and not every choice had a finish reason.
        """
        if not self._finished or self._begun - self._finished:
            raise ConnectionLostError(f"{self._doing}: the stream ended without a finish reason")
        held, self._held = self._held, []
        if self._riding.get("usage") and self._include_usage:
            held.append({"choices": [], **self._riding})
        self._riding = {}
        return held

    def _take(self, chunk: JSON) -> Iterable[JSON]:
        if chunk.get("error"):
            raise error_from_event(chunk, doing=self._doing, of="azure")
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            raise ProtocolError(f"{self._doing}: a chunk without choices: {str(chunk)[:200]!r}")
        if not choices:
            self._riding.update({k: v for k, v in chunk.items() if k != "choices" and v})
            return ()
        return self._deliver(self._whole(chunk, choices))

    def _whole(self, chunk: JSON, choices: list[Any]) -> JSON:
        for choice in choices:
            self._complete(choice)
            self._note(choice)
        chunk = self._without_usage(chunk, choices)
        usage = self._riding.pop("usage", None)
        riding, self._riding = self._riding, {} if usage is None else {"usage": usage}
        return {**riding, **{k: v for k, v in chunk.items() if v not in ("", 0) or k not in riding}}

    def _without_usage(self, chunk: JSON, choices: list[Any]) -> JSON:
        """Take the usage off a chunk with choices: it comes once, though some models repeat it."""
        is_end = any(choice.get("finish_reason") is not None for choice in choices)
        if not chunk.get("usage") or (is_end and not self._include_usage):
            return chunk
        self._riding["usage"] = chunk["usage"]
        return {**chunk, "usage": None}

    def _complete(self, choice: JSON) -> None:
        """Give a choice what callers read of every one."""
        if choice.get("delta") is None:
            choice["delta"] = {}

    def _text_of(self, choice: Mapping[str, Any]) -> str:
        """What a choice adds to the text."""
        delta = choice["delta"]
        return delta.get("content") or (delta.get("audio") or {}).get("transcript") or ""

    def _has_content(self, choice: Mapping[str, Any]) -> bool:
        return any(choice["delta"].get(name) for name in _CONTENT)

    def _note(self, choice: Mapping[str, Any]) -> None:
        self.text += self._text_of(choice)
        index = choice.get("index", 0)
        self._begun.add(index)
        if choice.get("finish_reason") is not None:
            self._finished.add(index)
        if self._finished or self._has_content(choice):
            self.has_content = True

    def _deliver(self, chunk: JSON) -> Iterable[JSON]:
        self._held.append(chunk)
        if not self.has_content:
            return ()
        held, self._held = self._held, []
        return held


class TextDecoder(ChatDecoder):
    """Reads the stream of a text completion: a choice has its ``text``, and no ``delta``."""

    def _complete(self, choice: JSON) -> None:
        choice.setdefault("text", "")

    def _text_of(self, choice: Mapping[str, Any]) -> str:
        return choice["text"] or ""

    def _has_content(self, choice: Mapping[str, Any]) -> bool:
        return bool(choice["text"])
