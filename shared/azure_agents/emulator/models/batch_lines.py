"""Run the lines of a batch: each is a request of its own, and its answer is a line of a file.

Source: batch_life_cycle_output_lines: answers come in another order than the requests, the file
ends with a newline, and there is a file for errors even where there are none. The codes of
malformed lines are documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import jsonio
from ...errors import ProtocolError
from ..world.problems import Problem
from ..world.turns import Frame, Wait
from . import chat, embeddings, files
from .forms import form_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from ...jsonio import JSON
    from ..world.jobs import Job
    from ..world.state import World
    from ..world.turns import Work

CHAT, EMBEDDINGS = "/chat/completions", "/embeddings"
ENDPOINTS = (CHAT, EMBEDDINGS)
_STATION = 1.0  # seconds, or looks of a client


def run_lines(world: World, batch: Job, data: bytes) -> Work:
    """Take a batch from station to station; it waits a moment at each."""
    wire = batch.wire
    yield Wait(_STATION)
    lines, errors = read_lines(data, wire["endpoint"])
    if errors:
        listed = {"object": "list", "data": errors}
        wire |= {"status": "failed", "failed_at": world.now, "errors": listed}
        return
    wire["request_counts"]["total"] = len(lines)
    yield Wait(_STATION)
    wire |= {"status": "in_progress", "in_progress_at": world.now}
    good: list[JSON] = []
    bad: list[JSON] = []
    for line in lines:
        status, body = yield from _answer(world, wire["endpoint"], line["body"])
        (good if status == 200 else bad).append(_answered(world, line, status, body))
        wire["request_counts"]["completed" if status == 200 else "failed"] += 1
    yield Wait(_STATION)
    wire |= {"status": "finalizing", "finalizing_at": world.now}
    yield Wait(_STATION)
    wire["output_file_id"] = _written(world, batch, "results", good)
    wire["error_file_id"] = _written(world, batch, "errors", bad)
    wire |= {"status": "completed", "completed_at": world.now}


def _answer(world: World, endpoint: str, body: JSON) -> Generator[Any, Any, tuple[int, JSON]]:
    """Answer one line; the status and body that the request would have had by itself."""
    try:
        if endpoint == EMBEDDINGS:
            return 200, embeddings.embed(world, body)[0]
        call, _ = chat.accept(world, body | {"stream": False})
    except Problem as problem:
        return problem.status, problem.body
    form = form_of(call.deployment)
    yield from _unheard(form.stream(world, call))
    if call.problem is not None:
        return call.problem.status, call.problem.body
    return 200, form.whole(call)


def _unheard(work: Work) -> Work:
    """Run a work whose events nobody reads."""
    reply = None
    while True:
        try:
            step = work.send(reply)
        except StopIteration:
            return
        reply = None if isinstance(step, Frame) else (yield step)


def _answered(world: World, line: JSON, status: int, body: JSON) -> JSON:
    response = {"body": body, "request_id": world.ids.uuid(), "status_code": status}
    return {"custom_id": line["custom_id"], "response": response, "error": None}


def _written(world: World, batch: Job, kind: str, lines: list[JSON]) -> str:
    data = b"".join(jsonio.dumps(line) + b"\n" for line in reversed(lines))
    id = f"file-{world.ids.uuid()}"
    files.add(world, id, f"{batch.id}_{kind}.jsonl", data, "batch_output")
    return id


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
