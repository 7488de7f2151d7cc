"""Replies to approval requests of server-side tools (MCP): denied unless exactly True."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from azure_agents import ApprovalReply
from azure_agents.content.approvals import REQUESTS, ApprovalReplies, Requests

from ._messages import approval_entries


class HasRaw(Protocol):
    """A ``ChatResponse``, ``CompletionResponse`` or ``AgentOutput``."""

    raw: Any


def _message_of(replies: Sequence[ApprovalReply]) -> ChatMessage:
    return ChatMessage(
        role=MessageRole.USER, blocks=[], additional_kwargs=approval_entries(replies)
    )


def _requests_in(answer: HasRaw | ChatMessage) -> Requests:
    place = "additional_kwargs" if isinstance(answer, ChatMessage) else "raw"
    return Requests(place, (getattr(answer, place) or {}).get(REQUESTS, ()))


_replies = ApprovalReplies(_message_of, _requests_in)
approve, reject, decide = _replies.approve, _replies.reject, _replies.decide
