"""Streams, watched as their bytes pass: their first content, their usage, their one end. Pure.

Bytes go on as they came, but whole events only: a stream that is cut inside an event ends with
the event before it, and then with an error. Nothing goes on before the first content, since until
then another deployment may be asked; and nothing behind the end.

A stream has an event a token, and of most of them nothing is parsed: searches for a few words tell
that they hold no end, no usage and no error. What came in one read is searched at once, but for its
last events, since what matters comes last. A regular expression would cost ten times as much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ..errors import AzureAgentsError, ProtocolError
from ..jsonio import JSON, loads
from ..protocols.sse import KEEPALIVE, MAX_EVENT_BYTES, SSEDecoder
from ..service_errors.envelopes import error_from_event, error_from_last_error
from ..service_errors.hints import Service
from .meter import Meter

Look: TypeAlias = Callable[[str, Mapping[str, Any]], "Seen"]

_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
# A value other than null, however it is spaced.
_TOLD = re.compile(rb'"(?:finish_reason|usage)"\s*:\s*[^\sn]')
_DONE = b"[DONE]"
_DATA, _EVENT_END = b"data: ", b"\n\n"
_LAST_EVENTS = 4  # a finish, a usage, the end; and one for the road
_SAID = ("content", "tool_calls", "function_call", "refusal", "reasoning_content", "audio")
_QUIET = frozenset(
    {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_summary_part.added",
        KEEPALIVE,
    }
)
_LAST = frozenset({"response.completed", "response.incomplete"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What an event is.

    Attributes:
        is_content: Something that a client waits for.
        is_end: Nothing comes behind it.
        is_error: It says that the stream failed.
        is_finish: It says why the answer is over; the end may still come.
    """

    is_content: bool = False
    is_end: bool = False
    is_error: bool = False
    is_finish: bool = False


_NOTHING, _CONTENT = Seen(), Seen(is_content=True)
_END, _ERROR = Seen(is_content=True, is_end=True), Seen(is_error=True, is_end=True)
_FINISH = Seen(is_content=True, is_finish=True)


def _chat(name: str, data: Mapping[str, Any]) -> Seen:
    if data.get("error") or name == "error":
        return _ERROR
    choices = data.get("choices")
    if not isinstance(choices, list):
        return _NOTHING
    found = [one for one in choices if isinstance(one, dict)]
    if any(one.get("finish_reason") for one in found):
        return _FINISH
    return _CONTENT if any(map(_says, found)) else _NOTHING


def _says(choice: JSON) -> bool:
    delta = choice.get("delta")
    said = isinstance(delta, dict) and any(delta.get(one) for one in _SAID)
    return said or bool(choice.get("text"))


def _response(name: str, data: Mapping[str, Any]) -> Seen:
    kind = data.get("type") or name
    if kind in ("error", "response.failed", "response.error"):
        return _ERROR
    if kind in _LAST:
        return _END
    return _NOTHING if kind in _QUIET else _CONTENT


def _message(name: str, data: Mapping[str, Any]) -> Seen:
    kind = data.get("type") or name
    if kind == "error":
        return _ERROR
    if kind == "message_stop":
        return _END
    return _CONTENT if kind in ("content_block_delta", "message_delta") else _NOTHING


def _is_plain_chat(block: bytes) -> bool:
    """Whether nothing of whole events matters. As texts in JSON, the words have other quotes."""
    if b"error" in block or _DONE in block:
        return False
    is_untold = block.count(b'"finish_reason"') == block.count(
        b'"finish_reason":null'
    ) and block.count(b'"usage"') == block.count(b'"usage":null')
    return is_untold or _TOLD.search(block) is None


def _is_plain_response(block: bytes) -> bool:
    return (
        b"error" not in block
        and b"response.completed" not in block
        and b"response.failed" not in block
        and b"response.incomplete" not in block
    )


def _is_plain_message(block: bytes) -> bool:
    return b"message_" not in block and b"error" not in block


_KINDS: dict[str, tuple[Look, Callable[[bytes], bool]]] = {
    "chat": (_chat, _is_plain_chat),
    "text_completion": (_chat, _is_plain_chat),
    "responses": (_response, _is_plain_response),
    "messages": (_message, _is_plain_message),
}


def choices_of(given: Mapping[str, Any]) -> int:
    """How many choices a call asks for: each has a finish of its own.

    Args:
        given: Its fields.
    """
    n, prompt = given.get("n"), given.get("prompt")
    many = isinstance(prompt, list) and prompt and not isinstance(prompt[0], int)
    return (n if isinstance(n, int) and n > 0 else 1) * (len(cast(Any, prompt)) if many else 1)


class Frames:
    """One stream.

    Args:
        operation: What was asked.
        doing: The same in words, for errors.
        of: Who answers.
        hides_usage: The client did not ask for the chunk that only tells the usage.
        choices: How many were asked for, each with a finish of its own.
    """

    def __init__(
        self,
        operation: str,
        doing: str,
        of: Service = "azure",
        *,
        hides_usage: bool = False,
        choices: int = 1,
    ) -> None:
        self.meter = Meter()
        self.has_content = False
        self.is_done = False
        self.failed = False
        self._look, self._is_plain = _KINDS[operation]
        self._doing, self._of = doing, of
        self._is_chat = self._look is _chat
        self._hides_usage = hides_usage
        self._tail = b""
        self._held = b""
        self._choices = choices
        self._finished: set[int] = set()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; give those that may go on.

        Args:
            data: Cut anywhere.

        Raises:
            AzureAgentsError: The stream failed before its first content.
            ProtocolError: An event is too large.
        """
        if self.is_done:
            return b""
        if (
            self.has_content
            and not self._tail
            and data.endswith(_EVENT_END)
            and self._is_plain(data)
        ):
            self.meter.size += len(data)
            return data
        data = self._tail + data if self._tail else data
        end = _end_of(data)
        block, self._tail = data[:end], data[end:]
        if len(self._tail) + len(self._held) > MAX_EVENT_BYTES:
            raise ProtocolError(f"{self._doing}: an event is larger than {MAX_EVENT_BYTES} bytes")
        if not block:
            return b""
        return self._passed(block) if self.has_content else self._begun(block)

    def end(self) -> bytes:
        """What is left to say when no more bytes come and no error happened.

        Raises:
            ProtocolError: The stream ended without its end.
        """
        if self.is_done:
            return b""
        # What came last may lack only its line break.
        out = (
            self.feed(b"\n\n")
            if any(_is_whole(one) for one in _read(self._tail + b"\n\n"))
            else b""
        )
        if self.is_done:
            return out
        if self._is_chat and len(self._finished) >= self._choices:
            self.is_done = True
            return out + self._release() + b"data: [DONE]\n\n"
        raise ProtocolError(f"{self._doing}: the stream ended without its end")

    def _begun(self, block: bytes) -> bytes:
        """Hold events until one is content."""
        self._held += self._passed(block)
        return self._release() if self.has_content else b""

    def _release(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def _passed(self, block: bytes) -> bytes:
        """What of whole events goes on; only those that matter are read."""
        out: list[bytes] = []
        at = self._skipped(block, 0, out)
        while at < len(block) and not self.is_done:
            had_content, start = self.has_content, at
            at = _end_of_first(block, start)
            raw = block[start:at]
            if (had_content and self._is_plain(raw)) or self._takes(raw):
                out.append(raw)
            if self.has_content and not had_content:
                at = self._skipped(block, at, out)
        passed = b"".join(out)
        self.meter.size += len(passed)
        return passed

    def _skipped(self, block: bytes, at: int, out: list[bytes]) -> int:
        """Pass what comes before the last events, if nothing of it matters; returns its end."""
        if not self.has_content:
            return at
        end = _begin_of_last(block, at)
        plain = block[at:end]
        if not self._is_plain(plain):
            return at
        out.append(plain)
        return end

    def _takes(self, raw: bytes) -> bool:
        """Read an event; False if it is not the client's."""
        for name, data in _read(raw):
            if data is None:
                self.is_done = self.has_content = True
                continue
            self.meter.note(data)
            seen = self._look(name, data)
            if seen.is_error and not self.has_content:
                raise self._error(data)
            self.has_content |= seen.is_content
            self.is_done |= seen.is_end
            self.failed |= seen.is_error
            if seen.is_finish:
                self._finished.update(_finished(data))
            if self._hides_usage and self._is_chat and _is_usage_only(data):
                return False
        return True

    def _error(self, data: JSON) -> AzureAgentsError:
        if data.get("type") == "response.failed":
            return error_from_last_error(data, doing=self._doing)
        return error_from_event(data, doing=self._doing, of=self._of)


def _end_of(data: bytes) -> int:
    """Where the last whole event ends."""
    if b"\r" not in data:
        at = data.rfind(_EVENT_END)
        return 0 if at < 0 else at + len(_EVENT_END)
    return max((data.rfind(mark) + len(mark) for mark in _ENDS if mark in data), default=0)


def _begin_of_last(block: bytes, start: int) -> int:
    """Where the last few events begin, if their lines end as usual."""
    end = len(block)
    for _ in range(_LAST_EVENTS + 1):
        end = block.rfind(_EVENT_END, start, end)
        if end < 0:
            return start
    return end + len(_EVENT_END)


def _end_of_first(block: bytes, start: int) -> int:
    """Where the first whole event ends."""
    if b"\r" not in block:
        at = block.find(_EVENT_END, start)
        return len(block) if at < 0 else at + len(_EVENT_END)
    found = ((block.find(mark, start), len(mark)) for mark in _ENDS)
    return min((at + length for at, length in found if at >= 0), default=len(block))


def _is_whole(event: tuple[str, JSON | None]) -> bool:
    return event[1] is None or bool(event[1])


def _read(raw: bytes) -> Iterator[tuple[str, JSON | None]]:
    """The events of a raw one: their name and data; None is ``[DONE]``."""
    is_one_line = raw.startswith(_DATA) and raw.find(b"\n") == len(raw) - len(_EVENT_END)
    if is_one_line and b"\r" not in raw:  # as nearly all are: nothing is to be put together
        yield _data_of("message", raw[len(_DATA) : -len(_EVENT_END)])
        return
    for event in SSEDecoder().feed(raw):
        yield _data_of(event.name, event.data)


def _data_of(name: str, text: bytes) -> tuple[str, JSON | None]:
    if text == _DONE:
        return name, None
    try:
        data = loads(text)
    except ProtocolError:
        data = None
    return name, data if isinstance(data, dict) else {}


def _finished(data: Mapping[str, Any]) -> Iterator[int]:
    """The choices of a chunk that are over."""
    for choice in data["choices"]:
        if isinstance(choice, dict) and choice.get("finish_reason"):
            index = choice.get("index")
            yield index if isinstance(index, int) else 0


def _is_usage_only(data: Mapping[str, Any]) -> bool:
    return not data.get("choices") and isinstance(data.get("usage"), dict)
