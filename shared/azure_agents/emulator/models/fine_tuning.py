"""Fine-tuning jobs: create, get, list, cancel, delete, events. A job goes on by itself.

Source: fine_tuning_create_cancel_delete. That a job runs, succeeds or fails was not recorded:
statuses and events follow OpenAI's description, the codes of errors are guesses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import jsonio
from ...errors import ProtocolError
from ..world import problems
from ..world.deployments import Deployment
from ..world.exchange import Answer, Request
from ..world.jobs import Job
from ..world.limits import Kind, Limit, Number, check_values, wrong_type
from ..world.paging import v2_list
from ..world.paths import OPENAI
from ..world.turns import Wait
from . import files
from .refusals import invalid, missing

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World
    from ..world.turns import Work

_KIND = {"content-type": "application/json; charset=utf-8"}
_OPTIONS: dict[str, Limit] = {
    "hyperparameters": Kind("object"),
    "method": Kind("object"),
    "model": Kind("string"),
    "seed": Number(0),
    "suffix": Kind("string"),
    "training_file": Kind("string"),
    "validation_file": Kind("string"),
}
# How a turn calls the statuses of a job: it stops at each for a client to see.
_STATIONS = {"pending": "queued", "running": "in_progress"}
_FEWEST = 10  # examples, documented
_ESTIMATE = 901  # seconds, as recorded
_STATION = 1.0


def create(world: World, request: Request) -> Answer:
    """POST /fine_tuning/jobs: 201, on the dated surface with a place that lacks ``/jobs``."""
    body = request.json()
    for name in ("model", "training_file"):
        if not body.get(name):
            raise missing(name)
    check_values(body, _OPTIONS, wrong_type)
    file = files.find(world, str(body["training_file"]))
    if file.wire["purpose"] != "fine-tune":
        message = f"File '{file.wire['id']}' has not the purpose 'fine-tune'."
        raise invalid(message, "training_file", "invalid_file_purpose")
    job = Job(_new_wire(world, body))
    world.tuning_jobs[job.id] = job
    _tell(world, job, "Job enqueued. Waiting for jobs ahead to complete.")
    job.turn = world.start(
        _train(world, job, file.data),
        status=lambda: _STATIONS.get(job.status, job.status),
        drop=lambda: job.wire.update(status="failed"),
    )
    if request.path.startswith(OPENAI):
        return Answer(dict(job.wire), 201, dict(_KIND))
    place = f"{request.origin}/openai/fine_tuning/{job.id}"
    version = request.query["api-version"]
    return Answer(dict(job.wire), 201, _KIND | {"location": f"{place}?api-version={version}"})


def _new_wire(world: World, body: JSON) -> JSON:
    method = body.get("method") or {"type": "supervised"}
    asked = (method.get(method.get("type")) or {}).get("hyperparameters") or {}
    given = asked | (body.get("hyperparameters") or {})
    known = {"n_epochs": -1, "batch_size": -1, "learning_rate_multiplier": 1}
    chosen = {name: value for name, value in given.items() if name in known and value != "auto"}
    wire: JSON = {
        "hyperparameters": known | chosen,
        "seed": body.get("seed", int(world.ids.request()[:7], 16)),
        "method": {"type": method.get("type")},
        "status": "pending",
        "model": Deployment.standing(str(body["model"]), world.default).model,
        "training_file": body["training_file"],
        "estimated_finish": world.now + _ESTIMATE,
        "id": f"ftjob-{world.ids.request()}",
        "created_at": world.now,
        "object": "fine_tuning.job",
    }
    more = ("suffix", "validation_file")
    return wire | {name: body[name] for name in more if body.get(name) is not None}


def _train(world: World, job: Job, data: bytes) -> Work:
    yield Wait(_STATION)
    error = _error_of(data)
    if error:
        job.wire |= {"status": "failed", "finished_at": world.now, "error": error}
        _tell(world, job, error["message"], "error")
        return
    job.wire["status"] = "running"
    _tell(world, job, "Training started.")
    yield Wait(_STATION)
    suffix = job.wire.get("suffix")
    name = f"{job.wire['model']}.ft-{job.id.removeprefix('ftjob-')}"
    tuned = f"{name}-{suffix}" if suffix else name
    trained = sum(map(len, data.split())) // 4
    job.wire |= {"fine_tuned_model": tuned, "trained_tokens": trained, "result_files": []}
    _tell(world, job, "Job succeeded.")
    job.wire |= {"status": "succeeded", "finished_at": world.now}


def _error_of(data: bytes) -> JSON | None:
    """Return what is wrong with the examples in a file; None if nothing is."""
    lines = [line for line in data.splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            good = isinstance(jsonio.load_object(line).get("messages"), list)
        except ProtocolError:
            good = False
        if not good:
            message = f"Line {number} is no JSON object with 'messages'."
            return {"code": "invalid_training_file", "message": message, "param": "training_file"}
    if len(lines) < _FEWEST:
        message = f"Training file has {len(lines)} example(s), but must have at least {_FEWEST}."
        return {"code": "invalid_n_examples", "message": message, "param": "training_file"}
    return None


def _tell(world: World, job: Job, message: str, level: str = "info") -> None:
    event: dict[str, Any] = {"id": f"ftevent-{world.ids.request()}", "created_at": world.now}
    event |= {"level": level, "message": message, "object": "fine_tuning.job.event"}
    job.events.append(event | {"type": "message"})


def _find(world: World, id: str) -> Job:
    if id not in world.tuning_jobs:
        raise problems.openai(404, f"Could not find fine tune: {id}", param="fine_tuning_job_id")
    return world.tuning_jobs[id]


def get(world: World, _: Request, id: str) -> Answer:
    """GET /fine_tuning/jobs/{id}."""
    return Answer(dict(_find(world, id).wire), headers=dict(_KIND))


def list_all(world: World, request: Request) -> Answer:
    """GET /fine_tuning/jobs, the newest first."""
    wires = [dict(job.wire) for job in world.tuning_jobs.values()]
    return Answer(v2_list(wires, request.query), headers=dict(_KIND))


def list_events(world: World, request: Request, id: str) -> Answer:
    """GET /fine_tuning/jobs/{id}/events, the newest first."""
    return Answer(v2_list(_find(world, id).events, request.query), headers=dict(_KIND))


def cancel(world: World, _: Request, id: str) -> Answer:
    """POST /fine_tuning/jobs/{id}/cancel: at once, as recorded."""
    job = _find(world, id)
    if job.status not in _STATIONS:
        raise invalid(f"Job {id} has already ended with status '{job.status}'.")
    if job.turn is not None:
        job.turn.stop()
    job.wire |= {"status": "cancelled", "finished_at": world.now}
    _tell(world, job, "Job cancelled.")
    return Answer(dict(job.wire), headers=dict(_KIND))


def delete(world: World, _: Request, id: str) -> Answer:
    """DELETE /fine_tuning/jobs/{id}: Azure's own, 204 without a body."""
    job = _find(world, id)
    if job.turn is not None:
        job.turn.stop()
    del world.tuning_jobs[id]
    return Answer(status=204, raw=b"")
