"""How a v2 response comes about: the events in recorded order, and the state they stand for.

Sources: v2/prompt_text_stream.json, v2/function_tool_stream.json. A part of an answer becomes
output items; a table says how an item of each type is streamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import tokens, transcripts
from .replies import Failed, Incomplete, Pause, Text, ToolCalls, limited, said
from .turns import Frame, Think, Wait, frame
from .v2_objects import streamed_response_wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..jsonio import JSON
    from .replies import Part
    from .state import Response, World
    from .turns import Work


class Emitter:
    """Numbers the events of one response, starting at 0."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self._number = 0

    def __call__(self, event: str, **fields: object) -> Frame:
        """One event; fields follow the type in alphabetical order, as in the recordings."""
        data = {"type": event, **dict(sorted((fields | {"sequence_number": self._number}).items()))}
        self._number += 1
        return frame(event, data)

    def status(self, event: str) -> Frame:
        """One event that carries the whole response."""
        return self(event, response=streamed_response_wire(self.response))


def respond(world: World, response: Response) -> Work:
    """Run a response from its creation to its end."""
    emit = Emitter(response)
    yield emit.status("response.created")
    if response.is_background:
        yield emit.status("response.queued")
        response.status = "in_progress"
    yield emit.status("response.in_progress")
    seen = _seen(response)
    parts = yield Think(seen, response.brain)
    parts = limited(parts, response.params.get("max_output_tokens"))
    output: list[JSON] = []
    made = [(part, _items(world, response, part)) for part in parts]
    usage = _count(seen, made)
    world.seen.append(_answered(seen, parts, made, usage))
    for part, items in made:
        if isinstance(part, Pause):
            yield Wait(part.seconds)
        for item in items:
            cut = isinstance(part, Failed)
            yield from _stream_item(world, emit, item, _deltas(part), len(output), cut=cut)
            output.append(item)
    _finish(world, response, parts, output, usage)
    yield emit.status(f"response.{response.status}")


def _seen(response: Response) -> transcripts.SeenTurn:
    conversation, previous = response.conversation, response.previous
    return transcripts.SeenTurn(
        generation="v2",
        agent=response.agent.id if response.agent else response.model,
        instructions=response.definition.get("instructions"),
        messages=transcripts.from_items([*response.context, *response.inputs]),
        response_id=response.id,
        thread_id=conversation.id if conversation else None,
        previous_response_id=previous.id if previous else None,
        metadata=dict(response.params.get("metadata") or {}),
    )


def _answered(
    seen: transcripts.SeenTurn,
    parts: Sequence[Part],
    made: Sequence[tuple[Part, list[JSON]]],
    usage: JSON,
) -> transcripts.SeenTurn:
    calls = tuple(
        transcripts.SeenCall(item["call_id"], item["name"], item["arguments"])
        for _, items in made
        for item in items
        if item["type"] == "function_call"
    )
    error = next((part.code for part in parts if isinstance(part, Failed)), None)
    reply = transcripts.SeenReply(said(parts), calls, error)
    return seen.answered(reply, usage)


def _items(world: World, response: Response, part: Part) -> list[JSON]:
    """The output items of one part."""
    match part:
        case Text(text):
            return [_message(world, response, text)]
        case Failed(_, _, text) | Incomplete(_, text) if text:
            return [_message(world, response, text) | {"status": "incomplete"}]
        case ToolCalls(calls):
            return [
                _item(world, response, "function_call", "fc")
                | {
                    "call_id": id or world.ids.classic("call"),
                    "name": name,
                    "arguments": arguments,
                    "status": "completed",
                }
                for name, arguments, id in calls
            ]
        case _:
            return []


def _item(world: World, response: Response, type: str, prefix: str) -> JSON:
    partition = response.id.partition("_")[2][:18]
    item: JSON = {"type": type, "id": world.ids.made(prefix, partition)}
    if response.agent is not None:
        item["agent_reference"] = response.agent.reference
    return item | {"response_id": response.id}


def _message(world: World, response: Response, text: str) -> JSON:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    body = {"role": "assistant", "content": [part], "status": "completed"}
    return _item(world, response, "message", "msg") | body


def _deltas(part: Part) -> Sequence[str] | None:
    return part.deltas if isinstance(part, Text) else None


def _count(seen: transcripts.SeenTurn, made: Sequence[tuple[Part, list[JSON]]]) -> JSON:
    prompt = tokens.count_prompt(seen.messages, seen.instructions)
    messages = transcripts.from_items(item for _, items in made for item in items)
    output = sum(
        tokens.count(message.text)
        + sum(tokens.count(call.name) + tokens.count(call.arguments) for call in message.tool_calls)
        for message in messages
    )
    continued = seen.previous_response_id or seen.thread_id
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached(prompt) if continued else 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + output,
    }


def _finish(
    world: World, response: Response, parts: Sequence[Part], output: list[JSON], usage: JSON
) -> None:
    response.output, response.usage, response.status = output, usage, "completed"
    for part in parts:
        if isinstance(part, Failed):
            response.status = "failed"
            response.error = {"code": part.code, "message": part.message}
        elif isinstance(part, Incomplete):
            response.status = "incomplete"
            response.incomplete_details = {"reason": part.reason}
    if response.status != "failed":
        response.completed_at = world.now
    conversation = response.conversation
    if conversation is not None:
        # Not recorded: whether a failed response leaves its input behind. Here it does not.
        if response.status != "failed":
            conversation.items += [*response.inputs, *output]
        conversation.turn = None


def _stream_item(
    world: World,
    emit: Emitter,
    item: JSON,
    deltas: Sequence[str] | None,
    index: int,
    *,
    cut: bool,
) -> Iterator[Frame]:
    """The events of one item; an item that is cut has no closing events."""
    opening, inner = _STREAMED.get(item["type"], (_same, _nothing))
    started = opening(item) | {"status": "in_progress"}
    yield emit("response.output_item.added", item=started, output_index=index)
    for event in inner(world, emit, item, deltas, index):
        if not (cut and event.event.endswith(".done")):
            yield event
    if not cut:
        yield emit("response.output_item.done", item=item, output_index=index)


def _same(item: JSON) -> JSON:
    return item


def _nothing(*_: object) -> Iterator[Frame]:
    return iter(())


def _open_message(item: JSON) -> JSON:
    return item | {"content": []}


def _stream_message(
    world: World, emit: Emitter, item: JSON, deltas: Sequence[str] | None, index: int
) -> Iterator[Frame]:
    for position, part in enumerate(item["content"]):
        place = {"content_index": position, "item_id": item["id"], "output_index": index}
        blank = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        yield emit("response.content_part.added", **place, part=blank)
        for delta in tokens.pieces(part["text"]) if deltas is None else deltas:
            noise = {"logprobs": [], "obfuscation": world.ids.padding(delta)}
            yield emit("response.output_text.delta", delta=delta, **place, **noise)
        text = part["text"]
        yield emit("response.output_text.done", **place, logprobs=[], text=text)
        yield emit("response.content_part.done", **place, part=part)


def _open_function_call(item: JSON) -> JSON:
    return item | {"arguments": ""}


def _stream_function_call(
    world: World, emit: Emitter, item: JSON, _: Sequence[str] | None, index: int
) -> Iterator[Frame]:
    place = {"item_id": item["id"], "output_index": index}
    for delta in tokens.pieces(item["arguments"]):
        padding = world.ids.padding(delta)
        event = "response.function_call_arguments.delta"
        yield emit(event, delta=delta, **place, obfuscation=padding)
    arguments = item["arguments"]
    yield emit("response.function_call_arguments.done", arguments=arguments, **place)


# How an item of each type is streamed: what it looks like when it is added, and the events
# between its added and its done. Types that are not here have no events between.
_STREAMED: dict[str, tuple[Callable[[JSON], JSON], Callable[..., Iterator[Frame]]]] = {
    "message": (_open_message, _stream_message),
    "function_call": (_open_function_call, _stream_function_call),
}
