"""Replies to approval requests of server-side tools (MCP): denied unless exactly True."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from azure_agents.content.approvals import REQUESTS
from azure_agents.errors import InvalidRequestError

from ._messages import APPROVALS


class HasRaw(Protocol):
    """A ``ChatResponse``, ``CompletionResponse`` or ``AgentOutput``."""

    raw: Any


def approve(request_id: str, *more: str) -> ChatMessage:
    """The message that lets the server-side tools run.

    Args:
        request_id: ``id`` of an entry in ``response.raw["approval_requests"]``.
        more: Further ids, if several tools asked at once.
    """
    return _reply(dict.fromkeys((request_id, *more), True))


def reject(request_id: str, *more: str, reason: str | None = None) -> ChatMessage:
    """The message that forbids the server-side tools to run.

    Args:
        request_id: ``id`` of an entry in ``response.raw["approval_requests"]``.
        more: Further ids, if several tools asked at once.
        reason: What the agent is told, if anything.
    """
    return _reply(dict.fromkeys((request_id, *more), False), reason)


def decide(answer: HasRaw | ChatMessage, decision: object) -> ChatMessage:
    """The reply to all approval requests of an answer, made of what a human or a program said.

    Only ``True`` approves: not ``"yes"``, not ``1``, not an object that says so.

    Args:
        answer: What asks: a response of the LLM, the output of an agent, or their message, for
            instance from a chat memory.
        decision: ``True`` for all of them, or a mapping from the id of a request to ``True``.

    Raises:
        InvalidRequestError: The answer asks for nothing.
    """
    place = "additional_kwargs" if isinstance(answer, ChatMessage) else "raw"
    ids = [request["id"] for request in (getattr(answer, place) or {}).get(REQUESTS, ())]
    if not ids:
        raise InvalidRequestError(
            f"the answer asks for no approval: its {place} has no {REQUESTS!r}"
        )
    given = decision if isinstance(decision, Mapping) else dict.fromkeys(ids, decision)
    return _reply({id: given.get(id) is True for id in ids})


def _reply(decisions: Mapping[str, bool], reason: str | None = None) -> ChatMessage:
    entries = [
        {"id": id, "approve": approved, "reason": reason} for id, approved in decisions.items()
    ]
    return ChatMessage(role=MessageRole.USER, blocks=[], additional_kwargs={APPROVALS: entries})
