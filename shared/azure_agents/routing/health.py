"""What a failure says about a deployment, and for how long. `judge` is pure.

| failure | what it means | the deployment |
|---|---|---|
| 429, also as the first event of a stream | it is busy | is not asked until the time it says |
| 5xx, a timeout, a lost connection | it failed | is asked only when no other one is there |
| 401, 403, 404 of the deployment, no token | our entry is wrong | the same, and the log says so |
| any other | the request is wrong | another one would say the same: the caller hears of it |

Of two times to wait the later one counts. No caller may put a deployment aside for the others: a
403 or 404 of one that answered somebody in the last minute is about that one request (a firewall
disliked its text, its operation is not there), and each model behind a wildcard has its own health.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal, TypeAlias

from ..drivers.clock import Clock
from ..errors import (
    AgentNotFoundError,
    AuthenticationError,
    AzureAgentsError,
    ConflictError,
    CredentialError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    ServerError,
    ThreadNotFoundError,
    TransportError,
)
from ..protocols.retry import REQUEST_TIMEOUT, was_not_applied
from .deployments import Deployment
from .limits import SECOND

Kind: TypeAlias = Literal["busy", "failed", "broken", "wrong"]

COOLDOWN = 5.0  # seconds, where the service does not say; LiteLLM's default
_BROKEN = 60.0  # seconds: a wrong key does not mend itself soon
_MINUTE = 60 * SECOND
_OURS = (AuthenticationError, PermissionDeniedError, CredentialError, AgentNotFoundError)
_THEIRS = (TransportError, ServerError, ProtocolError, ConflictError)
# What a request may do to a deployment that works: an expired or wrong key is none of it.
_BY_REQUEST = (PermissionDeniedError, NotFoundError)
_MOST = 2_000  # states that are kept: a wildcard has as many as callers think of names
# "Files [file-x] were not found", "No file found with id 'file-x'": as quoted in public issues.
_THING = r"(?:file|vector ?store|item|container|prompt|image)s?"
_SENT_ID = re.compile(
    rf"\bno {_THING} (?:was |were )?found|\b{_THING}\b[^.]{{0,120}}"
    r"\b(?:not found|not exist|n't exist)",
    re.IGNORECASE,
)
_NO_MODEL = ("deploymentnotfound", "model_not_found")
_LOGGER = logging.getLogger("azure_agents")


def judge(error: AzureAgentsError, *, names_model: bool = True, may_repeat: bool = True) -> Kind:
    """Say what a failure means.

    Args:
        error: Of one attempt.
        names_model: The operation is asked of a deployment, so a 404 may be the deployment's.
        may_repeat: A second application harms nobody; else another deployment is asked only if the
            request was provably not applied.
    """
    kind = _kind(error, names_model=names_model)
    is_lost = kind == "failed" and not may_repeat and not was_not_applied(error)
    return "wrong" if is_lost else kind


def is_about_an_id(error: AzureAgentsError) -> bool:
    """Whether a 404 is about what the caller named by an id, and not about the deployment.

    Args:
        error: Of one attempt.
    """
    if isinstance(error, ThreadNotFoundError):
        return True
    is_other = isinstance(error, NotFoundError) and not is_about_the_model(error)
    return is_other and _SENT_ID.search(error.message) is not None


def is_about_the_model(error: AzureAgentsError) -> bool:
    """Whether a service knows no deployment, model or agent of the name that it was asked for.

    Args:
        error: Of one attempt.
    """
    is_code = isinstance(error, NotFoundError) and (error.code or "").lower() in _NO_MODEL
    return is_code or isinstance(error, AgentNotFoundError)


def _kind(error: AzureAgentsError, *, names_model: bool) -> Kind:
    if isinstance(error, RateLimitError):
        return "busy"
    if is_about_an_id(error):
        return "wrong"
    if isinstance(error, _OURS) or (names_model and isinstance(error, NotFoundError)):
        return "broken"
    if isinstance(error, _THEIRS) or error.status == REQUEST_TIMEOUT:
        return "failed"
    return "wrong"


@dataclass(slots=True)
class _State:
    """Times are microseconds, on the router's clock."""

    busy_until: int = 0
    failed_until: int = 0
    failed_at: int = 0
    answered_at: int = 0
    failures: deque[int] = field(default_factory=deque)
    times: int = 0
    error: AzureAgentsError | None = None


class Health:
    """What is known of the deployments of a router, in this process.

    Args:
        clock: Time, to be replaced in tests.
        cooldown: Seconds that a deployment is put aside, where the service does not say.
        allowed_fails: Failures in a minute that are overlooked; a 429 never is.
        is_off: Nothing is ever put aside.
    """

    def __init__(
        self, clock: Clock, cooldown: float = COOLDOWN, allowed_fails: int = 0, *, is_off: bool
    ) -> None:
        self._clock = clock
        self._cooldown = cooldown
        self._allowed_fails = allowed_fails
        self._is_off = is_off
        self._lock = Lock()
        self._of: dict[str, _State] = {}

    def busy_for(self, deployment: Deployment) -> int:
        """Microseconds until the time that the service asked for; 0: none."""
        until = self._state(deployment).busy_until
        return max(0, until - self._now()) if until else 0

    def failed_for(self, deployment: Deployment) -> int:
        """Microseconds that it is still put aside since it failed; 0: it is not."""
        until = self._state(deployment).failed_until
        return max(0, until - self._now()) if until else 0

    def last_error(self, deployment: Deployment) -> AzureAgentsError | None:
        """Why it failed last."""
        return self._state(deployment).error

    def times(self, deployment: Deployment) -> int:
        """How often it was put aside."""
        return self._state(deployment).times

    def note(self, deployment: Deployment, kind: Kind, error: AzureAgentsError) -> float:
        """Remember a failure.

        Args:
            deployment: Which one failed.
            kind: What `judge` says.
            error: Of the attempt.

        Returns:
            Seconds for which no process should ask it; 0.0: that is not so.
        """
        cooldown = self._cooldown if deployment.cooldown is None else deployment.cooldown
        with self._lock:
            state, now = self._state(deployment), self._now()
            state.error = error
            if kind == "busy":
                asked = cooldown if error.retry_after is None else error.retry_after
                seconds = self._busy(state, asked, now)
                return 0.0 if deployment.is_any else seconds  # its other models are not busy
            if isinstance(error, _BY_REQUEST) and state.answered_at > now - _MINUTE:
                return 0.0
            state.failed_at, is_news = now, state.failed_until <= now
            self._failed(state, max(cooldown, _BROKEN) if kind == "broken" else cooldown, kind)
        if kind == "broken" and is_news and not deployment.is_any:  # callers would write the log
            _LOGGER.warning("router: %s is put aside: %s", _shown(deployment), error)
        return 0.0

    def succeeded(self, deployment: Deployment, begun_at: int) -> None:
        """Remember that a request succeeded.

        Args:
            deployment: Which one answered.
            begun_at: When the request began, in microseconds: one from before a failure proves
                nothing.
        """
        state = self._state(deployment)
        state.answered_at = begun_at
        if state.failed_until and begun_at >= state.failed_at:
            state.failed_until = 0

    def _busy(self, state: _State, seconds: float, now: int) -> float:
        if self._is_off:
            return 0.0
        state.times += max(state.busy_until, state.failed_until) <= now < now + seconds
        state.busy_until = max(state.busy_until, now + int(seconds * SECOND))
        return seconds

    def _failed(self, state: _State, seconds: float, kind: Kind) -> None:
        now = state.failed_at
        state.failures.append(now)
        while state.failures[0] <= now - _MINUTE:
            state.failures.popleft()
        is_overlooked = kind == "failed" and len(state.failures) <= self._allowed_fails
        if not is_overlooked and not self._is_off:
            state.times += max(state.busy_until, state.failed_until) <= now
            state.failed_until = max(state.failed_until, now + int(seconds * SECOND))

    def _state(self, deployment: Deployment) -> _State:
        id = deployment.health_id
        found = self._of.get(id)
        if found is None:
            if len(self._of) >= _MOST and deployment.is_any:
                self._forget()
            found = self._of.setdefault(id, _State())
        return found

    def _forget(self) -> None:
        """Forget all that were put aside no longer; of a flood of names the rest, too."""
        now = self._now()
        aside = {
            id: state
            for id, state in list(self._of.items())
            if max(state.busy_until, state.failed_until) > now
        }
        self._of = aside if len(aside) < _MOST else {}

    def _now(self) -> int:
        return int(self._clock.time() * SECOND)


def _shown(deployment: Deployment) -> str:
    return f"{deployment.model!r} of {deployment.name!r} ({deployment.id})"
