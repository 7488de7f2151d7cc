"""Runs an example of the pages against the emulator, which stands for every host that they name."""

from __future__ import annotations

import ast
import inspect
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.identity
import httpx

import azure_agents
from azure_agents.client import pair
from azure_agents.client.recent import Recent
from azure_agents.emulator import Emulator
from azure_agents.settings import environment

if TYPE_CHECKING:
    import pytest

VARIABLES = [value for name, value in vars(environment).items() if name.startswith("ENV_")]


class Everywhere(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries requests for any host to the emulator, and keeps what was asked.

    Args:
        foundry: The emulator.
    """

    def __init__(self, foundry: Emulator) -> None:
        self.asked: list[httpx.Request] = []
        self._foundry = foundry

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        return self._foundry.transport.handle_request(self._at_home(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        return await self._foundry.async_transport.handle_async_request(self._at_home(request))

    def _at_home(self, request: httpx.Request) -> httpx.Request:
        self.asked.append(request)
        path = self.path_at_home(request.url.raw_path.decode())
        return httpx.Request(
            request.method,
            self._foundry.resource + path,
            headers={k: v for k, v in request.headers.items() if k != "host"},
            stream=request.stream,
            extensions=request.extensions,
        )

    def path_at_home(self, path: str) -> str:
        """The path at the emulator: the pages' project is the emulator's own."""
        project = httpx.URL(self._foundry.endpoint).path
        return path.replace("/api/projects/your-project", project, 1)


class Player:
    """Runs examples; gives what they leave behind.

    Args:
        foundry: Answers them.
        folder: Where they run: for the files that they read and write.
        patch: Takes back what they do to the environment and the package.
    """

    def __init__(self, foundry: Emulator, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.foundry, self.folder, self._patch = foundry, folder, patch
        self.network = Everywhere(foundry)
        for name in [*VARIABLES, "AZURE_VISION_API_KEY", "AZURE_VISION_ENHANCE_KEY"]:
            patch.setenv(name, "")  # so that what an example sets is taken back
            patch.delenv(name)
        for name in azure_agents.__all__:
            if self._takes_a_transport(getattr(azure_agents, name)):
                patch.setattr(azure_agents, name, self.connected(getattr(azure_agents, name)))
        patch.setattr(pair, "_auths", Recent())  # tokens of another emulator are refused
        self.principals: list[tuple[str, ...]] = []
        patch.setattr(azure.identity, "DefaultAzureCredential", lambda **_: foundry.credential)
        patch.setattr(azure.identity, "ClientSecretCredential", self._principal)
        patch.setattr(azure.identity, "UsernamePasswordCredential", self._principal)

    @staticmethod
    def _takes_a_transport(public: Any) -> bool:
        return inspect.isfunction(public) and any(
            p.kind is p.VAR_KEYWORD for p in inspect.signature(public).parameters.values()
        )

    def connected(self, function: Any) -> Any:
        """The function with the emulator in place of the network."""
        given = {"transport": self.network, "async_transport": self.network}
        return partial(function, **given, clock=self.foundry.clock)

    def _principal(self, *parts: str, tenant_id: str | None = None) -> Any:
        self.principals.append(parts)
        return self.foundry.credential

    async def run(self, code: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run an example to its end; give its names."""
        token = self.foundry.credential.get_token(
            "https://cognitiveservices.azure.com/.default"
        ).token
        code = code.replace("'KEY'", repr(self.foundry.api_key)).replace("TOKEN", repr(token))
        given = {"__file__": str(self.folder / "example.py"), **(names or {})}
        compiled = compile(code, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(compiled, given)  # noqa: S307 - an example of a page
        if inspect.iscoroutine(result):
            await result
        return given

    @property
    def urls(self) -> list[str]:
        """Everything that was asked, by URL."""
        return [str(request.url) for request in self.network.asked]
