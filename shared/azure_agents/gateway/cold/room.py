"""The room's routes, on Starlette: which path is which operation, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...models.operation_table import Operation
from ...routing.lists import LISTS
from ..asgi import Message, Receive, Send
from ..elsewhere import no_route
from ..keyring import Caller
from ..out import Out
from ..refusals import Refusal
from ..requests import Request
from .asked import Limits, read_wanted
from .carrying import Carrier, Tools
from .lists import Lists
from .table import paths

if TYPE_CHECKING:
    from starlette.routing import Router

_MISSING = 'the gateway needs starlette, install it with: pip install "azure-agents[gateway]"'
_VISIT = "azure_agents.visit"


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, and where the answer goes."""

    request: Request
    caller: Caller
    out: Out


class Room:
    """All routes that are asked less often.

    Args:
        tools: What their calls share.
        limits: Of bodies.

    Raises:
        ConfigError: Starlette is missing.
    """

    def __init__(self, tools: Tools, limits: Limits) -> None:
        self._tools, self._limits = tools, limits
        self._carrier = Carrier(tools)
        self._lists = Lists(self._carrier, tools.reader)
        self._router = _router(self)

    async def serve(self, scope: Message, receive: Receive, visit: Visit) -> None:
        """Serve a request.

        Args:
            scope: Of ASGI.
            receive: Of the request.
            visit: Who asks.

        Raises:
            Refusal: There is no such route, or something is wrong.
            AzureAgentsError: It failed before an answer began.
        """
        from starlette.exceptions import HTTPException

        try:
            # With an app in its scope Starlette raises what it would answer by itself otherwise.
            inner = {**scope, "app": self, _VISIT: visit}
            await self._router(inner, receive, _nowhere)
        except HTTPException as wrong:
            raise _refusal(wrong, visit.request) from None

    async def answer(self, row: Operation, scope: Message, receive: Receive) -> None:
        """Answer a request whose operation is known.

        Args:
            row: The operation.
            scope: Of ASGI.
            receive: Of the request.
        """
        visit: Visit = scope[_VISIT]
        async with AsyncExitStack() as keeping:
            kept_by = keeping.enter_context(ExitStack())
            wanted = await read_wanted(
                row, scope, visit.request, receive, limits=self._limits, keeping=keeping
            )
            if row.name in LISTS:
                await self._lists.answer(wanted, visit.caller, visit.request, receive, visit.out)
                return
            reader = self._tools.reader
            one = await reader.read(wanted, visit.caller, visit.request, kept_by)
            await self._carrier.carry(one, receive, visit.out)


class _Path:
    """One path: its operations by their methods. An ASGI application, as Starlette takes them."""

    def __init__(self, room: Room, rows: Mapping[str, Operation]) -> None:
        self._room, self._rows = room, rows

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG002 - answers go by the visit
        method = scope["method"]
        await self._room.answer(self._rows["GET" if method == "HEAD" else method], scope, receive)


def _router(room: Room) -> Router:
    try:
        from starlette.routing import Route, Router
    except ImportError as missing:
        raise ConfigError(_MISSING) from missing
    found = paths()
    made = [Route(path, _Path(room, rows), methods=[*rows]) for path, rows in found.items()]
    return Router(made, redirect_slashes=False)


def _refusal(wrong: Any, request: Request) -> Refusal:
    if wrong.status_code == 404:
        return no_route(request.method, request.path)
    headers = wrong.headers or {}
    allow = tuple((k.lower().encode(), v.encode()) for k, v in headers.items())
    if wrong.status_code == 405:
        takes = headers.get("Allow", "")
        return Refusal(405, f"{request.path[:200]} takes {takes} only", headers=allow)
    return Refusal(wrong.status_code, f"the form cannot be read: {wrong.detail}")


async def _nowhere(message: Message) -> None:
    raise AssertionError(f"answers go by the visit, not by Starlette: {message['type']}")
