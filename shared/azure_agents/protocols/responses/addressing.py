"""Where a turn is posted, and by which words it says whom it asks and what it is called."""

from __future__ import annotations

from typing import Any

from ..options import OPERATION, encode_metadata
from ..sending import Query
from ..turn import Turn
from .codec import encode_agent
from .lookups import RESPONSES


def who_is_asked(turn: Turn) -> dict[str, Any]:
    """Who is asked; an endpoint of the agent's own says so itself."""
    return {} if turn.own is not None else {"agent_reference": encode_agent(turn.settings.agent)}


def name_of(turn: Turn) -> dict[str, Any]:
    """The metadata: the caller's, and the name of the turn where it can be looked up by it."""
    told = encode_metadata(turn.request.options, turn.operation)
    if turn.own is not None or not turn.settings.name_turns:
        told.pop(OPERATION)
    return {"metadata": told} if told else {}


def place_of(turn: Turn) -> tuple[str, Query]:
    """Path below the project, and api-version, of what answers."""
    if turn.own is None:
        return RESPONSES, ()
    return f"{turn.own.path}/responses", (("api-version", turn.settings.api_version),)
