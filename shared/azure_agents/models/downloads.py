"""Answers that are bytes, read piece by piece: the flow behind them.

What was generated is generated only once more: speech that is cut is made again as long as the
caller has none of it, and is an error afterwards. A file is the same each time, so it is read again
from its start, and what the caller has of it is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import AzureAgentsError, ProtocolError
from ..files.arriving import Arriving
from ..protocols.commands import Emit, Flow, Pump
from .requests import Request, interrupted, note_answer, send_once, trying

# What no speech is: an error, or the page of a proxy, under the status of a success.
_NO_SOUND = ("application/json", "application/problem+json", "text/html", "text/plain")


def download(request: Request, arriving: Arriving) -> Flow[None]:
    """Make a call that is answered with bytes; the caller takes them at every event and at the end.

    The first event comes before any byte: the service has accepted the call.

    Args:
        request: The call.
        arriving: Where the bytes go.
    """

    def attempt(now: Request) -> Flow[None]:
        reply = yield from send_once(now, stream=True)
        try:
            _check_kind(now, reply.headers)
            arriving.begin(reply.headers)
            yield Emit((arriving.beat(),))
            yield Pump(arriving)
            arriving.check_whole()
            _check_not_empty(now, arriving)
        except AzureAgentsError as error:
            note_answer(error, reply, now)
            if arriving.kept and now.operation.method != "GET":
                raise interrupted(error, "", now) from error
            raise

    yield from trying(request, attempt)


def _check_kind(request: Request, headers: Mapping[str, str]) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.operation.name == "speech" and kind in _NO_SOUND:
        raise ProtocolError(
            f"{request.doing}: the answer is {kind}, which is no sound: look for a proxy between "
            "here and the service"
        )


def _check_not_empty(request: Request, arriving: Arriving) -> None:
    if request.operation.name == "speech" and not arriving.received:
        raise ProtocolError(f"{request.doing}: the answer is empty, though it was a success")
