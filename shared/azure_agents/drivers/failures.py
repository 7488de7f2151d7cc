"""Reads the exceptions of the HTTP libraries: their meaning, and how much of them may be kept.

Everything that looks into an exception of httpx, aiohttp or the operating system stands here. The
question behind most of it: was anything sent? If not, a request may safely be sent again; if so,
and the answer was lost, the flow has to find out what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from ..errors import AzureAgentsError, ConnectionLostError, NotSentError, TimedOutError
from .turn_clock import TurnClock
from .uploads import RequestBody, UploadBody

# httpx-aiohttp reports every connection error as a connect timeout, also a lost answer; only with
# these causes was nothing sent.
_NEVER_CONNECTED = {"ClientConnectorError", "ConnectionTimeoutError"}
# What httpx and aiohttp say of a client that somebody closed just before it was to send.
_CLOSED = ("the client has been closed", "Session is closed")


@contextmanager
def translated_failures(doing: str, turn_clock: TurnClock) -> Iterator[None]:
    """Turn what the HTTP libraries raise into errors of this package.

    Args:
        doing: What is being done, for the error: ``POST /threads``.
        turn_clock: Tells a wait that was too long from a connection that was lost.

    Raises:
        DeadlineError: The turn took too long.
        NotSentError: Nothing was sent.
        TimedOutError: One wait was too long.
        ConnectionLostError: Anything else that the network may do.
    """
    try:
        yield
    except AzureAgentsError:
        raise
    except (httpx.HTTPError, httpx.StreamError, OSError, UnicodeError) as exc:
        raise _translated(exc, doing, turn_clock) from without_frames(exc)
    except Exception as exc:
        if not is_of_aiohttp(exc) and not was_closed(exc):
            raise
        raise _translated(exc, doing, turn_clock) from without_frames(exc)


def _translated(exc: Exception, doing: str, turn_clock: TurnClock) -> AzureAgentsError:
    if turn_clock.is_over:
        return turn_clock.too_late()
    if was_not_sent(exc) or was_closed(exc):
        return NotSentError(f"{doing}: could not connect ({summary(exc)}): check the endpoint")
    # A watchdog ends the wait of a stream by shutting the socket, which looks like a lost one.
    if turn_clock.is_wait_over or _is_timeout(exc):
        return TimedOutError(
            f"{doing}: no answer in time ({summary(exc)}): allow single waits more seconds with "
            "timeout=Timeouts(read=…, first_event=…, between_events=…); before the first content "
            "of a deployment's stream also with stream_timeout="
        )
    return ConnectionLostError(f"{doing}: the connection was lost ({summary(exc)})")


@contextmanager
def upload_failures_first(body: RequestBody) -> Iterator[None]:
    """Raise what went wrong with the body itself, in place of what a client made of it."""
    try:
        yield
    except Exception as exc:
        failure = body.failure if isinstance(body, UploadBody) else None
        if failure is None or failure is exc:
            raise
        raise failure from exc


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


def _is_timeout(exc: Exception) -> bool:
    return isinstance(exc, httpx.TimeoutException | TimeoutError) and not is_lost(exc)


def without_frames(exc: Exception) -> Exception:
    """Strip an error of the frames of the network libraries, to be the cause of another.

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


def summary(exc: Exception) -> str:
    """Return the class of an exception and its words, cut short, for a message."""
    return f"{type(exc).__name__}: {exc}"[:200] if str(exc) else type(exc).__name__
