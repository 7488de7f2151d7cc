"""Replies to approval requests of server-side tools (MCP)."""

from __future__ import annotations

from langchain_core.messages import HumanMessage

from ._blocks import known
from ._content import APPROVAL_REPLIES


def approve(request_id: str, *more: str) -> HumanMessage:
    """The message that lets the server-side tools run.

    Args:
        request_id: ``id`` of an entry in ``message.response_metadata["approval_requests"]``.
        more: Further ids, if several tools asked at once.
    """
    return _reply((request_id, *more), approve=True, reason=None)


def reject(request_id: str, *more: str, reason: str | None = None) -> HumanMessage:
    """The message that forbids the server-side tools to run.

    Args:
        request_id: ``id`` of an entry in ``message.response_metadata["approval_requests"]``.
        more: Further ids, if several tools asked at once.
        reason: What the agent is told, if anything.
    """
    return _reply((request_id, *more), approve=False, reason=reason)


def _reply(ids: tuple[str, ...], *, approve: bool, reason: str | None) -> HumanMessage:
    kind = APPROVAL_REPLIES[0]
    replies = [known(type=kind, request_id=id, approve=approve, reason=reason) for id in ids]
    return HumanMessage([{"type": "non_standard", "value": reply} for reply in replies])
