"""What a table of routes holds: handlers, and the variables of paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from .exchange import Answer

# A handler gets the world, the request and the path's variables.
Handler: TypeAlias = Callable[..., Answer]


class Route(NamedTuple):
    """A handler and the path's variables."""

    handler: Handler
    variables: dict[str, str]
