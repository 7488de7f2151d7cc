"""What the exceptions of the HTTP libraries mean, and what of them may be kept."""

from __future__ import annotations

import httpx

# httpx-aiohttp reports every connection error as a connect timeout, also a lost answer; only with
# these causes was nothing sent.
_NEVER_CONNECTED = {"ClientConnectorError", "ConnectionTimeoutError"}
# What httpx and aiohttp say of a client that somebody closed just before it was to send.
_CLOSED = ("the client has been closed", "Session is closed")


def was_not_sent(exc: Exception) -> bool:
    """Whether nothing of the request left this machine."""
    if not isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        # The last: a host name that is none, as IDNA has it.
        return isinstance(exc, httpx.UnsupportedProtocol | httpx.ProxyError | UnicodeError)
    return not is_lost(exc)


def was_closed(exc: Exception) -> bool:
    """Whether somebody closed the client just before it was to send."""
    return isinstance(exc, RuntimeError) and any(words in str(exc) for words in _CLOSED)


def is_of_aiohttp(exc: BaseException) -> bool:
    """Whether aiohttp raised it, and httpx-aiohttp let it through."""
    return type(exc).__module__.partition(".")[0] == "aiohttp"


def is_lost(exc: Exception) -> bool:
    """Whether a timeout is in truth an answer that was lost."""
    cause = exc.__cause__
    if cause is None or not is_of_aiohttp(cause):
        return False
    names = {cls.__name__ for cls in type(cause).__mro__}
    return isinstance(exc, httpx.ConnectTimeout) and not names & _NEVER_CONNECTED


def without_frames(exc: Exception) -> Exception:
    """The cause of an error, without the frames of the network libraries and what stands in them.

    Their local variables are the headers and bytes of the request, so a tool that prints local
    variables would print the credential; some errors of aiohttp hold the headers themselves.
    """
    link: BaseException | None = exc
    seen: set[int] = set()  # some transports raise exceptions in a ring
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        info = getattr(link, "request_info", None)
        if info is not None:
            link.request_info = info._replace(headers={})  # type: ignore[attr-defined]
            link.args = ()
        link = link.__cause__ or link.__context__
    return exc


def said(exc: Exception) -> str:
    """Its kind and its words, for a message."""
    return f"{type(exc).__name__}: {exc}"[:200] if str(exc) else type(exc).__name__
