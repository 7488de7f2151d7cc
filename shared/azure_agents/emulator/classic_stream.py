"""How a classic run goes: the events in recorded order, and the state they stand for.

Sources: classic/create_stream.json, classic/submit_tool_outputs_to_stream.json,
classic/cancel_run.json. Failed and incomplete runs were not recorded: their order follows the
service description. A run has one leg per model call; tool outputs begin the next leg.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import tokens, transcripts
from .classic_objects import step_wire, streamed_run_wire, usage, written_message
from .replies import Failed, Incomplete, Part, Pause, Text, ToolCalls, limited, said
from .state import Entry, Run, Thread, World
from .turns import Frame, Step, Think, Wait, frame

if TYPE_CHECKING:
    from ..jsonio import JSON
    from .turns import Work

DONE = Frame("done", b"[DONE]")
_MESSAGE_REASONS = {"max_output_tokens": "max_tokens"}
_RUN_REASONS = {"max_output_tokens": "max_completion_tokens"}
_STAMPS = {"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}


def run_event(run: Run, status: str | None = None) -> Frame:
    """``thread.run.<status>`` with the run as it is now."""
    return frame(f"thread.run.{status or run.status}", streamed_run_wire(run))


def first_leg(world: World, run: Run, new_thread: Thread | None) -> Work:
    """From the run's creation to its end or its first pause."""
    if new_thread is not None:
        yield frame("thread.created", new_thread.wire)
    yield run_event(run, "created")
    yield run_event(run)
    yield from _leg(world, run)


def next_leg(world: World, run: Run) -> Work:
    """From submitted outputs to the run's end or its next pause."""
    step, run.open_step = run.open_step, None
    if step is not None:
        step |= {"status": "completed", "completed_at": world.now}
        yield frame("thread.run.step.completed", step)
    yield run_event(run)
    yield from _leg(world, run)


def _leg(world: World, run: Run) -> Work:
    run.wire |= {"status": "in_progress", "started_at": world.now}
    yield run_event(run)
    seen = _seen(run, remember=world.rules.remember_tool_rounds)
    parts = yield Think(seen, run.assistant.brain)
    parts = _until_pause(limited(parts, run.wire["max_completion_tokens"]))
    calls = _calls(world, parts)
    prompt = tokens.count_prompt(seen.messages, seen.instructions, seen.additional_instructions)
    run.prompt_tokens += prompt
    _record(world, run, seen, parts, calls)
    yield from _play(world, run, parts, calls, prompt)
    yield DONE


def _until_pause(parts: Sequence[Part]) -> tuple[Part, ...]:
    """What comes after function calls is not said: the run pauses there."""
    for position, part in enumerate(parts):
        if isinstance(part, ToolCalls):
            return tuple(parts[: position + 1])
    return tuple(parts)


def _calls(world: World, parts: Sequence[Part]) -> list[JSON]:
    """The function calls of a leg, with ids."""
    made = (call for part in parts if isinstance(part, ToolCalls) for call in part.calls)
    return [
        {
            "id": id or world.ids.classic("call"),
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for name, arguments, id in made
    ]


def _seen(run: Run, *, remember: bool) -> transcripts.SeenTurn:
    entries = [
        entry
        for entry in run.thread.entries
        if remember or entry.message or (entry.author and entry.author[0] == run.id)
    ]
    strategy = run.wire["truncation_strategy"]
    if strategy["type"] == "last_messages":
        entries = entries[-strategy["last_messages"] :]
    return transcripts.SeenTurn(
        generation="classic",
        agent=run.assistant.id,
        instructions=run.instructions,
        additional_instructions=run.additional_instructions,
        messages=_joined(entries),
        run_id=run.id,
        thread_id=run.thread.id,
        metadata=dict(run.wire["metadata"]),
    )


def _joined(entries: Sequence[Entry]) -> tuple[transcripts.SeenMessage, ...]:
    """What one leg said and called is one message."""
    seen: list[transcripts.SeenMessage] = []
    author: object = None
    for entry in entries:
        first, *rest = entry.seen
        if author is not None and entry.author == author:
            seen[-1] = transcripts.join(seen[-1], first)
        else:
            seen.append(first)
        seen += rest
        author = None if rest else entry.author
    return tuple(seen)


def _record(
    world: World,
    run: Run,
    seen: transcripts.SeenTurn,
    parts: Sequence[Part],
    calls: Sequence[JSON],
) -> None:
    made = tuple(
        transcripts.SeenCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in calls
    )
    error = next((part.code for part in parts if isinstance(part, Failed)), None)
    written = tokens.count(said(parts)) + _count_calls(calls)
    counts = usage(run.prompt_tokens, run.completion_tokens + written)
    reply = transcripts.SeenReply(said(parts), made, error)
    world.seen.append(seen.answered(reply, counts))


def _count_calls(calls: Sequence[JSON]) -> int:
    texts = (call["function"] for call in calls)
    return sum(tokens.count(f["name"]) + tokens.count(f["arguments"]) for f in texts)


def _play(
    world: World, run: Run, parts: Sequence[Part], calls: list[JSON], prompt: int
) -> Generator[Step, Any, None]:
    for part in parts:
        match part:
            case Pause(seconds):
                yield Wait(seconds)
            case Text(text, deltas):
                yield from _say(world, run, text, deltas, prompt)
                prompt = 0  # the model read the transcript once
            case ToolCalls():
                yield from _pause(world, run, calls, prompt)
                return
            case Incomplete(reason, text):
                yield from _stop_early(world, run, reason, text, prompt)
                return
            case Failed():
                yield from _fail(world, run, part, prompt)
                return
            case _:
                pass
    finish(world, run, "completed")
    yield run_event(run)


def _say(
    world: World, run: Run, text: str, deltas: Sequence[str] | None, prompt: int
) -> Iterator[Frame]:
    yield from _begin_message(world, run, text, deltas)
    message, step = run.open_message, run.open_step
    assert message is not None and step is not None  # noqa: S101, PT018 - for the type checker
    message |= {"status": "completed", "completed_at": world.now}
    message["content"] = _content(text)
    run.open_message = None
    yield frame("thread.message.completed", message)
    yield _end_step(world, run, "completed", prompt, tokens.count(text))


def _content(text: str) -> list[JSON]:
    return [{"type": "text", "text": {"value": text, "annotations": []}}]


def _begin_message(
    world: World, run: Run, text: str, deltas: Sequence[str] | None = None
) -> Iterator[Frame]:
    message = written_message(world, run)
    details = {"type": "message_creation", "message_creation": {"message_id": message["id"]}}
    yield from _begin_step(world, run, details)
    entry = Entry((transcripts.SeenMessage("assistant"),), message, (run.id, run.leg))
    run.thread.entries.append(entry)
    run.open_message = message
    yield frame("thread.message.created", message)
    yield frame("thread.message.in_progress", message)
    cut = tokens.pieces(text) if deltas is None else deltas
    for number, delta in enumerate(cut):
        said_so_far = entry.seen[0].text + delta
        entry.seen = (transcripts.SeenMessage("assistant", said_so_far),)
        value: JSON = {"value": delta} | ({} if number else {"annotations": []})
        content = [{"index": 0, "type": "text", "text": value}]
        yield _delta(message, "thread.message", {"content": content})


def _begin_step(world: World, run: Run, details: JSON) -> Iterator[Frame]:
    step = run.open_step = step_wire(world, run, details)
    run.steps.append(step)
    yield frame("thread.run.step.created", step)
    yield frame("thread.run.step.in_progress", step)


def _delta(target: JSON, object: str, delta: JSON) -> Frame:
    data = {"id": target["id"], "object": f"{object}.delta", "delta": delta}
    return frame(f"{object}.delta", data)


def _end_step(world: World, run: Run, status: str, prompt: int, written: int) -> Frame:
    step, run.open_step = run.open_step, None
    assert step is not None  # noqa: S101 - for the type checker
    run.completion_tokens += written
    step |= {"status": status, "usage": usage(prompt, written)}
    step[_STAMPS[status]] = world.now
    return frame(f"thread.run.step.{status}", step)


def _pause(world: World, run: Run, calls: list[JSON], prompt: int) -> Iterator[Frame]:
    yield from _begin_step(world, run, {"type": "tool_calls", "tool_calls": []})
    step = run.open_step
    assert step is not None  # noqa: S101 - for the type checker
    for index, call in enumerate(calls):
        function = call["function"]
        opened = {"name": function["name"], "arguments": "", "output": None}
        yield _call_delta(step, {"index": index, "id": call["id"]}, opened)
        for piece in tokens.pieces(function["arguments"]):
            yield _call_delta(step, {"index": index}, {"arguments": piece})
    step["step_details"] = {
        "type": "tool_calls",
        "tool_calls": [call | {"function": call["function"] | {"output": None}} for call in calls],
    }
    written = _count_calls(calls)
    run.completion_tokens += written
    step["usage"] = usage(prompt, written)
    step["expires_at"] = run.wire["started_at"] + world.rules.pause_lifetime
    run.wire |= {
        "status": "requires_action",
        "expires_at": step["expires_at"],
        "required_action": {
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {"tool_calls": calls},
        },
    }
    yield run_event(run)


def _call_delta(step: JSON, head: JSON, function: JSON) -> Frame:
    call = head | {"type": "function", "function": function}
    details = {"step_details": {"type": "tool_calls", "tool_calls": [call]}}
    return _delta(step, "thread.run.step", details)


def _stop_early(world: World, run: Run, reason: str, text: str, prompt: int) -> Iterator[Frame]:
    if text:
        yield from _begin_message(world, run, text)
        yield break_message(world, run, _MESSAGE_REASONS.get(reason, reason))
        yield _end_step(world, run, "completed", prompt, tokens.count(text))
    run.wire["incomplete_details"] = {"reason": _RUN_REASONS.get(reason, reason)}
    finish(world, run, "incomplete")
    yield run_event(run)


def break_message(world: World, run: Run, reason: str) -> Frame:
    """Leave the open message as it is: incomplete, with the text so far."""
    message, run.open_message = run.open_message, None
    assert message is not None  # noqa: S101 - for the type checker
    entry = next(entry for entry in run.thread.entries if entry.message is message)
    text = entry.seen[0].text
    message |= {
        "status": "incomplete",
        "incomplete_details": {"reason": reason},
        "incomplete_at": world.now,
        "content": _content(text) if text else [],
    }
    return frame("thread.message.incomplete", message)


def _fail(world: World, run: Run, part: Failed, prompt: int) -> Iterator[Frame]:
    if part.text:
        yield from _begin_message(world, run, part.text)
        yield break_message(world, run, "run_failed")
        yield _end_step(world, run, "failed", prompt, tokens.count(part.text))
    run.wire["last_error"] = {"code": part.code, "message": part.message}
    finish(world, run, "failed")
    yield run_event(run)


def finish(world: World, run: Run, status: str) -> None:
    """Bring a run to a terminal status."""
    run.wire |= {
        "status": status,
        "required_action": None,
        "usage": usage(run.prompt_tokens, run.completion_tokens),
    }
    if status != "expired":
        run.wire["expires_at"] = None
    if status in _STAMPS:
        run.wire[_STAMPS[status]] = world.now
    world.active_runs.pop(run.id, None)


def interrupt(world: World, run: Run, status: str) -> None:
    """End a run from outside: cancelled, expired, or failed because the service lost it."""
    closing: list[Frame] = []
    if run.open_message is not None:
        closing.append(break_message(world, run, f"run_{status}"))
    if run.open_step is not None:
        step, run.open_step = run.open_step, None
        step["status"] = status
        if status in _STAMPS:
            step[_STAMPS[status]] = world.now
        closing.append(frame(f"thread.run.step.{status}", step))
    finish(world, run, status)
    if run.turn is not None:
        run.turn.stop(*closing, run_event(run), DONE)
