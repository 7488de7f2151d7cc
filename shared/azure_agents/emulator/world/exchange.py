"""A request as the service reads it, and an answer as handlers build it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ... import jsonio
from ...errors import ProtocolError
from . import problems

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .turns import Frame, Turn


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case.

    Attributes:
        path: What follows the project's root; the whole path if the request is for the resource.
        is_for_resource: Whether it is outside the project: deployments answer there.
        scheme: ``https``, or ``http`` of an emulator that is served without a certificate.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_for_resource: bool = False
    scheme: str = "https"

    @property
    def origin(self) -> str:
        """The scheme and host that the client used."""
        return f"{self.scheme}://{self.headers.get('host', '')}"

    @property
    def user(self) -> str:
        """The user in whose name the caller asks; one user does not find the objects of another.

        Microsoft's sample says so for hosted agents; that it holds on all routes of v2 is a guess.
        """
        return self.headers.get("x-ms-user-identity", "")

    def json(self) -> JSON:
        """Parse the body as a JSON object; an empty body is an empty object."""
        if not self.body:
            return {}
        kind = self.headers.get("content-type", "")
        if "json" not in kind:
            raise problems.invalid_payload(f"Unsupported content type '{kind}'.")
        try:
            return jsonio.load_object(self.body)
        except ProtocolError as exc:
            raise problems.invalid_payload("The request body is not a JSON object.") from exc


@dataclass(slots=True)
class Answer:
    """The answer of a handler.

    Attributes:
        body: The JSON body of a plain answer.
        status: HTTP status.
        headers: Extra response headers.
        turn: A turn to drive first: to its end for a plain answer, event by event for a stream.
        streamed: Whether the turn's events are the body.
        start: Index of the first event to send.
        render: Builds the body once the turn is over: JSON, or bytes that are none.
        raw: Body bytes that are no JSON.
        delivered: Called once the answer is sent, or its client is gone.
        refused: Returns the error that the turn ended in before its first event; then that is the
            answer, also where a stream was asked for.
        show: Writes an event as this client gets it; None if it gets none.
    """

    body: JSON | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    turn: Turn | None = None
    streamed: bool = False
    start: int = 0
    render: Callable[[], JSON | bytes] | None = None
    raw: bytes | None = None
    delivered: Callable[[], None] | None = None
    refused: Callable[[], problems.Problem | None] | None = None
    show: Callable[[Frame], Frame | None] | None = None


def check_metadata(body: JSON) -> dict[str, str]:
    """Check the metadata of a request against the service's limits, and return it."""
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        message = "Invalid type for 'metadata': expected an object with string values."
        raise problems.openai(400, message, param="metadata", code="invalid_type")
    if len(metadata) > 16:
        message = (
            f"Invalid 'metadata': too many properties. Expected an object with at most 16 "
            f"properties, but got an object with {len(metadata)} properties instead."
        )
        raise problems.openai(400, message, param="metadata", code="object_above_max_properties")
    for key, value in metadata.items():
        if len(key) > 64 or len(value) > 512:
            message = f"Invalid 'metadata': key '{key[:64]}' or its value is too long."
            raise problems.openai(400, message, param="metadata", code="string_above_max_length")
    return dict(metadata)


def check_known(body: JSON, *known: str) -> None:
    """Refuse fields that the route does not take."""
    for name in body:
        if name not in known:
            message = f"Unknown parameter: '{name}'."
            raise problems.openai(400, message, param=name, code="unknown_parameter")
