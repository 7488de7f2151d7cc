"""The events of a classic run: its steps, messages and pauses, in recorded order.

Sources: classic/create_stream.json, classic/submit_tool_outputs_to_stream.json,
classic/cancel_run.json, classic/mcp_tool_streaming.json. Failed and incomplete runs were not
recorded: their order follows the service description.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..agent.replies import Empty, Failed, Incomplete, Part, Pause, Text, ToolCalls
from ..agent.seen import SeenMessage
from ..agent.server_tools import Citation, McpApproval, McpCall
from ..text import tokens
from ..world.state import Entry, Run, World
from ..world.turns import Frame, Step, Wait, frame
from .objects import step_wire, streamed_run_wire, usage, written_message
from .steps import tool_steps, without_contents

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .steps import ToolStep

DONE = Frame("done", b"[DONE]")
_MESSAGE_REASONS = {"max_output_tokens": "max_tokens"}
_RUN_REASONS = {"max_output_tokens": "max_completion_tokens"}
_STAMPS = {"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}
_ACTIONS = {"function": "submit_tool_outputs", "mcp": "submit_tool_approval"}


def run_event(run: Run, status: str | None = None) -> Frame:
    """Build the event ``thread.run.<status>`` with the run as it is now."""
    return frame(f"thread.run.{status or run.status}", streamed_run_wire(run))


class Player:
    """Turns the parts of one leg into events, and keeps the run's state up to date.

    Args:
        world: Clock and ids.
        run: The run.
        calls: The calls of the leg's pause, if it has one.
        prompt: Tokens that the model read; the first step is charged with them.
    """

    def __init__(self, world: World, run: Run, calls: Sequence[JSON], prompt: int) -> None:
        self._world = world
        self._run = run
        self._calls = calls
        self._prompt = prompt

    def play(self, parts: Sequence[Part]) -> Generator[Step, Any, None]:
        """Play all parts, and end or pause the run."""
        for part in parts:
            match part:
                case Pause(seconds):
                    yield Wait(seconds)
                case Text():
                    yield from self._say(part)
                case ToolCalls() | McpApproval():
                    yield from self._pause()
                    return
                case Incomplete(reason, text):
                    yield from self._stop_early(reason, text)
                    return
                case Failed():
                    yield from self._fail(part)
                    return
                case McpCall(output=output) if self._run.approved is not None:
                    yield self._approved(output)
                case Empty():
                    pass
                case _:
                    for step in tool_steps(self._world, part):
                        yield from self._use(step)
        finish(self._world, self._run, "completed")
        yield run_event(self._run)

    def _say(self, part: Text) -> Iterator[Frame]:
        message = yield from self._write(part)
        message |= {"status": "completed", "completed_at": self._world.now}
        message["content"] = _content(part.text, _annotations(part))
        self._run.open_message = None
        # Recorded: after an approval, the completed message says that it is in progress.
        odd = {"status": "in_progress", "completed_at": None} if self._run.had_approval else {}
        yield frame("thread.message.completed", message | odd)
        yield self._end_step("completed", tokens.count(part.text))

    def _write(self, part: Text) -> Generator[Frame, None, JSON]:
        """Begin a message and stream its text."""
        world, run = self._world, self._run
        message = written_message(world, run)
        details = {"type": "message_creation", "message_creation": {"message_id": message["id"]}}
        yield from self._begin_step(details)
        entry = Entry((SeenMessage("assistant"),), message, (run.id, run.leg))
        run.thread.entries.append(entry)
        run.open_message = message
        yield frame("thread.message.created", message)
        yield frame("thread.message.in_progress", message)
        for delta, value in _text_deltas(part):
            entry.seen = (SeenMessage("assistant", entry.seen[0].text + delta),)
            content = [{"index": 0, "type": "text", "text": value}]
            yield _delta(message, "thread.message", {"content": content})
        return message

    def _begin_step(self, details: JSON) -> Generator[Frame, None, JSON]:
        run = self._run
        step = run.open_step = step_wire(self._world, run, details)
        run.steps.append(step)
        yield frame("thread.run.step.created", step)
        yield frame("thread.run.step.in_progress", step)
        return step

    def _charge(self, written: int) -> JSON:
        """Count the tokens of a step; only the first step of a leg counts the prompt."""
        read, self._prompt = self._prompt, 0
        self._run.completion_tokens += written
        return usage(read, written)

    def _end_step(self, status: str, written: int) -> Frame:
        run = self._run
        step, run.open_step = run.open_step, None
        assert step is not None  # noqa: S101 - for the type checker
        step |= {"status": status, "usage": self._charge(written)}
        step[_STAMPS[status]] = self._world.now
        shown = step if run.shows_contents else _bare(step)
        return frame(f"thread.run.step.{status}", shown)

    def _use(self, tool: ToolStep) -> Generator[Step, Any, None]:
        """Use a tool on the server."""
        step = yield from self._begin_step({"type": tool.kind, tool.kind: []})
        if tool.seconds:
            yield Wait(tool.seconds)
        for delta in tool.deltas:
            yield _call_delta(step, delta)
        step["step_details"] = tool.details
        yield self._end_step("completed", sum(map(_weight, tool.deltas)))

    def _approved(self, output: str | None) -> Frame:
        """Write the output of an approved call into the step that asked for the approval."""
        step, self._run.approved = self._run.approved, None
        assert step is not None  # noqa: S101 - checked by the caller
        step["step_details"]["tool_calls"][0]["output"] = output
        return _call_delta(step, {"index": 0, "type": "mcp", "output": output})

    def _pause(self) -> Iterator[Frame]:
        run = self._run
        step = yield from self._begin_step({"type": "tool_calls", "tool_calls": []})
        kind = self._calls[0]["type"]
        if kind == "mcp":  # recorded: the step is announced a second time
            yield frame("thread.run.step.created", step)
        for index, call in enumerate(self._calls):
            for delta in _opening(index, call):
                yield _call_delta(step, delta)
        waiting = [_unanswered(call) for call in self._calls]
        step["step_details"] = {"type": "tool_calls", "tool_calls": waiting}
        step["usage"] = self._charge(sum(map(count_call, self._calls)))
        step["expires_at"] = run.wire["started_at"] + self._world.rules.pause_lifetime
        action = _ACTIONS[kind]
        run.wire |= {
            "status": "requires_action",
            "expires_at": step["expires_at"],
            "required_action": {"type": action, action: {"tool_calls": list(self._calls)}},
        }
        yield run_event(run)

    def _stop_early(self, reason: str, text: str) -> Iterator[Frame]:
        if text:
            yield from self._write(Text(text))
            yield _break_message(self._world, self._run, _MESSAGE_REASONS.get(reason, reason))
            yield self._end_step("completed", tokens.count(text))
        self._run.wire["incomplete_details"] = {"reason": _RUN_REASONS.get(reason, reason)}
        finish(self._world, self._run, "incomplete")
        yield run_event(self._run)

    def _fail(self, part: Failed) -> Iterator[Frame]:
        if part.text:
            yield from self._write(Text(part.text))
            yield _break_message(self._world, self._run, "run_failed")
            yield self._end_step("failed", tokens.count(part.text))
        self._run.wire["last_error"] = {"code": part.code, "message": part.message}
        finish(self._world, self._run, "failed")
        yield run_event(self._run)


def _bare(step: JSON) -> JSON:
    return step | {"step_details": without_contents(step["step_details"])}


def _content(text: str, annotations: Sequence[JSON] = ()) -> list[JSON]:
    return [{"type": "text", "text": {"value": text, "annotations": list(annotations)}}]


def _delta(target: JSON, object: str, delta: JSON) -> Frame:
    data = {"id": target["id"], "object": f"{object}.delta", "delta": delta}
    return frame(f"{object}.delta", data)


def _call_delta(step: JSON, call: JSON) -> Frame:
    details = {"step_details": {"type": "tool_calls", "tool_calls": [call]}}
    return _delta(step, "thread.run.step", details)


def _text_deltas(part: Text) -> Iterator[tuple[str, JSON]]:
    """Cut a text into deltas; a cited marker is one delta and carries its citation."""
    waiting, length = list(enumerate(_annotations(part))), 0
    for number, delta in enumerate(_pieces(part)):
        length += len(delta)
        value: JSON = {"value": delta} | ({} if number else {"annotations": []})
        while waiting and waiting[0][1]["end_index"] <= length:
            index, annotation = waiting.pop(0)
            value.setdefault("annotations", []).append(_numbered(index, annotation))
        yield delta, value


def _numbered(index: int, annotation: JSON) -> JSON:
    # Recorded: a file citation has an empty quote in deltas, and none in the message.
    quote = {"file_citation": annotation.get("file_citation", {}) | {"quote": ""}}
    return {"index": index, **annotation, **(quote if "file_citation" in annotation else {})}


def _pieces(part: Text) -> Sequence[str]:
    if part.deltas is not None:
        return part.deltas
    found, position = [], 0
    for annotation in _annotations(part):
        start, end = annotation["start_index"], annotation["end_index"]
        found += [*tokens.pieces(part.text[position:start]), part.text[start:end]]
        position = end
    return [*found, *tokens.pieces(part.text[position:])]


def _annotations(part: Text) -> list[JSON]:
    return [_annotation(part.text, citation) for citation in part.citations]


def _annotation(text: str, citation: Citation | Mapping[str, Any]) -> JSON:
    if isinstance(citation, Mapping):
        return dict(citation)
    kind = "url_citation" if citation.kind == "url" else "file_citation"
    source = {"url": citation.url, "title": citation.title}
    return {
        "type": kind,
        "text": text[citation.start : citation.end],
        "start_index": citation.start,
        "end_index": citation.end,
        kind: source if citation.kind == "url" else {"file_id": citation.file_id},
    }


def _opening(index: int, call: JSON) -> Iterator[JSON]:
    """Build the deltas of a call that the run will wait for."""
    head = {"index": index, "id": call["id"], "type": call["type"]}
    if call["type"] == "mcp":
        yield head | call | {"output": None}
        return
    function = call["function"]
    yield head | {"function": {"name": function["name"], "arguments": "", "output": None}}
    for piece in tokens.pieces(function["arguments"]):
        yield {"index": index, "type": "function", "function": {"arguments": piece}}


def _unanswered(call: JSON) -> JSON:
    if call["type"] == "mcp":
        return call | {"output": None}
    return call | {"function": call["function"] | {"output": None}}


def count_call(call: JSON) -> int:
    """Count the tokens of a call."""
    function = call.get("function", call)
    return tokens.count(function["name"]) + tokens.count(function["arguments"])


def _weight(delta: JSON) -> int:
    return 1 if "id" not in delta else 4


def _break_message(world: World, run: Run, reason: str) -> Frame:
    """End the open message as incomplete, with the text so far."""
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


def finish(world: World, run: Run, status: str) -> None:
    """Bring a run to a terminal status."""
    run.wire |= {
        "status": status,
        "required_action": None,
        "usage": usage(run.prompt_tokens, run.completion_tokens),
    }
    if status != "expired":  # only an expired run still shows when it expired
        run.wire["expires_at"] = None
    if status in _STAMPS:
        run.wire[_STAMPS[status]] = world.now
    world.active_runs.pop(run.id, None)


def interrupt(world: World, run: Run, status: str) -> None:
    """End a run from outside: it is cancelled, expired, or failed because the service lost it."""
    # A frame is encoded when it is built. So each object gets its last state first, and the run its
    # own before `run_event`: readers that are still there see what a GET would show.
    closing: list[Frame] = []
    if run.open_message is not None:
        closing.append(_break_message(world, run, f"run_{status}"))
    if run.open_step is not None:
        step, run.open_step = run.open_step, None
        step["status"] = status
        if status in _STAMPS:
            step[_STAMPS[status]] = world.now
        closing.append(frame(f"thread.run.step.{status}", step))
    finish(world, run, status)
    if run.turn is not None:
        run.turn.stop(*closing, run_event(run), DONE)
