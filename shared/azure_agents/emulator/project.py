"""One emulated Foundry project: its agents, files, faults and weather, and what happened in it.

`Emulator` adds the ways in: transports for clients in this process, and a server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..jsonio import JSON
from .agent.replies import Script
from .agent.responder import Responder
from .agent.seen import SeenTurn
from .agents import CreatedAgent, create, existing, find, replace
from .deployed import DeployedModel, deploy
from .files import files, vector_stores
from .line.wireline import LoggedRequest, Wireline
from .service import Service
from .trouble.faults import Faults
from .trouble.weather import Weather
from .v2 import containers
from .world.clock import Clock, FakeClock
from .world.credential import AsyncCredential, Credential, Gate
from .world.deployments import Deployment
from .world.rules import Rules
from .world.state import Generation, Thread, World

_EPOCH = 1_790_000_000  # where time starts when a seed makes everything repeatable


class Project:
    """An emulated project, however clients reach it; for the arguments see `Emulator`."""

    def __init__(
        self,
        seed: int | None = None,
        *,
        chunk_size: int | None = None,
        clock: Clock | None = None,
        strict_auth: bool = True,
        reply: Script = None,
        rules: Rules | None = None,
    ) -> None:
        self.clock: Any = clock or FakeClock(None if seed is None else _EPOCH)
        self.rules = rules or Rules()
        self.faults = Faults()
        self._world = World(self.clock, seed, self.rules, Responder(reply))
        self.gate = Gate(self._world, strict=strict_auth)
        self.credential = Credential(self.gate)
        self.async_credential = AsyncCredential(self.gate)
        self.wireline = Wireline(
            self._world, Service(self._world, self.gate), self.faults, chunk_size
        )

    def close(self) -> None:
        """Forget planned faults; `seen` and `requests` stay readable."""
        self.faults.clear()

    @property
    def keep(self) -> int | None:
        """The most that it keeps of each: requests, seen turns, responses, images, files, jobs.

        None keeps all. Files are those of deployments; the newest are kept.
        """
        return self._world.seen.limit

    @keep.setter
    def keep(self, limit: int | None) -> None:
        self._world.keep(limit)
        self.wireline.requests.limit = limit

    @property
    def weather(self) -> Weather:
        """The conditions that every client meets; its attributes can be set at any time."""
        return self._world.injector.weather

    @property
    def api_key(self) -> str:
        """A key that v2 routes and deployments accept instead of a token."""
        return self.gate.api_key

    @property
    def token_scopes(self) -> list[tuple[str, ...]]:
        """The scopes of every token that a client asked for."""
        return self.gate.scopes

    def revoke_tokens(self) -> None:
        """Refuse every token handed out so far."""
        self.gate.revoke()

    @property
    def agents(self) -> list[CreatedAgent]:
        """The newest version of each v2 agent, then all assistants."""
        return existing(self._world)

    def agent(self, name: str) -> CreatedAgent:
        """Return the agent of this name, id or model string.

        Args:
            name: Its name, ``name:version``, or ``asst_…``.

        Raises:
            LookupError: There is none.
        """
        return find(self._world, name)

    def create_agent(
        self,
        name: str,
        reply: Script = None,
        *,
        instructions: str | None = "You are a helpful agent.",
        model: str = "gpt-4o",
        tools: Sequence[Mapping[str, Any]] = (),
        generation: Generation = "v2",
        definition: Mapping[str, Any] | None = None,
    ) -> CreatedAgent:
        """Create an agent: a new version of it (v2), or an assistant (classic).

        Args:
            name: The agent's name.
            reply: Its script: a string, a part such as `ToolCalls`, a function of the `SeenTurn`,
                or a list of replies in order; None for the built-in responder.
            instructions: The agent's own instructions.
            model: Its model deployment.
            tools: Tools in the generation's own form.
            generation: ``"v2"`` or ``"classic"``.
            definition: More fields of the definition (v2) or assistant (classic).
        """
        fields: JSON = {"model": model, "instructions": instructions}
        if tools:
            fields["tools"] = [dict(tool) for tool in tools]
        fields |= definition or {}
        return create(self._world, generation, name, fields, reply)

    def change_agent(self, agent: CreatedAgent, **arguments: Any) -> CreatedAgent:
        """Give an agent other settings: a new version (v2), or the same assistant (classic).

        Args:
            agent: The agent to change; any of its versions.
            arguments: As for `create_agent`, for instance ``instructions=``.
        """
        with self._world.lock:
            return replace(self._world, agent, self.create_agent(**arguments))

    def deploy(
        self,
        name: str,
        reply: Script = None,
        *,
        model: str = "gpt-4o-2024-08-06",
        rpm: int | None = None,
        tpm: int | None = None,
        async_filter: bool = False,
        blocklists: Mapping[str, Sequence[str]] | None = None,
    ) -> DeployedModel:
        """Deploy a model at the resource of this project, or deploy another one under its name.

        Args:
            name: The deployment's name.
            reply: Its script, as for `create_agent`; of embeddings it has none.
            model: The model and its version; it decides which operations and parameters it takes.
            rpm: Most requests in a minute; None is no limit.
            tpm: Most tokens in a minute; None is no limit.
            async_filter: The asynchronous content filter: a streamed answer comes unfiltered, and
                what the filter found in it comes behind its end.
            blocklists: Words that prompts and answers must not have, by the id of their list.
        """
        filters = (async_filter, blocklists or {})
        return deploy(self._world, Deployment(name, model, Responder(reply), rpm, tpm, *filters))

    def before_requests(self, callback: Callable[[], None]) -> None:
        """Call a function before every request.

        Args:
            callback: Called without arguments before each request is handled.
        """
        self._world.before_requests.append(callback)

    def forget(self, *ids: str) -> None:
        """Delete responses, conversations, threads or sessions, as the service does in the end.

        Args:
            ids: ``resp_…``, ``conv_…``, ``thread_…``, or ids of sessions of hosted agents.

        Raises:
            LookupError: One of the ids is unknown; nothing is deleted then.
        """
        world = self._world
        with world.lock:
            kept: list[dict[str, Any]] = [world.responses, world.conversations, world.threads]
            kept += [agent.sessions for agent in world.agents.values()]
            places = [next((one for one in kept if id in one), None) for id in ids]
            for id, place in zip(ids, places, strict=True):
                if place is None:
                    raise LookupError(
                        f"no response, conversation, thread or session has the id {id!r}"
                    )
            for id, place in zip(ids, places, strict=True):
                _forget(world, place or {}, id)

    def add_file(self, filename: str, data: bytes, *, container_id: str | None = None) -> str:
        """Store a file on the server, for answers that cite it, and return its id.

        Args:
            filename: Its name.
            data: Its bytes.
            container_id: The container of code interpreter that it is in (v2).
        """
        world = self._world
        with world.lock:
            if container_id is None:
                return str(files.add_file(world, filename, data).wire["id"])
            stored = containers.add_file(world, container_id, filename, data)
            return str(stored.wire["id"])

    def add_vector_store(self, name: str, file_ids: Sequence[str]) -> str:
        """Create a vector store of files that are on the server, and return its id.

        Args:
            name: The store's name.
            file_ids: Ids of uploaded files, each searchable at once.
        """
        with self._world.lock:
            return vector_stores.add_store(self._world, name, file_ids)

    @property
    def seen(self) -> list[SeenTurn]:
        """Every turn, with all that its agent saw and answered, in the order of the answers."""
        return self._world.seen

    def seen_by(self, id: str) -> SeenTurn:
        """Return the last turn of this response or run.

        Args:
            id: ``resp_…`` of a response (v2), or ``run_…`` of a run (classic).
        """
        for turn in reversed(self._world.seen):
            if id in {turn.response_id, turn.run_id}:
                return turn
        raise LookupError(f"none of {len(self.seen)} seen turns has response or run id {id!r}")

    @property
    def errors(self) -> list[Exception]:
        """Errors of scripts and of the emulator itself; clients saw them as server errors."""
        return self._world.errors

    @property
    def active_runs(self) -> list[str]:
        """Ids of the classic runs that work, or wait for tool outputs or approvals."""
        self.wireline.service.pass_time()
        with self._world.lock:
            return list(self._world.active_runs)

    @property
    def requests(self) -> list[LoggedRequest]:
        """Every request, in order of arrival, secrets redacted."""
        return self.wireline.requests


def _forget(world: World, place: dict[str, Any], id: str) -> None:
    gone = place.pop(id, None)
    if isinstance(gone, Thread):
        for run_id in gone.runs:
            world.active_runs.pop(run_id, None)
