"""The core's clients behind one chat model: made on first use, and remade when a setting changes.

A pydantic model can be copied with changes, assigned to, pickled. So the clients hang on the values
that they were made from, and a copy starts without any.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from azure_agents.auth import make_auth
from azure_agents.config import Settings, resolve_settings

if TYPE_CHECKING:
    from azure_agents.client import AgentClient, AsyncAgentClient

    from ._settings import AgentSettings

_SETTINGS = (
    "model",
    "endpoint",
    "threads",
    "thread_id",
    "owner",
    "instructions",
    "instructions_mode",
    "timeout",
    "max_retries",
    "allow_http",
    "api_version",
    "anchor_key",
    "user_identity",
    "extra_headers",
    "image_generation_deployment",
    "agent_session_id",
    "name_turns",
    "ephemeral_approvals",
)
_SIGN_IN = ("credential", "api_key", "scope", "tenant_id", "client_id", "client_secret")
_SEAMS = ("thread_store", "observer", "operation_keys", "clock")
_FIELDS = (*_SETTINGS, *_SIGN_IN, *_SEAMS, "transport", "async_transport")


class Clients:
    """The clients of one model; a copy of it is empty."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made_from: tuple[Any, ...] = ()
        self._settings: Settings | None = None
        self._arguments: tuple[Any, ...] = ()
        self._sync: AgentClient | None = None
        self._async: AsyncAgentClient | None = None

    def settings(self, model: AgentSettings) -> Settings:
        """Check the model's settings and credential arguments; nothing is sent."""
        with self._lock:
            return self._checked(model)

    def sync(self, model: AgentSettings) -> AgentClient:
        """The sync client."""
        from azure_agents.client import AgentClient

        with self._lock:
            self._checked(model)
            if self._sync is None:
                seams = _seams(model, model.transport)
                self._sync = AgentClient.of(*self._arguments, **seams)
            return self._sync

    def aio(self, model: AgentSettings) -> AsyncAgentClient:
        """The async client; it serves any number of event loops."""
        from azure_agents.client import AsyncAgentClient

        with self._lock:
            self._checked(model)
            if self._async is None:
                seams = _seams(model, model.async_transport)
                self._async = AsyncAgentClient.of(*self._arguments, **seams)
            return self._async

    def _checked(self, model: AgentSettings) -> Settings:
        values = tuple(getattr(model, name) for name in _FIELDS)
        if self._settings is None or values != self._made_from:
            # Clients in use elsewhere end with their turns.
            self._sync = self._async = None
            given = {name: getattr(model, name) for name in _SETTINGS}
            settings = resolve_settings(**given, door="llm")
            sign_in = {name: getattr(model, name) for name in _SIGN_IN}
            self._arguments = (settings, make_auth(endpoint=settings.endpoint, **sign_in))
            self._settings, self._made_from = settings, values
        return self._settings

    def close(self) -> None:
        """Close the sync client; the next call makes a new one."""
        with self._lock:
            client, self._sync = self._sync, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close both clients; the next call makes new ones."""
        self.close()
        with self._lock:
            client, self._async = self._async, None
        if client is not None:
            await client.aclose()

    def __copy__(self) -> Clients:
        return Clients()

    def __deepcopy__(self, memo: dict[int, Any]) -> Clients:
        return Clients()

    def __reduce__(self) -> tuple[type[Clients], tuple[()]]:
        return Clients, ()


def _seams(model: AgentSettings, transport: object) -> dict[str, Any]:
    return {
        "transport": transport,
        "store": model.thread_store,
        "observer": model.observer,
        "operation_keys": model.operation_keys,
        "clock": model.clock,
    }
