"""Every place at which a stream may be cut, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure_agents.errors import AzureAgentsError, ConnectionLostError, StreamInterruptedError

from .wire import Service, ask, streaming


def check_every_cut(
    way: str, function: str, data: bytes, whole: int, text_of: Callable[[Any], str], **given: Any
) -> None:
    """Cut a stream behind each of its bytes, by a clean end and by a lost connection.

    A stream that was cut ends in one error: before anything was delivered as a lost connection,
    after that with the part. One that came to a clean end behind its finish is whole.

    Args:
        way: ``sync`` or ``async``.
        function: The name of the sync function.
        data: The stream.
        whole: How many of its bytes it takes to its finish.
        text_of: The text of a chunk.
        given: Arguments of the call.
    """
    complete = ask(way, function, Service(streaming(data)), stream=True, **given)
    for cut in range(len(data) + 1):
        for is_lost in (False, True):
            came: list[Any] = []
            service = Service(streaming(data[:cut], 64, is_lost=is_lost))
            try:
                ask(way, function, service, stream=True, into=came, max_retries=0, **given)
                error: AzureAgentsError | None = None
            except AzureAgentsError as caught:
                error = caught
            try:
                _check(
                    came,
                    error,
                    complete,
                    is_whole=cut >= (len(data) if is_lost else whole),
                    text_of=text_of,
                )
            except BaseException as wrong:
                wrong.add_note(f"cut behind byte {cut}, lost: {is_lost}")
                raise


def _check(
    came: list[Any],
    error: AzureAgentsError | None,
    complete: list[Any],
    *,
    is_whole: bool,
    text_of: Callable[[Any], str],
) -> None:
    assert complete[: len(came)] == came
    if is_whole:
        assert (None, len(complete)) == (error, len(came))
    elif came:
        assert isinstance(error, StreamInterruptedError)
        assert "".join(map(text_of, came)) == error.partial_text
        assert "r-1" == error.request_id
    else:
        assert isinstance(error, ConnectionLostError)
