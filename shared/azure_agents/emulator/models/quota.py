"""Limits of deployments: requests and tokens in a minute, their headers, and the 429 beyond them.

Headers as in chat_stream_dated_gpt41mini (March 2026) and responses_v1_plain_gpt5nano (August
2026): a reset is the time in which what was used renews itself, first in milliseconds, later in
whole seconds. How the service counts is documented: at the start of a request, by an estimate from
the prompt and the most tokens that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from .refusals import too_many

if TYPE_CHECKING:
    from ..world.deployments import Deployment
    from ..world.problems import Problem
    from ..world.state import World

Refuse: TypeAlias = Callable[[int, dict[str, str]], "Problem"]

_MINUTE = 60.0
_SHORT = 10.0  # from 60 requests a minute on, a sixth of them in ten seconds: documented


def admit(
    world: World, deployment: Deployment, tokens: int, refuse: Refuse = too_many
) -> dict[str, str]:
    """Count a request, or refuse it with a 429.

    Args:
        world: The state.
        deployment: What is asked.
        tokens: The estimate of this request: prompt, and most tokens of the answer.
        refuse: Builds the 429 from the milliseconds to wait and the headers.

    Returns:
        The headers that tell the limits; none where there are none.
    """
    now, asked = world.clock.time(), deployment.asked
    while asked and asked[0][0] <= now - _MINUTE:
        asked.popleft()
    wait = max(_wait_for_requests(deployment, now), _wait_for_tokens(deployment, now, tokens))
    if wait > 0:
        raise refuse(max(1, round(1000 * wait)), _headers(world, deployment))
    asked.append((now, tokens))
    return _headers(world, deployment)


def _wait_for_requests(deployment: Deployment, now: float) -> float:
    times = [time for time, _ in deployment.asked]
    limit = deployment.rpm
    if limit is None:
        return 0.0
    wait = _wait(times, limit, _MINUTE, now)
    if limit >= _MINUTE:
        wait = max(wait, _wait(times, -(-limit // 6), _SHORT, now))
    return wait


def _wait(times: Sequence[float], limit: int, window: float, now: float) -> float:
    """Return the seconds until fewer than `limit` of these times lie in the window."""
    inside = [time for time in times if time > now - window]
    return inside[-limit] + window - now if len(inside) >= limit else 0.0


def _wait_for_tokens(deployment: Deployment, now: float, tokens: int) -> float:
    if deployment.tpm is None:
        return 0.0
    used = sum(count for _, count in deployment.asked)
    for time, count in deployment.asked:
        if used + tokens <= deployment.tpm:
            return 0.0
        used -= count
        if used + tokens <= deployment.tpm:
            return time + _MINUTE - now
    # One request that is larger than the whole limit is refused forever; the wait is a guess.
    return _MINUTE if tokens > deployment.tpm else 0.0


def _headers(world: World, deployment: Deployment) -> dict[str, str]:
    asked, shown = deployment.asked, dict[str, str]()
    counts = {
        "requests": (deployment.rpm, len(asked)),
        "tokens": (deployment.tpm, sum(count for _, count in asked)),
    }
    unit = 1000 if world.rules.resets_in_milliseconds else 1
    for kind, (limit, used) in counts.items():
        if limit is None:
            continue
        shown |= {
            f"x-ratelimit-limit-{kind}": str(limit),
            f"x-ratelimit-remaining-{kind}": str(max(0, limit - used)),
            f"x-ratelimit-renewalperiod-{kind}": "60",
            f"x-ratelimit-reset-{kind}": str(int(_MINUTE * unit * used / limit)),
        }
    named = {"x-ratelimit-abusepenalty-active": "False"}
    if not world.rules.resets_in_milliseconds:  # the key came with the whole seconds
        named["x-ratelimit-key"] = deployment.name
    return named | shown if shown else {}
