"""Requests of an answer in the history, and the decisions before it that it shows.

Both stand in typed places of the message - its metadata, else its blocks - and never in its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from azure_agents import ApprovalRequest, ConsentRequest
from azure_agents.content import approvals
from azure_agents.content.approvals import CONSENTS, REQUESTS

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

_KINDS = {"approval_request": REQUESTS, "consent_request": CONSENTS}


def asks_in(message: AIMessage) -> tuple[ApprovalRequest | ConsentRequest, ...]:
    """Read the requests for approval and consent of an answer."""
    asked = approvals.asks_of(message.response_metadata)
    asked = asked or approvals.asks_of(_asks_in_blocks(message))
    return asked or approvals.asks_of_others(message.content)


def outcomes_in(message: AIMessage) -> dict[str, str]:
    """Read what an answer shows of decisions before it: request id to what became of it."""
    return approvals.outcomes_of(
        message.response_metadata, approvals.ids_shown(all_blocks(message), "extras")
    )


def _asks_in_blocks(message: AIMessage) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for block in all_blocks(message):
        value = block.get("value")
        key = _KINDS.get(str(value.get("type"))) if isinstance(value, Mapping) else None
        if key is not None and isinstance(value, Mapping):
            found.setdefault(key, []).append(value)
    return found


def all_blocks(message: AIMessage) -> list[Mapping[str, Any]]:
    """Give the blocks of an answer, those in its content and those beside it, as they stand."""
    content = message.content if isinstance(message.content, list) else []
    others = message.additional_kwargs.get("blocks")
    blocks = [*content, *(others if isinstance(others, list) else [])]
    return [block for block in blocks if isinstance(block, Mapping)]
