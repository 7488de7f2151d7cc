"""Objects that callers may hand in, as protocols: no package needs to be imported to name them.

Type hints stay resolvable that way, and `import azure_agents` loads neither httpx nor pydantic for
them.
"""

from __future__ import annotations

from typing import Any, Protocol


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
