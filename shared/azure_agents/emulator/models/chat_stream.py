"""The stream of a chat: chunks in recorded order.

First comes a chunk without choices that holds the results of the prompt's filters, then the role,
the deltas, the finish, what the asynchronous filter found, the usage if it was asked for, and
``[DONE]``. Sources: chat_stream_dated_gpt41mini (text), chat_tool_stream_dated (one call, usage),
chat_stream_async_filter_blocklist. How several calls begin is OpenAI's way, not recorded on this
surface; an error in a stream was not recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..agent.replies import Failed, Incomplete, Pause, Text, ToolCalls
from ..agent.server_tools import Refusal
from ..text import tokens
from ..world.turns import Frame, Wait, frame
from . import filters
from .answer import answered, paced
from .chat_audio import is_spoken, last_delta, spoken_deltas
from .chat_objects import (
    filtered_results,
    fingerprint,
    finish_reason,
    passed_results,
    prompt_results,
    tool_call,
    usage,
)
from .logprobs import logprobs_of

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..world.state import World
    from ..world.turns import Work
    from .answer import Call

_DONE = Frame("", b"[DONE]")
_ARGUMENTS = 6  # characters of arguments in a chunk, about a token


def stream(world: World, call: Call) -> Work:
    """Answer a call; its frames are the chunks of its stream."""
    yield from answered(world, call)
    if call.problem is not None:
        return
    chunks = Chunks(world, call)
    yield frame("", chunks.prompt())
    for index in range(call.body.get("n") or 1):
        yield from _choice(world, call, chunks, index)
        if call.problem is not None:
            return
    for chunk in chunks.late_results():
        yield frame("", chunk)
    if chunks.has_usage:
        yield frame("", chunks.usage())
    call.status = "completed"
    yield _DONE


def _choice(world: World, call: Call, chunks: Chunks, index: int) -> Work:
    calls = iter(enumerate(call.calls))
    opening = _opening(call)
    yield frame("", chunks.delta(index, opening))
    if "tool_calls" in opening:  # the first call is open
        yield from _arguments(world, chunks, index, *next(calls))
    for part in call.parts:
        match part:
            case Pause(seconds):
                yield Wait(seconds)
            case ToolCalls():
                for position, one in calls:
                    yield frame("", chunks.delta(index, _opened(position, one)))
                    yield from _arguments(world, chunks, index, position, one)
            case _:
                for delta in _deltas(call, part):
                    yield from paced(world, frame("", chunks.delta(index, delta)))
        if isinstance(part, Failed):
            yield frame("", call.fail(part).body)
            return
    if is_spoken(call):
        yield frame("", chunks.delta(index, last_delta(call)))
    yield frame("", chunks.delta(index, {}, finish_reason(call)))


def _deltas(call: Call, part: Part) -> Iterator[JSON]:
    for delta in said_pieces(part):
        if is_spoken(call) and "content" in delta:
            yield from spoken_deltas(call, delta["content"])
        else:
            yield delta


def _opening(call: Call) -> JSON:
    """Build the first delta: the role, and with it a call that is the whole answer."""
    if len(call.calls) == 1 and not call.text:
        return {"content": None, "role": "assistant", **_opened(0, call.calls[0])}
    silent = (call.calls or call.refusal) and not call.text
    content = None if silent or is_spoken(call) else ""
    return {"content": content, "refusal": None, "role": "assistant"}


def _opened(position: int, one: Any) -> JSON:
    id, name, _ = one
    made = tool_call(id, name, "")
    opened = {"function": made["function"], "id": id, "index": position, "type": "function"}
    return {"tool_calls": [opened]}


def _arguments(world: World, chunks: Chunks, index: int, position: int, one: Any) -> Work:
    text = one.arguments
    for start in range(0, len(text), _ARGUMENTS):
        piece = {"function": {"arguments": text[start : start + _ARGUMENTS]}, "index": position}
        yield from paced(world, frame("", chunks.delta(index, {"tool_calls": [piece]})))


def said_pieces(part: Part) -> Iterator[JSON]:
    """Cut what a part of an answer says into the deltas of a stream."""
    match part:
        case Text(text, deltas):
            yield from ({"content": piece} for piece in deltas or tokens.pieces(text))
        case Failed(text=text) | Incomplete(text=text):
            yield from ({"content": piece} for piece in tokens.pieces(text))
        case Refusal(text):
            yield from ({"refusal": piece} for piece in tokens.pieces(text))
        case _:
            return


# Recorded: offsets begin 30 characters behind the only message's; its frame, probably.
_FRAME_OF_PROMPT = 30


def _annotation(call: Call, index: int, results: JSON) -> JSON:
    start = sum(len(one.text) + _FRAME_OF_PROMPT for one in call.seen.messages)
    offsets = {
        "check_offset": start,
        "start_offset": start,
        "end_offset": start + len(call.text),
    }
    return {
        "content_filter_offsets": offsets,
        "content_filter_results": results,
        "finish_reason": None,
        "index": index,
    }


class Chunks:
    """Builds the chunks of one stream."""

    def __init__(self, world: World, call: Call) -> None:
        self._ids = world.ids
        self._call = call
        self.has_usage = bool((call.body.get("stream_options") or {}).get("include_usage"))

    def prompt(self) -> JSON:
        """Build the first chunk: no choices, no id, the results of the prompt's filters."""
        empty: JSON = {"choices": [], "created": 0, "id": "", "model": "", "object": ""}
        return empty | {"prompt_filter_results": prompt_results(self._call)}

    def delta(self, index: int, delta: JSON, finish: str | None = None) -> JSON:
        """Build a chunk with one choice."""
        results = {} if self._call.is_filtered_late else self._results(delta, finish)
        choice = {
            **results,
            "delta": delta,
            "finish_reason": finish,
            "index": index,
            "logprobs": logprobs_of(self._call, delta.get("content")),
        }
        told = delta.get("content") or delta.get("refusal") or ""
        return self._chunk([choice], {"usage": None} if self.has_usage else {}, told)

    def usage(self) -> JSON:
        """Build the chunk behind the finish, if the usage was asked for."""
        return self._chunk([], {"usage": usage(self._call)}, "")

    def late_results(self) -> list[JSON]:
        """Build what comes behind the finish: findings of the asynchronous filter, if it is on."""
        call = self._call
        if not call.is_filtered_late or not call.text:
            return []
        found = filters.late_results(
            has_lists=bool(call.deployment.blocklists), blocked_by=call.blocked_by
        )
        empty: JSON = {"created": 0, "id": "", "model": "", "object": ""}
        return [
            {"choices": [_annotation(call, index, results)], **empty}
            for index in range(call.body.get("n") or 1)
            for results in found
        ]

    def _results(self, delta: JSON, finish: str | None) -> JSON:
        results: JSON = passed_results(self._call) if delta.get("content") else {}
        if finish == "content_filter":
            results = filtered_results(self._call)
        return {"content_filter_results": results}

    def _chunk(self, choices: list[JSON], more: JSON, told: str) -> JSON:
        call = self._call
        return {
            "choices": choices,
            "created": call.created,
            "id": call.id,
            "model": call.deployment.model,
            "obfuscation": self._ids.padding(told),
            "object": "chat.completion.chunk",
            "system_fingerprint": fingerprint(call),
            **more,
        }
