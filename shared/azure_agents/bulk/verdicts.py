"""What an error says about a row: asked again, looked for, failed for good; or the run must end.

| verdict | errors | what follows |
|---|---|---|
| ``wait`` | 429 | asked again after the time it says, however often |
| ``look`` | the answer was lost: 5xx, a cut connection | looked for by its name, and asked again |
| ``anew`` | the turn ended on the service, by no fault of the row | asked under another name |
| ``fail`` | any other | the row has failed for good |
| ``end`` | nobody may ask: sign-in, role, no such agent | the run ends, rows stay open |

A turn that ran out of time is asked anew, too: where many are under way, that says little of the
row. A 429 and a 503 say that the service is busy, and nothing of the row: they are no attempts.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from ..errors import (
    AgentNotFoundError,
    AuthenticationError,
    AzureAgentsError,
    ConfigError,
    CredentialError,
    DeadlineError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RunCancelledError,
    RunExpiredError,
    RunFailedError,
    StreamInterruptedError,
    ThreadNotFoundError,
    TransportError,
    TurnUnknownError,
)
from ..protocols.retry import began_and_hit_rate_limit, may_have_been_applied, was_not_applied

Verdict: TypeAlias = Literal["wait", "look", "anew", "fail", "end"]

MOST_WEIGHT = 8  # of the errors of a row that is given up
_OUT_OF_TIME = 3
_BUSY = 503
_NOBODY = (
    AgentNotFoundError,
    AuthenticationError,
    ConfigError,
    CredentialError,
    PermissionDeniedError,
)
_ANEW = (ProtocolError, RunCancelledError, RunExpiredError, StreamInterruptedError)
_PASSING = ("server_error", "internal_error")  # of runs that failed, in Azure's words


def judge(error: AzureAgentsError, *, has_answers: bool) -> Verdict:
    """Say what follows from an error.

    Args:
        error: Of one request.
        has_answers: Any row of the run was answered: then a 404 is the row's, not the model's.
    """
    if isinstance(error, RateLimitError):
        return "wait"
    if isinstance(error, _NOBODY):
        return "end"
    if isinstance(error, NotFoundError) and not isinstance(error, ThreadNotFoundError):
        return "fail" if has_answers else "end"
    if isinstance(error, DeadlineError):
        return "anew"
    if may_have_been_applied(error) or was_not_applied(error) or _is_unknown(error):
        return "look"
    if isinstance(error, _ANEW) or (isinstance(error, RunFailedError) and error.code in _PASSING):
        return "anew"
    return "fail"


def needs_new_name(error: AzureAgentsError) -> bool:
    """Whether a turn that was refused at a limit had begun: what it began is not looked for."""
    return began_and_hit_rate_limit(error)


def may_be_there(error: AzureAgentsError) -> bool:
    """Whether the turn may be on the service, so that it must be looked for."""
    return may_have_been_applied(error) or _is_unknown(error)


def says_overload(error: BaseException) -> bool:
    """Whether fewer requests should be under way: the service is busy, or too slow."""
    is_busy = isinstance(error, AzureAgentsError) and error.status == _BUSY
    return is_busy or isinstance(error, DeadlineError)


def weight(error: AzureAgentsError) -> int:
    """How much an error counts against its row.

    Args:
        error: Of one request.

    Returns:
        0: it says nothing of the row, since the service is busy or not reached at all. A turn that
        ran out of time counts more than others: each took that long.
    """
    if isinstance(error, DeadlineError):
        return _OUT_OF_TIME
    return 0 if error.status == _BUSY or isinstance(error, TransportError) else 1


def _is_unknown(error: AzureAgentsError) -> bool:
    return isinstance(error, TurnUnknownError)
