"""The course of a v2 response: its events in recorded order, and the state that they show.

Sources: v2/prompt_text_stream.json, v2/function_tool_stream.json, v2/workflow_stream.json,
v2/browser_automation_keepalive_stream.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..agent.replies import Failed, Incomplete, Pause, limited, said, searched
from ..agent.seen import (
    SeenCall,
    SeenReply,
    SeenTurn,
    count_prompt,
    from_items,
    read_choice,
    read_schema,
    read_tools,
)
from ..agent.server_tools import Reasoning
from ..files import vector_search
from ..text import tokens
from ..world.turns import AskAgent, Frame, Wait, frame
from .eras import show_event
from .events import stream_items
from .items import ItemMaker
from .objects import streamed_response_wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..text.search import Library
    from ..world.state import Response, World
    from ..world.turns import Work


class Emitter:
    """Numbers the events of one response: from 0, workflows from 1."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self._number = int(response.is_workflow)

    def __call__(self, event: str, **fields: object) -> Frame:
        """Build the next event, with its fields in the recorded order."""
        data = show_event(self.response, event, self._number, fields)
        self._number += 1
        return frame(event, data)

    def status(self, event: str) -> Frame:
        """Build the next event that carries the whole response."""
        return self(event, response=streamed_response_wire(self.response))


def error_event(response: Response) -> Frame:
    """Build the last event of a stream that the service lost; OpenAI's form, not recorded."""
    message = "An error occurred while processing your request."
    data = {"type": "error", "code": "server_error", "message": message, "param": None}
    known = len(response.turn.frames) if response.turn else 0
    return frame("error", data | {"sequence_number": known + int(response.is_workflow)})


def respond(world: World, response: Response) -> Work:
    """Run a response from its creation to its end."""
    emit = Emitter(response)
    yield from _announce(emit)
    seen = _seen(world, response)
    parts = yield AskAgent(seen, response.responder)
    parts = searched(world.injector.fail_at_random(parts), seen)
    parts = limited(parts, response.params.get("max_output_tokens"))
    # All items exist before the first is streamed: a script that this generation cannot play fails
    # the turn before it says anything, and the answer is in `seen` before its client has read it.
    maker = ItemMaker(world, response)
    made = [(part, maker.items_of(part)) for part in parts]
    usage = _count(seen, made)
    world.seen.append(_answered(seen, parts, made, usage))
    yield from _quiet(world, emit, world.injector.weather.slow_start)
    yield from _play(world, emit, made)
    output = [item for _, items in made for item in items]
    _finish(world, response, parts, output, usage)
    yield emit.status(f"response.{response.status}")


def _announce(emit: Emitter) -> Work:
    yield emit.status("response.created")
    if emit.response.is_background:
        yield emit.status("response.queued")
        emit.response.status = "in_progress"
    yield emit.status("response.in_progress")


def _play(world: World, emit: Emitter, made: Sequence[tuple[Part, list[JSON]]]) -> Work:
    """Stream the items of all parts, at the speed that the weather sets."""
    index = 0
    for part, items in made:
        if isinstance(part, Pause):
            yield from _quiet(world, emit, part.seconds)
        workflow = emit.response.is_workflow
        for step in stream_items(world, part, items, index, is_workflow=workflow):
            if isinstance(step, Wait):
                yield from _quiet(world, emit, step.seconds)
                continue
            event, fields = step
            yield emit(event, **fields)
            yield from _quiet(world, emit, world.injector.pause_after(event))
        index += len(items)


def _quiet(world: World, emit: Emitter, seconds: float) -> Work:
    """Stay silent for some seconds; recorded: a stream gets a keepalive every 30 of them."""
    every = world.rules.keepalive
    while every and emit.response.params.get("stream") and seconds > every:
        yield Wait(every)
        yield emit("keepalive")
        seconds -= every
    if seconds:
        yield Wait(seconds)


def _seen(world: World, response: Response) -> SeenTurn:
    definition = response.definition
    tools = definition.get("tools") or []
    choice = response.params.get("tool_choice") or definition.get("tool_choice")
    conversation = response.conversation
    return SeenTurn(
        generation="v2",
        agent=response.agent.id if response.agent else response.model,
        instructions=definition.get("instructions"),
        messages=from_items([*response.context, *response.inputs]),
        response_id=response.id,
        thread_id=conversation.id if conversation else None,
        previous_response_id=response.previous_id,
        metadata=dict(response.params.get("metadata") or {}),
        tools=read_tools(tools),
        tool_choice=read_choice(choice),
        parallel_tool_calls=response.params.get("parallel_tool_calls") is not False,
        schema=read_schema((definition.get("text") or {}).get("format")),
        library=_library(world, tools),
    )


def _library(world: World, tools: list[JSON]) -> Library | None:
    """Collect what the agent's file search may search."""
    tool = next((tool for tool in tools if tool.get("type") == "file_search"), None)
    if tool is None:
        return None
    ranking = tool.get("ranking_options") or {}
    return vector_search.library(
        world,
        tool.get("vector_store_ids") or [],
        limit=tool.get("max_num_results") or vector_search.MOST_RESULTS,
        threshold=ranking.get("score_threshold") or 0.0,
    )


def _answered(
    seen: SeenTurn,
    parts: Sequence[Part],
    made: Sequence[tuple[Part, list[JSON]]],
    usage: JSON,
) -> SeenTurn:
    calls = tuple(
        SeenCall(item["call_id"], item["name"], item["arguments"])
        for _, items in made
        for item in items
        if item["type"] == "function_call"
    )
    error = next((part.code for part in parts if isinstance(part, Failed)), None)
    reply = SeenReply(said(parts), calls, error)
    return seen.answered(reply, usage)


def _count(seen: SeenTurn, made: Sequence[tuple[Part, list[JSON]]]) -> JSON:
    prompt = count_prompt(seen.messages, seen.instructions)
    messages = from_items(item for _, items in made for item in items)
    output = sum(
        tokens.count(message.text)
        + sum(tokens.count(call.name) + tokens.count(call.arguments) for call in message.tool_calls)
        for message in messages
    )
    reasoned = sum(part.tokens for part, _ in made if isinstance(part, Reasoning))
    output += reasoned
    continued = seen.previous_response_id or seen.thread_id
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached(prompt) if continued else 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reasoned},
        "total_tokens": prompt + output,
    }


# Not recorded: responses that failed or were incomplete. Their last event is named by their status.
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
    if response.session is not None and response.status != "failed":
        response.session.items += [*response.inputs, *output]
    conversation = response.conversation
    if conversation is not None:
        if response.status != "failed":
            conversation.items += [*response.inputs, *output]
        elif world.rules.keeps_failed_input:
            conversation.items += response.inputs
        conversation.turn = None
