"""Batches of requests: create, get, list, cancel. A batch goes on when a client looks at it.

Source: batch_life_cycle_output_lines. What a cancelled batch shows was recorded too
(reference/models_wire.md); how a batch of nonsense is refused was not. That an
expired batch keeps what was answered, and lists the rest as errors, is documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..world import problems
from ..world.exchange import Answer, Request, check_metadata
from ..world.jobs import Job
from ..world.limits import unknown_value
from ..world.paging import v2_list
from . import files
from .batch_lines import ENDPOINTS, expire, run_lines
from .refusals import missing

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World

_DAY = 86_400
_KIND = {"content-type": "application/json; charset=utf-8"}
# How a turn calls the stations of a batch: it stops at each for a client to see.
_STATIONS = {"validating": "queued", "in_progress": "in_progress", "finalizing": "queued"}
_OPEN = ("validating", "in_progress", "finalizing")


def create(world: World, request: Request) -> Answer:
    """POST /batches."""
    body = request.json()
    for name in ("input_file_id", "endpoint", "completion_window"):
        if not body.get(name):
            raise missing(name)
    endpoint = str(body["endpoint"]).removeprefix("/v1")
    if endpoint not in ENDPOINTS:
        known = tuple(f"/v1{one}" for one in ENDPOINTS)
        raise unknown_value("endpoint", body["endpoint"], known)
    if body["completion_window"] != "24h":
        message = "Invalid value: 'completion_window' must be '24h'."
        raise problems.openai(400, message, param="completion_window", code="invalid_value")
    file = files.find(world, str(body["input_file_id"]))
    metadata = check_metadata(body) or None
    batch = Job(_new_wire(world, str(file.wire["id"]), endpoint, metadata))
    world.batches[batch.id] = batch
    batch.turn = world.start(
        run_lines(world, batch, file.data),
        status=lambda: _STATIONS.get(batch.status, batch.status),
        drop=lambda: batch.wire.update(status="failed", failed_at=world.now),
    )
    return Answer(_shown(batch), headers=dict(_KIND))


def _new_wire(world: World, file_id: str, endpoint: str, metadata: JSON | None) -> JSON:
    return {
        "cancelled_at": None,
        "cancelling_at": None,
        "completed_at": None,
        "completion_window": "24h",
        "created_at": world.now,
        "error_file_id": "",
        "expired_at": None,
        "expires_at": world.now + _DAY,
        "failed_at": None,
        "finalizing_at": None,
        "id": f"batch_{world.ids.uuid()}",
        "in_progress_at": None,
        "input_file_id": file_id,
        "errors": None,
        "metadata": metadata,
        "object": "batch",
        "output_file_id": "",
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "status": "validating",
        "endpoint": endpoint,
    }


def _shown(batch: Job) -> JSON:
    counts = dict(batch.wire["request_counts"])
    return batch.wire | {"request_counts": counts}


def _find(world: World, id: str) -> Job:
    if id not in world.batches:
        raise problems.openai(404, f"No batch found with id '{id}'.", param="batch_id")
    batch = world.batches[id]
    if batch.status in _OPEN and batch.wire["expires_at"] <= world.now:
        expire(world, batch)
    return batch


def get(world: World, _: Request, id: str) -> Answer:
    """GET /batches/{id}."""
    batch = _find(world, id)
    if batch.status == "cancelling" and batch.wire["cancelling_at"] < world.now:
        batch.wire |= {"status": "cancelled", "cancelled_at": world.now}
    return Answer(_shown(batch), headers=dict(_KIND))


def list_all(world: World, request: Request) -> Answer:
    """GET /batches, the newest first."""
    found = [_shown(_find(world, id)) for id in list(world.batches)]
    return Answer(v2_list(found, request.query), headers=dict(_KIND))


def cancel(world: World, _: Request, id: str) -> Answer:
    """POST /batches/{id}/cancel: what has not begun is not answered any more."""
    batch = _find(world, id)
    if batch.status not in _OPEN:
        message = f"Cannot cancel a batch with status '{batch.status}'."
        raise problems.openai(409, message)
    if batch.turn is not None:
        batch.turn.stop()
    ids = {"output_file_id": None, "error_file_id": None}
    batch.wire |= {"status": "cancelling", "cancelling_at": world.now, **ids}
    return Answer(_shown(batch), headers=dict(_KIND))
