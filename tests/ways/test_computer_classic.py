"""Computer use of a classic agent: the run pauses for an action and takes a screenshot.

Nothing of it is recorded: the shapes are those of azure-ai-agents 1.2.0b6.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from azure_agents.events import ServerToolCall, ServerToolResult
from azure_agents.protocols.classic.codec import required_calls
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered

from ..core.classic_samples import frame, message, run, step, text_part
from ..security.peers import ENDPOINT, Recorder
from .test_computer import CHECK, PICTURE, PNG, TYPING, door, way

__all__ = ["door", "way"]

JSON = dict[str, Any]
KIND = "computer_use_preview"
ASKED: JSON = {"action": TYPING, "pending_safety_checks": [CHECK]}
PAUSED = run(
    "requires_action",
    required_action={
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": [{"id": "call_1", "type": KIND, KIND: ASKED}]},
    },
)
DONE = {"output": {"type": "computer_screenshot", "image_url": PICTURE}}
STEP: JSON = {"object": "thread.run.step", "status": "completed"} | step(
    {"id": "call_1", "type": KIND, KIND: {**ASKED, **DONE}}
)


def _answer(request: httpx.Request) -> httpx.Response:
    frames = [frame("thread.run.requires_action", PAUSED)]
    if request.url.path.endswith("/submit_tool_outputs"):
        frames = [
            frame("thread.run.step.completed", STEP),
            frame("thread.message.completed", message(text_part("Found it."))),
            frame("thread.run.completed", run()),
        ]
    elif request.method == "GET":
        return httpx.Response(200, json=PAUSED)
    events = {"content-type": "text/event-stream"}
    return httpx.Response(200, content=b"".join(frames), headers=events)


def test_a_run_that_waits_for_a_computer_goes_on(door: Any, way: str) -> None:
    """The call is told as of a v2 agent; the screenshot and what is acknowledged reach the run."""
    peer = Recorder(_answer)
    place: JSON = {"model": "asst_1", "endpoint": ENDPOINT, "credential": "t"}
    asked = door({**place, "transport": peer, "async_transport": peer})
    history = [asked.user("Search for OpenAI news.")]
    message, calls, reason, text = asked.ask(history, way)
    assert ("tool_calls", "") == (reason, text)
    assert [{"id": "call_1", "action": TYPING, "pending_safety_checks": [CHECK]}] == calls
    history += [message, asked.helper(calls[0], PNG, acknowledged=[CHECK])]
    _, calls, reason, text = asked.ask(history, way)
    assert ([], "stop", "Found it.") == (calls, reason, text)
    sent = json.loads(peer.requests[-1].content)
    assert "/threads/thread_1/runs/run_1/submit_tool_outputs" in peer.requests[-1].url.path
    assert [
        {
            "type": "computer_call_output",
            "tool_call_id": "call_1",
            "output": {"type": "computer_screenshot", "image_url": PICTURE},
            "acknowledged_safety_checks": [CHECK],
        }
    ] == sent["tool_outputs"]


def test_a_pause_may_wait_for_both() -> None:
    """A function and an action in one pause; only the function is a function call."""
    function = {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    waiting = PAUSED["required_action"]["submit_tool_outputs"]["tool_calls"]
    both: Any = run(
        "requires_action",
        required_action={"submit_tool_outputs": {"tool_calls": [*waiting, function]}},
    )
    assert ["computer", "function"] == [call.kind for call in required_calls(both)]
    events = RunReader(Delivered()).read(both, ())
    (call,) = [event for event in events if isinstance(event, ServerToolCall)]
    assert ServerToolCall("call_1", "computer_use", {"action": TYPING}, _details()) == call


def _details() -> JSON:
    return {"pending_safety_checks": [CHECK]}


def test_the_step_tells_only_the_result() -> None:
    """The call was told when the run paused; a call that is told again would be done again."""
    events = RunReader(Delivered()).read(run(), (), [STEP])
    calls = [event for event in events if isinstance(event, ServerToolCall)]
    results = [event for event in events if isinstance(event, ServerToolResult)]
    shown = {"type": "computer_screenshot"}
    assert [ServerToolResult("call_1", "computer_use", "success", shown)] == results
    assert [] == calls
