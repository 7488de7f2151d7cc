"""The endpoint of a project, or of one agent: where requests go, and with which tokens.

An endpoint is known by its origin and path. The scope of its tokens follows from the host, and
only for hosts that are Microsoft's: no token is requested for a look-alike. Parts that may hold a
secret (the user part, query or fragment of a URL; a text that is no URL at all, such as a key in
the wrong place) are never repeated in a message.

An agent's own endpoint names its agent and only answers. Hosted agents have no other endpoint;
published applications have no other that their users may call. The checks of settings against such
an endpoint stand at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

from ..errors import ConfigError, InvalidRequestError
from ..naming import AgentName, is_agent_name, parse_agent, shown
from .urls import check_scheme, host_and_port, is_loopback, origin, safe, split_url

PUBLIC_SCOPE = "https://ai.azure.com/.default"
# Hosts of project endpoints and the scope of their tokens. The public cloud is documented; the
# other two are guesses by analogy, nothing recorded or written confirms them. `scope=` overrides.
SCOPES = {
    "services.ai.azure.com": PUBLIC_SCOPE,
    "services.ai.azure.us": "https://ai.azure.us/.default",
    "services.ai.azure.cn": "https://ai.azure.cn/.default",
}

_FORM = "https://<resource>.services.ai.azure.com/api/projects/<project>"
FIND_ENDPOINT = f"copy the project endpoint from the project's page in the Foundry portal: {_FORM}"

_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/api/projects/[A-Za-z0-9._~-]+")
# An agent's own endpoint, below its project. Microsoft's portal prints the first with "/v1".
_OWN = re.compile(
    r"(?P<project>.*)/(?:agents/(?P<agent>[^/]+)/endpoint|applications/(?P<application>[^/]+))"
    r"/protocols/openai(?:/v1)?(?:/responses)?"
)
_QUERY = re.compile(r"api-version=([A-Za-z0-9][A-Za-z0-9.-]{0,63})")
OwnKind: TypeAlias = Literal["agent", "application"]


@dataclass(frozen=True, slots=True)
class OwnEndpoint:
    """The endpoint of one agent: it answers there, and no other operation exists.

    Attributes:
        kind: ``"agent"`` (hosted agents have no other) or ``"application"``, a published agent.
        name: Name of the agent, or of the application.
        path: Its path below the project's.
        api_version: The version recorded there, unless the endpoint names another.
    """

    kind: OwnKind
    name: str
    path: str
    api_version: str

    @classmethod
    def of(cls, kind: OwnKind, name: str) -> OwnEndpoint:
        """Make the endpoint of an agent or application from its name."""
        if kind == "agent":
            return cls(kind, name, f"/agents/{name}/endpoint/protocols/openai", "v1")
        path = f"/applications/{name}/protocols/openai"
        return cls(kind, name, path, "2025-11-15-preview")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of a project, or of one agent in it; made by `parse_endpoint`.

    Attributes:
        url: The whole URL, without a trailing slash.
        origin: ``https://host[:port]``; a credential never leaves it.
        host: The host in lower case, IPv6 without brackets.
        path: ``/api/projects/<project>``, behind a gateway with a prefix.
        scope: The scope of its tokens; None where the host does not say.
        allow_http: Whether plain http was allowed for a host other than this machine.
        own: The part that names one agent; None: it is a project's.
    """

    url: str
    origin: str
    host: str
    path: str
    scope: str | None
    allow_http: bool = False
    own: OwnEndpoint | None = None

    @property
    def root(self) -> str:
        """The project's own URL."""
        return self.origin + self.path

    @property
    def project(self) -> str:
        """The name of the project."""
        return self.path.rpartition("/")[2]

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return is_loopback(self.host)


def parse_endpoint(text: str, *, allow_http: bool = False) -> Endpoint:
    """Read the endpoint of a project, or of one agent in it.

    Args:
        text: ``https://<resource>.services.ai.azure.com/api/projects/<project>``; with
            ``/agents/<agent>/endpoint/protocols/openai`` behind it the agent's own (hosted agents
            have no other), with ``/applications/<application>/protocols/openai`` that of a
            published agent, each also with ``/responses`` and ``?api-version=…`` at its end.
        allow_http: Accept plain http for a host other than this machine.

    Raises:
        ConfigError: The text is no such endpoint, or a credential would not be safe there.
    """
    if ";" in str(text):
        # The connection string of a hub: <region>.api.azureml.ms;<subscription>;…
        raise ConfigError(
            f"endpoint is a connection string, not a project endpoint: {FIND_ENDPOINT}"
        )
    parts = split_url(text, "endpoint", FIND_ENDPOINT)
    if ("?" in text and not _names_version(parts)) or "#" in text:
        raise ConfigError(
            f"endpoint {safe(text)} has a query or fragment: cut it off after the project name"
        )
    host, port = host_and_port(parts, "endpoint", FIND_ENDPOINT)
    _refuse_other_services(parts, host, text)
    path, own = _own_endpoint(parts)
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ConfigError(_not_a_project(path, text))
    check_scheme(parts, "endpoint", allow_http=allow_http)
    start = origin(parts.scheme, host, port)
    url = start + path + (own.path if own else "")
    return Endpoint(url, start, host, path, _scope_of(host), allow_http, own)


def _own_endpoint(parts: SplitResult) -> tuple[str, OwnEndpoint | None]:
    # The path of the project comes back too: an agent's own endpoint stands below it.
    path = parts.path.rstrip("/")
    found = _OWN.fullmatch(path)
    if found is None or not is_agent_name(found["agent"] or found["application"]):
        return path, None
    kind: OwnKind = "agent" if found["agent"] else "application"
    own = OwnEndpoint.of(kind, found["agent"] or found["application"])
    named = _QUERY.fullmatch(parts.query)
    return found["project"], replace(own, api_version=named[1]) if named else own


def _names_version(parts: SplitResult) -> bool:
    # The portal shows an agent's own endpoint with "?api-version=…", and people copy it whole.
    is_own = _OWN.fullmatch(parts.path.rstrip("/")) is not None
    return is_own and _QUERY.fullmatch(parts.query) is not None


def origin_of(url: str) -> str | None:
    """Give the origin of any URL, written as in `Endpoint`; None if it has none."""
    try:
        parts = urlsplit(url)
        return origin(parts.scheme, parts.hostname, parts.port) if parts.hostname else None
    except ValueError:
        return None


def _refuse_other_services(parts: SplitResult, host: str, text: str) -> None:
    if _under(host, "api.azureml.ms") or "/subscriptions/" in parts.path:
        raise ConfigError(
            f"endpoint {safe(text)} belongs to a hub-based project, which this package does not "
            f"support: move the agent to a Foundry project, then {FIND_ENDPOINT}"
        )
    if _under(host, "openai.azure.com"):
        raise ConfigError(
            f"endpoint {safe(text)} is an Azure OpenAI resource, where no agents live: "
            f"{FIND_ENDPOINT}"
        )


def _not_a_project(path: str, text: str) -> str:
    below = _PATH.match(path)
    if below and path[below.end() :].startswith("/"):
        return (
            f"endpoint {safe(text)} goes on after the project: cut it off after {below[0]!r}, or "
            "give the whole endpoint of one agent, …/agents/<agent>/endpoint/protocols/openai or "
            "…/applications/<application>/protocols/openai"
        )
    if not path:
        return f"endpoint {safe(text)} is a resource, not a project: {FIND_ENDPOINT}"
    return f"endpoint {safe(text)} is not a project endpoint: {FIND_ENDPOINT}"


def _scope_of(host: str) -> str | None:
    if is_loopback(host):
        return PUBLIC_SCOPE  # an emulator stands in for the public cloud
    return next((scope for suffix, scope in SCOPES.items() if _under(host, suffix)), None)


def _under(host: str, suffix: str) -> bool:
    return host.endswith(f".{suffix}")


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
