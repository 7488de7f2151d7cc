"""The clients behind a model of a framework, as both adapters offer them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel, PrivateAttr

from ..client.agent_client import AgentClient, AsyncAgentClient
from ..client.model_clients import MODEL_ARGUMENTS, ModelClients
from ..settings.config import Settings


class HoldsClients(BaseModel):
    """A model whose fields say which agent is asked, and how.

    Fields may change at any time: the clients are those of the present values.
    """

    _clients: ModelClients = PrivateAttr(default_factory=ModelClients)

    @property
    def client(self) -> AgentClient:
        """The core's client of sync calls: files, cancelling, the agent's definition."""
        return self._clients.sync(self._held)

    @property
    def async_client(self) -> AsyncAgentClient:
        """The core's client of async calls."""
        return self._clients.aio(self._held)

    def close(self) -> None:
        """Close idle connections of sync calls; the next call opens new ones."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close idle connections of the running event loop; the next call opens new ones."""
        await self._clients.aclose()

    @property
    def _held(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _held_fields(type(self))}

    @property
    def _settings(self) -> Settings:
        # Checks the fields; nothing is sent.
        return self._clients.settings(self._held)

    @property
    def _takes_schema(self) -> bool:
        # A classic run takes the schema of an object; a v2 agent has its own, or gets one in words.
        return self._settings.agent.generation == "classic"


@cache
def _held_fields(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(name for name in MODEL_ARGUMENTS if name in model.model_fields)
