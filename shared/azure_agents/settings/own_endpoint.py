"""Checks of settings against an agent's own endpoint, which names its agent and only answers.

Hosted agents have no other endpoint; published applications have no other that their users may
call.
"""

from __future__ import annotations

import re

from ..errors import ConfigError, InvalidRequestError
from ..naming import AgentName, parse_agent, shown
from .endpoint import Endpoint, OwnEndpoint

_SESSION = re.compile(r"[A-Za-z0-9_-]{1,256}")


def agent_at(own: OwnEndpoint, model: str | None) -> AgentName:
    """Give the agent that an endpoint names; `model` is optional there and must agree.

    The environment variable for the agent is not read: it names agents of projects.

    Raises:
        ConfigError: `model` names another agent, or a version.
    """
    agent = parse_agent(own.name if model is None else model)
    if agent.requested == own.name:
        return agent
    if agent.name == own.name:
        raise ConfigError(
            f"model {shown(model)} names a version, and at the {own.kind}'s own endpoint the "
            f"service chooses it: leave model out, or pass {own.name!r}"
        )
    raise ConfigError(
        f"model {shown(model)} and the endpoint, which is that of the {own.kind} {own.name!r}, "
        "disagree: leave model out, or pass the endpoint of the project"
    )


def check_own_endpoint(own: OwnEndpoint, threads: str, thread_id: str | None) -> None:
    """Refuse settings that an agent's own endpoint cannot serve.

    Raises:
        ConfigError: A conversation is asked for, or a thread pinned.
    """
    session = " (or, for memory on the server, agent_session_id=)" if own.kind == "agent" else ""
    if threads == "conversation":
        raise ConfigError(
            f"threads='conversation' needs the endpoint of a project: that the {own.kind}'s own "
            f"endpoint keeps conversations was never recorded, so use threads='auto'{session}"
        )
    if thread_id is not None:
        raise ConfigError(
            f"thread_id={shown(thread_id)} needs the endpoint of a project: at the {own.kind}'s "
            f"own endpoint every call sends the whole history, so give the messages{session}"
        )


def check_session(value: object, endpoint: Endpoint, thread_id: str | None) -> None:
    """Refuse a session id that cannot be used.

    Raises:
        ConfigError: It is malformed, the endpoint has no sessions, or a thread is pinned as well.
    """
    if value is None:
        return
    if not isinstance(value, str) or not _SESSION.fullmatch(value):
        raise ConfigError(
            f"agent_session_id={shown(value)} is malformed: letters, digits, '-' and '_', as in an "
            "earlier answer"
        )
    if endpoint.own is None or endpoint.own.kind != "agent":
        raise ConfigError(
            "agent_session_id= works at a hosted agent's own endpoint, "
            f"…/agents/<agent>/endpoint/protocols/openai, and {endpoint.url!r} is none: pass that "
            "endpoint, or leave the session out"
        )
    if thread_id is not None:
        raise ConfigError("agent_session_id= and thread_id= both name a memory: pass one")


def check_at_project(endpoint: Endpoint, operation: str) -> None:
    """Refuse an operation that needs a project.

    Raises:
        InvalidRequestError: The endpoint is one agent's own.
    """
    if endpoint.own is not None:
        raise InvalidRequestError(
            f"{operation} needs the endpoint of a project: {endpoint.url!r} is the "
            f"{endpoint.own.kind}'s own, which only answers. Make a client with "
            f"endpoint={endpoint.root!r}"
        )
