"""The address of a served emulator, and the ways to connect to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Served:
    """A running server.

    Attributes:
        endpoint: The project endpoint for clients.
        port: The port that it listens on.
        control: The URL under which programs on this machine control it.
        authority: File with the certificate authority to trust, with TLS; else None.
        credential: A credential whose tokens it accepts, also with `strict_auth`.
        transports: With TLS, transports that trust the authority; closed when serving ends.
        api_key: A key that it accepts, also with `strict_auth`.
    """

    endpoint: str
    port: int
    control: str = ""
    authority: Path | None = None
    credential: Any = field(default=None, repr=False, compare=False)
    transports: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    api_key: str = field(default="", repr=False, compare=False)

    @property
    def resource(self) -> str:
        """The endpoint of the resource that the project is in, for deployments."""
        return self.endpoint.partition("/api/projects/")[0]

    def connection(self) -> dict[str, Any]:
        """Return the keyword arguments that connect a client to this server's socket."""
        return {"endpoint": self.endpoint, "credential": self.credential, **self.transports}

    def deployment_connection(self) -> dict[str, Any]:
        """Return the keyword arguments with which `completion` asks deployments over the socket."""
        return {"api_base": self.resource, "api_key": self.api_key, **self.transports}

    def openai_connection(self) -> dict[str, Any]:
        """Return the keyword arguments with which `completion` asks OpenAI, over the socket."""
        return {**self.deployment_connection(), "api_base": f"{self.resource}/v1"}

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that lead Microsoft's own code here.

        `DefaultAzureCredential` takes the emulator for the managed identity of an App Service.
        """
        trusted = str(self.authority) if self.authority else None
        trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), trusted)
        return {
            "AZURE_AI_PROJECT_ENDPOINT": self.endpoint,
            "IDENTITY_ENDPOINT": f"{self.control}/token",
            "IDENTITY_HEADER": "emulator",
        } | {name: value for name, value in trust.items() if value is not None}
