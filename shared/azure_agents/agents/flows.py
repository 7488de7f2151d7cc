"""Agents are made, read, changed and deleted: the requests of both generations.

A v2 agent has a name, and each change of it is a new version with a number: a version whose answer
was lost is known by what it holds. A classic agent has an id, and is changed in place: one whose
answer was lost is known by the key of the operation in its metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import InvalidRequestError, NotFoundError
from ..files.file_flows import PAGE, delete
from ..jsonio import JSON, dumps
from ..naming import parse_agent
from ..protocols.commands import Flow, Send
from ..protocols.options import OPERATION
from ..protocols.retry import is_transient
from ..protocols.sending import fetch, read_list, read_object, retrying, send, write_once
from ..protocols.turn import Turn
from .agent import Agent, read_assistant, read_version


@dataclass(frozen=True, slots=True)
class Draft:
    """What an agent is to be; None and what is left out stay as they are.

    Attributes:
        definition: Fields in the form of the service.
        description: What others are told of it.
        metadata: The project's own notes.
    """

    definition: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    metadata: Mapping[str, str] | None = None


# --- v2 -----------------------------------------------------------------------------------------


def create_agent(turn: Turn, draft: Draft) -> Flow[Agent]:
    """Make a v2 agent of the turn's name.

    Raises:
        InvalidRequestError: There is one of this name.
    """
    name = turn.settings.agent.name
    known = yield from _latest_or_none(turn)
    if known is not None:
        raise InvalidRequestError(
            f"agent {name!r} exists, as {known.id!r}: change it with update, which makes a new "
            "version, or choose another name"
        )
    return (yield from _add_version(turn, _body(draft), before=None))


def update_agent(turn: Turn, draft: Draft) -> Flow[Agent]:
    """Make a version that differs from the newest one by the draft; none if nothing differs."""
    before = yield from get_agent(turn)
    body = _body(draft, before)
    if _same(body, before):
        return before
    return (yield from _add_version(turn, body, before=before))


def apply_agent(turn: Turn, draft: Draft) -> Flow[Agent]:
    """Make the v2 agent of the turn's name what the draft says, wherever it stands now."""
    known = yield from _latest_or_none(turn)
    body = _body(draft)
    if known is not None and _same(body, known):
        return known
    return (yield from _add_version(turn, body, before=known))


def _body(draft: Draft, before: Agent | None = None) -> JSON:
    old: Mapping[str, Any] = {} if before is None else before.definition
    definition = {"kind": "prompt", **old, **draft.definition}
    kept = {key: value for key, value in definition.items() if value is not None}
    description, metadata = draft.description, draft.metadata
    if before is not None:
        description = before.description if description is None else description
        metadata = before.metadata if metadata is None else metadata
    told = {"description": description, "metadata": dict(metadata) if metadata else None}
    return {"definition": kept, **{key: value for key, value in told.items() if value}}


def _same(body: JSON, agent: Agent) -> bool:
    return bool(
        body["definition"] == agent.definition
        and body.get("description", "") == agent.description
        and body.get("metadata", {}) == agent.metadata
    )


def _add_version(turn: Turn, body: JSON, before: Agent | None) -> Flow[Agent]:
    path = f"/agents/{turn.settings.agent.name}/versions"
    request = Send("POST", turn.route(path), dumps(body))

    def write() -> Flow[JSON]:
        return read_object((yield from send(request, turn, "create the agent")))

    def look() -> Flow[JSON | None]:
        # What an attempt whose answer was lost has made: newer than before, and just this.
        found = yield from _latest_or_none(turn)
        is_new = found is not None and (before is None or found.version != before.version)
        if found is None or not is_new or not _same(body, found):
            return None
        return (yield from _fetch_version(turn, found.version or ""))

    return read_version((yield from write_once(turn, write, look)))


def _fetch_version(turn: Turn, version: str) -> Flow[JSON]:
    path = f"/agents/{turn.settings.agent.name}/versions/{version}"
    return (yield from fetch(turn.route(path), turn, "read the agent"))


def _latest_or_none(turn: Turn) -> Flow[Agent | None]:
    try:
        wire = yield from fetch(
            turn.route(f"/agents/{turn.settings.agent.name}"), turn, "read the agent"
        )
    except NotFoundError:
        return None
    latest = (wire.get("versions") or {}).get("latest")
    return read_version(latest) if latest else None


def list_agents(turn: Turn) -> Flow[list[Agent]]:
    """List the newest version of each v2 agent."""
    route = turn.route("/agents", ("limit", str(PAGE)))
    wires = yield from read_list(route, turn, "list the agents")
    latest = ((wire.get("versions") or {}).get("latest") for wire in wires)
    return [read_version(version) for version in latest if version]


def list_versions(turn: Turn) -> Flow[list[Agent]]:
    """List the versions of the v2 agent of the turn, newest first."""
    name = turn.settings.agent.name
    route = turn.route(f"/agents/{name}/versions", ("limit", str(PAGE)))
    wires = yield from read_list(route, turn, "list the versions")
    return [read_version(wire) for wire in wires]


# --- classic ------------------------------------------------------------------------------------


def create_assistant(turn: Turn, name: str, draft: Draft) -> Flow[Agent]:
    """Make a classic agent.

    Args:
        turn: Of the classic generation.
        name: What it is called; others may be called so, too.
        draft: What it is to be.
    """
    metadata = {**(draft.metadata or {}), OPERATION: turn.operation}
    body = {"name": name, **_told(draft), **draft.definition, "metadata": metadata}
    request = Send("POST", turn.route("/assistants"), dumps(body))

    def write() -> Flow[JSON]:
        return read_object((yield from send(request, turn, "create the agent")))

    def look() -> Flow[JSON | None]:
        route = turn.route("/assistants", ("limit", "20"), ("order", "desc"))
        page = yield from fetch(route, turn, "look for the agent")
        for wire in page.get("data") or ():
            if (wire.get("metadata") or {}).get(OPERATION) == turn.operation:
                return dict(wire)
        return None

    return read_assistant((yield from write_once(turn, write, look)))


def update_assistant(turn: Turn, draft: Draft) -> Flow[Agent]:
    """Change the classic agent of the turn; a second time changes nothing more."""
    body = {**_told(draft), **draft.definition}
    if draft.metadata is not None:
        body["metadata"] = dict(draft.metadata)
    request = Send("POST", turn.route(_assistant(turn)), dumps(body))

    def write() -> Flow[JSON]:
        return read_object((yield from send(request, turn, "change the agent")))

    return read_assistant((yield from retrying(write, turn, when=is_transient)))


def apply_assistant(turn: Turn, name: str, draft: Draft) -> Flow[Agent]:
    """Make the classic agent of a name what the draft says; a new one if there is none.

    Raises:
        InvalidRequestError: Several have this name.
    """
    named = [agent for agent in (yield from list_assistants(turn)) if agent.name == name]
    if not named:
        return (yield from create_assistant(turn, name, draft))
    if len(named) > 1:
        ids = ", ".join(agent.id for agent in named)
        raise InvalidRequestError(
            f"{len(named)} classic agents are called {name!r} ({ids}): rename or delete all but one"
        )
    settings = replace(turn.settings, agent=parse_agent(named[0].id))
    return (yield from update_assistant(replace(turn, settings=settings), draft))


def _told(draft: Draft) -> JSON:
    return {} if draft.description is None else {"description": draft.description}


def list_assistants(turn: Turn) -> Flow[list[Agent]]:
    """List the classic agents, newest first."""
    route = turn.route("/assistants", ("limit", str(PAGE)), ("order", "desc"))
    wires = yield from read_list(route, turn, "list the agents")
    return [read_assistant(wire) for wire in wires]


def _assistant(turn: Turn) -> str:
    return f"/assistants/{turn.settings.agent.name}"


# --- both ---------------------------------------------------------------------------------------


def get_agent(turn: Turn) -> Flow[Agent]:
    """Read the agent of the turn; of a v2 name without a version the newest one."""
    agent = turn.settings.agent
    if agent.generation == "classic":
        route = turn.route(_assistant(turn))
        return read_assistant((yield from fetch(route, turn, "read the agent")))
    if agent.version is not None:
        return read_version((yield from _fetch_version(turn, agent.version)))
    wire = yield from fetch(turn.route(f"/agents/{agent.name}"), turn, "read the agent")
    return read_version(dict((wire.get("versions") or {}).get("latest") or {}))


def delete_agent(turn: Turn) -> Flow[None]:
    """Delete the agent of the turn: with a version that one, else the agent with all of them."""
    agent = turn.settings.agent
    path = _assistant(turn) if agent.generation == "classic" else f"/agents/{agent.name}"
    if agent.version is not None:
        path += f"/versions/{agent.version}"
    yield from delete(turn, path, "delete the agent")
