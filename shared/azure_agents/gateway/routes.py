"""From a method and a path to what is asked. Pure.

Every route stands with and without ``/v1``, and as Azure's own clients write it. A path is looked
up whole, but for a slash at its end: what is not in the table, such as one with ``..`` or two
slashes, is no route.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Door: TypeAlias = Literal["openai", "anthropic"]

_OPENAI = {
    "/chat/completions": "chat",
    "/completions": "text_completion",
    "/embeddings": "embedding",
    "/responses": "responses",
}
_ANTHROPIC = {"/messages": "messages", "/messages/count_tokens": "count_tokens"}
OPENAI_ROOTS = ("", "/v1", "/openai", "/openai/v1")
_ANTHROPIC_ROOTS = ("", "/v1", "/anthropic", "/anthropic/v1")
_DEPLOYMENTS = "/openai/deployments/"


@dataclass(frozen=True, slots=True)
class Route:
    """What a path asks for.

    Attributes:
        operation: Name of a row of the table of operations.
        door: In whose form errors are told.
        model: The model that the path names; None: the body does.
    """

    operation: str
    door: Door = "openai"
    model: str | None = None


_TABLE = {
    root + path: Route(operation) for root in OPENAI_ROOTS for path, operation in _OPENAI.items()
} | {
    root + path: Route(operation, "anthropic")
    for root in _ANTHROPIC_ROOTS
    for path, operation in _ANTHROPIC.items()
}
MODEL_LISTS = frozenset(f"{root}/models" for root in {*OPENAI_ROOTS, *_ANTHROPIC_ROOTS})


def is_hot(operation: str) -> bool:
    """Whether an operation is one of those above; others are in the room `cold`.

    Args:
        operation: Name of a row of the table of operations.
    """
    return operation in {*_OPENAI.values(), *_ANTHROPIC.values()}


def find_route(path: str) -> Route | None:
    """Find what a path asks for; None if it is no route for a model.

    Args:
        path: Decoded, without its query.
    """
    found = _TABLE.get(path)
    if found is None and path.startswith(_DEPLOYMENTS):
        return _of_deployment(path.removeprefix(_DEPLOYMENTS))
    return found


def door_of(path: str) -> Door:
    """In whose form an error on a path is told, also where the path is no route.

    Args:
        path: Decoded, without its query.
    """
    is_claude = path.startswith("/anthropic/") or path.endswith(tuple(_ANTHROPIC))
    return "anthropic" if is_claude else "openai"


def _of_deployment(rest: str) -> Route | None:
    # A model may have slashes in its name (``azure/gpt-4o``); its route is the end of the path.
    for path, operation in _OPENAI.items():
        model = rest.removesuffix(path)
        # "/chat/completions" ends in "/completions", too: the longer one stands first in the table.
        if model != rest and model and ".." not in model:
            return Route(operation, model=model)
    return None
