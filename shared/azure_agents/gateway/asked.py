"""What a client asked, as attempts need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .routes import Door

# Of a client's headers: what switches features of the service on, and by which id a request is
# found in the logs of both; nothing that says who asks.
_GO_UP = frozenset(
    {
        b"anthropic-beta",
        b"anthropic-version",
        b"extra-parameters",
        b"openai-beta",
        b"x-ms-client-request-id",
        b"x-ms-oai-image-generation-deployment",
        b"x-request-id",
    }
)
_NONE: Mapping[str, str] = MappingProxyType({})


class Asked(NamedTuple):
    """What a client asked, as far as attempts need it.

    Attributes:
        operation: Name of a row of the table of operations.
        door: In whose form errors are told.
        model: By the name that the client used.
        given: The fields of the body, but the model.
        raw: The body; None if it cannot go up as it is.
        names_model: The body has a field ``model``.
        streams: Whether the answer comes in pieces.
        headers: Of the client that go up.
        identity: Whom the client asks for, as agents are told; may be secret.
    """

    operation: str
    door: Door
    model: str
    given: Mapping[str, Any]
    raw: bytes | None
    streams: bool
    names_model: bool = True
    headers: Mapping[str, str] = _NONE
    identity: str | None = None

    def __repr__(self) -> str:
        return f"Asked({self.doing})"  # what was asked is the client's, and an identity secret

    def also_sending(self, headers: Mapping[str, str]) -> Asked:
        """The same, with headers that go up as well."""
        return self._replace(headers={**self.headers, **headers}) if headers else self

    @property
    def headers_of_agent(self) -> Mapping[str, str]:
        """The headers of the client that go up to an agent."""
        told = {} if self.identity is None else {"x-ms-user-identity": self.identity}
        return {**self.headers, **told}

    @property
    def doing(self) -> str:
        """What is being done, for errors."""
        return f"{self.operation.replace('_', ' ')} with {self.model}"


def going_up(
    first: Mapping[bytes, bytes], headers: Iterable[tuple[bytes, bytes]]
) -> Mapping[str, str]:
    """The headers of a client that go up.

    Args:
        first: Of the request, the first value of each; names in lower case.
        headers: All of them.
    """
    if _GO_UP.isdisjoint(first):
        return _NONE
    found: dict[str, str] = {}
    for name, value in headers:
        if name in _GO_UP:
            before = found.get(name.decode())
            text = value.decode("latin-1")
            found[name.decode()] = text if before is None else f"{before}, {text}"
    return found
