"""ASGI as this server uses it: bodies in, answers out, and when a client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from .refusals import Refusal

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

# Takes the body and the headers of an answer with status 200, and sends both; False: `send` must.
AtOnce: TypeAlias = Callable[[bytes, Sequence[tuple[bytes, bytes]]], bool]

AT_ONCE = "azure_agents.at_once"  # the extension of ASGI that is one, of a scope
JSON_TYPE = (b"content-type", b"application/json")
_UNWATCHED = 0.05  # seconds
EVENTS_TYPE = (b"content-type", b"text/event-stream; charset=utf-8")


class ClientGone(Exception):  # noqa: N818 - nothing went wrong here
    """The client has closed its connection."""


async def read_body(receive: Receive, most: int, length: bytes | None) -> bytes:
    """Read the body of a request.

    Args:
        receive: Of the request.
        most: Bytes that it may have.
        length: What its header says of it.

    Raises:
        Refusal: It is too long.
        ClientGone: The client left before its end.
    """
    if length is not None and (not length.isdigit() or int(length) > most):
        raise _too_long(most)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        pieces, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > most:
                raise _too_long(most)
        body = b"".join(pieces)
    if message["type"] == "http.disconnect":
        raise ClientGone
    if len(body) > most:
        raise _too_long(most)
    return body


def _too_long(most: int) -> Refusal:
    return Refusal(413, f"the body is longer than {most} bytes", code="request_too_large")


def at_once_of(scope: Message) -> AtOnce | None:
    """Take what sends an answer at once out of a request; None: the server has nothing like it.

    Left there, it would hold the connection that holds the request.

    Args:
        scope: Of the request.
    """
    found = (scope.get("extensions") or {}).pop(AT_ONCE, None)
    return None if found is None else partial(found, scope)


async def answer(send: Send, status: int, body: bytes, headers: Headers = ()) -> None:
    """Send a whole answer.

    Args:
        send: Of the request.
        status: HTTP status.
        body: All of it.
        headers: Names in lower case, with the content type.
    """
    sent = [(b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


class while_there:  # noqa: N801 - it is used as a function
    """Cancels what is done inside as soon as the client has gone; raises `ClientGone` then.

    Most calls are over before anybody needs to look whether their client is still there, and to
    look takes a task: so that begins a moment later.

    Args:
        receive: Of the request, its body read.
    """

    __slots__ = ("_has_gone", "_receive", "_task", "_timer", "_watching")

    def __init__(self, receive: Receive) -> None:
        self._receive, self._has_gone = receive, False
        self._watching: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - an ASGI application runs in one
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(_UNWATCHED, self._watch)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        is_cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
        if self._has_gone and is_cancelled and self._task.uncancel() == 0:
            raise ClientGone from None

    def _watch(self) -> None:
        self._watching = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_gone = True
        self._task.cancel()
