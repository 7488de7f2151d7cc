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
from .replies import media_type
from .requests import Request, interrupted, note_answer, refuse, send_once, trying

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
            if _is_other(now, reply.headers):
                is_speech = now.operation.name == "speech"
                yield from refuse(now, reply, "sound" if is_speech else "file")
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


def _is_other(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether what comes is no sound, or no file."""
    kind = media_type(headers)
    if request.operation.name == "speech":
        return kind in _NO_SOUND
    # Recorded: the service names the file, whatever is in it. A page of a proxy has no name.
    return kind == "text/html" and "content-disposition" not in headers


def _check_not_empty(request: Request, arriving: Arriving) -> None:
    if request.operation.name == "speech" and not arriving.received:
        raise ProtocolError(f"{request.doing}: the answer is empty, though it was a success")
