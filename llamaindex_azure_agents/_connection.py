"""What an LLM object holds but never shows: credential, transports, and the clients made of them.

LlamaIndex pickles, copies, dumps and prints its components. Everything of that kind stands behind
one object that copies share and pickles leave out, so nothing else needs to remember the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from azure_agents.auth import FoundryAuth
from azure_agents.client import AgentClient, AsyncAgentClient
from azure_agents.config import Settings
from azure_agents.seams import AsyncTransport, Transport


class Connection:
    """The two clients of one LLM object, made on first use; thread-safe.

    Args:
        settings: Checked settings.
        sign_in: Makes what signs requests; its closure is the only holder of secrets.
        transport: httpx transport of sync calls.
        async_transport: httpx transport of async calls.
        seams: What else the core's clients take: `store`, `observer`, `operation_keys`,
            `clock`.
    """

    def __init__(
        self,
        settings: Settings,
        sign_in: Callable[[], FoundryAuth],
        transport: Transport | None = None,
        async_transport: AsyncTransport | None = None,
        seams: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings
        self._sign_in = sign_in
        self._transport = transport
        self._async_transport = async_transport
        self._seams = seams or {}
        self._lock = Lock()
        self._agents: AgentClient | None = None
        self._async_agents: AsyncAgentClient | None = None
        self._shared_auth: FoundryAuth | None = None

    def agents(self) -> AgentClient:
        """The client of sync calls."""
        from azure_agents.client import AgentClient

        with self._lock:
            if self._agents is None:
                self._agents = AgentClient.of(
                    self.settings, self._auth(), transport=self._transport, **self._seams
                )
            return self._agents

    def async_agents(self) -> AsyncAgentClient:
        """The client of async calls, of every event loop."""
        from azure_agents.client import AsyncAgentClient

        with self._lock:
            if self._async_agents is None:
                self._async_agents = AsyncAgentClient.of(
                    self.settings,
                    self._auth(),
                    transport=self._async_transport,
                    **self._seams,
                )
            return self._async_agents

    def close(self) -> None:
        """Close idle connections of sync calls."""
        if self._agents is not None:
            self._agents.close()

    async def aclose(self) -> None:
        """Close idle connections of the running event loop."""
        if self._async_agents is not None:
            await self._async_agents.aclose()

    def _auth(self) -> FoundryAuth:
        # One for both clients, so that a token is asked for once. Called under the lock.
        if self._shared_auth is None:
            self._shared_auth = self._sign_in()
        return self._shared_auth

    def __deepcopy__(self, _memo: object) -> Connection:
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()  # a pickle gets None in its place, and its reader makes a new one
