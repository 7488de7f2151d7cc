"""Replies to approval requests of server-side tools (MCP): denied unless exactly True."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from azure_agents import ApprovalReply
from azure_agents.content.approvals import REQUESTS, ApprovalReplies, Requests
from azure_agents.content.blocks import APPROVAL_REPLIES
from azure_agents.jsonio import known_fields


def message_of(replies: Sequence[ApprovalReply]) -> HumanMessage:
    """Make the message of replies."""
    return HumanMessage([block_of(reply) for reply in replies])


def block_of(reply: ApprovalReply) -> dict[str, Any]:
    """Make the block of one reply."""
    value = known_fields(
        type=APPROVAL_REPLIES[0],
        request_id=reply.request_id,
        approve=reply.approve,
        reason=reply.reason,
    )
    return {"type": "non_standard", "value": value}


def _requests_in(answer: AIMessage) -> Requests:
    return Requests("response_metadata", answer.response_metadata.get(REQUESTS, ()))


_replies = ApprovalReplies(message_of, _requests_in)
approve, reject, decide = _replies.approve, _replies.reject, _replies.decide
