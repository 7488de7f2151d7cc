"""Containers of code interpreter, and the files in them.

Recorded is only that a file of a container is read by container and file; the rest follows
OpenAI's description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..files.files import download, read_form
from ..world import problems
from ..world.exchange import Answer, Request, check_known
from ..world.paging import classic_list
from ..world.stored import StoredFile

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World

_MINUTES = 20


def create(world: World, request: Request) -> Answer:
    """POST /containers."""
    body = request.json()
    check_known(
        body, "name", "file_ids", "expires_after", "memory_limit", "network_policy", "skills"
    )
    if not body.get("name"):
        message = "Missing required parameter: 'name'."
        raise problems.openai(400, message, param="name", code="missing_required_parameter")
    wire: JSON = {
        "id": f"cntr_{world.ids.request()}{world.ids.request()[:16]}",
        "object": "container",
        "created_at": world.now,
        "status": "running",
        "expires_after": body.get("expires_after")
        or {"anchor": "last_active_at", "minutes": _MINUTES},
        "last_active_at": world.now,
        "memory_limit": body.get("memory_limit") or "1g",
        "name": body["name"],
    }
    world.containers[wire["id"]] = wire
    for file_id in body.get("file_ids") or ():
        _copy(world, wire["id"], str(file_id))
    return Answer(wire)


def list_all(world: World, request: Request) -> Answer:
    """GET /containers."""
    return Answer(classic_list(list(world.containers.values()), request.query))


def _find(world: World, id: str) -> JSON:
    if id not in world.containers:
        raise problems.openai(404, f"Container with id '{id}' not found.")
    return world.containers[id]


def get(world: World, _: Request, id: str) -> Answer:
    """GET /containers/{id}."""
    return Answer(_find(world, id))


def delete(world: World, _: Request, id: str) -> Answer:
    """DELETE /containers/{id}."""
    _find(world, id)
    del world.containers[id]
    for key in [key for key in world.container_files if key[0] == id]:
        del world.container_files[key]
    return Answer({"id": id, "object": "container.deleted", "deleted": True})


def _copy(world: World, container: str, file_id: str) -> StoredFile:
    """Put an uploaded file into a container."""
    file = world.files.get(file_id)
    if file is None:
        raise problems.classic_not_found("file", file_id)
    return add_file(world, container, str(file.wire["filename"]), file.data, "user")


def add_file(
    world: World, container: str, filename: str, data: bytes, source: str = "assistant"
) -> StoredFile:
    """Keep a file in a container."""
    id = world.ids.classic("cfile", 32)
    wire: JSON = {
        "id": id,
        "object": "container.file",
        "created_at": world.now,
        "bytes": len(data),
        "container_id": container,
        "path": f"/mnt/data/{filename}",
        "source": source,
        "filename": filename,
    }
    file = world.container_files[container, id] = StoredFile(wire, data)
    return file


def create_file(world: World, request: Request, container: str) -> Answer:
    """POST /containers/{container}/files: an upload, or the id of an uploaded file."""
    _find(world, container)
    if "json" in request.headers.get("content-type", ""):
        return Answer(shown(_copy(world, container, str(request.json().get("file_id")))))
    form = read_form(request)
    if "file_id" in form:
        return Answer(shown(_copy(world, container, form["file_id"][0].decode())))
    data, filename = form.get("file", (b"", ""))
    return Answer(shown(add_file(world, container, filename, data, "user")))


def shown(file: StoredFile) -> JSON:
    """Show a file of a container; its bare name is for downloads only."""
    return {key: value for key, value in file.wire.items() if key != "filename"}


def list_files(world: World, request: Request, container: str) -> Answer:
    """GET /containers/{container}/files."""
    files = [file for (inside, _), file in world.container_files.items() if inside == container]
    return Answer(classic_list([shown(file) for file in files], request.query))


def _find_file(world: World, container: str, id: str) -> StoredFile:
    file = world.container_files.get((container, id))
    if file is None:
        raise problems.openai(404, f"Container file with id '{id}' not found.")
    return file


def get_file(world: World, _: Request, container: str, id: str) -> Answer:
    """GET /containers/{container}/files/{id}."""
    return Answer(shown(_find_file(world, container, id)))


def delete_file(world: World, _: Request, container: str, id: str) -> Answer:
    """DELETE /containers/{container}/files/{id}."""
    _find_file(world, container, id)
    del world.container_files[container, id]
    return Answer({"id": id, "object": "container.file.deleted", "deleted": True})


def content(world: World, _: Request, container: str, id: str) -> Answer:
    """GET /containers/{container}/files/{id}/content: what code interpreter wrote."""
    return download(_find_file(world, container, id))
