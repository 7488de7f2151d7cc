"""The place of a credential where none is sent: a gateway's key stands in the call's headers."""

from __future__ import annotations

from collections.abc import Generator

import httpx

from ..errors import ConfigError
from .auth import Signature, origin_of_url


class NoCredential(httpx.Auth):
    """Sends no credential: a key of API Management stands in the call's own headers.

    Args:
        origin: The only origin that requests go to.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin

    @property
    def origin(self) -> str:
        """The only origin that requests go to."""
        return self._origin

    async def asign(self, refused: Signature | None = None, challenge: str = "") -> Signature:  # noqa: ARG002 - it has none
        """Give the headers of a request: none.

        Args:
            refused: As for `FoundryAuth.asign`.
            challenge: As for `FoundryAuth.asign`.
        """
        return Signature({})

    def helps_against(self, status: int, body: bytes) -> bool:  # noqa: ARG002 - as above
        """Whether a new token may help against an answer: there is none.

        Args:
            status: As for `FoundryAuth.helps_against`.
            body: As for `FoundryAuth.helps_against`.
        """
        return False

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request as it is."""
        if origin_of_url(request.url) != self._origin:
            raise ConfigError(f"the headers of {self._origin!r} are not sent elsewhere")
        yield request
