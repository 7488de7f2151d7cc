"""Every error of this package, as one tree; errors carry facts, not prose alone.

    AzureAgentsError
    ├── ConfigError                  a setting is missing or wrong; nothing was sent
    ├── InvalidRequestError          the messages or options of a call are wrong; not asked
    ├── CredentialError              no token could be had; nothing was sent
    ├── TransportError               the network failed
    │   ├── NotSentError             provably before anything was sent (name look-up, connect, TLS)
    │   ├── TimedOutError            one wait was too long (connect, read, between two events)
    │   │   └── DeadlineError        the whole turn took too long
    │   └── ConnectionLostError      sent, and the answer was lost or cut
    ├── ServiceError                 the service answered with an error status or error event
    │   ├── BadRequestError          400 and other 4xx without a class of their own
    │   │   ├── ContentFilteredError a content filter refused the prompt
    │   │   └── PoisonedThreadError  the pinned thread refuses every turn; a fork leaves it behind
    │   ├── AuthenticationError      401: token missing, expired or for another audience
    │   ├── PermissionDeniedError    403, and 401 with code PermissionDenied: a role is missing
    │   ├── NotFoundError            404
    │   │   ├── AgentNotFoundError   the agent, its version or its deployment is unknown
    │   │   └── ThreadNotFoundError  the thread, conversation, response or run is unknown
    │   ├── ConflictError            409
    │   ├── RateLimitError           429, and runs that failed with rate_limit_exceeded
    │   └── ServerError              5xx
    ├── TurnError                    the turn itself ended badly on the server
    │   ├── RunFailedError           status failed
    │   ├── RunCancelledError        status cancelled
    │   └── RunExpiredError          status expired
    ├── StructuredOutputError        the answer holds no object of the wanted kind
    │   └── RefusedError             the agent refused to give one
    ├── StreamInterruptedError       cut after text was delivered, and no way to continue it truly
    ├── TurnUnknownError             sent, no answer, and the service does not say what became of it
    ├── ThreadBusyError              another turn is active on a pinned thread or in a session
    ├── StoreUnavailableError        the thread store is down where forgetting is wrong; not done
    ├── ToolOutcomeUnknownError      a tool was begun for a call before and is not run again
    └── ProtocolError                bytes from the service that cannot be understood

``Abandoned`` stands outside the tree: drivers throw it into a flow when the caller stops.

The sentence of an error is one line, whatever it quotes, and what looks like a credential in it is
blotted out: services and proxies repeat what they were sent, and errors end in logs.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "AgentNotFoundError",
    "AuthenticationError",
    "AzureAgentsError",
    "BadRequestError",
    "ConfigError",
    "ConflictError",
    "ConnectionLostError",
    "ContentFilteredError",
    "CredentialError",
    "DeadlineError",
    "InvalidRequestError",
    "NotFoundError",
    "NotSentError",
    "PermissionDeniedError",
    "PoisonedThreadError",
    "ProtocolError",
    "RateLimitError",
    "RefusedError",
    "RunCancelledError",
    "RunExpiredError",
    "RunFailedError",
    "ServerError",
    "ServiceError",
    "StoreUnavailableError",
    "StreamInterruptedError",
    "StructuredOutputError",
    "ThreadBusyError",
    "ThreadNotFoundError",
    "TimedOutError",
    "ToolOutcomeUnknownError",
    "TransportError",
    "TurnError",
    "TurnUnknownError",
]

FACTS = (
    "status",
    "code",
    "param",
    "request_id",
    "retry_after",
    "content_filter",
    "agent",
    "model",
    "thread_id",
    "run_id",
    "response_id",
    "partial_text",
)
_NOT_SHOWN = ("content_filter", "partial_text")  # the filters are named in the message
_SHOWN = 256  # characters of a fact in the sentence; the attribute has it whole
# Control characters too: a line break forges a line in a log, an escape moves a terminal's cursor.
_NO_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_QUOTES = r"[\\'\"]{0,3}"  # of JSON, of JSON in JSON, of what Python prints
_SECRET = re.compile(
    r"(?-i:eyJ)[\w-]{5,}(?:\.[\w-]*){0,2}"  # a JWT; an id may well hold "eYj"
    r"|(?<=bearer )[\w.~+/=-]{16,}"
    rf"|(?P<name>(?:api|subscription)-key{_QUOTES}[:=,] ?b?{_QUOTES})[^\s\\'\",;&]+"
    r"|(?<=sig=)[^\s&\"']+"
    r"|(?<=://)[^\s/@\"']{1,256}(?=@)",  # user and password of a URL
    re.IGNORECASE,
)


def one_line(text: str) -> str:
    """Return the text without line breaks, control characters, and what looks like a credential.

    Args:
        text: What may be shown to users and in logs, of any length.
    """
    return _SECRET.sub(_blot, _NO_SPACES.sub(" ", text))


def _blot(found: re.Match[str]) -> str:
    return f"{found['name'] or ''}[hidden]"


class AzureAgentsError(Exception):
    """Base of every error this package raises.

    The facts stand in attributes, named as the constructor's arguments; a fact that nobody gave is
    None.

    Attributes:
        is_unexplained: The error is a 400 or 404 without a reason: its body was empty, or not the
            service's.
    """

    is_unexplained = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        content_filter: dict[str, Any] | None = None,
        agent: str | None = None,
        model: str | None = None,
        thread_id: str | None = None,
        run_id: str | None = None,
        response_id: str | None = None,
        partial_text: str | None = None,
    ) -> None:
        """Keep the sentence and the facts.

        Args:
            message: What went wrong, the value, the next step.
            status: HTTP status of the answer, if there was one.
            code: The service's error code (a word, or a number as text).
            param: The request field the service complained about.
            request_id: ``x-request-id`` or ``apim-request-id`` of the answer.
            retry_after: Seconds the service asks to wait.
            content_filter: The content filters that struck, by name, each with what the service
                says of it: ``{"violence": {"filtered": True, "severity": "medium"}}``. ``{}`` if it
                says only that something was filtered; None if nothing was.
            agent: The agent as requested, for instance ``my-agent:1``.
            model: The deployment as requested, for instance ``azure/my-deployment``.
            thread_id: Thread or conversation of the turn.
            run_id: Run of the turn (classic).
            response_id: Response of the turn (v2).
            partial_text: Text delivered before the failure.
        """
        self.message = one_line(message)
        super().__init__(self.message)
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.content_filter = content_filter
        self.agent = agent
        self.model = model
        self.thread_id = thread_id
        self.run_id = run_id
        self.response_id = response_id
        self.partial_text = partial_text

    @property
    def is_filtered(self) -> bool:
        """Whether a content filter refused the prompt or stopped the answer.

        It is so for a refused request, an error in a stream, and a failed run or response.
        """
        return self.content_filter is not None

    @property
    def facts(self) -> dict[str, Any]:
        """The known facts by name; ``type(error)(error.message, **error.facts)`` is a copy."""
        known = ((name, getattr(self, name)) for name in FACTS)
        return {name: value for name, value in known if value is not None}

    def add_facts(self, **facts: str | None) -> None:
        """Fill facts that are still unknown; what is known already stays.

        Args:
            facts: Values by the name of the fact, see `FACTS`.
        """
        for name, value in facts.items():
            if getattr(self, name) is None:
                setattr(self, name, value)

    def say_more(self, sentence: str) -> None:
        """Add a sentence about something learnt after the error was made.

        Args:
            sentence: What is added behind a semicolon.
        """
        self.message = f"{self.message}; {one_line(sentence)}"
        self.args = (self.message,)

    def __str__(self) -> str:
        # Ids come from the wire, where nothing bounds them.
        known = {k: str(v)[:_SHOWN] for k, v in self.facts.items() if k not in _NOT_SHOWN}
        if not known:
            return self.message
        return f"{self.message} ({one_line(', '.join(f'{k}={v}' for k, v in known.items()))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            _rebuild,
            (type(self), self.message, self.facts),
            {"is_unexplained": self.is_unexplained},
        )


def _rebuild(cls: type[AzureAgentsError], message: str, facts: dict[str, Any]) -> AzureAgentsError:
    return cls(message, **facts)


class ConfigError(AzureAgentsError):
    """A setting is missing or wrong. Nothing was sent."""


class InvalidRequestError(AzureAgentsError):
    """The messages or options of a call are wrong. The agent was not asked."""


class CredentialError(AzureAgentsError):
    """No token could be had. Nothing was sent."""


class TransportError(AzureAgentsError):
    """The network failed."""


class NotSentError(TransportError):
    """Failed before anything was sent: always safe to try again."""


class TimedOutError(TransportError):
    """One wait was too long; the request may have been applied."""


class DeadlineError(TimedOutError):
    """The whole turn took longer than ``timeout``."""


class ConnectionLostError(TransportError):
    """Sent, and the answer was lost or cut; the request may have been applied."""


class ServiceError(AzureAgentsError):
    """The service answered with an error."""


class BadRequestError(ServiceError):
    """The service refused the request as wrong."""


class ContentFilteredError(BadRequestError):
    """A content filter refused the prompt; ``content_filter`` says which one.

    A run or response that failed at a filter is a `RunFailedError`; `is_filtered` is true of both.
    """


class PoisonedThreadError(BadRequestError):
    """The pinned thread holds something that makes the service refuse every further turn."""


class AuthenticationError(ServiceError):
    """The token is missing, expired, of another tenant or for another audience."""


class PermissionDeniedError(ServiceError):
    """The caller is known but lacks a role, or the network is closed to it."""


class NotFoundError(ServiceError):
    """The service does not know what was asked for."""


class AgentNotFoundError(NotFoundError):
    """The agent, its version or its model deployment is unknown."""


class ThreadNotFoundError(NotFoundError):
    """The thread, conversation, response or run is unknown (or gone)."""


class ConflictError(ServiceError):
    """The resource was changed by somebody else at the same time."""


class RateLimitError(ServiceError):
    """Too many requests or tokens; ``retry_after`` says how long to wait, if known."""


class ServerError(ServiceError):
    """The service failed."""


class TurnError(AzureAgentsError):
    """The turn ended badly on the server; it is never reported as success."""


class RunFailedError(TurnError):
    """The run or response failed."""


class RunCancelledError(TurnError):
    """The run or response was cancelled by somebody."""


class RunExpiredError(TurnError):
    """The run was not finished in the time the service allows."""


class StructuredOutputError(AzureAgentsError):
    """The answer holds no object of the wanted kind; ``partial_text`` is what the agent said."""


class RefusedError(StructuredOutputError):
    """The agent refused to give an object; ``partial_text`` is the refusal."""


class StreamInterruptedError(AzureAgentsError):
    """The stream was cut after text was delivered, and the answer cannot be continued truly."""


class TurnUnknownError(AzureAgentsError):
    """The turn was sent, its answer was lost, and the service does not say what became of it."""


class ThreadBusyError(AzureAgentsError):
    """Another turn is active on the pinned thread, or in the session of a hosted agent."""


class StoreUnavailableError(AzureAgentsError):
    """The thread store is down where forgetting would be wrong.

    A pinned thread could not be closed there (nothing was sent), or the beginning of a tool's run
    not be noted (it was not run).
    """


class ToolOutcomeUnknownError(AzureAgentsError):
    """A tool was begun for this call before, and no result of it is known. It was not run."""


class ProtocolError(AzureAgentsError):
    """The service sent something that cannot be understood."""


class Abandoned(BaseException):
    """Thrown into a flow when the caller stopped; it may yield a few clean-up commands."""

    def __init__(self) -> None:
        super().__init__()
