"""An agent's endpoint and state, and the sessions of hosted agents.

The shape of a patched endpoint and of sessions follows the service description; the refusal of a
disabled agent was not recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..world import problems
from ..world.exchange import Answer, Request
from ..world.paging import page
from ..world.state import Session
from .agents import find
from .objects import agent_wire, session_wire

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import Agent, AgentVersion, World

_PATCHABLE = ("agent_card", "agent_endpoint", "description", "metadata")
_SESSION_DAYS = 30
_AUTHORIZATION = {"type": "Entra", "isolation_key_source": {"kind": "Entra"}}


def patch(world: World, request: Request, name: str) -> Answer:
    """PATCH /agents/{name}: a merge patch; null takes a key away."""
    agent, body = find(world, name), request.json()
    for key in body:
        if key not in _PATCHABLE or not _is_patch(key, body[key]):
            raise problems.invalid_payload("The supplied value is invalid.", f"/{key}")
    patched = _merged(agent.details, body)
    if endpoint := patched.get("agent_endpoint"):
        endpoint.setdefault("protocols", ["responses"])
        endpoint.setdefault("authorization_schemes", [_AUTHORIZATION])
        _check_versions(agent, endpoint)
    agent.details = patched
    agent.is_managed = True
    return Answer(agent_wire(agent))


def _is_patch(key: str, value: Any) -> bool:
    """Whether a patched value has the form that its field needs."""
    if key != "agent_endpoint" or value is None:
        return True
    selector = value.get("version_selector") or {} if isinstance(value, dict) else None
    rules = selector.get("version_selection_rules") or [] if isinstance(selector, dict) else None
    return isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules)


def _merged(target: Any, patch: Any) -> Any:
    """Merge a patch into a value, as RFC 7396 says."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _rules(details: JSON) -> list[JSON]:
    selector = (details.get("agent_endpoint") or details).get("version_selector") or {}
    return list(selector.get("version_selection_rules") or ())


def _check_versions(agent: Agent, endpoint: JSON) -> None:
    for rule in _rules(endpoint):
        if str(rule.get("agent_version")) not in agent.versions:
            message = f"Agent {agent.name} with version {rule.get('agent_version')} doesn't exist"
            raise problems.foundry(404, "not_found", message)


def select_version(world: World, agent: Agent) -> AgentVersion | None:
    """Choose the version of a request that names none: by the endpoint's rules, else the latest."""
    rules = [rule for rule in _rules(agent.details) if rule["agent_version"] in agent.versions]
    if not rules:
        return agent.latest
    shares = [float(rule.get("traffic_percentage", 0)) for rule in rules]
    return agent.versions[rules[world.injector.pick(shares)]["agent_version"]]


def enable(world: World, _: Request, name: str) -> Answer:
    """POST /agents/{name}:enable."""
    return _switch(world, name, "enabled")


def disable(world: World, _: Request, name: str) -> Answer:
    """POST /agents/{name}:disable."""
    return _switch(world, name, "disabled")


def _switch(world: World, name: str, state: str) -> Answer:
    agent = find(world, name)
    agent.state, agent.is_managed = state, True
    return Answer(status=204, raw=b"")


def check_enabled(agent: Agent) -> None:
    """Refuse to let a disabled agent answer; the wording is a guess."""
    if agent.state == "disabled":
        raise problems.foundry(403, "agent_disabled", f"Agent {agent.name} is disabled")


# --- sessions of hosted agents --------------------------------------------------------------------


def add_session(world: World, agent: Agent, id: str | None = None, user: str = "") -> Session:
    """Begin a session; its id has the recorded form."""
    made = Session(id or world.ids.session(), world.now, world.now, user=user)
    agent.sessions[made.id] = made
    return made


def find_session(world: World, agent: Agent, id: str, user: str) -> Session:
    """Return the user's session and keep it alive; 404 without one (not recorded)."""
    session = agent.sessions.get(id)
    is_theirs = session is not None and session.user == user
    if session is None or not is_theirs or session.used_at + _SESSION_DAYS * 86_400 <= world.now:
        raise problems.foundry(404, "not_found", f"Session '{id}' not found")
    session.used_at = world.now
    return session


def create_session(world: World, request: Request, name: str) -> Answer:
    """POST /agents/{name}/endpoint/sessions."""
    agent = find(world, name)
    session = add_session(world, agent, request.json().get("agent_session_id"), request.user)
    return Answer(session_wire(agent, session), status=201)


def get_session(world: World, request: Request, name: str, session_id: str) -> Answer:
    """GET /agents/{name}/endpoint/sessions/{session_id}."""
    agent = find(world, name)
    return Answer(session_wire(agent, find_session(world, agent, session_id, request.user)))


def list_sessions(world: World, request: Request, name: str) -> Answer:
    """GET /agents/{name}/endpoint/sessions."""
    agent = find(world, name)
    theirs = [one for one in agent.sessions.values() if one.user == request.user]
    wires = [session_wire(agent, session) for session in theirs]
    data, has_more = page(wires, request.query, lambda one: str(one["agent_session_id"]))
    return Answer({"data": data, "has_more": has_more, "object": "list"})


def stop_session(world: World, request: Request, name: str, session_id: str) -> Answer:
    """POST /agents/{name}/endpoint/sessions/{session_id}:stop."""
    find_session(world, find(world, name), session_id, request.user).status = "idle"
    return Answer(status=204, raw=b"")


def delete_session(world: World, request: Request, name: str, session_id: str) -> Answer:
    """DELETE /agents/{name}/endpoint/sessions/{session_id}."""
    agent = find(world, name)
    find_session(world, agent, session_id, request.user)
    del agent.sessions[session_id]
    return Answer(status=204, raw=b"")
