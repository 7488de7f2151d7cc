"""Events of Claude as chunks of a chat: a fold. Pure.

Texts, thoughts and the arguments of calls are delivered as they come. A block of thinking follows
as a whole, with its signature, once it is complete: ``thinking_blocks`` of a message are those of
its chunks, one after the other. As in every stream, nothing is delivered before the first content.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...errors import AzureAgentsError, ConnectionLostError, ProtocolError
from ...jsonio import JSON, dumps, load_object, malformed
from ...protocols.sse import SSEDecoder
from ...service_errors.envelopes import error_from_event, error_from_reply
from .answer import finish_of, refusal_of, to_usage, unread
from .blocks import THINKING, kept

# An error event has no status; its type is the one that an error answer of this status has.
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_BESIDE = ("signature_delta", "citations_delta")


class _Block:
    """One block while it comes."""

    def __init__(self, start: JSON, call: int | None) -> None:
        self.kind: str = start["type"]
        self.call = call  # number of the call among the calls
        self.pieces: list[str] = [start.get("text") or start.get("thinking") or ""]
        self._start = start
        self._citations: list[Any] = []
        self._is_known = True
        self._signature: str = start.get("signature") or ""

    def extend(self, delta: JSON) -> str:
        """Take a piece; returns its text."""
        kind = delta["type"]
        if kind == "signature_delta":
            self._signature += delta["signature"]
        elif kind == "citations_delta":
            self._citations.append(delta["citation"])
        piece: str = delta[_PIECES[kind]] if kind in _PIECES else ""
        self.pieces.append(piece)
        self._is_known = self._is_known and (kind in _PIECES or kind in _BESIDE)
        return piece

    @property
    def arguments(self) -> str:
        """JSON of the input, which may be cut; ``{}`` where none came."""
        return "".join(self.pieces) or dumps(self._start.get("input") or {}).decode()

    def whole(self) -> JSON:
        """The block as an answer that is not streamed has it.

        Raises:
            ProtocolError: Its input was cut, or a piece of a kind came that nobody knows yet.
        """
        if not self._is_known:
            raise ProtocolError(f"a piece of an unknown kind in a block of {self.kind}")
        text = "".join(self.pieces)
        block = dict(self._start)
        if self.kind in ("text", "thinking"):
            block[self.kind] = text
        if "input" in block:
            block["input"] = load_object(self.arguments)
        if self._signature:
            block["signature"] = self._signature
        if self._citations:
            block["citations"] = self._citations
        return block


class ClaudeDecoder:
    """Reads the stream of a message.

    Args:
        doing: What is being done, for errors.
        include_usage: Deliver a chunk with the usage.
        created: Unix time in seconds, for the chunks.
    """

    def __init__(self, doing: str, *, include_usage: bool, created: int) -> None:
        self.has_content = False
        self.text = ""
        self._doing = doing
        self._include_usage = include_usage
        self._events = SSEDecoder()
        self._head: JSON = {"object": "chat.completion.chunk", "created": created}
        self._held: list[JSON] = []  # before the first content
        self._open: dict[int, _Block] = {}
        self._blocks: list[JSON] | None = []  # complete ones; None: one was cut
        self._calls = 0
        self._usage: JSON = {}
        self._more: JSON = {}  # fields that chat has no name for
        self._is_finished = False
        self._is_done = False
        self._takes = {
            "message_start": self._start,
            "content_block_start": self._begin,
            "content_block_delta": self._extend,
            "content_block_stop": self._complete,
            "message_delta": self._finish,
        }

    @property
    def is_done(self) -> bool:
        """``message_stop`` was seen."""
        return self._is_done

    def feed(self, data: bytes) -> Iterable[JSON]:
        """Take the next bytes; give the chunks that may be delivered."""
        for event in self._events.feed(data):
            fields = load_object(event.data)
            kind = fields.get("type")
            if kind == "message_stop":
                self._is_done = True
                yield from self.end()
                return
            if kind == "error":
                raise self._error(fields)
            take = self._takes.get(str(kind))  # pings, and events that are new tomorrow, are none
            if take is not None:
                with malformed(fields):
                    self._held += take(fields)
                yield from self._deliver()

    def end(self) -> Iterable[JSON]:
        """Give what was held back, once the stream is over.

        Raises:
            ConnectionLostError: It ended without a stop reason.
        """
        if not self._is_finished:
            raise ConnectionLostError(f"{self._doing}: the stream ended without a stop reason")
        chunks = list(self._deliver())
        if self._include_usage and self._usage:  # none was told: no tokens would be a price of 0
            chunks.append({**self._head, "choices": [], "usage": to_usage(self._usage)})
        return chunks

    def _deliver(self) -> Iterable[JSON]:
        if not self.has_content:
            return ()
        held, self._held = self._held, []
        return held

    def _error(self, fields: JSON) -> AzureAgentsError:
        inner = fields.get("error")
        status = _STATUS.get(str(inner.get("type"))) if isinstance(inner, dict) else None
        if status is None:
            return error_from_event(fields, doing=self._doing, of="anthropic")
        return error_from_reply(status, {}, dumps(fields), doing=self._doing, of="anthropic")

    def _start(self, event: JSON) -> list[JSON]:
        message = event["message"]
        self._head = {"id": message["id"], **self._head, "model": message["model"]}
        self._note(message)
        return [self._chunk({"role": "assistant", "content": ""})]

    def _begin(self, event: JSON) -> list[JSON]:
        start = event["content_block"]
        is_call = start["type"] == "tool_use"
        block = _Block(start, self._calls if is_call else None)
        self._open[event["index"]] = block
        self._calls += is_call
        if is_call:
            function = {"name": start["name"], "arguments": ""}
            return [self._call(block, id=start["id"], type="function", function=function)]
        return self._piece(block, block.pieces[0])

    def _extend(self, event: JSON) -> list[JSON]:
        block = self._open[event["index"]]
        return self._piece(block, block.extend(event["delta"]))

    def _piece(self, block: _Block, piece: str) -> list[JSON]:
        if not piece:
            return []
        if block.kind == "text":
            self.text += piece
            return [self._content({"content": piece})]
        if block.kind == "thinking":
            return [self._content({"reasoning_content": piece})]
        # The input of a tool that the service runs itself is none of the caller's business.
        return [self._call(block, function={"arguments": piece})] if block.call is not None else []

    def _complete(self, event: JSON) -> list[JSON]:
        block = self._open.pop(event["index"])
        try:
            whole = block.whole()
        except ProtocolError:  # such as a call that the limit cut: its arguments went out as such
            self._blocks = None
            return []
        if self._blocks is not None:
            self._blocks.append(whole)
        if block.kind in THINKING:
            return [self._content({"thinking_blocks": [whole]})]
        if block.call is not None and not any(block.pieces):
            return [self._call(block, function={"arguments": block.arguments})]
        return []

    def _finish(self, event: JSON) -> list[JSON]:
        delta = event["delta"]
        self._note({**event, **delta})
        if delta.get("stop_reason") is None:
            return []
        self._is_finished = self.has_content = True
        chat = {**refusal_of(delta), **kept(self._blocks or [])}
        return [{**self._chunk(chat, **finish_of(delta)), **self._more}]

    def _note(self, fields: JSON) -> None:
        # Later counts are sums, not additions; what a later event leaves out stays.
        usage = fields.get("usage") or {}
        self._usage.update({k: v for k, v in usage.items() if v is not None})
        self._more.update({k: v for k, v in unread(fields).items() if v is not None})

    def _call(self, block: _Block, **fields: Any) -> JSON:
        return self._content({"tool_calls": [{"index": block.call, **fields}]})

    def _content(self, delta: JSON) -> JSON:
        self.has_content = True
        return self._chunk(delta)

    def _chunk(self, delta: JSON, **more: Any) -> JSON:
        choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
        return {**self._head, "choices": [choice]}
