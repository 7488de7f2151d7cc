"""The emulator as its users see it: one object with an endpoint, credentials and transports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..jsonio import JSON
from .agent.brains import Brain
from .agent.replies import Script
from .agent.transcripts import SeenTurn
from .classic import agents as classic_agents
from .files import files, vector_stores
from .line.transport import ROOT, AsyncTransport, SyncTransport
from .line.wireline import LoggedRequest, Wireline
from .served.address import Served
from .service import Service
from .trouble.faults import Faults
from .trouble.weather import Weather
from .v2 import agents as v2_agents
from .v2 import containers as v2_containers
from .world.clock import Clock, FakeClock
from .world.credential import AsyncCredential, Credential, Gate
from .world.state import AgentVersion, Assistant, Generation, Rules, Thread, World

_HOST = "emulator.services.ai.azure.com"
_EPOCH = 1_790_000_000  # where time starts when a seed makes everything repeatable


def _forget(world: World, place: dict[str, Any], id: str) -> None:
    gone = place.pop(id, None)
    if isinstance(gone, Thread):
        for run_id in gone.runs:
            world.active_runs.pop(run_id, None)


class CreatedAgent:
    """An agent that lives in the emulator.

    Attributes:
        name: The agent's name.
        id: ``name:version``, or ``asst_…``.
        version: The version; None for a classic agent.
        generation: ``"v2"`` or ``"classic"``.

    Args:
        made: What the emulator keeps of it; `Emulator.create_agent` and its like pass it.
    """

    def __init__(self, made: AgentVersion | Assistant) -> None:
        self._made = made
        is_v2 = isinstance(made, AgentVersion)
        self.generation: Generation = "v2" if is_v2 else "classic"
        self.id = made.id
        self.name = made.name if isinstance(made, AgentVersion) else str(made.wire["name"])
        self.version = made.version if isinstance(made, AgentVersion) else None

    @property
    def model(self) -> str:
        """What a client passes as model: ``my-agent:1`` or ``asst_…``."""
        return self.id

    def script(self, reply: Script) -> None:
        """Answer differently from now on.

        Args:
            reply: What it answers with: a reply, a list of replies played in order, or a function
                of the `SeenTurn`. None lets the emulator's small brain answer.
        """
        self._made.brain = Brain(reply)

    def become(self, other: CreatedAgent) -> None:
        """Take over everything of another assistant but its id.

        Args:
            other: A classic agent whose definition and script replace this one's.
        """
        made, new = self._made, other._made
        assert isinstance(made, Assistant)  # noqa: S101 - for the type checker
        assert isinstance(new, Assistant)  # noqa: S101 - v2 agents get a new version instead
        kept = {key: made.wire[key] for key in ("id", "created_at")}
        made.wire, made.brain = new.wire | kept, new.brain

    def __str__(self) -> str:
        return self.model

    def __repr__(self) -> str:
        return f"<CreatedAgent {self.model!r} ({self.generation})>"


class Emulator:
    """The Foundry agent service in this process: both generations, no sockets, no Azure.

    Args:
        seed: Makes ids, chunking and the clock's start repeatable; without it ids are
            unguessable and the clock starts now.
        chunk_size: Bytes in a chunk of a stream; None cuts every event at random places.
        clock: Another clock than a `FakeClock`.
        strict_auth: False accepts any bearer token and any key.
        reply: What plain models and agents without a script answer, see `create_agent`.
        rules: Knobs of the service, see `Rules`.
    """

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
        self.endpoint = f"https://{_HOST}{ROOT}"
        self._world = World(self.clock, seed, self.rules, Brain(reply))
        self.gate = Gate(self._world, strict=strict_auth)
        self.credential = Credential(self.gate)
        self.async_credential = AsyncCredential(self.gate)
        self.wireline = Wireline(
            self._world, Service(self._world, self.gate), self.faults, chunk_size
        )
        self.transport = SyncTransport(self.wireline, self.clock, _HOST)
        self.async_transport = AsyncTransport(self.wireline, self.clock, _HOST)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget planned faults; what was seen and requested stays readable."""
        self.faults.clear()

    @property
    def keep(self) -> int | None:
        """How many requests, transcripts and responses are remembered; None: all of them."""
        return self._world.seen.limit

    @keep.setter
    def keep(self, limit: int | None) -> None:
        for log in (self._world.seen, self._world.errors, self.wireline.requests):
            log.limit = limit

    @property
    def weather(self) -> Weather:
        """The conditions that every client meets; set its attributes at any time."""
        return self._world.sky.weather

    @property
    def api_key(self) -> str:
        """A key that the v2 routes accept instead of a token."""
        return self.gate.api_key

    @property
    def token_scopes(self) -> list[tuple[str, ...]]:
        """The scopes of every token that was asked for."""
        return self.gate.scopes

    def revoke_tokens(self) -> None:
        """Refuse every token handed out so far."""
        self.gate.revoke()

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        strict_auth: bool = False,
        tls: Path | None = None,
        real_time: bool = True,
        keep: int | None = 10_000,
    ) -> AbstractContextManager[Served]:
        """Serve this emulator on a socket for the length of a ``with`` block.

        A `FakeClock` runs meanwhile, so that waits and timeouts are real ones.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            strict_auth: Accept only tokens that the emulator handed out.
            tls: Folder for a certificate made for it; None serves plain http.
            real_time: False leaves a `FakeClock` standing: waits of the emulator take no time.
            keep: How many requests, transcripts and responses it remembers, the newest ones; None
                keeps all. A response that it forgot is a 404.
        """
        from .served.server import serve

        how: dict[str, Any] = {"strict_auth": strict_auth, "tls": tls}
        return serve(self, host, port, **how, real_time=real_time, keep=keep)

    @property
    def agents(self) -> list[CreatedAgent]:
        """All agents, newest version of each, and all assistants."""
        with self._world.lock:
            latest = [agent.latest for agent in self._world.agents.values()]
            made = [*latest, *self._world.assistants.values()]
        return [CreatedAgent(one) for one in made if one is not None]

    def agent(self, name: str) -> CreatedAgent:
        """The agent of this name, id or model string.

        Args:
            name: Its name, ``name:version``, or ``asst_…``.

        Raises:
            LookupError: There is none.
        """
        for agent in self.agents:
            if name in {agent.name, agent.id}:
                return agent
        known = ", ".join(repr(agent.name) for agent in self.agents) or "none"
        raise LookupError(f"no agent is called {name!r}; there are: {known}")

    def load(self, path: str | Path) -> list[CreatedAgent]:
        """Create the agents of a YAML file, and follow its changes from now on.

        Args:
            path: The YAML file; it is read again when it has changed.

        Raises:
            ConfigError: PyYAML is not installed, or the file has another form.
        """
        from .served.agents_file import AgentsFile

        return AgentsFile(Path(path)).follow(self)

    def before_requests(self, look: Callable[[], None]) -> None:
        """Have something looked after before every request.

        Args:
            look: Called without arguments before each request is handled.
        """
        self._world.before_requests.append(look)

    def connection(self) -> dict[str, Any]:
        """Keyword arguments that connect a client to this emulator, with its clock.

        So deadlines and waits of the client pass with the time of the emulator: on a `FakeClock`
        ``timeout=600`` is over at once when an agent is silent for so long.
        """
        return {
            "endpoint": self.endpoint,
            "credential": self.credential,
            "transport": self.transport,
            "async_transport": self.async_transport,
            "clock": self.clock,
        }

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
            reply: What it answers: None for a small brain that remembers, a string, a part such
                as `ToolCalls`, a function of the `SeenTurn`, or a list of replies in order.
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
        with self._world.lock:
            if generation == "classic":
                body = {"name": name, **fields}
                return CreatedAgent(classic_agents.add_assistant(self._world, body, reply))
            v2_agents.check_name(name)
            full = {"kind": "prompt", **fields}
            return CreatedAgent(v2_agents.add_version(self._world, name, full, reply))

    def endpoint_of(self, agent: CreatedAgent | str) -> str:
        """The endpoint of one agent, which a client can be given instead of the project's.

        It is the only one that reaches hosted agents (``definition={"kind": "hosted"}``).

        Args:
            agent: The agent, or its name.
        """
        name = agent if isinstance(agent, str) else agent.name
        return f"{self.endpoint}/agents/{name}/endpoint/protocols/openai"

    def publish(self, agent: CreatedAgent | str, application: str | None = None) -> str:
        """Publish an agent as an application; returns the application's endpoint.

        Args:
            agent: The agent (v2).
            application: Name of the application; default is the agent's.
        """
        name = agent if isinstance(agent, str) else agent.name
        published = application or name
        with self._world.lock:
            if name not in self._world.agents:
                raise LookupError(f"no v2 agent is called {name!r}")
            self._world.applications[published] = name
        return f"{self.endpoint}/applications/{published}/protocols/openai"

    def forget(self, *ids: str) -> None:
        """Forget responses, conversations, threads or sessions, as the service does in the end.

        Args:
            ids: ``resp_…``, ``conv_…``, ``thread_…``, or ids of sessions of hosted agents.

        Raises:
            LookupError: There is nothing of such an id; nothing is forgotten then.
        """
        world = self._world
        with world.lock:
            kept: list[dict[str, Any]] = [world.responses, world.conversations, world.threads]
            kept += [agent.sessions for agent in world.agents.values()]
            places = [next((one for one in kept if id in one), None) for id in ids]
            for id, place in zip(ids, places, strict=True):
                if place is None:
                    raise LookupError(f"nothing is kept under the id {id!r}")
            for id, place in zip(ids, places, strict=True):
                _forget(world, place or {}, id)

    def change_agent(self, agent: CreatedAgent, **arguments: Any) -> CreatedAgent:
        """Give an agent other settings: a new version (v2), or the same assistant (classic).

        Args:
            agent: The agent to change; any of its versions.
            arguments: As for `create_agent`, for instance ``instructions=``.
        """
        with self._world.lock:
            new = self.create_agent(**arguments)
            if agent.generation == "v2":
                return new
            agent.become(new)
            del self._world.assistants[new.id]
            return agent

    def add_file(self, filename: str, data: bytes, *, container_id: str | None = None) -> str:
        """Put a file on the server, for answers to point to; returns its id.

        Args:
            filename: Its name.
            data: Its bytes.
            container_id: The container that code interpreter wrote it in (v2).
        """
        world = self._world
        with world.lock:
            if container_id is None:
                return str(files.add_file(world, filename, data).wire["id"])
            stored = v2_containers.add_file(world, container_id, filename, data)
            return str(stored.wire["id"])

    def add_vector_store(self, name: str, file_ids: Sequence[str]) -> str:
        """Make a vector store of files that are on the server; returns its id.

        Args:
            name: What the store is called.
            file_ids: Ids of uploaded files, each searchable at once.
        """
        with self._world.lock:
            return vector_stores.add_store(self._world, name, file_ids)

    @property
    def seen(self) -> list[SeenTurn]:
        """What agents saw and answered, turn by turn, in the order in which they answered."""
        return self._world.seen

    @property
    def transcripts(self) -> list[SeenTurn]:
        """The same as `seen`."""
        return self._world.seen

    def seen_by(self, id: str) -> SeenTurn:
        """The last turn of this response or run.

        Args:
            id: ``resp_…`` of a response (v2), or ``run_…`` of a run (classic).
        """
        for turn in reversed(self._world.seen):
            if id in {turn.response_id, turn.run_id}:
                return turn
        raise LookupError(f"no turn has response or run id {id!r}; {len(self.seen)} were seen")

    @property
    def errors(self) -> list[Exception]:
        """What went wrong in scripts and in the emulator itself; clients saw server errors."""
        return self._world.errors

    @property
    def active_runs(self) -> list[str]:
        """Ids of the classic runs that are not over: working, or waiting for somebody."""
        self.wireline.service.pass_time()
        with self._world.lock:
            return list(self._world.active_runs)

    @property
    def requests(self) -> list[LoggedRequest]:
        """Every request, in order of arrival, secrets redacted."""
        return self.wireline.requests
