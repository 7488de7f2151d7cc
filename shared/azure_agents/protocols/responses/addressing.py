"""The fields by which a request says whom it asks, and under which name it is stored."""

from __future__ import annotations

from typing import Any

from ..options import OPERATION, encode_metadata
from ..turn import Turn
from .codec import encode_agent


def who_is_asked(turn: Turn) -> dict[str, Any]:
    """Who is asked; an endpoint of the agent's own says so itself."""
    return {} if turn.own is not None else {"agent_reference": encode_agent(turn.settings.agent)}


def name_of(turn: Turn) -> dict[str, Any]:
    """The metadata: the caller's, and the name of the turn where it can be looked up by it."""
    told = encode_metadata(turn.request.options, turn.operation)
    if turn.own is not None or not turn.settings.name_turns:
        told.pop(OPERATION)
    return {"metadata": told} if told else {}
