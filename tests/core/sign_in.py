"""What tests of signing in share."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
from azure.core.credentials import AccessToken

from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.sign_in.auth import FoundryAuth, make_auth

URL = "https://r.services.ai.azure.com/api/projects/p"
ENDPOINT = parse_endpoint(URL)


CANARY = "canary-5d1c"
ENV_SECRET = {
    "AZURE_CLIENT_ID": "client",
    "AZURE_CLIENT_SECRET": CANARY,
    "AZURE_TENANT_ID": "tenant",
}


def jwt(**claims: Any) -> str:
    """Make a token that nobody signed."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in ({"alg": ""}, claims)
    ]
    return ".".join([*(part.rstrip("=") for part in parts), CANARY])


class Credential:
    """Gives t1, t2, … with a chosen lifetime."""

    def __init__(self, *lifetimes: float | Exception, delay: float = 0) -> None:
        self.lifetimes = list(lifetimes)
        self.delay = delay
        self.scopes: list[str] = []
        self.threads: set[int] = set()

    def get_token(self, scope: str) -> AccessToken:
        self.scopes.append(scope)
        self.threads.add(threading.get_ident())
        time.sleep(self.delay)
        return self._next()

    def _next(self) -> AccessToken:
        count = len(self.scopes)
        lifetime = self.lifetimes[min(count, len(self.lifetimes)) - 1] if self.lifetimes else 3600
        if isinstance(lifetime, Exception):
            raise lifetime
        return AccessToken(f"t{count}", int(time.time() + lifetime))


class AsyncCredential(Credential):
    async def get_token(self, scope: str) -> AccessToken:  # type: ignore[override]
        self.scopes.append(scope)
        await asyncio.sleep(self.delay)
        return self._next()


class Service:
    """Answers a list of statuses, the last one for ever, and keeps the credentials it was sent."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers) or [(200, {})]
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        names = ("authorization", "api-key")
        self.seen.append("|".join(request.headers[n] for n in names if n in request.headers))
        status, body = self.answers[min(len(self.seen), len(self.answers)) - 1]
        return httpx.Response(status, json=body)

    def call(self, auth: FoundryAuth, url: str = URL) -> int:
        with httpx.Client(transport=httpx.MockTransport(self)) as client:
            return client.post(url, content=b"{}", auth=auth).status_code

    async def acall(self, auth: FoundryAuth, url: str = URL) -> int:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self)) as client:
            return (await client.post(url, content=b"{}", auth=auth)).status_code


def build(env: dict[str, str] | None = None, **given: Any) -> FoundryAuth:
    """Make an auth that sees no variable of this machine."""
    return make_auth(**{"endpoint": ENDPOINT, "env": env or {}, **given})


def in_sync(service: Service, auth: FoundryAuth) -> int:
    """Make one sync call."""
    return service.call(auth)


def in_async(service: Service, auth: FoundryAuth) -> int:
    """Make one async call, on an event loop of its own."""
    return asyncio.run(service.acall(auth))


Call = Callable[[Service, FoundryAuth], int]
