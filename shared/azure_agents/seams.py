"""Objects that callers may hand in, as protocols: no package needs to be imported to name them.

Type hints stay resolvable that way, and `import azure_agents` loads neither httpx nor pydantic for
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .errors import ConfigError
from .naming import shown

# What is asked of each, in the name of its argument.
_METHODS = {
    "transport": "handle_request",
    "async_transport": "handle_async_request",
    "clock": "time",
    "observer": "record",
}


def checked_seams(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stands for the network, the clock and the observer; only what was given.

    Args:
        given: The arguments of a call or a client; None counts as absent.

    Raises:
        ConfigError: One has not the method that it is asked by.
    """
    seams = {name: given[name] for name in _METHODS if given.get(name) is not None}
    for name, value in seams.items():
        if isinstance(value, type) or not callable(getattr(value, _METHODS[name], None)):
            raise ConfigError(
                f"{name} must be an object with a method {_METHODS[name]}(), got {shown(value)}"
            )
    return seams


class Transport(Protocol):
    """Sends the requests of sync calls; an ``httpx.BaseTransport`` is one."""

    def handle_request(self, request: Any) -> Any:
        """Send a request; return the response, its body unread.

        Args:
            request: An ``httpx.Request``.
        """

    def close(self) -> None:
        """Close the connections."""


class AsyncTransport(Protocol):
    """Sends the requests of async calls; an ``httpx.AsyncBaseTransport`` is one."""

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request; return the response, its body unread.

        Args:
            request: An ``httpx.Request``.
        """

    async def aclose(self) -> None:
        """Close the connections."""


class SecretText(Protocol):
    """A text that is not shown; pydantic's ``SecretStr`` is one."""

    def get_secret_value(self) -> str:
        """Return the text."""


class RedisClient(Protocol):
    """A sync client of redis-py."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a script on the server.

        Args:
            script: The Lua script.
            numkeys: How many of the following are keys.
            keys_and_args: The keys, then the arguments of the script.
        """

    def close(self) -> None:
        """Close the connections."""
