"""One turn as its flow sees it: the messages, the caller and the agent. Nothing in it changes.

Values that are derived from settings and request are computed once, at their first use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from ..events import ApprovalRequest
from ..messages import Message, TurnRequest, system
from ..settings.anchor_key import AnchorKey
from ..settings.config import Settings
from ..settings.endpoint import OwnEndpoint
from ..threads.anchor import scope_of, short_digest
from ..threads.approvals import seal_of
from .commands import Route
from .memo import Memo
from .retry import RetryPolicy


@dataclass(frozen=True)
class Turn:
    """The input of a flow.

    Attributes:
        settings: Settings of the client.
        request: Messages and options of this call.
        operation: Unique key of the turn, written into the metadata of everything it creates.
        wants_deltas: Whether the caller wants the answer piece by piece.
        memo: Facts about the agent that the client has read, shared by all its turns.
    """

    settings: Settings
    request: TurnRequest
    operation: str
    wants_deltas: bool
    memo: Memo

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier process may have sent this very turn; its claims are this turn's."""
        return self.request.is_repeated

    @property
    def pin(self) -> str | None:
        """The pinned thread of this call."""
        return self.request.thread_id or self.settings.thread_id

    @cached_property
    def owner(self) -> str | None:
        """The owner of the history; None if the caller named none.

        The user's identity and the extra headers are part of it: two calls that differ there may be
        of two persons.
        """
        owner = self.request.owner or self.settings.owner
        marks = (self.settings.user_identity, self.settings.extra_headers)
        prints = [f"{type(mark).__name__}{mark.fingerprint}" for mark in marks if mark is not None]
        return "\n".join([owner or "", *prints]) if prints and owner else owner

    @cached_property
    def scope(self) -> str:
        """Digest of endpoint, agent and user: an anchor of another one is not continued."""
        user = self.settings.user_identity
        agent = self.settings.agent.requested
        named = agent if user is None else f"{agent}\n{user.fingerprint}"
        return scope_of(self.settings.endpoint.url, named)

    @cached_property
    def anchor_key(self) -> AnchorKey | None:
        """The key that seals anchors of this turn; each owner has another one."""
        key = self.settings.anchor_key
        return None if key is None else key.of(self.owner)

    @cached_property
    def seal(self) -> Callable[[ApprovalRequest], str] | None:
        """Seals requests for approval; None where the service keeps them itself."""
        if self.settings.threads != "ephemeral":
            return None
        return partial(seal_of, scope=self.scope, key=self.anchor_key)

    @cached_property
    def project_key(self) -> str:
        """Digest of the endpoint, for the keys of threads: all agents of a project share them."""
        return short_digest(self.settings.endpoint.url.encode(), 12)

    @property
    def own_endpoint(self) -> OwnEndpoint | None:
        """The agent's own endpoint, if it is called there; nothing can be looked up then."""
        return self.settings.endpoint.own

    @cached_property
    def retry_policy(self) -> RetryPolicy:
        """How often, and after which waits, a request is repeated."""
        return RetryPolicy(max_retries=self.settings.max_retries)

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the call, the client's own instructions first."""
        instructions = self.settings.instructions
        if not instructions:
            return self.request.messages
        return (system(instructions), *self.request.messages)

    def route(self, path: str, *query: tuple[str, str]) -> Route:
        """Path and query of a request, under the root and the version of the API it belongs to.

        Args:
            path: Path in that API, such as ``/threads`` or ``/responses``.
            query: Query parameters besides the version.
        """
        root, version = self._api_of(path)
        versions = () if version is None else (("api-version", version),)
        return Route(root + path, (*versions, *query))

    def _api_of(self, path: str) -> tuple[str, str | None]:
        # v2 speaks OpenAI's API, which is not versioned by a query, and beside it Foundry's own
        # API for agents. An agent's own endpoint answers, and does nothing else.
        if self.settings.agent.generation == "classic":
            return "", self.settings.api_version
        if path == "/agents" or path.startswith("/agents/"):
            return "", "v1"
        if self.own_endpoint is not None and path == "/responses":
            return self.own_endpoint.path, self.settings.api_version
        return "/openai/v1", None
