"""ASGI as this server uses it: bodies in, answers out, and when a client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from .refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

JSON_TYPE = (b"content-type", b"application/json")
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


@asynccontextmanager
async def while_there(receive: Receive) -> AsyncIterator[None]:
    """Cancel what is done inside as soon as the client has gone.

    Args:
        receive: Of the request, its body read.

    Raises:
        ClientGone: Instead of the cancellation.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - an ASGI application runs in one
    has_gone = False

    async def watch() -> None:
        nonlocal has_gone
        while (await receive())["type"] != "http.disconnect":
            pass
        has_gone = True
        task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if has_gone and task.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        watching.cancel()
