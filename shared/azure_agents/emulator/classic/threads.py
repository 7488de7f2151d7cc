"""Threads and their messages.

Sources: classic/list_messages.json, classic/error_thread_not_found.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..agent.seen import SeenMedia, SeenMessage, read_content
from ..world import problems
from ..world.exchange import Answer, Request, check_known, check_metadata
from ..world.paging import classic_list
from ..world.state import Entry, Thread
from .objects import listed_message, posted_message, thread_wire

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World


def find(world: World, id: str) -> Thread:
    """Return the thread of this id, or refuse with 404."""
    if id not in world.threads:
        raise problems.classic_not_found("thread", id)
    return world.threads[id]


def add_thread(world: World, body: JSON) -> Thread:
    """Create a thread with its first messages."""
    check_known(body, "messages", "metadata", "tool_resources")
    thread = Thread(thread_wire(world, body))
    add_messages(world, thread, body.get("messages") or [], "messages")
    world.threads[thread.id] = thread
    return thread


def add_messages(world: World, thread: Thread, posted: list[JSON], name: str) -> None:
    """Append posted messages: all of them, or none if one is wrong."""
    most = world.rules.most_messages
    if most is not None and len(posted) > most:
        message = (
            f"Invalid '{name}': array too long. Expected an array with maximum length {most}, "
            f"but got an array with length {len(posted)} instead."
        )
        raise problems.openai(400, message, param=name, code="array_above_max_length")
    thread.entries += [_entry(posted_message(world, thread.id, body)) for body in posted]


def _entry(message: JSON) -> Entry:
    text, media = read_content(message["content"])
    files = tuple(_attached(attachment) for attachment in message["attachments"])
    return Entry((SeenMessage(message["role"], text, media=media + files),), message)


def _attached(attachment: JSON) -> SeenMedia:
    return SeenMedia("file", str(attachment.get("file_id")))


def create(world: World, request: Request) -> Answer:
    """POST /threads."""
    return Answer(add_thread(world, request.json()).wire)


def list_all(world: World, request: Request) -> Answer:
    """GET /threads: Foundry has a list, OpenAI has none."""
    return Answer(classic_list([thread.wire for thread in world.threads.values()], request.query))


def get(world: World, _: Request, id: str) -> Answer:
    """GET /threads/{id}."""
    return Answer(find(world, id).wire)


def update(world: World, request: Request, id: str) -> Answer:
    """POST /threads/{id}."""
    thread, body = find(world, id), request.json()
    check_known(body, "metadata", "tool_resources")
    if body.get("metadata") is not None:
        thread.wire["metadata"] = check_metadata(body)
    if body.get("tool_resources") is not None:
        thread.wire["tool_resources"] = body["tool_resources"]
    return Answer(thread.wire)


def delete(world: World, _: Request, id: str) -> Answer:
    """DELETE /threads/{id}."""
    thread = find(world, id)
    for run in thread.runs.values():
        world.active_runs.pop(run.id, None)
        if run.turn is not None:
            run.turn.stop()
    del world.threads[id]
    return Answer({"id": id, "object": "thread.deleted", "deleted": True})


def check_free(thread: Thread) -> None:
    """Refuse to add a message while a run is active."""
    run = thread.active
    if run is not None:
        message = f"Can't add messages to {thread.id} while a run {run.id} is active."
        raise problems.openai(400, message, turn=run.turn)


def create_message(world: World, request: Request, id: str) -> Answer:
    """POST /threads/{id}/messages."""
    thread, body = find(world, id), request.json()
    check_free(thread)
    entry = _entry(posted_message(world, id, body))
    thread.entries.append(entry)
    return Answer(entry.message)


def list_messages(world: World, request: Request, id: str) -> Answer:
    """GET /threads/{id}/messages."""
    messages = find(world, id).messages
    if run_id := request.query.get("run_id"):
        messages = [message for message in messages if message["run_id"] == run_id]
    return Answer(classic_list([listed_message(one) for one in messages], request.query))


def find_message(world: World, id: str, message_id: str) -> JSON:
    """Return one message, or refuse with 404."""
    for message in find(world, id).messages:
        if message["id"] == message_id:
            return message
    raise problems.classic_not_found("message", message_id)


def get_message(world: World, _: Request, id: str, message_id: str) -> Answer:
    """GET /threads/{id}/messages/{message_id}."""
    return Answer(listed_message(find_message(world, id, message_id)))


def update_message(world: World, request: Request, id: str, message_id: str) -> Answer:
    """POST /threads/{id}/messages/{message_id}: metadata only."""
    message, body = find_message(world, id, message_id), request.json()
    check_known(body, "metadata")
    message["metadata"] = check_metadata(body)
    return Answer(listed_message(message))


def delete_message(world: World, _: Request, id: str, message_id: str) -> Answer:
    """DELETE /threads/{id}/messages/{message_id}."""
    message = find_message(world, id, message_id)
    thread = find(world, id)
    thread.entries = [entry for entry in thread.entries if entry.message is not message]
    return Answer({"id": message_id, "object": "thread.message.deleted", "deleted": True})
