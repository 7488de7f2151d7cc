"""The routes of the status page: the document, its numbers once, and its numbers as they change."""

from __future__ import annotations

from collections.abc import Callable

from ...jsonio import JSON, dumps
from ..asgi import JSON_TYPE, Receive
from ..out import Out
from ..refusals import Refusal
from ..requests import Request
from .document import SAFE, document
from .watchers import Watchers

DOCUMENT, NUMBERS, EVENTS = "/", "/status", "/status/events"
_FROM_HERE = (None, b"none", b"same-origin")


class StatusPage:
    """The page of one process.

    Args:
        look: Makes a snapshot.
    """

    def __init__(self, look: Callable[[], JSON]) -> None:
        self._look = look
        self._watchers = Watchers(self._watched)

    def _watched(self) -> JSON:
        return {**self._look(), "watchers": self._watchers.number}

    async def document(self, out: Out, *, has_keys: bool) -> None:
        """Send the document; it holds no data.

        Args:
            out: Of the request.
            has_keys: It asks for a key first.
        """
        text, headers = document(has_keys=has_keys)
        await out.whole(200, text, headers)

    async def numbers(
        self, request: Request, receive: Receive, out: Out, check: Callable[[], object]
    ) -> None:
        """Send what the page shows: once, or as long as somebody watches.

        Args:
            request: Its path says which.
            receive: Of the request.
            out: Of the request.
            check: Raises `Refusal` where the caller may not see it, or no more.

        Raises:
            Refusal: The caller may not, a foreign page asks, or too many watch.
            ClientGone: It left.
        """
        if request.method not in {"GET", "HEAD"}:
            allow = ((b"allow", b"GET"),)
            raise Refusal(405, f"{request.path} takes GET only", headers=allow)
        check_site(request, out)
        check()
        if request.path == EVENTS and request.method == "GET":
            out.add(*SAFE)
            await self._watchers.serve(receive, out, check)
        else:
            await out.whole(200, dumps(self._watched()), (JSON_TYPE, *SAFE))


def check_site(request: Request, out: Out) -> None:
    """Refuse pages of other sites, which browsers tell; they could not read it, only cost.

    Args:
        request: Of whoever asks.
        out: With the headers that let a page read, if the config names its origin.

    Raises:
        Refusal: It is a foreign page.
    """
    is_named = out.has(b"access-control-allow-origin")
    if request.header(b"sec-fetch-site") not in _FROM_HERE and not is_named:
        raise Refusal(403, "no page of another site may read the status of this gateway")


def is_numbers(path: str) -> bool:
    """Whether a path asks for what the page shows."""
    return path in (NUMBERS, EVENTS)
