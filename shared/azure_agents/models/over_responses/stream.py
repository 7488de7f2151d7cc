"""Events of a response as chunks of a chat: a fold. Pure.

Texts, refusals, reasoning and the arguments of calls are delivered as they come. An item that is
done, and the response at the end, hold everything again: what did not come in pieces is delivered
then, and what contradicts the pieces is an error. The citations of a message follow when it is
done; encrypted reasoning comes with the finish, in the field that a whole answer keeps it in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...content.joins import PARAGRAPH
from ...errors import AzureAgentsError, ConnectionLostError, ProtocolError, RunCancelledError
from ...jsonio import JSON, load_object, malformed
from ...protocols.sse import KEEPALIVE, SSEDecoder
from ...service_errors.envelopes import error_from_event
from .answer import failure_of, finish_of, head_of, to_usage, unread
from .items import CALLS, annotations_of, is_commentary, kept, to_call

_DONE = b"[DONE]"
_INPUTS = {"function_call": "arguments", "custom_tool_call": "input"}
_Key = tuple[int, str, int]  # item, kind of part, part


class ResponsesDecoder:
    """Reads the stream of a response.

    Args:
        doing: What is being done, for errors.
        include_usage: Deliver a chunk with the usage.
    """

    def __init__(self, doing: str, *, include_usage: bool) -> None:
        self.has_content = False
        self.text = ""
        self._doing = doing
        self._include_usage = include_usage
        self._events = SSEDecoder()
        self._head: JSON = {"object": "chat.completion.chunk"}
        self._held: list[JSON] = []  # before the first content
        self._said: dict[_Key, str] = {}  # every part, as far as it was delivered
        self._calls: dict[int, tuple[int, str]] = {}  # item -> number and kind of the call
        self._asides: set[int] = set()  # items that are said in passing
        self._items: dict[int, JSON] = {}  # items that are done
        self._reasoning: _Key | None = None  # the last paragraph
        self._response: JSON | None = None  # the final one
        self._failure: AzureAgentsError | None = None  # of a response that failed
        self._is_done = False
        self._takes: dict[str, Callable[[JSON], list[JSON]]] = {
            "response.created": self._start,
            "response.queued": self._start,
            "response.in_progress": self._start,
            "response.output_item.added": self._begin,
            "response.output_item.done": self._end_item,
            **dict.fromkeys(_PIECES, self._piece),
            "response.completed": self._finish,
            "response.incomplete": self._finish,
            "response.failed": self._fail,
            "response.cancelled": self._fail,
        }

    @property
    def is_done(self) -> bool:
        """The response is over."""
        return self._is_done

    def feed(self, data: bytes) -> Iterable[JSON]:
        """Take the next bytes; give the chunks that may be delivered."""
        for event in self._events.feed(data):
            if event.name == KEEPALIVE:
                continue
            if event.data != _DONE:
                self._take(load_object(event.data))
            if self._response is not None or event.data == _DONE:
                self._is_done = True
                yield from self.end()
                return
            yield from self._deliver()

    def end(self) -> Iterable[JSON]:
        """Give what was held back, once the stream is over.

        Raises:
            AzureAgentsError: The response failed, or the stream ended before it was over.
        """
        if self._failure is not None:
            raise self._failure
        if self._response is None:
            raise ConnectionLostError(f"{self._doing}: the stream ended before the response did")
        chunks = list(self._deliver())
        usage = to_usage(self._response.get("usage"))
        if self._include_usage and usage is not None:
            chunks.append({**self._head, "choices": [], "usage": usage})
        return chunks

    def _deliver(self) -> Iterable[JSON]:
        if not self.has_content:
            return ()
        held, self._held = self._held, []
        return held

    def _take(self, event: JSON) -> None:
        kind = event.get("type")
        if kind == "error" or (kind is None and event.get("error")):
            raise error_from_event(event, doing=self._doing, of="azure")
        take = self._takes.get(
            str(kind)
        )  # what is new tomorrow, and what repeats the rest, is none
        if take is not None:
            with malformed(event):
                self._held += take(event)

    # --- the response ---------------------------------------------------------------------------

    def _start(self, event: JSON) -> list[JSON]:
        if "id" in self._head:
            return []
        self._head = head_of(event["response"], "chat.completion.chunk")
        return [self._chunk({"role": "assistant", "content": ""})]

    def _finish(self, event: JSON) -> list[JSON]:
        response = event["response"]
        chunks = self._start(event)
        for at, item in enumerate(response.get("output") or ()):
            chunks += self._settle(at, item)
        items = [self._items[at] for at in sorted(self._items)]
        self._response = response
        self.has_content = True
        end = self._chunk(kept(items), **finish_of(response, items))
        end["choices"][0].pop("logprobs", None)  # they came with their tokens
        return [*chunks, {**end, **unread(response)}]

    def _fail(self, event: JSON) -> list[JSON]:
        response = event["response"]
        if event["type"] == "response.cancelled":
            raise RunCancelledError(
                f"{self._doing}: the response was cancelled: ask again", response_id=response["id"]
            )
        failure = failure_of(response, doing=self._doing)
        if response.get("error"):
            raise failure
        # Seen in a public report: the reason comes in an error event behind the failure.
        self._failure = failure
        return []

    # --- items ----------------------------------------------------------------------------------

    def _begin(self, event: JSON) -> list[JSON]:
        at, item = event["output_index"], event["item"]
        if is_commentary(item):
            self._asides.add(at)
        return self._open(at, item) if item["type"] in CALLS else []

    def _open(self, at: int, item: JSON) -> list[JSON]:
        if at in self._calls:
            return []
        self._calls[at] = len(self._calls), item["type"]
        word = _INPUTS[item["type"]]
        opened = to_call({**item, word: ""})
        return [self._call(at, **opened), *self._grow((at, word, 0), item.get(word) or "")]

    def _end_item(self, event: JSON) -> list[JSON]:
        return self._settle(event["output_index"], event["item"])

    def _settle(self, at: int, item: JSON) -> list[JSON]:
        """Deliver what an item holds and what did not come in pieces."""
        if at in self._items:
            return []
        self._items[at] = item
        if item["type"] in CALLS:
            word = _INPUTS[item["type"]]
            opened = self._open(at, {**item, word: ""})
            return [*opened, *self._rest((at, word, 0), item.get(word) or "")]
        if item["type"] == "reasoning":
            return [
                chunk
                for kind in ("summary", "content")
                for part, one in enumerate(item.get(kind) or ())
                for chunk in self._rest((at, kind, part), one.get("text") or "")
            ]
        return self._settle_message(at, item) if item["type"] == "message" else []

    def _settle_message(self, at: int, item: JSON) -> list[JSON]:
        if is_commentary(item) and not any(key[0] == at for key in self._said):
            self._asides.add(at)
        chunks: list[JSON] = []
        for part, one in enumerate(item["content"]):
            kind = one["type"]
            words = one.get("text") if kind == "output_text" else one.get("refusal")
            chunks += self._rest((at, kind, part), words or "")
        begin = len(self.text) - sum(
            len(text) for key, text in self._said.items() if key[:2] == (at, "output_text")
        )
        cited = annotations_of(item, begin)
        return [*chunks, self._content({"annotations": cited})] if cited else chunks

    def _rest(self, key: _Key, whole: str) -> list[JSON]:
        said = self._said.get(key, "")
        if whole.startswith(said):
            return self._grow(key, whole[len(said) :])
        raise ProtocolError(
            f"{self._doing}: an item ends as {whole[:100]!r} and was streamed as {said[:100]!r}"
        )

    # --- pieces ---------------------------------------------------------------------------------

    def _piece(self, event: JSON) -> list[JSON]:
        kind, index = _PIECES[event["type"]]
        at, part = event["output_index"], event[index] if index else 0
        chunks = self._grow((at, kind, part), event["delta"])
        if chunks and event.get("logprobs") and "content" in chunks[-1]["choices"][0]["delta"]:
            chunks[-1]["choices"][0]["logprobs"] = {"content": event["logprobs"]}
        return chunks

    def _grow(self, key: _Key, piece: str) -> list[JSON]:
        if not piece:
            return []
        self._said[key] = self._said.get(key, "") + piece
        at, kind, _ = key
        if kind in _INPUTS.values():
            called = self._calls[at][1]
            return [self._call(at, **{CALLS[called]: {kind: piece}})]
        if kind == "refusal":
            return [self._content({"refusal": piece})]
        if kind in ("summary", "content") or at in self._asides:
            return [self._content({"reasoning_content": self._paragraph(key) + piece})]
        self.text += piece
        return [self._content({"content": piece})]

    def _paragraph(self, key: _Key) -> str:
        before, self._reasoning = self._reasoning, key
        return "" if before in (None, key) else PARAGRAPH

    def _call(self, at: int, **fields: Any) -> JSON:
        return self._content({"tool_calls": [{"index": self._calls[at][0], **fields}]})

    def _content(self, delta: JSON) -> JSON:
        self.has_content = True
        return self._chunk(delta)

    def _chunk(self, delta: JSON, **more: Any) -> JSON:
        choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
        return {**self._head, "choices": [choice]}


# Event -> kind of its part, and the field that numbers the part in its item.
_PIECES: dict[str, tuple[str, str | None]] = {
    "response.output_text.delta": ("output_text", "content_index"),
    "response.refusal.delta": ("refusal", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index"),
    "response.reasoning_text.delta": ("content", "content_index"),
    "response.function_call_arguments.delta": ("arguments", None),
    "response.custom_tool_call_input.delta": ("input", None),
}
