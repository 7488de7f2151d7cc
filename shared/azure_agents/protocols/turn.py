"""One turn as its flow sees it: what was asked, by whom, of whom. Nothing in here changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..events import ApprovalRequest
from ..messages import Message, TurnRequest, system
from ..settings.anchor_key import AnchorKey
from ..settings.config import Settings
from ..settings.endpoint import OwnEndpoint
from ..threads.anchor import scope_of, short_digest
from ..threads.approvals import seal_of
from .memo import Memo
from .retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Turn:
    """The input of a flow.

    Attributes:
        settings: What holds for every call of the client.
        request: What holds for this call.
        operation: Unique key of the turn; written into the metadata of what it creates.
        deltas: Whether the caller wants the answer piece by piece.
        memo: What the client has learnt of its agent, shared by all its turns.
    """

    settings: Settings
    request: TurnRequest
    operation: str
    deltas: bool
    memo: Memo

    @property
    def pin(self) -> str | None:
        """The pinned thread of this call."""
        return self.request.thread_id or self.settings.thread_id

    @property
    def owner(self) -> str | None:
        """Whose history this is; None: nobody's in particular.

        A user's identity and headers are part of it: what differs there may be another person.
        """
        owner = self.request.owner or self.settings.owner
        marks = (self.settings.user_identity, self.settings.extra_headers)
        told = [f"{type(mark).__name__}{mark.fingerprint}" for mark in marks if mark is not None]
        return "\n".join([owner or "", *told]) if told and owner else owner

    @property
    def scope(self) -> str:
        """What anchors of this turn are bound to; those of another user are not continued."""
        user = self.settings.user_identity
        agent = self.settings.agent.requested
        named = agent if user is None else f"{agent}\n{user.fingerprint}"
        return scope_of(self.settings.endpoint.url, named)

    @property
    def anchor_key(self) -> AnchorKey | None:
        """What anchors of this turn are sealed with; an owner's are worth nothing to others."""
        key = self.settings.anchor_key
        return None if key is None else key.of(self.owner)

    @property
    def seal(self) -> Callable[[ApprovalRequest], str] | None:
        """Seals requests for approval, where a decision will have to bring them along."""
        if self.settings.threads != "ephemeral":
            return None
        return partial(seal_of, scope=self.scope, key=self.anchor_key)

    @property
    def project(self) -> str:
        """What thread ids belong to: every agent of the project may use the same thread."""
        return short_digest(self.settings.endpoint.url.encode(), 12)

    @property
    def own(self) -> OwnEndpoint | None:
        """The agent's own endpoint, if it is called there: then nothing can be looked up."""
        return self.settings.endpoint.own

    @property
    def policy(self) -> RetryPolicy:
        """How often and how patiently to try."""
        return RetryPolicy(max_retries=self.settings.max_retries)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the call, the client's own instructions first."""
        instructions = self.settings.instructions
        if not instructions:
            return self.request.messages
        return (system(instructions), *self.request.messages)
