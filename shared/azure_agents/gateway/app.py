"""The application: who asks, what is asked, and who answers it. Raw ASGI.

Everything that depends on the config file is one object, `Serving`. When the file changes, a new
one takes its place; requests that run keep the one that they began with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

from ..errors import AzureAgentsError
from ..jsonio import JSON, dumps
from ..routing.calls import RoutedCall
from .asgi import JSON_TYPE, ClientGone, Message, Receive, Send, at_once_of, read_body
from .asked import Asked, going_up
from .cold.choosing import check_use
from .cold.room import Visit
from .cold.spending import Booked
from .config.objects import GatewayConfig
from .cors import cors_headers, preflight_headers
from .counters import Counters
from .keyring import Caller
from .ledger import Ledger
from .mapped import Asker
from .metrics import Metrics
from .model_lists import is_models, models_of
from .out import Out
from .page.sharing import SharedLook
from .page.snapshot import snapshot
from .page.status import DOCUMENT, StatusPage, is_numbers
from .passage import Ended, refusal_for
from .place import check_place
from .refusals import Refusal, refusal_of
from .requests import Body, Request, check_head, read_body_of, read_head
from .routes import Route, door_of, find_route
from .serving import Serving
from .spend.budgets import Budgets
from .spend.keys import SharedKeys
from .spend.link import Shared
from .tracing import tracing_of
from .upstream import Upstream
from .workers.folder import Folder
from .workers.totals import Totals

_ALIVE = frozenset({"/health/liveliness", "/health/liveness"})
_READY = "/health/readiness"
_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
_SECOND = 1.0
# LiteLLM's pages, and programs set up after them, call http://0.0.0.0:4000, which is this machine.


class Application:
    """The ASGI application of a gateway.

    Args:
        config: From `read_config`.
        folder: That the workers of one gateway share; None: this is its only process.

    Raises:
        ConfigError: An entry or a setting is wrong, or a package is missing.
    """

    def __init__(self, config: GatewayConfig, *, folder: Folder | None = None) -> None:
        self._upstream = Upstream()
        self._ledger = Ledger()
        shared = Shared(lambda: self._serving.board.engine)
        self._budgets = Budgets(shared)
        self._keys = SharedKeys(shared, lambda: self._serving.config.keys_in_redis)
        self._counters = Counters()
        self._booked = Booked()
        self._serving = self._made(config)
        self._tracing = tracing_of(config.tracing)
        look = SharedLook(self._look, folder)
        self._page = StatusPage(look)
        self._metrics = Metrics(self._counters, self._status)
        spent = self._ledger, self._budgets, shared
        self._totals = Totals(self._metrics.text, *spent, folder, also=look.tell)
        self.is_stopping = False

    @property
    def has_keys(self) -> bool:
        """Whether clients need a key."""
        return self._serving.config.has_keys

    def change(self, config: GatewayConfig) -> None:
        """Serve by another config from the next request on; those that run are not touched.

        Args:
            config: From `read_config`.

        Raises:
            ConfigError: It is wrong; nothing has changed.
        """
        made = self._made(config)
        made.board.engine.take_over(self._serving.board.engine)
        self._serving = made
        self._counters.keep({one.id for one in self._serving.board.deployments})

    def _made(self, config: GatewayConfig) -> Serving:
        return Serving(
            config,
            self._upstream,
            self._budgets,
            self._keys,
            note=self._note,
            tried=self._counters.tried,
            booked=self._booked,
        )

    def note_reload(self, outcome: str) -> None:
        """Count a reading of the config file.

        Args:
            outcome: ``ok`` or ``wrong``.
        """
        self._counters.read(outcome)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the server's own life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        async with self._keys.reading(), self._totals.telling():
            await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def aclose(self) -> None:
        """Close all connections."""
        await self._upstream.aclose()
        self._serving.board.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        request = read_head(scope)
        own = [(b"x-request-id", request.id)]
        out = Out(send, door_of(request.path), own, at_once_of(scope))
        self._counters.running += 1
        try:
            await self._answer(scope, request, receive, out)
        except ClientGone:
            pass
        except Refusal as refusal:
            self._counters.refused[str(refusal.status)] += 1
            await out.refuse(refusal)
        except AzureAgentsError as error:
            await out.refuse(refusal_of(error))
        except asyncio.CancelledError:  # the time to finish after SIGTERM is over
            await out.refuse(Refusal(503, "the gateway is stopping", retry_after=_SECOND))
            raise
        except Exception as error:  # noqa: BLE001 - a client hears of every failure, in its form
            await out.refuse(refusal_for(error))
        finally:
            self._counters.running -= 1

    async def _answer(self, scope: Message, request: Request, receive: Receive, out: Out) -> None:
        path, serving = request.path, self._serving
        shared = cors_headers(request, serving.config.cors_allow_origins)
        out.add(*shared)
        if path in _ALIVE:
            await _json(out, {"status": "alive"})
        elif path == _READY:
            await self._ready(out)
        elif shared and request.method == "OPTIONS":  # a browser asks without its key
            await out.whole(200, b"", preflight_headers(request))
        else:
            check_head(request)
            if serving.keys.is_open:
                check_place(scope, request, is_shared=bool(shared))
            if path == DOCUMENT:
                _check_method(request, "GET")
                await self._page.document(out, has_keys=serving.config.has_keys)
                return
            caller = await self._caller(request, serving)
            await self._known(scope, Visit(request, caller, out), serving, receive)

    async def _caller(self, request: Request, serving: Serving) -> Caller:
        try:
            return serving.keys.caller(request.headers)
        except Refusal:
            # A key that was made just now stands in Redis, maybe.
            if not (serving.config.keys_in_redis and await self._keys.refresh()):
                raise
        return serving.keys.caller(request.headers)

    async def _known(
        self, scope: Message, visit: Visit, serving: Serving, receive: Receive
    ) -> None:
        request, caller, out = visit.request, visit.caller, visit.out
        route = find_route(request.path)
        if route is not None:
            _check_method(request, "POST")
            body = await self._body(request, serving, receive)
            checked = _checked(read_body_of(body, route), route, request, caller, serving)
            await self._carry(checked, request, serving, receive, out)
            return
        if is_numbers(request.path):
            await self._page.numbers(request, receive, out, partial(self._check_watcher, request))
            return
        page = self._pages().get(request.path)
        if page is None and not is_models(request.path):
            self._check_running(serving)
            await serving.room.serve(scope, receive, visit)
            return
        _check_method(request, "GET")
        if page is None:
            await _json(out, models_of(request, serving.names(caller)))
        else:
            await page(caller, serving, out)

    async def _carry(
        self, checked: _Checked, request: Request, serving: Serving, receive: Receive, out: Out
    ) -> None:
        asked, tracing = checked.asked, self._tracing
        span = None if tracing is None else tracing.begin(asked, checked.call, request, out)
        self._counters.streams += asked.streams
        try:
            await serving.passage.carry(*checked, receive, out, span=span)
        finally:
            self._counters.streams -= asked.streams
            if span is not None:
                span.end()

    def _body(self, request: Request, serving: Serving, receive: Receive) -> Awaitable[bytes]:
        self._check_running(serving)
        most = serving.config.limits.body_bytes
        return read_body(receive, most, request.header(b"content-length"))

    def _check_running(self, serving: Serving) -> None:
        if self._counters.running > serving.config.limits.concurrency:
            raise Refusal(503, "too many requests at once: try again", retry_after=_SECOND)

    def _status(self) -> dict[str, Any]:
        return self._serving.board.engine.status()

    def _note(self, ended: Ended) -> None:
        cost = None if ended.meter is None else ended.meter.cost()
        self._ledger.note(ended, cost)
        self._counters.note(ended, cost)

    # --- pages ------------------------------------------------------------------------------------

    def _pages(self) -> dict[str, Callable[[Caller, Serving, Out], Awaitable[None]]]:
        return {
            "/metrics": self._metrics_page,
            "/spend": self._spend_page,
        }

    def _look(self, *, is_watched: bool) -> JSON:
        serving = self._serving
        rows = self._totals.seen() if is_watched else ()
        return snapshot(serving.board, self._counters, rows, serving.config, self._budgets)

    def _check_watcher(self, request: Request) -> None:
        """Whether a request may see the status; asked every second, since a reload may end it."""
        if self.is_stopping:
            raise Refusal(503, "the gateway is stopping", retry_after=_SECOND)
        _check_admin(self._serving.keys.caller(request.headers))

    async def _ready(self, out: Out) -> None:
        if self.is_stopping:
            raise Refusal(503, "the gateway is stopping", retry_after=_SECOND)
        await _json(out, {"status": "ready"})

    async def _metrics_page(self, caller: Caller, serving: Serving, out: Out) -> None:  # noqa: ARG002 - a page
        _check_admin(caller)
        await out.whole(200, self._totals.metrics(), (_TEXT,))

    async def _spend_page(self, caller: Caller, serving: Serving, out: Out) -> None:  # noqa: ARG002 - a page
        only = None if caller.is_admin else caller.name
        rows, is_complete = await self._totals.rows(only)
        await _json(out, {"object": "list", "data": rows, "complete": is_complete})


class _Checked(NamedTuple):
    """A call that may be made."""

    asked: Asked
    call: RoutedCall
    asker: Asker


def _checked(
    body: Body, route: Route, request: Request, caller: Caller, serving: Serving
) -> _Checked:
    model, given, raw, names_model, is_bare = body
    streams = given.get("stream")
    if streams is not None and not isinstance(streams, bool):
        # Any other value is a stream to some who read it, and none to others.
        raise Refusal(400, "stream must be true or false", param="stream")
    check_use(caller, model)
    if route.operation == "chat" and _names_thread(given, request):
        given = {**given, "thread_id": _thread(given, request, caller, serving)}
        raw, is_bare = None, False  # an opened handle may have a mark
    if serving.seals.is_on and _names_things(body, route, serving):
        given = serving.seals.opened_ids(given, caller)
        raw, is_bare = None, False
    call = serving.board.read(route.operation, model, given, is_bare=is_bare)
    if not is_bare and serving.board.is_spread:
        raw = None  # marks were taken off
    user, identity = _user(given, request, serving)
    asked = Asked(
        route.operation,
        route.door,
        model,
        call.given,
        raw,
        streams is True,
        names_model,
        going_up(request.first, request.headers),
        identity,
    )
    return _Checked(asked, call, Asker(caller, serving.seals, user, identity))


async def _json(out: Out, data: Any) -> None:
    await out.whole(200, dumps(data), (JSON_TYPE,))


def _check_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Refusal(403, "this needs the master key, or a key with admin: true")


def _check_method(request: Request, method: str) -> None:
    is_head = request.method == "HEAD" and method == "GET"  # the server sends no body then
    if request.method != method and not is_head:
        allow = ((b"allow", method.encode()),)
        raise Refusal(405, f"{request.path[:200]} takes {method} only", headers=allow)


def _names_thread(given: JSON, request: Request) -> bool:
    return given.get("thread_id") is not None or b"x-thread-id" in request.first


def _thread(given: JSON, request: Request, caller: Caller, serving: Serving) -> str:
    """The thread of the body or the header, as the service knows it."""
    thread = given.get("thread_id")
    if thread is None:
        thread = request.first[b"x-thread-id"].decode("latin-1")
    if not isinstance(thread, str):
        raise Refusal(400, "thread_id must be a text", param="thread_id")
    return serving.seals.opened(thread, caller)


def _names_things(body: Body, route: Route, serving: Serving) -> bool:
    """Whether something of a key's may be named. Files of agents are made elsewhere."""
    raw = body.raw
    if route.operation != "chat":
        names = raw is None or b"_id" in raw or b"reference" in raw or b"conversation" in raw
        return route.operation == "responses" and (names or b"\\u" in (raw or b""))
    is_plain = raw is not None and b"file_id" not in raw and b"\\u" not in raw
    return not is_plain and not serving.board.is_agent(body.model)


def _user(given: JSON, request: Request, serving: Serving) -> tuple[str, str | None]:
    """Whom a client asks for: the field, and what the configured header says."""
    user = given.get("user")
    name = serving.config.user_identity_header
    value = None if name is None else request.header(name.lower().encode())
    identity = None if value is None else value.decode("latin-1")
    return user if isinstance(user, str) else "", identity
