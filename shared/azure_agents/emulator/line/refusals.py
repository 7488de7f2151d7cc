"""The error answers of planned faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..world import problems
from ..world.problems import Problem

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..trouble.faults import Fault

# By status. Of these bodies only that of 500 was recorded.
_BODIES: dict[int, JSON] = {
    401: problems.unauthorized().body,
    403: {"error": {"code": "Forbidden", "message": "Access denied due to Virtual Network rules."}},
    408: {"error": {"code": "Timeout", "message": "The operation was timeout."}},
    409: problems.conflict().body,
    429: {"error": {"code": "429", "message": "Rate limit is exceeded. Try again in 1 seconds."}},
    500: problems.server_error().body,
}
_DEFAULT: JSON = {"error": {"code": "InternalServerError", "message": "Internal server error."}}


def refusal(fault: Fault) -> Problem:
    """Build the error answer of a fault: its own body, or the service's for that status."""
    retry = {"retry-after": "1", "retry-after-ms": "1000"} if fault.status == 429 else {}
    headers = retry | {name.lower(): value for name, value in fault.headers.items()}
    body = _BODIES.get(fault.status, _DEFAULT) if fault.body is None else fault.body
    return Problem(fault.status, body, headers=headers)
