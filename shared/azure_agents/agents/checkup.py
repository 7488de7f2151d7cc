"""What can be found out about a set-up, step by step, without asking an agent anything.

`azure-agents doctor` shows it. Each step sends at most one request and changes nothing; no step
shows a token or a key: of a token only who issued it, to whom, for what, and until when.
"""

from __future__ import annotations

from typing import Any

from ..drivers.clients import SyncClient
from ..drivers.sync import SyncDriver
from ..jsonio import JSON
from ..naming import Generation
from ..protocols.commands import Flow, Reply, Send
from ..protocols.turn import Turn
from . import flows
from .agent import Agent
from .base import BaseAgents


class Checkup(BaseAgents):
    """Looks at a project; the arguments are those of `Agents`."""

    _is_async = False

    def _connect(self, transport: Any) -> None:
        self._client = SyncClient(transport, self.settings.endpoint)

    @property
    def credential(self) -> dict[str, str | None]:
        """The kind of credential, its scope and the only origin it is sent to."""
        return self._auth.describe()

    def sign_in(self) -> JSON:
        """Get a token, and give what it says of itself; nothing of a key or an opaque token.

        Raises:
            CredentialError: There is none.
        """
        return self._auth.claims()

    def reach(self) -> Reply:
        """Ask the project for one agent, and give the answer, whatever its status.

        Raises:
            TransportError: There was no answer.
            CredentialError: No token could be had.
        """
        return self._driver.result(_reach(self._of_project("v2")))

    def agent(self, model: str) -> Agent:
        """Read an agent.

        Args:
            model: ``my-agent``, ``my-agent:1`` or ``asst_…``.

        Raises:
            AzureAgentsError: See `azure_agents.errors`.
        """
        return self._driver.result(flows.get_agent(self._turn_of(model)))

    def names(self) -> list[str]:
        """The ids of all agents of the project."""
        kinds: tuple[Generation, ...] = ("v2", "classic")
        return [one.id for kind in kinds for one in self._driver.result(self._listing(kind))]

    @property
    def _driver(self) -> SyncDriver:
        return SyncDriver(self._wiring, self._store, self._client.get)

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()


def _reach(turn: Turn) -> Flow[Reply]:
    reply: Reply = yield Send("GET", turn.route("/agents", ("limit", "1")))
    return reply
