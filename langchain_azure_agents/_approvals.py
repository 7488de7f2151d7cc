"""Replies to approval requests of server-side tools (MCP): denied unless exactly True."""

from __future__ import annotations

from collections.abc import Mapping

from langchain_core.messages import AIMessage, HumanMessage

from azure_agents.content.approvals import REQUESTS
from azure_agents.content.blocks import APPROVAL_REPLIES
from azure_agents.errors import InvalidRequestError

from ._blocks import known


def approve(request_id: str, *more: str) -> HumanMessage:
    """The message that lets the server-side tools run.

    Args:
        request_id: ``id`` of an entry in ``message.response_metadata["approval_requests"]``.
        more: Further ids, if several tools asked at once.
    """
    return _reply(dict.fromkeys((request_id, *more), True))


def reject(request_id: str, *more: str, reason: str | None = None) -> HumanMessage:
    """The message that forbids the server-side tools to run.

    Args:
        request_id: ``id`` of an entry in ``message.response_metadata["approval_requests"]``.
        more: Further ids, if several tools asked at once.
        reason: What the agent is told, if anything.
    """
    return _reply(dict.fromkeys((request_id, *more), False), reason)


def decide(message: AIMessage, decision: object) -> HumanMessage:
    """The reply to all approval requests of a message, made of what a human or a program said.

    Only ``True`` approves: not ``"yes"``, not ``1``, not an object that says so.

    Args:
        message: The answer that asks.
        decision: ``True`` for all of them, or a mapping from the id of a request to ``True``.

    Raises:
        InvalidRequestError: The message asks for nothing.
    """
    ids = [request["id"] for request in message.response_metadata.get(REQUESTS, ())]
    if not ids:
        raise InvalidRequestError(
            f"the message asks for no approval: its response_metadata has no {REQUESTS!r}"
        )
    given = decision if isinstance(decision, Mapping) else dict.fromkeys(ids, decision)
    return _reply({id: given.get(id) is True for id in ids})


def _reply(decisions: Mapping[str, bool], reason: str | None = None) -> HumanMessage:
    kind = APPROVAL_REPLIES[0]
    replies = [
        known(type=kind, request_id=id, approve=approved, reason=reason)
        for id, approved in decisions.items()
    ]
    return HumanMessage([{"type": "non_standard", "value": reply} for reply in replies])
