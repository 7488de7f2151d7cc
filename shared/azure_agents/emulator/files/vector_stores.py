"""Vector stores, their files and file batches: the same in both generations.

Files are really cut into chunks and really searched, by words. Sources:
v2/file_search_stream.json, classic/file_search_tool_streaming.json,
v2/error_400_unsupported_file.json, classic/vector_store_batch_cancel.json. Search, contents and
expiry follow the service description and were not recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text.reading import chunks_of, text_of
from ..text.search import Chunk
from ..world import problems
from ..world.exchange import Answer, Request, check_metadata
from ..world.paging import classic_list
from ..world.paths import is_classic
from ..world.stored import VectorStore
from . import files
from .checks import check_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...jsonio import JSON
    from ..world.state import World

SUPPORTED = (
    ".c",
    ".cpp",
    ".cs",
    ".css",
    ".doc",
    ".docx",
    ".go",
    ".html",
    ".java",
    ".js",
    ".json",
    ".md",
    ".pdf",
    ".php",
    ".pptx",
    ".py",
    ".rb",
    ".sh",
    ".tex",
    ".ts",
    ".txt",
)
_DAY = 86_400
STRATEGY = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}
_INDEX_BYTES = 1024  # recorded: what indexing adds to the bytes of a small file


def find(world: World, id: str) -> VectorStore:
    """Return the vector store of this id, or refuse with 404."""
    if id not in world.stores:
        raise problems.classic_not_found("vector store", id)
    store = world.stores[id]
    expires_at = store.wire["expires_at"]
    if expires_at is not None and expires_at <= world.now:
        store.wire["status"] = "expired"
    return store


def create(world: World, request: Request) -> Answer:
    """POST /vector_stores."""
    return Answer(_create(world, request.json()).wire)


def add_store(world: World, name: str, file_ids: Sequence[str]) -> str:
    """Create a store of files and return its id."""
    store = _create(world, {"name": name, "file_ids": list(file_ids)})
    return str(store.wire["id"])


def _create(world: World, body: JSON) -> VectorStore:
    check_store(body)
    sources = (body.get("configuration") or {}).get("data_sources") or []
    uploaded = [files.add_file(world, str(source["uri"]), b"").wire["id"] for source in sources]
    wire: JSON = {
        "id": world.ids.classic("vs"),
        "object": "vector_store",
        "name": body.get("name"),
        "status": "completed",
        "usage_bytes": 0,
        "created_at": world.now,
        "file_counts": _counts([]),
        "metadata": check_metadata(body),
        "expires_after": body.get("expires_after"),
        "expires_at": _expiry(world, body.get("expires_after")),
        "last_active_at": world.now,
    }
    store = world.stores[wire["id"]] = VectorStore(wire)
    for file_id in [*(body.get("file_ids") or []), *uploaded]:
        _add(world, store, {**body, "file_id": file_id})
    _count(store)
    return store


def _expiry(world: World, after: JSON | None) -> int | None:
    return world.now + int(after["days"]) * _DAY if after else None


def _strategy(given: JSON | None) -> JSON:
    """Read the strategy by which a file is cut; the limits are OpenAI's."""
    if not given or given.get("type") == "auto":
        return dict(STRATEGY)
    static = given.get("static") or {}
    size, overlap = (int(static.get(name, default)) for name, default in STRATEGY.items())
    if not (100 <= size <= 4096 and 0 <= overlap <= size // 2):
        message = (
            "Invalid chunking strategy: 'max_chunk_size_tokens' must be between 100 and 4096, and "
            "'chunk_overlap_tokens' at most half of it."
        )
        raise problems.openai(400, message, param="chunking_strategy", code="invalid_value")
    return dict(zip(STRATEGY, (size, overlap), strict=True))


def _counts(statuses: list[str]) -> JSON:
    kinds = ("in_progress", "completed", "failed", "cancelled")
    return {kind: statuses.count(kind) for kind in kinds} | {"total": len(statuses)}


def _count(store: VectorStore) -> None:
    counts = _counts([file["status"] for file in store.files.values()])
    store.wire |= {
        "file_counts": counts,
        "status": "in_progress" if counts["in_progress"] else "completed",
        "usage_bytes": sum(file["usage_bytes"] for file in store.files.values()),
    }


def _add(world: World, store: VectorStore, body: JSON) -> JSON:
    file_id = str(body.get("file_id"))
    file = files.find(world, file_id)
    attributes = {"attributes": body["attributes"]} if body.get("attributes") else {}
    if file.suffix not in SUPPORTED:
        message = (
            f"Files with extensions [{file.suffix}] are not supported for retrieval. "
            f"Supported file types include: [{', '.join(SUPPORTED)}]."
        )
        raise problems.openai(400, message, param="file_id", code="unsupported_file")
    wire = store.files[file_id] = {
        "id": file_id,
        "object": "vector_store.file",
        "usage_bytes": 0,
        "created_at": world.now,
        "vector_store_id": store.wire["id"],
        "status": "in_progress",
        "last_error": None,
        "chunking_strategy": {
            "type": "static",
            "static": _strategy(body.get("chunking_strategy")),
        },
        **attributes,
    }
    store.chunks.pop(file_id, None)
    return wire


def index(world: World, store: VectorStore, file_id: str) -> None:
    """Finish the indexing of a file; it is searchable from now on."""
    wire = store.files[file_id]
    if wire["status"] == "in_progress":
        data = world.files[file_id].data if file_id in world.files else b""
        wire |= {"status": "completed", "usage_bytes": len(data) + _INDEX_BYTES}
        static = wire["chunking_strategy"]["static"]
        store.chunks[file_id] = chunks(world, file_id, wire.get("attributes") or {}, static)
        _count(store)


def chunks(world: World, file_id: str, attributes: JSON, static: JSON) -> list[Chunk]:
    """Cut a file into chunks."""
    file = world.files.get(file_id)
    if file is None:
        return []
    name = str(file.wire["filename"])
    size, overlap = (static[key] for key in STRATEGY)
    texts = chunks_of(text_of(name, file.data), size, overlap)
    return [Chunk(file_id, name, text, attributes) for text in texts]


def list_all(world: World, request: Request) -> Answer:
    """GET /vector_stores."""
    return Answer(classic_list([store.wire for store in world.stores.values()], request.query))


def get(world: World, _: Request, id: str) -> Answer:
    """GET /vector_stores/{id}: finishes the indexing of all its files."""
    store = find(world, id)
    for file_id in store.files:
        index(world, store, file_id)
    return Answer(store.wire)


def update(world: World, request: Request, id: str) -> Answer:
    """POST /vector_stores/{id}."""
    store, body = find(world, id), request.json()
    check_store(body)
    known = ("name", "expires_after")
    store.wire |= {name: body[name] for name in known if body.get(name) is not None}
    store.wire["expires_at"] = _expiry(world, store.wire["expires_after"])
    if body.get("metadata") is not None:
        store.wire["metadata"] = check_metadata(body)
    return Answer(store.wire)


def delete(world: World, _: Request, id: str) -> Answer:
    """DELETE /vector_stores/{id}; the files themselves stay."""
    find(world, id)
    del world.stores[id]
    return Answer({"id": id, "object": "vector_store.deleted", "deleted": True})


def add_file(world: World, request: Request, id: str) -> Answer:
    """POST /vector_stores/{id}/files."""
    store, body = find(world, id), request.json()
    wire = dict(_add(world, store, body))
    _count(store)
    return Answer(wire)


def _files(world: World, request: Request, id: str) -> list[JSON]:
    store = find(world, id)
    found = list(store.files.values())
    if wanted := request.query.get("filter"):
        found = [file for file in found if file["status"] == wanted]
    return found


def list_files(world: World, request: Request, id: str) -> Answer:
    """GET /vector_stores/{id}/files."""
    return Answer(classic_list(_files(world, request, id), request.query))


def get_file(world: World, _: Request, id: str, file_id: str) -> Answer:
    """GET /vector_stores/{id}/files/{file_id}: indexed at the second request, as recorded."""
    store = find(world, id)
    if file_id not in store.files:
        raise problems.classic_not_found("file", file_id)
    polls = store.polls[file_id] = store.polls.get(file_id, 0) + 1
    if polls > 1:
        index(world, store, file_id)
    return Answer(store.files[file_id])


def delete_file(world: World, _: Request, id: str, file_id: str) -> Answer:
    """DELETE /vector_stores/{id}/files/{file_id}."""
    store = find(world, id)
    if store.files.pop(file_id, None) is None:
        raise problems.classic_not_found("file", file_id)
    store.chunks.pop(file_id, None)
    _count(store)
    return Answer({"id": file_id, "object": "vector_store.file.deleted", "deleted": True})


def create_batch(world: World, request: Request, id: str) -> Answer:
    """POST /vector_stores/{id}/file_batches."""
    store, body = find(world, id), request.json()
    check_store(body)
    ids = [str(file_id) for file_id in body.get("file_ids") or []]
    for file_id in ids:
        _add(world, store, {**body, "file_id": file_id})
    _count(store)
    batch_id = f"vsfb_{world.ids.request()}"
    store.batches[batch_id] = {"created_at": world.now, "files": ids, "cancelled": False}
    return Answer(_batch_wire(request, store, batch_id))


def _batch_wire(request: Request, store: VectorStore, id: str) -> JSON:
    batch = store.batches[id]
    counts = _counts([store.files[file]["status"] for file in batch["files"]])
    ended = "cancelled" if counts["cancelled"] else "completed"
    # Recorded for classic; OpenAI and its SDK, which v2 follows as far as we know, have a plural.
    name = "file_batch" if is_classic(request.path) else "files_batch"
    return {
        "id": id,
        "object": f"vector_store.{name}",
        "created_at": batch["created_at"],
        "vector_store_id": store.wire["id"],
        "status": "in_progress" if counts["in_progress"] else ended,
        "file_counts": counts,
    }


def _find_batch(world: World, id: str, batch_id: str) -> tuple[VectorStore, Any]:
    store = find(world, id)
    if batch_id not in store.batches:
        raise problems.classic_not_found("file batch", batch_id)
    return store, store.batches[batch_id]


def get_batch(world: World, request: Request, id: str, batch_id: str) -> Answer:
    """GET /vector_stores/{id}/file_batches/{batch_id}: finishes the indexing of its files."""
    store, batch = _find_batch(world, id, batch_id)
    for file_id in batch["files"]:
        if batch["cancelled"] and store.files[file_id]["status"] == "in_progress":
            store.files[file_id]["status"] = "cancelled"
        index(world, store, file_id)
    _count(store)
    return Answer(_batch_wire(request, store, batch_id))


def cancel_batch(world: World, request: Request, id: str, batch_id: str) -> Answer:
    """POST /vector_stores/{id}/file_batches/{batch_id}/cancel.

    Recorded: the answer still says `in_progress`. Later answers were not recorded.
    """
    store, batch = _find_batch(world, id, batch_id)
    batch["cancelled"] = True
    return Answer(_batch_wire(request, store, batch_id))


def list_batch_files(world: World, request: Request, id: str, batch_id: str) -> Answer:
    """GET /vector_stores/{id}/file_batches/{batch_id}/files."""
    _, batch = _find_batch(world, id, batch_id)
    found = [file for file in _files(world, request, id) if file["id"] in batch["files"]]
    return Answer(classic_list(found, request.query))
