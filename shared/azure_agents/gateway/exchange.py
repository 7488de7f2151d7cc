"""A request for an upstream and its answer, whichever client carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from ..drivers.proxies import is_socks, proxy_to, with_header
from ..errors import ConfigError
from ..sign_in.auth import Destination

_MOST_ERROR = 2**20  # bytes of an error's body that are read


@dataclass(frozen=True, slots=True)
class Way:
    """The way to an upstream: directly, or by a proxy.

    Attributes:
        proxy: Its URL; None: directly.
        headers: For the proxy; may be secret.
    """

    proxy: str | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)


def way_to(url: Destination) -> Way:
    """Find the way to an upstream.

    Args:
        url: Its base.

    Raises:
        ConfigError: The environment names a proxy that cannot be used.
    """
    proxy = proxy_to(cast(Any, url))
    if proxy is None:
        return Way()
    if is_socks(proxy):
        raise ConfigError("the gateway reaches no upstream by SOCKS: name an http proxy")
    proxy = with_header(proxy)
    return Way(str(proxy.url), dict(proxy.headers))


class Call(NamedTuple):
    """One request for an upstream.

    Attributes:
        url: All of it, encoded; an `yarl.URL`.
        headers: With the credential.
        body: Bytes, or an async iterator of them.
        method: HTTP method.
        connect: Seconds for a connection.
        read: Seconds until the next bytes.
        way: To it.
        may_repeat: A second one harms nobody, so one may be sent where the first was lost.
    """

    url: Any
    headers: Mapping[str, str]
    body: Any
    method: str = "POST"
    connect: float = 10.0
    read: float = 600.0
    way: Way = Way()
    may_repeat: bool = False

    def __repr__(self) -> str:
        return f"Call({self.method!r}, {self.url!r})"  # neither the credential nor the body


class Incoming:
    """An answer whose head has come.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
    """

    status: int
    headers: dict[str, str]

    async def read(self) -> bytes:
        """Give all bytes of the body that are there, or wait for some; none: it is over.

        Raises:
            ConnectionLostError: The connection broke before the end.
            TimedOutError: Nothing came for too long.
            ProtocolError: It is no HTTP.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """Let the connection be used again, if the end of the answer comes at once."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection, unless all of the answer came."""
        raise NotImplementedError

    async def whole(self, most: int | None = None) -> bytes:
        """Read the body.

        Args:
            most: Bytes behind which it is cut; None: all are read.
        """
        try:
            body = await self.read()
            while (most is None or len(body) < most) and (piece := await self.read()):
                body += piece
        except BaseException:  # also where nobody waits any more
            self.close()
            raise
        return body

    async def error_body(self) -> bytes:
        """Read the body of an error: its first megabyte, and no more."""
        body = await self.whole(_MOST_ERROR)
        self.close()
        return body[:_MOST_ERROR]
