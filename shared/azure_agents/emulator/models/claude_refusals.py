"""Error answers of Claude's messages, in Anthropic's envelope.

Source: error_400_prompt_too_long, recorded at Anthropic: what Foundry passes on. The sentences
about single fields are Anthropic's, quoted by users. A wrong path has an envelope of Foundry's own
(quoted by users).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..world import problems

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..world.problems import Problem
    from ..world.state import World

_STATUSES = {
    "invalid_request_error": 400,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
}
# What codes of scripts are called here.
_KINDS = {"content_filter": "invalid_request_error", "rate_limit_exceeded": "rate_limit_error"}
_FILTERED = "Output blocked by content filtering policy"


def refusal(world: World, kind: str, message: str) -> Problem:
    """Build an error of a kind of Anthropic's; its id is in body and headers."""
    id = world.ids.claude("req")
    error = {"type": kind, "message": message}
    body = {"type": "error", "error": error, "request_id": id}
    told = "true" if _STATUSES[kind] in {429, 500, 529} else "false"  # recorded: false of a 400
    headers = {"content-type": "application/json", "request-id": id, "x-should-retry": told}
    return problems.Problem(_STATUSES[kind], body, headers=headers, has_request_id=False)


def invalid(world: World, message: str) -> Problem:
    """Build the 400 of a request that Claude cannot take."""
    return refusal(world, "invalid_request_error", message)


def failed(world: World) -> Callable[[str, str], Problem]:
    """Return what builds the answer of a script that fails: by the code of the failure."""
    return partial(_failed, world)


def _failed(world: World, code: str, message: str) -> Problem:
    kind = _KINDS.get(code, code if code in _STATUSES else "api_error")
    problem = refusal(world, kind, _FILTERED if code == "content_filter" else message)
    if problem.status == 429:
        problem.headers |= {"retry-after": "1"}
    return problem


def too_many(world: World) -> Callable[[int, dict[str, str]], Problem]:
    """Return what builds the 429 of a deployment over its limit; only `retry-after` is told."""

    def build(milliseconds: int, _: dict[str, str]) -> Problem:
        message = "This request would exceed your deployment's rate limit."
        problem = refusal(world, "rate_limit_error", message)
        problem.headers["retry-after"] = str(-(-milliseconds // 1000))
        return problem

    return build


def no_api() -> Problem:
    """Build the 404 of a path below ``/anthropic`` that is not served."""
    message = "Requested API is currently not supported"
    problem = problems.gateway(404, "api_not_supported", message)
    problem.body["error"]["details"] = message
    problem.has_request_id = False
    return problem
