"""The Redis in which a gateway's processes share what was spent: the router's, as it is now."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from ...routing.engine import Engine
from ...routing.redis_script import Eval


class Shared:
    """Asks the Redis of whatever config is served now.

    Args:
        engine: Gives the engine of the config.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self.process = secrets.token_hex(8)  # what this one is called there

    @property
    def is_on(self) -> bool:
        """Whether there is a Redis in the config."""
        return self._engine().link is not None

    async def ask(self, asked: Eval) -> Any:
        """What Redis answers; None: it is away, or there is none.

        Args:
            asked: A script with its keys and arguments.
        """
        link = self._engine().link
        return None if link is None else await link.aask(asked)

    def key(self, tag: str, rest: str) -> str:
        """A key of Redis; those with one tag are in one slot of a cluster.

        Args:
            tag: What it is about.
            rest: The rest.
        """
        return key_of(self._engine().settings.prefix, tag, rest)


def key_of(prefix: str, tag: str, rest: str) -> str:
    """A key of Redis; those with one tag are in one slot of a cluster.

    Args:
        prefix: First part of all keys.
        tag: What it is about.
        rest: The rest.
    """
    return f"{prefix}:{{{tag.replace('{', '(').replace('}', ')')}}}:{rest}"
