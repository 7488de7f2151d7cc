"""The v2 service as it was in its preview (November 2025 to February 2026), for old clients.

`Rules(era="preview")` turns it on: the routes are `/openai/…?api-version=2025-11-15-preview`,
requests name the agent in `agent`, and answers name it in forms of their own. Sources:
v2/function_tool_stream_preview_api.json, v2/openapi_preview_api.json,
v2/image_generation_preview_api.json, v2/memory_search_preview_api.json; published applications
still answer so (v2/published_application.json).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..world import problems
from ..world.paths import ENDPOINT, OPENAI

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.exchange import Request
    from ..world.rules import Era
    from ..world.state import Response, World

PREVIEW_VERSION = "2025-11-15-preview"
_PREVIEW = "/openai"
_LATER = ("completed_at", "frequency_penalty", "presence_penalty")
_PROVENANCE = ("agent_reference", "response_id")
_PLACES = ("item_id", "output_index", "content_index", "delta", "text")  # in this order


def is_preview(world: World) -> bool:
    """Whether the service is in its preview."""
    return world.rules.era == "preview"


def at_todays_path(world: World, request: Request) -> Request:
    """Rewrite the preview's routes, and those under an agent's endpoint, to today's.

    Not recorded: that today's service still serves the preview's routes, with today's shapes
    (a report quotes one that refuses `agent` there), and which routes an agent's endpoint has
    besides `POST responses`.
    """
    if request.path.startswith(f"{OPENAI}/"):
        if is_preview(world):
            raise problems.no_route()
        return request
    if request.path.startswith(f"{_PREVIEW}/"):
        return _moved(request, _PREVIEW, PREVIEW_VERSION)
    own = ENDPOINT.match(request.path)
    if own is not None and request.path != f"{own[0]}/responses":
        return _moved(request, own[0], "v1")
    return request


def _moved(request: Request, root: str, version: str) -> Request:
    given = request.query.get("api-version")
    if given is None:
        message = "Missing required query parameter: api-version"
        raise problems.gateway(400, "BadRequest", message)
    if given != version:
        raise problems.no_route()
    query = {name: value for name, value in request.query.items() if name != "api-version"}
    return replace(request, path=OPENAI + request.path.removeprefix(root), query=query)


def read_reference(world: World, body: JSON) -> JSON:
    """Move the agent of a preview request to the field that today's requests have."""
    if not is_preview(world):
        return body
    if "agent_reference" in body:
        message = "Unknown parameter: 'agent_reference'."
        raise problems.openai(400, message, param="agent_reference", code="unknown_parameter")
    renamed = {"agent": "agent_reference"}
    return {renamed.get(name, name): value for name, value in body.items()}


def show_item(era: Era, item: JSON, *, listed: bool = False) -> JSON:
    """Show an item as its era does: the preview names its agent only in lists of items."""
    if era != "preview":
        return item
    first = {name: item[name] for name in ("type", "id", "status") if name in item}
    bare = first | {name: value for name, value in item.items() if name not in _PROVENANCE}
    if not listed or not item.get("agent_reference"):
        return bare
    agent = item["agent_reference"] | {"type": "agent_id"}
    return bare | {"created_by": {"agent": agent, "response_id": item["response_id"]}}


def show_response(response: Response, wire: JSON, *, streamed: bool) -> JSON:
    """Show a response as its era does."""
    if response.era != "preview":
        return fitted(wire) if response.era == "sdk" else wire
    shown = {name: value for name, value in wire.items() if name != "agent_reference"}
    shown["output"] = [show_item("preview", item) for item in wire["output"]]
    agent = response.agent.reference | {"type": "agent_id"} if response.agent else None
    if not streamed:
        blank = {"user": response.params.get("user"), "conversation": None}
        blank["reasoning"] = response.definition.get("reasoning") or {}
        left_out = (*_LATER, "reasoning")
        shown = {name: value for name, value in shown.items() if name not in left_out}
        return blank | shown | {"agent": agent}
    shown |= {"content_filters": None, "reasoning": wire["reasoning"] | {"effort": None}}
    shown = {name: value for name, value in shown.items() if name not in _LATER}
    return shown | ({"agent": agent} if agent else {})


def fitted(wire: JSON) -> JSON:
    """Add the fields that newer SDKs require and no recorded answer has."""
    changes: JSON = {}
    if wire.get("usage"):
        details = {"cache_write_tokens": 0} | wire["usage"]["input_tokens_details"]
        changes["usage"] = wire["usage"] | {"input_tokens_details": details}
    if wire.get("tool_choice", "auto") is None:  # recorded in streams
        changes["tool_choice"] = "auto"
    return wire | changes


def show_event(response: Response, event: str, number: int, fields: dict[str, Any]) -> JSON:
    """Build the data of a stream event, with its keys in the era's order."""
    numbered = {"sequence_number": number}
    if response.era != "preview" and not response.is_workflow:
        return {"type": event, **dict(sorted((fields | numbered).items()))}
    places = {name: fields[name] for name in _PLACES if name in fields}
    data = {"type": event, **numbered, **places, **fields}
    if "item" in fields:
        data["item"] = show_item(response.era, fields["item"])
    return data


def unknown_response(world: World, id: str) -> problems.Problem:
    """Build the refusal of a request for an unknown response; recorded for both eras."""
    if is_preview(world):
        return problems.preview(400, "bad_request", f"{id} not found")
    return problems.openai(404, f"Response with id '{id}' not found.")
