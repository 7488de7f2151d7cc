"""Files of a resource: uploads, and what batches write.

Source: batch_life_cycle_output_lines, fine_tuning_create_cancel_delete. How an unknown file is
refused was not recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..files.files import read_form
from ..world import problems
from ..world.exchange import Answer, Request
from ..world.limits import unknown_value
from ..world.paging import v2_list
from ..world.paths import OPENAI
from ..world.stored import StoredFile
from .refusals import missing

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World

_PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
_KIND = {"content-type": "application/json; charset=utf-8"}


def upload(world: World, request: Request) -> Answer:
    """POST /files: multipart with `purpose` and `file`; 201 on the dated surface."""
    fields = read_form(request)
    purpose = fields.get("purpose", (b"", ""))[0].decode()
    if "file" not in fields:
        raise missing("file")
    if purpose not in _PURPOSES:
        raise unknown_value("purpose", purpose, _PURPOSES)
    data, filename = fields["file"]
    wire = add(world, f"file-{world.ids.request()}", filename, data, purpose).wire
    if request.path.startswith(OPENAI):
        return Answer(wire, headers=dict(_KIND))
    version = request.query["api-version"]
    place = f"{request.origin}{request.path}/{wire['id']}"
    return Answer(wire, 201, _KIND | {"location": f"{place}?api-version={version}"})


def add(world: World, id: str, filename: str, data: bytes, purpose: str) -> StoredFile:
    """Keep a file."""
    wire: JSON = {
        # Recorded: a file for training is looked at first.
        "status": "pending" if purpose == "fine-tune" else "processed",
        "bytes": len(data),
        "purpose": purpose,
        "filename": filename,
        "id": id,
        "created_at": world.now,
        "object": "file",
    }
    file = world.resource_files[id] = StoredFile(wire, data)
    return file


def find(world: World, id: str) -> StoredFile:
    """Return the file of this id, or refuse with 404."""
    if id not in world.resource_files:
        raise problems.openai(404, f"No such File object: {id}", param="id")
    return world.resource_files[id]


def list_all(world: World, request: Request) -> Answer:
    """GET /files."""
    wanted = request.query.get("purpose")
    wires = [file.wire for file in world.resource_files.values()]
    data = [wire for wire in wires if wanted in {None, wire["purpose"]}]
    return Answer(v2_list(data, request.query), headers=dict(_KIND))


def get(world: World, _: Request, id: str) -> Answer:
    """GET /files/{id}; what was pending is processed a second later, or by the next look."""
    wire = find(world, id).wire
    if wire["created_at"] < world.now:
        wire["status"] = "processed"
    shown = dict(wire)
    wire["status"] = "processed"
    return Answer(shown, headers=dict(_KIND))


def delete(world: World, _: Request, id: str) -> Answer:
    """DELETE /files/{id}; recorded: a second time it is no error."""
    is_there = world.resource_files.pop(id, None) is not None
    answer = {"object": "file", "deleted": is_there, "id": id}
    return Answer(answer, headers=dict(_KIND))


def content(world: World, _: Request, id: str) -> Answer:
    """GET /files/{id}/content."""
    file = find(world, id)
    name = file.wire["filename"]
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f"attachment; filename={name}; filename*=UTF-8''{name}",
    }
    return Answer(raw=file.data, headers=headers)
