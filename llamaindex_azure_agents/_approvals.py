"""Replies to approval requests of server-side tools (MCP)."""

from __future__ import annotations

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from ._messages import APPROVALS


def approve(request_id: str, *more: str) -> ChatMessage:
    """The message that lets the server-side tools run.

    Args:
        request_id: ``id`` of an entry in ``response.additional_kwargs["approval_requests"]``.
        more: Further ids, if several tools asked at once.
    """
    return _reply((request_id, *more), approve=True, reason=None)


def reject(request_id: str, *more: str, reason: str | None = None) -> ChatMessage:
    """The message that forbids the server-side tools to run.

    Args:
        request_id: ``id`` of an entry in ``response.additional_kwargs["approval_requests"]``.
        more: Further ids, if several tools asked at once.
        reason: What the agent is told, if anything.
    """
    return _reply((request_id, *more), approve=False, reason=reason)


def _reply(ids: tuple[str, ...], *, approve: bool, reason: str | None) -> ChatMessage:
    entries = [{"id": id_, "approve": approve, "reason": reason} for id_ in ids]
    return ChatMessage(role=MessageRole.USER, blocks=[], additional_kwargs={APPROVALS: entries})
