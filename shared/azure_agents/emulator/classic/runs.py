"""Runs: create, poll, submit tool outputs, cancel, steps.

Sources: classic/submit_tool_outputs_to_*.json, classic/create_thread_and_run.json,
classic/cancel_run.json, classic/browser_automation_polled.json (steps of an ended run).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..agent.seen import SeenCall, SeenMessage
from ..world import problems
from ..world.exchange import Answer, Request, check_known, check_metadata
from ..world.paging import classic_list
from ..world.state import Entry, Run, Thread
from . import agents, threads
from .checks import check_options
from .events import DONE, finish, interrupt, run_event
from .objects import run_wire
from .steps import without_contents
from .stream import first_leg, next_leg

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World
    from ..world.turns import Work

_CONTENTS = "step_details.tool_calls[*].file_search.results[*].content"
_FIELDS = (
    "assistant_id",
    "model",
    "instructions",
    "tools",
    "tool_resources",
    "stream",
    "temperature",
    "top_p",
    "max_prompt_tokens",
    "max_completion_tokens",
    "truncation_strategy",
    "tool_choice",
    "response_format",
    "parallel_tool_calls",
    "metadata",
)


def create(world: World, request: Request, id: str) -> Answer:
    """POST /threads/{id}/runs."""
    thread, body = threads.find(world, id), request.json()
    check_known(body, *_FIELDS, "additional_instructions", "additional_messages")
    active = thread.active
    if active is not None:
        message = f"Thread {thread.id} already has an active run {active.id}."
        raise problems.openai(400, message, turn=active.turn)
    run = _new_run(world, thread, body)
    posted = body.get("additional_messages") or []
    threads.add_messages(world, thread, posted, "additional_messages")
    run.shows_contents = _CONTENTS in request.query.get("include[]", "")
    return _start(world, run, body, None)


def create_with_thread(world: World, request: Request) -> Answer:
    """POST /threads/runs: it takes no `additional_…` fields."""
    body = request.json()
    check_known(body, *_FIELDS, "thread")
    check_options(body)
    agents.find(world, body.get("assistant_id"))
    thread = threads.add_thread(world, body.get("thread") or {})
    thread.wire["tool_resources"] = thread.wire["tool_resources"] or {
        "code_interpreter": {"file_ids": []},
        "azure_ai_search": {"indexes": []},
    }
    return _start(world, _new_run(world, thread, body), body, thread)


def _new_run(world: World, thread: Thread, body: JSON) -> Run:
    assistant = agents.find(world, body.get("assistant_id"))
    instructions = body.get("instructions")
    return Run(
        wire=run_wire(world, assistant, thread.id, body),
        assistant=assistant,
        thread=thread,
        instructions=assistant.wire["instructions"] if instructions is None else instructions,
        additional_instructions=body.get("additional_instructions"),
    )


def _start(world: World, run: Run, body: JSON, new_thread: Thread | None) -> Answer:
    run.thread.runs[run.id] = run
    world.active_runs[run.id] = run
    return _go(world, run, first_leg(world, run, new_thread), body)


def _go(world: World, run: Run, work: Work, body: JSON) -> Answer:
    def drop() -> None:
        run.wire["last_error"] = {
            "code": "server_error",
            "message": "Sorry, something went wrong.",
        }
        interrupt(world, run, "failed")

    run.turn = world.start(work, status=lambda: run.status, drop=drop)
    if body.get("stream"):
        return Answer(turn=run.turn, streamed=True)
    return Answer(run.wire)


def find(world: World, id: str, run_id: str) -> Run:
    """Return the run of this id, or refuse with 404."""
    thread = threads.find(world, id)
    if run_id not in thread.runs:
        raise problems.classic_not_found("run", run_id)
    return thread.runs[run_id]


def list_all(world: World, request: Request, id: str) -> Answer:
    """GET /threads/{id}/runs."""
    runs = [run.wire for run in threads.find(world, id).runs.values()]
    return Answer(classic_list(runs, request.query))


def get(world: World, _: Request, id: str, run_id: str) -> Answer:
    """GET /threads/{id}/runs/{run_id}."""
    return Answer(find(world, id, run_id).wire)


def update(world: World, request: Request, id: str, run_id: str) -> Answer:
    """POST /threads/{id}/runs/{run_id}: metadata only."""
    run, body = find(world, id, run_id), request.json()
    check_known(body, "metadata")
    run.wire["metadata"] = check_metadata(body)
    return Answer(run.wire)


def submit_tool_outputs(world: World, request: Request, id: str, run_id: str) -> Answer:
    """POST /threads/{id}/runs/{run_id}/submit_tool_outputs: all outputs of the pause at once."""
    run, body = find(world, id, run_id), request.json()
    check_known(body, "tool_outputs", "tool_approvals", "stream")
    if run.status != "requires_action":
        message = f'Runs in status "{run.status}" do not accept tool outputs.'
        raise problems.openai(400, message)
    action = run.wire["required_action"]["type"]
    if action == "submit_tool_approval":
        _take_approvals(run, body)
    else:
        _take_outputs(run, _given(run, body, "tool_outputs"))
    run.wire |= {"status": "queued", "required_action": None}
    run.leg += 1
    return _go(world, run, next_leg(world, run), body)


def _given(run: Run, body: JSON, name: str) -> dict[str, JSON]:
    """Return what was submitted, by call id: exactly one entry for each call of the pause."""
    action = run.wire["required_action"]
    expected = [call["id"] for call in action[action["type"]]["tool_calls"]]
    given = body.get(name) or []
    got = [one.get("tool_call_id") for one in given]
    if sorted(expected) != sorted(map(str, got)):
        what = name.replace("_", " ")
        message = f"Expected {what} for call_ids {expected}, got {got}"
        raise problems.openai(400, message)
    return {one["tool_call_id"]: one for one in given}


def _take_outputs(run: Run, given: dict[str, JSON]) -> None:
    """Write the outputs into the waiting step, and the round into what later legs read."""
    step = run.open_step
    assert step is not None  # noqa: S101 - a run in requires_action has one
    outputs = {id: output.get("output") or "" for id, output in given.items()}
    calls = step["step_details"]["tool_calls"]
    for call in calls:
        call["function"]["output"] = outputs[call["id"]]
    made = tuple(
        SeenCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in calls
    )
    results = (SeenMessage("tool", outputs[call.id], tool_call_id=call.id) for call in made)
    seen = (SeenMessage("assistant", tool_calls=made), *results)
    run.thread.entries.append(Entry(seen, author=(run.id, run.leg)))


def _take_approvals(run: Run, body: JSON) -> None:
    """Write down the decisions; only `true` approves."""
    given = _given(run, body, "tool_approvals")
    if all(one.get("approve") is True for one in given.values()):
        run.approved, run.had_approval = run.open_step, True
    seen = tuple(
        SeenMessage("tool", "approved" if one.get("approve") is True else "denied", tool_call_id=id)
        for id, one in given.items()
    )
    run.thread.entries.append(Entry(seen, author=(run.id, run.leg)))


def cancel(world: World, _: Request, id: str, run_id: str) -> Answer:
    """POST /threads/{id}/runs/{run_id}/cancel.

    A waiting run is cancelled at once, as recorded; a working one is `cancelling` first, which
    is in the service description but was not recorded.
    """
    run = find(world, id, run_id)
    if run.status not in {"queued", "in_progress", "requires_action"}:
        message = f"Cannot cancel run with status '{run.status}'."
        raise problems.openai(400, message)
    was_working = run.status == "in_progress"
    interrupt(world, run, "cancelled")
    if was_working:
        # The old turn has ended with its stream. A turn without a reader holds the thread until
        # polls or the clock bring the run to `cancelled`.
        run.wire |= {"status": "cancelling", "cancelled_at": None}
        world.active_runs[run.id] = run
        work = _cancelling(world, run)
        run.turn = world.start(work, status=lambda: run.status, drop=lambda: None)
    return Answer(run.wire)


def _cancelling(world: World, run: Run) -> Work:
    yield run_event(run)
    finish(world, run, "cancelled")
    yield run_event(run)
    yield DONE


def expire(world: World) -> None:
    """End every run whose time is over."""
    for run in list(world.active_runs.values()):
        expires_at = run.wire["expires_at"]
        if expires_at is not None and expires_at <= world.now:
            interrupt(world, run, "expired")


def _steps(world: World, request: Request, id: str, run_id: str) -> list[JSON]:
    run = find(world, id, run_id)
    # Recorded: read after the end of their run, steps have no expiry; in events they keep it.
    over = {} if run.is_active else {"expires_at": None}
    steps = [step | over for step in run.steps]
    if _CONTENTS in request.query.get("include[]", ""):
        return steps
    return [step | {"step_details": without_contents(step["step_details"])} for step in steps]


def list_steps(world: World, request: Request, id: str, run_id: str) -> Answer:
    """GET /threads/{id}/runs/{run_id}/steps."""
    return Answer(classic_list(_steps(world, request, id, run_id), request.query))


def get_step(world: World, request: Request, id: str, run_id: str, step_id: str) -> Answer:
    """GET /threads/{id}/runs/{run_id}/steps/{step_id}."""
    for step in _steps(world, request, id, run_id):
        if step["id"] == step_id:
            return Answer(step)
    raise problems.classic_not_found("run step", step_id)
