"""The endpoint of a project, or of one agent: where requests go, and with which tokens.

An endpoint is known by its origin and path. The scope of its tokens follows from the host, and
only for hosts that are Microsoft's: no token is requested for a look-alike. Parts that may hold a
secret (the user part, query or fragment of a URL; a text that is no URL at all, such as a key in
the wrong place) are never repeated in a message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

from ..errors import ConfigError
from ..naming import is_agent_name
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
