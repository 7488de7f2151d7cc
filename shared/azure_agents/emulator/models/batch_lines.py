"""Run the lines of a batch: each is a request of its own, and its answer is a line of a file.

Source: batch_life_cycle_output_lines: answers come in another order than the requests, the file
ends with a newline, and there is a file for errors even where there are none. The codes of
malformed lines are documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import jsonio
from ...errors import ProtocolError
from ..world.exchange import Request
from ..world.paths import OPENAI
from ..world.problems import Problem, server_error
from ..world.turns import AskAgent, Wait
from . import chat, completions, embeddings, files, responses

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from ...jsonio import JSON
    from ..world.jobs import Job
    from ..world.routing import Handler
    from ..world.state import World
    from ..world.turns import Turn, Work

_HANDLERS: Mapping[str, Handler] = {
    "/chat/completions": chat.create,
    "/completions": completions.create,
    "/embeddings": embeddings.create,
    "/responses": responses.create,
}
ENDPOINTS = tuple(_HANDLERS)
_STATION = 1.0  # seconds, or looks of a client
_EXPIRED = "This request could not be executed before the completion window expired."


def run_lines(world: World, batch: Job, data: bytes) -> Work:
    """Take a batch from station to station; it waits a moment at each."""
    wire = batch.wire
    yield Wait(_STATION)
    batch.waiting, errors = read_lines(data, wire["endpoint"])
    if errors:
        listed = {"object": "list", "data": errors}
        wire |= {"status": "failed", "failed_at": world.now, "errors": listed}
        return
    wire["request_counts"]["total"] = len(batch.waiting)
    yield Wait(_STATION)
    wire |= {"status": "in_progress", "in_progress_at": world.now}
    while batch.waiting:
        line = batch.waiting[0]
        status, body = yield from _answer(world, wire["endpoint"], line["body"])
        (batch.good if status == 200 else batch.bad).append(_answered(world, line, status, body))
        wire["request_counts"]["completed" if status == 200 else "failed"] += 1
        del batch.waiting[0]
    yield Wait(_STATION)
    wire |= {"status": "finalizing", "finalizing_at": world.now}
    yield Wait(_STATION)
    _write(world, batch)
    wire |= {"status": "completed", "completed_at": world.now}


def expire(world: World, batch: Job) -> None:
    """End a batch whose time is over: what was answered is kept, the rest is told as expired."""
    if batch.turn is not None:
        batch.turn.stop()
    for line in batch.waiting:
        error = {"code": "batch_expired", "message": _EXPIRED}
        batch.bad.append({"custom_id": line["custom_id"], "response": None, "error": error})
        batch.wire["request_counts"]["failed"] += 1
    batch.waiting = []
    _write(world, batch)
    batch.wire |= {"status": "expired", "expired_at": world.now}


def _answer(world: World, endpoint: str, body: JSON) -> Generator[Any, Any, tuple[int, JSON]]:
    """Answer one line; the status and body that the request would have had by itself."""
    asked = jsonio.dumps(body | ({} if endpoint == "/embeddings" else {"stream": False}))
    headers = {"content-type": "application/json"}
    try:
        answer = _HANDLERS[endpoint](
            world, Request("POST", f"{OPENAI}{endpoint}", headers=headers, body=asked)
        )
    except Problem as problem:
        return problem.status, problem.body
    if answer.turn is not None:
        yield from _inside(answer.turn)
    refused = answer.refused() if answer.refused else None
    if answer.turn is not None and answer.turn.broken:
        refused = server_error()
    if refused is not None:
        return refused.status, refused.body
    made = answer.render() if answer.render else answer.body
    return answer.status, made if isinstance(made, dict) else {}


def _inside(turn: Turn) -> Work:
    """Run the turn of a line to its end; nobody reads its events."""
    turn.readers += 1  # so that nobody else drives it
    try:
        while (step := turn.step()) is not None:
            if isinstance(step, AskAgent):
                turn.take((yield step))
            elif isinstance(step, Wait):
                yield step
    finally:
        turn.stop()  # nothing happens at its end; where the batch was stopped, it ends too
        turn.leave()


def _answered(world: World, line: JSON, status: int, body: JSON) -> JSON:
    response = {"body": body, "request_id": world.ids.uuid(), "status_code": status}
    return {"custom_id": line["custom_id"], "response": response, "error": None}


def _write(world: World, batch: Job) -> None:
    """Write the files of a batch; the file for errors is there even where there are none."""
    for name, kind, lines in (
        ("output_file_id", "results", batch.good),
        ("error_file_id", "errors", batch.bad),
    ):
        data = b"".join(jsonio.dumps(line) + b"\n" for line in reversed(lines))
        id = f"file-{world.ids.uuid()}"
        files.add(world, id, f"{batch.id}_{kind}.jsonl", data, "batch_output")
        batch.wire[name] = id


def read_lines(data: bytes, endpoint: str) -> tuple[list[JSON], list[JSON]]:
    """Read the lines of a file; with the errors of malformed ones.

    Args:
        data: The file.
        endpoint: The operation of the batch.
    """
    lines: list[JSON] = []
    errors: list[JSON] = []
    for number, raw in enumerate(data.splitlines(), 1):
        if not raw.strip():
            continue
        line, code = _read_line(raw, endpoint, {str(one["custom_id"]) for one in lines})
        if code:
            errors.append(_error(code, number))
        else:
            lines.append(line)
    if not lines and not errors:
        errors.append(_error("empty_file", None))
    return lines, errors


_MESSAGES = {
    "duplicate_custom_id": "The custom_id of this line is used by another line.",
    "empty_file": "The input file is empty.",
    "invalid_json_line": "This line is not parseable as valid JSON.",
    "invalid_request": "This line needs a custom_id, a url and a body.",
    "url_mismatch": "The url of this line is not the endpoint of the batch.",
}


def _read_line(raw: bytes, endpoint: str, known: set[str]) -> tuple[JSON, str]:
    try:
        line = jsonio.load_object(raw)
    except ProtocolError:
        return {}, "invalid_json_line"
    if not isinstance(line.get("body"), dict) or not isinstance(line.get("custom_id"), str):
        return line, "invalid_request"
    if str(line.get("url", "")).removeprefix("/v1") != endpoint:
        return line, "url_mismatch"
    return line, "duplicate_custom_id" if line["custom_id"] in known else ""


def _error(code: str, number: int | None) -> JSON:
    return {"code": code, "message": _MESSAGES[code], "param": None, "line": number}
