"""`Agents`: the agents of a project, for threads; `async_agents` has its twin."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..drivers.clients import SyncClient
from ..drivers.sync import SyncDriver
from ..files.vector_stores import READY_SECONDS
from ..naming import Generation
from . import flows
from .agent import Agent, id_of
from .base import BaseAgents, listed
from .tools import AgentTool


class Agents(BaseAgents):
    """The agents of a project, from any number of threads.

    Example:
        >>> agents = Agents(endpoint="https://…/api/projects/p")
        >>> agent = agents.create("helper", model="gpt-4o", tools=[FileSearchTool(["a.pdf"])])
        >>> agents.delete(agent.name, and_files=True)

    Args:
        transport: An httpx transport of sync calls, instead of the network.
        async_transport: An httpx transport of async calls; both kinds take both, so that the same
            arguments fit both.
        clock: The time, to be replaced in tests.
        operation_keys: Makes the unique key of each operation, to be replaced in tests.
        observer: Its `record` is called with every request and retry.
        arguments: ``endpoint`` (the project; else ``AZURE_AI_PROJECT_ENDPOINT``), ``timeout`` in
            seconds, ``max_retries``, ``allow_http``, ``api_version``, ``extra_headers``, and the
            ways to sign in of `AgentClient`.

    Raises:
        ConfigError: A setting is missing or wrong.
        TypeError: There is no such argument.
    """

    _is_async = False

    def _connect(self, transport: Any) -> None:
        self._client = SyncClient(transport, self.settings.endpoint)

    def create(
        self,
        name: str,
        *,
        model: str,
        instructions: str | None = None,
        tools: Sequence[AgentTool] = (),
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        definition: Mapping[str, Any] | None = None,
        generation: Generation = "v2",
        timeout: float | None = READY_SECONDS,
    ) -> Agent:
        """Make an agent.

        Args:
            name: Its name: letters, digits and hyphens (v2).
            model: The deployment that it uses.
            instructions: What it is told to be.
            tools: The service's own tools, functions, or dictionaries in the service's form.
            description: What others are told of it.
            metadata: Notes of your own.
            definition: Further fields in the form of the service, such as ``temperature``.
            generation: ``v2`` or ``classic``.
            timeout: Seconds for all of it, uploads and indexing too; None: no limit.

        Raises:
            InvalidRequestError: Something is malformed, or a v2 agent of this name exists.
            AzureAgentsError: See `azure_agents.errors`. What was uploaded for it is deleted again.
        """
        wanted = self._to_create(
            name,
            generation,
            tools,
            definition,
            model=model,
            instructions=instructions,
            description=description,
            metadata=metadata,
        )
        return self._driver_within(timeout).result(self._creation(wanted))

    def update(
        self,
        agent: Agent | str,
        *,
        model: str | None = None,
        instructions: str | None = None,
        tools: Sequence[AgentTool] | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        definition: Mapping[str, Any] | None = None,
        timeout: float | None = READY_SECONDS,
    ) -> Agent:
        """Change an agent: v2 gets a new version, unless nothing differs; classic is changed.

        Args:
            agent: The agent, its name, or its ``asst_…``.
            model: As for `create`, as are the others; None: it stays as it is.
            instructions: The new ones.
            tools: All tools that it shall have.
            description: The new one.
            metadata: All notes that it shall have.
            definition: Further fields; one that is None is taken away (v2).
            timeout: Seconds for all of it; None: no limit.

        Raises:
            AgentNotFoundError: There is none.
            AzureAgentsError: See `azure_agents.errors`.
        """
        wanted = self._to_update(
            agent,
            tools,
            definition,
            model=model,
            instructions=instructions,
            description=description,
            metadata=metadata,
        )
        return self._driver_within(timeout).result(self._change(wanted))

    def apply(self, kept: Mapping[str, Any]) -> Agent:
        """Make an agent of what `Agent.as_dict` gave: made, changed, or left as it is.

        A classic agent is found by its name, since its id belongs to a project.

        Args:
            kept: ``name``, ``generation``, ``definition`` in the form of the service, and
                ``description`` and ``metadata`` if it has them.

        Raises:
            InvalidRequestError: It is malformed, or several classic agents have this name.
        """
        return self._driver.result(self._application(kept))

    def get(self, agent: Agent | str) -> Agent:
        """Read an agent as it is now.

        Args:
            agent: Its name (the newest version), ``name:version``, or its ``asst_…``.
        """
        return self._driver.result(flows.get_agent(self._turn_of(id_of(agent))))

    def list(self, generation: Generation | None = None) -> builtins.list[Agent]:
        """List the agents of the project: the newest version of each (v2), then the classic ones.

        Args:
            generation: Only those of one.
        """
        kinds = listed(generation)
        return [agent for kind in kinds for agent in self._driver.result(self._listing(kind))]

    def versions(self, agent: Agent | str) -> builtins.list[Agent]:
        """List the versions of a v2 agent, newest first.

        Args:
            agent: The agent, or its name.
        """
        return self._driver.result(self._versions(agent))

    def delete(self, agent: Agent | str, *, and_files: bool = False) -> None:
        """Delete an agent, or one version of it.

        Args:
            agent: A v2 name (with all versions), ``name:version``, an ``asst_…``, or an `Agent`.
            and_files: Delete also the vector stores that it searches, the files in them, and those
                of its code interpreter, even if other agents use them.

        Raises:
            AgentNotFoundError: There is none.
        """
        self._driver.result(self._deletion(agent, and_files=and_files))

    @property
    def _driver(self) -> SyncDriver:
        return SyncDriver(self._wiring, self._store, self._client.get)

    def _driver_within(self, seconds: float | None) -> SyncDriver:
        return SyncDriver(self._wiring.within(seconds), self._store, self._client.get)

    def close(self) -> None:
        """Close idle connections; the object can still be used."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
