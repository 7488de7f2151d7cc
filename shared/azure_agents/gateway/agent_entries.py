"""Entries that are agents: their settings and their credential, as `completion()` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..routing.deployments import Deployment
from ..settings.config import Settings, resolve_settings
from ..sign_in.auth import FoundryAuth, make_auth

_BASES = ("api_base", "endpoint", "base_url")
_TOKENS = ("credential", "azure_ad_token", "azure_ad_token_provider")
_OF_CLIENTS = ("api_version", "allow_http")


@dataclass(frozen=True, slots=True)
class AgentEntry:
    """One entry.

    Attributes:
        settings: Of the agent.
        auth: Its credential; nothing has been fetched.
        headers: More headers of each request.
    """

    settings: Settings
    auth: FoundryAuth
    headers: Mapping[str, str] = field(repr=False)


def read_agent_entry(one: Deployment) -> AgentEntry:
    """Read an entry that is an agent.

    Args:
        one: The entry.

    Raises:
        ConfigError: It is wrong.
    """
    given = one.params
    settings = resolve_settings(
        model=one.model,
        endpoint=_first(given, _BASES),
        door="completion",
        **{name: given[name] for name in _OF_CLIENTS if name in given},
    )
    auth = make_auth(
        credential=_first(given, _TOKENS),
        api_key=given.get("api_key"),
        endpoint=settings.endpoint,
        scope=given.get("azure_scope"),
        tenant_id=given.get("tenant_id"),
        client_id=given.get("client_id"),
        client_secret=given.get("client_secret"),
    )
    return AgentEntry(settings, auth, dict(given.get("extra_headers") or {}))


def _first(given: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)
