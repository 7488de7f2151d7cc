"""Assistants: the agents of the classic generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..agent.responder import Responder
from ..world import problems
from ..world.exchange import Answer, Request, check_known, check_metadata
from ..world.paging import classic_list
from ..world.state import Assistant
from .checks import check_options
from .objects import assistant_wire, read_tools

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.replies import Script
    from ..world.state import World

_FIELDS = (
    "model",
    "name",
    "description",
    "instructions",
    "tools",
    "tool_resources",
    "temperature",
    "top_p",
    "response_format",
    "metadata",
)


def add_assistant(world: World, body: JSON, script: Script = None) -> Assistant:
    """Create an assistant."""
    responder = world.default if script is None else Responder(script)
    assistant = Assistant(assistant_wire(world, world.ids.classic("asst"), body), responder)
    world.assistants[assistant.id] = assistant
    return assistant


def find(world: World, id: object) -> Assistant:
    """Return the assistant of this id; 400 for an id of another form, else 404."""
    if not isinstance(id, str) or not id.startswith("asst"):
        message = f"Invalid 'assistant_id': '{id}'. Expected an ID that begins with 'asst'."
        raise problems.openai(400, message, param="assistant_id", code="invalid_value")
    if id not in world.assistants:
        raise problems.classic_not_found("assistant", id)
    return world.assistants[id]


def create(world: World, request: Request) -> Answer:
    """POST /assistants."""
    body = request.json()
    check_known(body, *_FIELDS)
    if not body.get("model"):
        message = "Missing required parameter: 'model'."
        raise problems.openai(400, message, param="model", code="missing_required_parameter")
    return Answer(add_assistant(world, body).wire)


def list_all(world: World, request: Request) -> Answer:
    """GET /assistants."""
    wires = [assistant.wire for assistant in world.assistants.values()]
    return Answer(classic_list(wires, request.query))


def get(world: World, _: Request, id: str) -> Answer:
    """GET /assistants/{id}."""
    return Answer(find(world, id).wire)


def update(world: World, request: Request, id: str) -> Answer:
    """POST /assistants/{id}: only what is given changes."""
    assistant, body = find(world, id), request.json()
    check_known(body, *_FIELDS)
    changes = {key: value for key, value in body.items() if value is not None}
    check_options(body)
    if "tools" in changes:
        changes["tools"] = read_tools(changes["tools"])
    if "metadata" in changes:
        changes["metadata"] = check_metadata(body)
    assistant.wire = assistant.wire | changes
    return Answer(assistant.wire)


def delete(world: World, _: Request, id: str) -> Answer:
    """DELETE /assistants/{id}."""
    find(world, id)
    del world.assistants[id]
    return Answer({"id": id, "object": "assistant.deleted", "deleted": True})
