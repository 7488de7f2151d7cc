"""Searching vector stores, and what was read from their files.

Search, contents and attributes follow OpenAI's description; they were not recorded on Foundry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..text.reading import text_of
from ..text.search import Chunk, Library
from ..world import problems
from ..world.exchange import Answer, Request, check_known
from .vector_stores import STRATEGY, chunks, find, index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..world.state import World
    from ..world.stored import VectorStore

MOST_RESULTS = 20


def library(
    world: World,
    ids: Sequence[str],
    *,
    attached: Sequence[str] = (),
    limit: int = MOST_RESULTS,
    threshold: float = 0.0,
) -> Library:
    """Collect what a turn may search: these stores, and files attached without a store."""

    def gather() -> list[Chunk]:
        with world.lock:
            stores = [world.stores[id] for id in dict.fromkeys(ids) if id in world.stores]
            found = [chunk for store in stores for chunk in _all_chunks(world, store)]
            loose = [chunks(world, id, {}, STRATEGY) for id in dict.fromkeys(attached)]
        return [*found, *(chunk for file in loose for chunk in file)]

    return Library(gather, limit, threshold)


def _all_chunks(world: World, store: VectorStore) -> list[Chunk]:
    """Return all chunks of a store; a search waits until all of its files are indexed."""
    for file_id in store.files:
        index(world, store, file_id)
    return [chunk for file in store.chunks.values() for chunk in file]


def search(world: World, request: Request, id: str) -> Answer:
    """POST /vector_stores/{id}/search."""
    find(world, id)
    body = request.json()
    check_known(body, "query", "max_num_results", "ranking_options", "rewrite_query")
    query = body.get("query") or ""
    queries = [query] if isinstance(query, str) else list(query)
    limit = body.get("max_num_results") or 10
    found = library(world, [id], limit=limit).search(*queries)
    data = [
        {key: value for key, value in one.result.items() if key != "text"}
        | {"content": [{"type": "text", "text": one.chunk.text}]}
        for one in found
    ]
    page = {"object": "vector_store.search_results.page", "search_query": queries}
    return Answer(page | {"data": data, "has_more": False, "next_page": None})


def file_content(world: World, _: Request, id: str, file_id: str) -> Answer:
    """GET /vector_stores/{id}/files/{file_id}/content: the text that was read."""
    store = find(world, id)
    if file_id not in store.files:
        raise problems.classic_not_found("file", file_id)
    index(world, store, file_id)
    file = world.files.get(file_id)
    text = text_of(str(file.wire["filename"]), file.data) if file else ""
    data = [{"type": "text", "text": text}]
    page = {"object": "vector_store.file_content.page", "data": data}
    return Answer(page | {"has_more": False, "next_page": None})


def update_file(world: World, request: Request, id: str, file_id: str) -> Answer:
    """POST /vector_stores/{id}/files/{file_id}: attributes only."""
    store, body = find(world, id), request.json()
    check_known(body, "attributes")
    if file_id not in store.files:
        raise problems.classic_not_found("file", file_id)
    store.files[file_id]["attributes"] = body.get("attributes") or {}
    store.chunks.pop(file_id, None)
    store.files[file_id]["status"] = "in_progress"
    index(world, store, file_id)
    return Answer(store.files[file_id])
