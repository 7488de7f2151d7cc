"""Conversations and their items.

Sources: v2/conversation_items_crud.json, v2/conversation_operations_404.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..world import problems
from ..world.exchange import Answer, Request, check_metadata
from ..world.ids import is_conversation_id, partition_of
from ..world.paging import v2_list
from ..world.state import Conversation
from . import eras
from .input import read_items
from .objects import conversation_wire

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World

_MOST_ITEMS = 20


def find(world: World, id: str, user: str) -> Conversation:
    """Return the user's conversation; 400 for an id the service never made, else 404."""
    found = world.conversations.get(id)
    if found is not None and found.user == user:
        return found
    if not is_conversation_id(id):
        message = f"Invalid conversation id '{id}', Malformed identifier."
        raise problems.invalid_payload(message, "conversation")
    raise problems.foundry(404, "not_found", f"Conversation '{id}' not found")


def check_free(conversation: Conversation) -> None:
    """Refuse to touch a conversation that a response is working on.

    The sentence is from OpenAI's platform; on Foundry it was not recorded.
    """
    if conversation.busy is None:
        return
    raise problems.openai(
        400,
        "Another process is currently operating on this conversation. "
        "Please retry in a few seconds.",
        param="conversation",
        code="conversation_locked",
        turn=conversation.busy,
    )


def _posted_items(world: World, body: JSON, id: str) -> list[JSON]:
    given = body.get("items") or []
    if isinstance(given, list) and len(given) > _MOST_ITEMS:
        message = f"maxItems: Value should have at most {_MOST_ITEMS} items"
        raise problems.invalid_payload(message, "/items")
    partition = partition_of(id)
    return read_items(given, "/items", lambda prefix: world.ids.stored(prefix, partition))


def create(world: World, request: Request) -> Answer:
    """POST /conversations."""
    body = request.json()
    id = world.ids.stored("conv", world.ids.partition())
    items = _posted_items(world, body, id)
    metadata = check_metadata(body)
    conversation = Conversation(id, world.now, metadata, items, user=request.user)
    world.conversations[id] = conversation
    return Answer(conversation_wire(conversation))


def list_all(world: World, request: Request) -> Answer:
    """GET /conversations: Foundry has a list, OpenAI has none."""
    made = [one for one in world.conversations.values() if one.user == request.user]
    conversations = [conversation_wire(one) for one in made]
    return Answer(v2_list(conversations, request.query))


def get(world: World, request: Request, id: str) -> Answer:
    """GET /conversations/{id}."""
    return Answer(conversation_wire(find(world, id, request.user)))


def update(world: World, request: Request, id: str) -> Answer:
    """POST /conversations/{id}: metadata only."""
    conversation = find(world, id, request.user)
    conversation.metadata = check_metadata(request.json())
    return Answer(conversation_wire(conversation))


def delete(world: World, request: Request, id: str) -> Answer:
    """DELETE /conversations/{id}."""
    find(world, id, request.user)
    del world.conversations[id]
    return Answer({"object": "conversation.deleted", "deleted": True, "id": id})


def add_items(world: World, request: Request, id: str) -> Answer:
    """POST /conversations/{id}/items."""
    conversation = find(world, id, request.user)
    body = request.json()
    if not body.get("items"):
        raise problems.invalid_payload("minItems: Value should have at least 1 items", "/items")
    items = _posted_items(world, body, id)
    check_free(conversation)
    conversation.items += items
    edges = {"first_id": items[0]["id"], "last_id": items[-1]["id"]}
    return Answer({"object": "list", "data": items, "has_more": False, **edges})


def list_items(world: World, request: Request, id: str) -> Answer:
    """GET /conversations/{id}/items."""
    items = find(world, id, request.user).items
    if wanted := request.query.get("item_type"):
        items = [item for item in items if item["type"] == wanted]
    shown = [eras.show_item(world.rules.era, item, listed=True) for item in items]
    return Answer(v2_list(shown, request.query))


def _position(conversation: Conversation, item_id: str) -> int:
    for position, item in enumerate(conversation.items):
        if item["id"] == item_id:
            return position
    raise problems.foundry(404, "not_found", f"Item '{item_id}' not found")


def get_item(world: World, request: Request, id: str, item_id: str) -> Answer:
    """GET /conversations/{id}/items/{item_id}."""
    conversation = find(world, id, request.user)
    item = conversation.items[_position(conversation, item_id)]
    return Answer(eras.show_item(world.rules.era, item, listed=True))


def delete_item(world: World, request: Request, id: str, item_id: str) -> Answer:
    """DELETE /conversations/{id}/items/{item_id}: answers with the conversation."""
    conversation = find(world, id, request.user)
    del conversation.items[_position(conversation, item_id)]
    return Answer(conversation_wire(conversation))
