"""Agents and their versions. Source: v2/agents_crud.json and the two agent error recordings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..agent.responder import Responder
from ..world import problems
from ..world.exchange import Answer, Request, check_metadata
from ..world.paging import v2_list
from ..world.state import Agent, AgentVersion
from .checks import check_tools
from .objects import agent_wire, version_wire

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.replies import Script
    from ..world.state import World

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PREVIEW_KINDS = {"workflow": ("Workflow agents", "WorkflowAgents=V1Preview")}
_KINDS = ("prompt", "workflow", "hosted", "external", "voice")


def add_version(
    world: World,
    name: str,
    definition: JSON,
    script: Script = None,
    *,
    responder: Responder | None = None,
    description: str = "",
    metadata: dict[str, str] | None = None,
) -> AgentVersion:
    """Add a version, creating the agent if it is the first."""
    agent = world.agents.setdefault(name, Agent(name))
    agent.made += 1
    version = AgentVersion(
        name=name,
        version=str(agent.made),
        definition=definition,
        responder=responder or (world.default if script is None else Responder(script)),
        created_at=world.now,
        description=description,
        metadata=metadata or {},
    )
    agent.versions[version.version] = version
    return version


def check_name(name: str) -> None:
    """Refuse a name that the service would refuse. The wording was not recorded."""
    if _NAME.fullmatch(name) is None:
        message = (
            "Agent name must start and end with a letter or digit, hold only letters, digits and "
            "hyphens, and have at most 63 characters."
        )
        raise problems.invalid_payload(message, "/name")


def create_version(world: World, request: Request, name: str) -> Answer:
    """POST /agents/{name}/versions.

    While the answer to one is on its way, another one for the same agent is a conflict.
    """
    known = world.agents.get(name)
    if known is not None and known.creating:
        raise problems.conflict()
    answer = Answer(version_wire(_new_version(world, request, name, request.json())))
    agent = world.agents[name]
    agent.creating += 1

    def delivered() -> None:
        agent.creating -= 1

    answer.delivered = delivered
    return answer


def create(world: World, request: Request) -> Answer:
    """POST /agents: the first version of a new agent. From the TypeSpec, not recorded."""
    body = request.json()
    name = str(body.pop("name", ""))
    if name in world.agents:
        raise problems.conflict()
    _new_version(world, request, name, body)
    return Answer(agent_wire(world.agents[name]))


def update(world: World, request: Request, name: str) -> Answer:
    """POST /agents/{name}: a new version if anything changed. From the TypeSpec, not recorded."""
    agent, body = find(world, name), request.json()
    latest = agent.latest
    same = latest is not None and latest.definition == body.get("definition")
    if not same:
        _new_version(world, request, name, body)
    return Answer(agent_wire(agent))


def _new_version(world: World, request: Request, name: str, body: JSON) -> AgentVersion:
    check_name(name)
    definition = body.get("definition")
    if not isinstance(definition, dict):
        raise problems.invalid_payload("Required property is missing", "/definition")
    _check_definition(definition, request)
    # A client that creates a new version of a scripted agent means the same agent: keep its script.
    known = world.agents.get(name)
    return add_version(
        world,
        name,
        definition,
        responder=known.latest.responder if known and known.latest else None,
        description=body.get("description") or "",
        metadata=check_metadata(body),
    )


def _check_definition(definition: JSON, request: Request) -> None:
    kind = definition.get("kind")
    if kind not in _KINDS:
        raise problems.invalid_payload(f"Value '{kind}' is not a kind", "/definition/kind")
    if kind == "prompt" and not isinstance(definition.get("model"), str):
        raise problems.invalid_payload("Required property is missing", "/definition/model")
    what, feature = _PREVIEW_KINDS.get(kind, ("", ""))
    if feature not in request.headers.get("foundry-features", ""):
        raise problems.preview_required(what, feature)
    check_tools(definition.get("tools") or [], "/definition/tools")
    for tool in definition.get("tools") or []:
        if "{{" in str(tool.get("server_label", "")):
            raise problems.invalid_payload("The supplied value is invalid.", "")


def find(world: World, name: str) -> Agent:
    """Return the agent of this name, or refuse with 404."""
    agent = world.agents.get(name)
    if agent is None:
        raise problems.foundry(404, "not_found", f"Agent {name} doesn't exist")
    return agent


def find_version(world: World, name: str, version: str) -> AgentVersion:
    """Return one version, or refuse with 404; the wording for a version was not recorded."""
    found = find(world, name).versions.get(version)
    if found is None:
        message = f"Agent {name} with version {version} doesn't exist"
        raise problems.foundry(404, "not_found", message)
    return found


def get(world: World, _: Request, name: str) -> Answer:
    """GET /agents/{name}."""
    return Answer(agent_wire(find(world, name)))


def list_all(world: World, request: Request) -> Answer:
    """GET /agents."""
    wanted = request.query.get("kind")
    agents = [
        agent_wire(agent)
        for agent in world.agents.values()
        if wanted is None or (agent.latest and agent.latest.definition.get("kind") == wanted)
    ]
    return Answer(v2_list(agents, request.query))


def delete(world: World, request: Request, name: str) -> Answer:
    """DELETE /agents/{name}; live sessions of a hosted agent need ``force``."""
    agent = find(world, name)
    is_live = any(session.status == "active" for session in agent.sessions.values())
    if is_live and request.query.get("force", "").lower() != "true":
        raise problems.conflict()
    del world.agents[name]
    return Answer({"object": "agent.deleted", "name": name, "deleted": True})


def list_versions(world: World, request: Request, name: str) -> Answer:
    """GET /agents/{name}/versions."""
    versions = [version_wire(version) for version in find(world, name).versions.values()]
    return Answer(v2_list(versions, request.query))


def get_version(world: World, _: Request, name: str, version: str) -> Answer:
    """GET /agents/{name}/versions/{version}."""
    return Answer(version_wire(find_version(world, name, version)))


def delete_version(world: World, _: Request, name: str, version: str) -> Answer:
    """DELETE /agents/{name}/versions/{version}; the last one takes the agent with it."""
    find_version(world, name, version)
    agent = world.agents[name]
    del agent.versions[version]
    if not agent.versions:  # not recorded: what remains of an agent without versions
        del world.agents[name]
    wire = {"object": "agent.version.deleted", "name": name, "version": version, "deleted": True}
    return Answer(wire)
