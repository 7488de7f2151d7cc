"""The sync and the async client of the same settings, as a model and `completion` hold them.

A pair has one credential, so that a token is asked for once. It is held in one of two ways:

- A model of a framework holds one pair and replaces it when one of its settings changes
  (`model_clients`).
- `completion` has no object to hold a pair, so the pairs that its calls used last are kept for the
  whole process (`recent_pair`). What the environment says about credentials is part of their key:
  a changed variable makes a new pair.

Neither closes a pair that it lets go: calls that are under way on it end in peace.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any

from ..settings import environment
from ..settings.config import Settings
from ..settings.endpoint import Endpoint
from ..sign_in.auth import FoundryAuth, make_auth
from .agent_client import AgentClient, AsyncAgentClient
from .base import make_client
from .recent import Recent, Same, fingerprints

_VARIABLES = (
    environment.ENV_SCOPE,
    environment.ENV_TENANT_ID,
    environment.ENV_CLIENT_ID,
    environment.ENV_CLIENT_SECRET,
    environment.ENV_AD_TOKEN,
    environment.ENV_AI_API_KEY,
    environment.ENV_AI_API_BASE,
    environment.ENV_API_KEY,
    environment.ENV_API_BASE,
)


class ClientPair:
    """Makes the sync and the async client of the same settings on first use; thread-safe.

    Args:
        settings: From `azure_agents.settings.config.resolve_settings`.
        auth: From `azure_agents.sign_in.auth.make_auth`; both clients sign in with it.
        transport: The httpx transport of sync calls, instead of the network.
        async_transport: The httpx transport of async calls.
        seams: Further arguments of `make_client`: ``store``, ``clock``, ``operation_keys``,
            ``observer``.
    """

    def __init__(
        self,
        settings: Settings,
        auth: FoundryAuth,
        *,
        transport: Any = None,
        async_transport: Any = None,
        **seams: Any,
    ) -> None:
        self.settings = settings
        self._auth = auth
        self._transport = transport
        self._async_transport = async_transport
        self._seams = seams
        self._lock = Lock()
        self._sync: AgentClient | None = None
        self._aio: AsyncAgentClient | None = None

    def sync(self) -> AgentClient:
        """Give the client of sync calls."""
        with self._lock:
            if self._sync is None:
                seams = {"transport": self._transport, **self._seams}
                self._sync = make_client(AgentClient, self.settings, self._auth, **seams)
            return self._sync

    def aio(self) -> AsyncAgentClient:
        """Give the client of async calls, one for every event loop."""
        with self._lock:
            if self._aio is None:
                seams = {"transport": self._async_transport, **self._seams}
                self._aio = make_client(AsyncAgentClient, self.settings, self._auth, **seams)
            return self._aio

    def close(self) -> None:
        """Close idle connections of sync calls; the next call opens new ones."""
        if self._sync is not None:
            self._sync.close()

    async def aclose(self) -> None:
        """Close idle connections of the running event loop; the next call opens new ones."""
        if self._aio is not None:
            await self._aio.aclose()


_auths: Recent[FoundryAuth] = Recent()
_pairs: Recent[ClientPair] = Recent()


def recent_pair(settings: Settings, sign_in: Mapping[str, Any], **seams: Any) -> ClientPair:
    """Give the pair of these values: the one of an earlier call, if it is still kept.

    Args:
        settings: What the clients are to do.
        sign_in: Arguments of `azure_agents.sign_in.auth.make_auth` but the endpoint.
        seams: Transports, store and clock, as `ClientPair` takes them.

    Raises:
        ConfigError: The ways to sign in do not fit one another.
    """
    auth = _auth_of(settings.endpoint, sign_in)
    objects = tuple((name, Same(seam)) for name, seam in sorted(seams.items()))
    key = (settings, Same(auth), objects)
    return _pairs.get(key, lambda: ClientPair(settings, auth, **seams))


def _auth_of(endpoint: Endpoint, sign_in: Mapping[str, Any]) -> FoundryAuth:
    # Pairs that differ in settings only (another model, another timeout) share the credential and
    # with it the cached token: else each of them would ask for one.
    key = (endpoint, fingerprints(sign_in), fingerprints(_sign_in_variables()))
    return _auths.get(key, lambda: make_auth(endpoint=endpoint, **sign_in))


def _sign_in_variables() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in _VARIABLES}
