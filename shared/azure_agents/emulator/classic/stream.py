"""The course of a classic run: from its creation, or submitted outputs, to its end or pause.

Sources: classic/create_stream.json, classic/submit_tool_outputs_to_stream.json,
classic/mcp_tool_streaming.json. A run has one leg per model call; tool outputs and approvals
begin the next leg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..agent.replies import Failed, ToolCalls, limited, said, searched
from ..agent.seen import (
    SeenCall,
    SeenMessage,
    SeenReply,
    SeenTurn,
    count_prompt,
    join_messages,
    read_choice,
    read_schema,
    read_tools,
)
from ..agent.server_tools import McpApproval
from ..files import vector_search
from ..text import tokens
from ..world.turns import AskAgent, Frame, Wait, frame
from .events import DONE, Player, count_call, run_event
from .objects import usage
from .steps import mcp_call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..text.search import Library
    from ..world.state import Entry, Run, Thread, World
    from ..world.turns import Work


def first_leg(world: World, run: Run, new_thread: Thread | None) -> Work:
    """Run from the creation to the end or the first pause."""
    if new_thread is not None:
        yield frame("thread.created", new_thread.wire)
    yield run_event(run, "created")
    yield run_event(run)
    yield from _leg(world, run)


def next_leg(world: World, run: Run) -> Work:
    """Run from submitted outputs to the end or the next pause."""
    step, run.open_step = run.open_step, None
    if step is not None:
        step |= {"status": "completed", "completed_at": world.now}
        yield frame("thread.run.step.completed", step)
    yield run_event(run)
    if run.approved is not None:  # recorded: an approved run is announced again
        yield run_event(run, "created")
        yield run_event(run)
    yield from _leg(world, run)


def _leg(world: World, run: Run) -> Work:
    run.wire |= {"status": "in_progress", "started_at": world.now}
    yield run_event(run)
    seen = _seen(world, run, remember=world.rules.remember_tool_rounds)
    parts = yield AskAgent(seen, run.assistant.responder)
    parts = searched(world.injector.fail_at_random(parts), seen)
    parts = _until_pause(limited(parts, run.wire["max_completion_tokens"]))
    calls = _calls(world, parts)
    prompt = count_prompt(seen.messages, seen.instructions, seen.additional_instructions)
    run.prompt_tokens += prompt
    _record(world, run, seen, parts, calls)
    yield from _quiet(world, world.injector.weather.slow_start)
    for step in Player(world, run, calls, prompt).play(parts):
        if isinstance(step, Wait):
            yield from _quiet(world, step.seconds)
            continue
        yield step
        if isinstance(step, Frame):
            yield from _quiet(world, world.injector.pause_after(step.event))
    yield DONE


def _quiet(world: World, seconds: float) -> Work:
    """Stay silent for some seconds, but for keepalives where `Rules` asks for them."""
    every = world.rules.classic_keepalive
    while every and seconds > every:
        yield Wait(every)
        yield Frame("keepalive", b"")
        seconds -= every
    if seconds:
        yield Wait(seconds)


def _until_pause(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Cut the parts where the run pauses: behind function calls, or behind approvals."""
    for position, part in enumerate(parts):
        if isinstance(part, ToolCalls):
            return tuple(parts[: position + 1])
        if isinstance(part, McpApproval):
            asked = [other for other in parts[position:] if isinstance(other, McpApproval)]
            return (*parts[:position], *asked)
    return tuple(parts)


def _calls(world: World, parts: Sequence[Part]) -> list[JSON]:
    """Build the calls of a leg's pause, with ids."""
    found: list[JSON] = []
    for part in parts:
        if isinstance(part, ToolCalls):
            found += [_function_call(world, *call) for call in part.calls]
        elif isinstance(part, McpApproval):
            id = part.id or world.ids.classic("call")
            found.append(mcp_call(id, part.server_label, part.name, part.arguments))
    return found


def _function_call(world: World, name: str, arguments: str, id: str | None) -> JSON:
    function = {"name": name, "arguments": arguments}
    return {"id": id or world.ids.classic("call"), "type": "function", "function": function}


def _seen(world: World, run: Run, *, remember: bool) -> SeenTurn:
    entries = [
        entry
        for entry in run.thread.entries
        if remember or entry.message or (entry.author and entry.author[0] == run.id)
    ]
    strategy = run.wire["truncation_strategy"]
    if strategy["type"] == "last_messages":
        entries = entries[-strategy["last_messages"] :]
    return SeenTurn(
        generation="classic",
        agent=run.assistant.id,
        instructions=run.instructions,
        additional_instructions=run.additional_instructions,
        messages=_joined(entries),
        run_id=run.id,
        thread_id=run.thread.id,
        metadata=dict(run.wire["metadata"]),
        tools=read_tools(run.wire["tools"]),
        tool_choice=read_choice(run.wire["tool_choice"]),
        parallel_tool_calls=run.wire["parallel_tool_calls"] is not False,
        schema=read_schema(run.wire["response_format"]),
        library=_library(world, run),
    )


def _library(world: World, run: Run) -> Library | None:
    """Collect what the run may search: stores of agent and thread, files attached to messages."""
    tool = next((tool for tool in run.wire["tools"] if tool["type"] == "file_search"), None)
    if tool is None:
        return None
    resources = (run.assistant.wire["tool_resources"], run.thread.wire["tool_resources"])
    stores = [id for one in resources for id in _search_in(one)]
    settings = tool.get("file_search") or {}
    ranking = settings.get("ranking_options") or {}
    return vector_search.library(
        world,
        stores,
        attached=[id for message in run.thread.messages for id in _attached(message)],
        limit=settings.get("max_num_results") or vector_search.MOST_RESULTS,
        threshold=ranking.get("score_threshold") or 0.0,
    )


def _search_in(resources: JSON) -> list[str]:
    return (resources.get("file_search") or {}).get("vector_store_ids") or []


def _attached(message: JSON) -> list[str]:
    return [
        attachment["file_id"]
        for attachment in message["attachments"]
        if attachment.get("file_id")
        and any(tool["type"] == "file_search" for tool in attachment.get("tools") or ())
    ]


def _joined(entries: Sequence[Entry]) -> tuple[SeenMessage, ...]:
    """Join what one leg said and called into one message."""
    seen: list[SeenMessage] = []
    author: object = None
    for entry in entries:
        first, *rest = entry.seen
        is_assistant = first.role == "assistant"
        if is_assistant and author is not None and entry.author == author:
            seen[-1] = join_messages(seen[-1], first)
        else:
            seen.append(first)
        seen += rest
        author = None if rest else entry.author
    return tuple(seen)


def _record(
    world: World,
    run: Run,
    seen: SeenTurn,
    parts: Sequence[Part],
    calls: Sequence[JSON],
) -> None:
    made = tuple(
        SeenCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in calls
        if call["type"] == "function"
    )
    error = next((part.code for part in parts if isinstance(part, Failed)), None)
    written = tokens.count(said(parts)) + sum(map(count_call, calls))
    counts = usage(run.prompt_tokens, run.completion_tokens + written)
    reply = SeenReply(said(parts), made, error)
    world.seen.append(seen.answered(reply, counts))
