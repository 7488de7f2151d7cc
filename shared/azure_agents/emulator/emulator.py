"""The emulator as its users see it: a project with an endpoint, credentials and transports."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .agent.replies import Script
from .agents import CreatedAgent
from .line.transport import ROOT, AsyncTransport, SyncTransport
from .models.openai_host import HOST as OPENAI_HOST
from .project import Project
from .served.address import Served
from .world.clock import Clock
from .world.rules import Rules

_HOST = "emulator.services.ai.azure.com"
_HOSTS = (_HOST, OPENAI_HOST)


class Emulator(Project):
    """The Foundry agent service in this process: both generations, no sockets, no Azure.

    Args:
        seed: Makes ids, chunking and the clock's start repeatable; without it ids are
            unguessable and the clock starts now.
        chunk_size: Bytes in a chunk of a stream; None cuts every event at random places.
        clock: Another clock than a `FakeClock`.
        strict_auth: False accepts any bearer token and any key.
        reply: The script of plain models and of agents without one, see `create_agent`.
        rules: Settings of the service, see `Rules`.

    Attributes:
        endpoint: The project's endpoint, for agents.
        resource: The endpoint of the resource that the project is in, for deployments.
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
        super().__init__(
            seed,
            chunk_size=chunk_size,
            clock=clock,
            strict_auth=strict_auth,
            reply=reply,
            rules=rules,
        )
        self.resource = f"https://{_HOST}"
        self.endpoint = f"{self.resource}{ROOT}"
        self.transport = SyncTransport(self.wireline, self.clock, _HOSTS)
        self.async_transport = AsyncTransport(self.wireline, self.clock, _HOSTS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def connection(self) -> dict[str, Any]:
        """Return the keyword arguments that connect a client to this emulator.

        The clock is among them: deadlines and waits of the client pass with the time of the
        emulator. On a `FakeClock` ``timeout=600`` ends at once if an agent is silent so long.
        """
        return {
            "endpoint": self.endpoint,
            "credential": self.credential,
            "transport": self.transport,
            "async_transport": self.async_transport,
            "clock": self.clock,
        }

    def deployment_connection(self) -> dict[str, Any]:
        """Return the keyword arguments with which `completion` asks deployments of this emulator.

        The clock is among them, as in `connection`. OpenAI's SDKs take `resource` as endpoint,
        `api_key`, and an httpx client on `transport`.
        """
        return {
            "api_base": self.resource,
            "api_key": self.api_key,
            "transport": self.transport,
            "async_transport": self.async_transport,
            "clock": self.clock,
        }

    def openai_connection(self) -> dict[str, Any]:
        """Return the keyword arguments with which `completion` asks OpenAI, as emulated here.

        Its models are the deployments of this emulator: ``openai/my-deployment``.
        """
        return {**self.deployment_connection(), "api_base": f"https://{OPENAI_HOST}/v1"}

    def endpoint_of(self, agent: CreatedAgent | str) -> str:
        """Return the endpoint of one agent, for a client that gets it instead of the project's.

        Only this endpoint reaches hosted agents (``definition={"kind": "hosted"}``).

        Args:
            agent: The agent, or its name.
        """
        name = agent if isinstance(agent, str) else agent.name
        return f"{self.endpoint}/agents/{name}/endpoint/protocols/openai"

    def publish(self, agent: CreatedAgent | str, application: str | None = None) -> str:
        """Publish an agent as an application, and return the application's endpoint.

        Args:
            agent: The agent (v2).
            application: Name of the application; default is the agent's.
        """
        name = agent if isinstance(agent, str) else agent.name
        published = application or name
        with self._world.lock:
            if name not in self._world.agents:
                raise LookupError(f"no v2 agent is called {name!r}; create it, then publish it")
            self._world.applications[published] = name
        return f"{self.endpoint}/applications/{published}/protocols/openai"

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

        A `FakeClock` runs meanwhile, so waits and timeouts take real time.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            strict_auth: Accept only tokens that the emulator handed out.
            tls: Folder for a certificate made for it; None serves plain http.
            real_time: False lets a `FakeClock` stand still: waits of the emulator take no time.
            keep: How many requests, seen turns and responses it keeps, and images, files and jobs
                of deployments, the newest ones; None keeps all. A response that it no longer has is
                a 404.
        """
        from .served.server import serve

        return serve(
            self, host, port, strict_auth=strict_auth, tls=tls, real_time=real_time, keep=keep
        )

    def load(self, path: str | Path) -> list[CreatedAgent]:
        """Create the agents of a YAML file, and update them whenever the file changes.

        Args:
            path: The YAML file; before each request it is read again if it has changed.

        Raises:
            ConfigError: PyYAML is not installed, or the file has another form.
        """
        from .served.agents_file import AgentsFile

        return AgentsFile(Path(path)).follow(self)
