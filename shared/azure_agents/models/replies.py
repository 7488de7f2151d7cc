"""Reads the bodies of successes, which may be none: pages of proxies, errors, empty objects. Pure.

A status of 200 says little: gateways answer with a page of their own, or with an error in JSON. An
answer of the service has the field that its operation always has (`Operation.holds`), and a stream
is no JSON document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import AzureAgentsError, ProtocolError
from ..jsonio import JSON, load_object
from ..protocols.commands import Reply
from ..service_errors.envelopes import error_from_event
from ..service_errors.hints import Service
from .operation_table import Operation

_SHOWN = 200  # bytes
_MOST = 64 * 1024  # bytes that are read of a body that is no stream
# What comes in place of events. Not text/plain: a gateway may call a stream so.
_NO_EVENTS = frozenset({"application/json", "application/problem+json", "text/html"})


def media_type(headers: Mapping[str, str]) -> str:
    """The media type that an answer's headers name, in lower case; empty if they name none.

    Args:
        headers: Of an answer, names in lower case.
    """
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def object_of(operation: Operation, reply: Reply, doing: str, service: Service) -> JSON:
    """The object that a call of an operation is answered with.

    Args:
        operation: That was called.
        reply: A success.
        doing: What is being done, for errors.
        service: Whose answer it is, for advice.

    Raises:
        ServiceError: The body is an error.
        ProtocolError: It is no answer of the operation.
    """
    data = load_object(reply.body)
    if operation.holds in data:
        return data
    if data.get("error"):
        raise error_from_event(data, doing=doing, of=service)
    raise ProtocolError(
        f"{doing}: the answer has no {operation.holds!r}: {str(data)[:_SHOWN]!r}: look for a proxy "
        "between here and the service"
    )


def is_no_stream(headers: Mapping[str, str]) -> bool:
    """Whether what was asked for as a stream comes as something else.

    Args:
        headers: Of a success, names in lower case.
    """
    return media_type(headers) in _NO_EVENTS


class NoStream:
    """Reads what came in place of a stream, and says what it is: a decoder without chunks.

    Args:
        doing: What is being done, for errors.
        kind: Its media type.
        wanted: What it is not.
        service: Whose answer it is, for advice.
    """

    is_done = False

    def __init__(self, doing: str, kind: str, wanted: str, service: Service) -> None:
        self._doing, self._kind, self._wanted = doing, kind, wanted
        self._service = service
        self._data = b""

    def feed(self, data: bytes) -> Iterable[JSON]:
        """Take the next bytes."""
        self._data = (self._data + data)[:_MOST]
        return ()

    def error(self) -> AzureAgentsError:
        """Make the error: the one that the body holds, or one that shows its beginning."""
        try:
            data = load_object(self._data)
        except ProtocolError:
            data = {}
        if data.get("error"):
            return error_from_event(data, doing=self._doing, of=self._service)
        return ProtocolError(
            f"{self._doing}: the answer is {self._kind}, which is no {self._wanted}: "
            f"{self._data[:_SHOWN]!r}: look for a proxy between here and the service"
        )
