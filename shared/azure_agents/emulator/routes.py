"""The table of routes, and the check of each request's api-version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .classic import agents as classic_agents
from .classic import runs, threads
from .files import files, vector_search, vector_stores
from .v2 import agents as v2_agents
from .v2 import containers, conversations, endpoints, responses
from .v2.eras import PREVIEW_VERSION
from .world import problems
from .world.paths import OPENAI, is_classic, pattern_of
from .world.routing import Route

if TYPE_CHECKING:
    from .world.exchange import Request
    from .world.routing import Handler
    from .world.state import World
    from .world.turns import Turn

CLASSIC_VERSIONS = ("v1", "2025-05-01", "2025-05-15-preview")
_AGENT_VERSIONS = ("v1", "2025-05-15-preview", "2025-11-15-preview")
_ENDPOINT = "/agents/{name}/endpoint/protocols/openai"
_APPLICATION = "/applications/{application}/protocols/openai"

# Method, path, handler. A handler gets the world, the request and the path's variables.
_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/agents", v2_agents.list_all),
    ("POST", "/agents", v2_agents.create),
    ("POST", "/agents/{name}:enable", endpoints.enable),
    ("POST", "/agents/{name}:disable", endpoints.disable),
    ("GET", "/agents/{name}", v2_agents.get),
    ("POST", "/agents/{name}", v2_agents.update),
    ("PATCH", "/agents/{name}", endpoints.patch),
    ("DELETE", "/agents/{name}", v2_agents.delete),
    ("POST", "/agents/{name}/versions", v2_agents.create_version),
    ("GET", "/agents/{name}/versions", v2_agents.list_versions),
    ("GET", "/agents/{name}/versions/{version}", v2_agents.get_version),
    ("DELETE", "/agents/{name}/versions/{version}", v2_agents.delete_version),
    ("POST", "/agents/{name}/endpoint/sessions", endpoints.create_session),
    ("GET", "/agents/{name}/endpoint/sessions", endpoints.list_sessions),
    ("GET", "/agents/{name}/endpoint/sessions/{session_id}", endpoints.get_session),
    ("POST", "/agents/{name}/endpoint/sessions/{session_id}:stop", endpoints.stop_session),
    ("DELETE", "/agents/{name}/endpoint/sessions/{session_id}", endpoints.delete_session),
    ("POST", f"{_ENDPOINT}/responses", responses.create_on_endpoint),
    ("POST", f"{_APPLICATION}/responses", responses.create_on_application),
    ("POST", f"{OPENAI}/responses", responses.create),
    ("GET", f"{OPENAI}/responses", responses.list_all),
    ("GET", f"{OPENAI}/responses/{{id}}", responses.get),
    ("DELETE", f"{OPENAI}/responses/{{id}}", responses.delete),
    ("POST", f"{OPENAI}/responses/{{id}}/cancel", responses.cancel),
    ("GET", f"{OPENAI}/responses/{{id}}/input_items", responses.input_items),
    ("POST", f"{OPENAI}/conversations", conversations.create),
    ("GET", f"{OPENAI}/conversations", conversations.list_all),
    ("GET", f"{OPENAI}/conversations/{{id}}", conversations.get),
    ("POST", f"{OPENAI}/conversations/{{id}}", conversations.update),
    ("DELETE", f"{OPENAI}/conversations/{{id}}", conversations.delete),
    ("POST", f"{OPENAI}/conversations/{{id}}/items", conversations.add_items),
    ("GET", f"{OPENAI}/conversations/{{id}}/items", conversations.list_items),
    ("GET", f"{OPENAI}/conversations/{{id}}/items/{{item_id}}", conversations.get_item),
    ("DELETE", f"{OPENAI}/conversations/{{id}}/items/{{item_id}}", conversations.delete_item),
    ("POST", f"{OPENAI}/containers", containers.create),
    ("GET", f"{OPENAI}/containers", containers.list_all),
    ("GET", f"{OPENAI}/containers/{{id}}", containers.get),
    ("DELETE", f"{OPENAI}/containers/{{id}}", containers.delete),
    ("POST", f"{OPENAI}/containers/{{container}}/files", containers.create_file),
    ("GET", f"{OPENAI}/containers/{{container}}/files", containers.list_files),
    ("GET", f"{OPENAI}/containers/{{container}}/files/{{id}}", containers.get_file),
    ("DELETE", f"{OPENAI}/containers/{{container}}/files/{{id}}", containers.delete_file),
    ("GET", f"{OPENAI}/containers/{{container}}/files/{{id}}/content", containers.content),
    ("POST", "/assistants", classic_agents.create),
    ("GET", "/assistants", classic_agents.list_all),
    ("GET", "/assistants/{id}", classic_agents.get),
    ("POST", "/assistants/{id}", classic_agents.update),
    ("DELETE", "/assistants/{id}", classic_agents.delete),
    ("POST", "/threads/runs", runs.create_with_thread),
    ("POST", "/threads", threads.create),
    ("GET", "/threads", threads.list_all),
    ("GET", "/threads/{id}", threads.get),
    ("POST", "/threads/{id}", threads.update),
    ("DELETE", "/threads/{id}", threads.delete),
    ("POST", "/threads/{id}/messages", threads.create_message),
    ("GET", "/threads/{id}/messages", threads.list_messages),
    ("GET", "/threads/{id}/messages/{message_id}", threads.get_message),
    ("POST", "/threads/{id}/messages/{message_id}", threads.update_message),
    ("DELETE", "/threads/{id}/messages/{message_id}", threads.delete_message),
    ("POST", "/threads/{id}/runs", runs.create),
    ("GET", "/threads/{id}/runs", runs.list_all),
    ("GET", "/threads/{id}/runs/{run_id}", runs.get),
    ("POST", "/threads/{id}/runs/{run_id}", runs.update),
    (
        "POST",
        "/threads/{id}/runs/{run_id}/submit_tool_outputs",
        runs.submit_tool_outputs,
    ),
    ("POST", "/threads/{id}/runs/{run_id}/cancel", runs.cancel),
    ("GET", "/threads/{id}/runs/{run_id}/steps", runs.list_steps),
    ("GET", "/threads/{id}/runs/{run_id}/steps/{step_id}", runs.get_step),
)

# Files and vector stores have the same routes in both generations, under different roots.
_SHARED: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/files", files.upload),
    ("GET", "/files", files.list_all),
    ("GET", "/files/{id}", files.get),
    ("DELETE", "/files/{id}", files.delete),
    ("GET", "/files/{id}/content", files.content),
    ("POST", "/vector_stores", vector_stores.create),
    ("GET", "/vector_stores", vector_stores.list_all),
    ("GET", "/vector_stores/{id}", vector_stores.get),
    ("POST", "/vector_stores/{id}", vector_stores.update),
    ("DELETE", "/vector_stores/{id}", vector_stores.delete),
    ("POST", "/vector_stores/{id}/files", vector_stores.add_file),
    ("GET", "/vector_stores/{id}/files", vector_stores.list_files),
    ("GET", "/vector_stores/{id}/files/{file_id}", vector_stores.get_file),
    ("POST", "/vector_stores/{id}/files/{file_id}", vector_search.update_file),
    ("DELETE", "/vector_stores/{id}/files/{file_id}", vector_stores.delete_file),
    ("GET", "/vector_stores/{id}/files/{file_id}/content", vector_search.file_content),
    ("POST", "/vector_stores/{id}/search", vector_search.search),
    ("POST", "/vector_stores/{id}/file_batches", vector_stores.create_batch),
    ("GET", "/vector_stores/{id}/file_batches/{batch_id}", vector_stores.get_batch),
    ("POST", "/vector_stores/{id}/file_batches/{batch_id}/cancel", vector_stores.cancel_batch),
    ("GET", "/vector_stores/{id}/file_batches/{batch_id}/files", vector_stores.list_batch_files),
)


_ROUTES = (
    *((method, pattern_of(path), handler) for method, path, handler in _TABLE),
    *(
        (method, pattern_of(root + path), handler)
        for root in ("", OPENAI)
        for method, path, handler in _SHARED
    ),
)


def find_route(request: Request) -> Route:
    """Return the route of a request; 404 without one, 400 for a wrong api-version."""
    for method, pattern, handler in _ROUTES:
        if method == request.method and (match := pattern.fullmatch(request.path)):
            _check_version(request)
            return Route(handler, match.groupdict())
    raise problems.no_route()


def _check_version(request: Request) -> None:
    version = request.query.get("api-version")
    if request.path.startswith(OPENAI):
        # The service tolerates an api-version here and then loses tool calls: refuse it aloud.
        if version is not None:
            raise problems.gateway(400, "BadRequest", "API version not supported")
        return
    if version is None:
        message = "Missing required query parameter: api-version"
        raise problems.gateway(400, "BadRequest", message)
    if "/endpoint/protocols/" in request.path and version != "v1":
        raise problems.no_route()
    if request.path.startswith("/applications/") and version != PREVIEW_VERSION:
        raise problems.no_route()  # recorded is only the preview's version
    supported = CLASSIC_VERSIONS if is_classic(request.path) else _AGENT_VERSIONS
    if version not in supported:
        shown = ", ".join(f"'{name}'" for name in supported)
        message = f"Unsupported api version '{version}'. The supported versions are {shown}"
        raise problems.gateway(400, "UnsupportedApiVersionValue", message)


def polled_turn(world: World, request: Request, variables: dict[str, Any]) -> Turn | None:
    """Return the turn whose object a request reads: that is a poll, see `world/turns.py`."""
    if request.method != "GET":
        return None
    id = variables.get("id", "")
    if request.path.startswith(f"{OPENAI}/responses/"):
        response = world.responses.get(id)
        return response.turn if response else None
    if request.path.startswith(f"{OPENAI}/conversations/"):
        conversation = world.conversations.get(id)
        return conversation.busy if conversation else None
    thread = world.threads.get(id)
    run = thread.active if thread else None
    return run.turn if run else None
