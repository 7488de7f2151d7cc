"""The stream of Claude's messages: events in recorded order.

Source: messages_tool_stream (a call, a text), with its padding: spaces before the last brace.
Thinking follows Anthropic's documentation: its signature is the last delta of its block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ... import jsonio
from ...jsonio import JSON
from ..agent.replies import Failed, Pause, Text
from ..text import tokens
from ..world.turns import Frame, Wait
from .answer import answered, paced
from .claude_objects import blocks, message, stop_reason, usage

if TYPE_CHECKING:
    from ..world.state import World
    from ..world.turns import Work
    from .answer import Call

_PING = Frame("ping", b'{"type": "ping"}')
_ARGUMENTS = 8  # characters of arguments in an event
# The start of a block has none of its content yet.
_EMPTY: dict[str, JSON] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}


def stream_message(world: World, call: Call) -> Work:
    """Answer a call; its frames are the events of its stream."""
    yield from answered(world, call)
    if call.problem is not None:
        return
    made = blocks(call)  # before the first event: arguments that are no JSON break the call whole
    for seconds in (part.seconds for part in call.parts if isinstance(part, Pause)):
        yield Wait(seconds)
    opening = message(call, [], None, usage(call, 1))
    yield _event(world, "message_start", message=opening)
    if not made:
        yield _PING
    cuts = {part.text: part.deltas for part in call.parts if isinstance(part, Text)}
    for index, block in enumerate(made):
        yield from _block(world, index, block, cuts.get(block.get("text", "")))
    failure = next((part for part in call.parts if isinstance(part, Failed)), None)
    if failure is not None:
        error = call.fail(failure).body["error"]
        yield _event(world, "error", error=error)
        return
    yield _event(world, "message_delta", delta=_end(call), usage=_counts(call))
    call.status = "completed"
    yield _event(world, "message_stop")


def _event(world: World, name: str, **fields: object) -> Frame:
    data = jsonio.dumps({"type": name, **fields})
    return Frame(name, data[:-1] + b" " * (world.ids.cut(16) - 1) + data[-1:])


def _block(world: World, index: int, block: JSON, cuts: Sequence[str] | None) -> Work:
    start = block | _EMPTY[block["type"]]
    yield _event(world, "content_block_start", index=index, content_block=start)
    if index == 0:
        yield _PING
    for delta in _deltas(block, cuts):
        yield from paced(world, _event(world, "content_block_delta", index=index, delta=delta))
    yield _event(world, "content_block_stop", index=index)


def _deltas(block: JSON, cuts: Sequence[str] | None) -> Iterator[JSON]:
    match block["type"]:
        case "text":
            for piece in cuts or tokens.pieces(block["text"]):
                yield {"type": "text_delta", "text": piece}
        case "thinking":
            for piece in tokens.pieces(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case _:
            yield from _arguments(block["input"])


def _arguments(given: JSON) -> Iterator[JSON]:
    # Recorded: an empty piece comes first; a call without arguments has no other.
    text = jsonio.dumps(given).decode() if given else ""
    pieces = [text[start : start + _ARGUMENTS] for start in range(0, len(text), _ARGUMENTS)]
    for piece in ("", *pieces):
        yield {"type": "input_json_delta", "partial_json": piece}


def _end(call: Call) -> JSON:
    return {"stop_reason": stop_reason(call), "stop_sequence": None, "stop_details": None}


def _counts(call: Call) -> JSON:
    left_out = ("cache_creation", "service_tier", "inference_geo")
    counts = usage(call, call.output_tokens)
    return {name: value for name, value in counts.items() if name not in left_out}
