"""Files: the same in both generations, but for their routes.

Sources: v2/file_search_stream.json, v2/error_400_unsupported_file.json.
"""

from __future__ import annotations

import email.parser
import email.policy
from typing import TYPE_CHECKING, Any

from ..world import problems
from ..world.exchange import Answer, Request
from ..world.paging import classic_list
from ..world.paths import is_classic
from ..world.stored import StoredFile

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World

_PURPOSES = {
    True: ("assistants", "assistants_output", "vision"),
    False: ("assistants", "batch", "evals", "fine-tune", "user_data", "vision"),
}


def add_file(world: World, filename: str, data: bytes, purpose: str = "assistants") -> StoredFile:
    """Keep a file."""
    wire: JSON = {
        "object": "file",
        "id": world.ids.file(),
        "purpose": purpose,
        "filename": filename,
        "bytes": len(data),
        "created_at": world.now,
        "expires_at": None,
        "status": "pending" if purpose == "fine-tune" else "processed",
        "status_details": None,
    }
    file = world.files[wire["id"]] = StoredFile(wire, data)
    return file


def find(world: World, id: str) -> StoredFile:
    """Return the file of this id, or refuse with 404."""
    if id not in world.files:
        raise problems.classic_not_found("file", id)
    return world.files[id]


def upload(world: World, request: Request) -> Answer:
    """POST /files: multipart with `purpose` and `file`."""
    fields = read_form(request)
    purpose, _ = fields.get("purpose", (b"", ""))
    data, filename = fields.get("file", (None, ""))
    if data is None:
        message = "Missing required parameter: 'file'."
        raise problems.openai(400, message, param="file", code="missing_required_parameter")
    allowed = _PURPOSES[is_classic(request.path)]
    if purpose.decode() not in allowed:
        shown = ", ".join(f"'{name}'" for name in allowed)
        message = f"Invalid value: '{purpose.decode()}'. Supported values are: {shown}."
        raise problems.openai(400, message, param="purpose", code="invalid_value")
    file = add_file(world, filename, data, purpose.decode())
    if purpose == b"fine-tune":
        return Answer(file.wire, 201, {"location": f"{request.path}/{file.wire['id']}"})
    return Answer(file.wire)


def read_form(request: Request) -> dict[str, tuple[bytes, str]]:
    """Data and file name of every field of a multipart form."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise problems.invalid_payload(f"Unsupported content type '{kind}'.")
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    form: dict[str, tuple[bytes, str]] = {}
    for part in parser.parsebytes(head + request.body).iter_parts():
        name: Any = part.get_param("name", header="content-disposition")
        data: Any = part.get_payload(decode=True)
        form[str(name)] = (data or b"", part.get_filename() or "")
    return form


def list_all(world: World, request: Request) -> Answer:
    """GET /files."""
    wires = [file.wire for file in world.files.values()]
    if purpose := request.query.get("purpose"):
        wires = [wire for wire in wires if wire["purpose"] == purpose]
    if is_classic(request.path):  # the service description has no pages here
        return Answer({"object": "list", "data": wires[::-1]})
    return Answer(classic_list(wires, request.query))


def get(world: World, _: Request, id: str) -> Answer:
    """GET /files/{id}."""
    return Answer(find(world, id).wire)


def delete(world: World, _: Request, id: str) -> Answer:
    """DELETE /files/{id}."""
    find(world, id)
    del world.files[id]
    return Answer({"id": id, "object": "file", "deleted": True})


def content(world: World, _: Request, id: str) -> Answer:
    """GET /files/{id}/content."""
    return download(find(world, id))


def download(file: StoredFile) -> Answer:
    """Answer with the bytes of a file."""
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{file.wire["filename"]}"',
    }
    return Answer(raw=file.data, headers=headers)
