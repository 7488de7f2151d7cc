"""The conditions that every client meets, adjustable while the emulator runs.

A planned `Fault` hits the request that a test names. The weather hits at random: it sets how slow
answers are, and which share of requests and turns fails. The emulator's seed repeats it.
"""

from __future__ import annotations

import dataclasses
import random
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..agent.replies import Failed
from .faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..agent.replies import Part

# Requests that let an agent answer.
_TURN = re.compile(
    r"/(?:responses|runs|submit_tool_outputs|completions|embeddings|images|audio)|/anthropic/v1/messages"
)
_SHARES = ("throttled", "unavailable", "failed_turns", "cut", "lost")


@dataclass(slots=True)
class Weather:
    """How slow and how unreliable the service is; `change` sets several attributes at once.

    Attributes:
        latency: Seconds until any answer begins.
        slow_start: Seconds until an agent's first token.
        tokens_per_second: Speed of an agent's text; None is at once.
        throttled: Share of turns that are refused with 429.
        retry_after: Seconds that a 429 asks the client to wait.
        unavailable: Share of requests that are refused with 503.
        failed_turns: Share of turns that begin and then fail on the server.
        cut: Share of streamed turns whose connection breaks on the way.
        lost: Share of turns that end well, but whose answer never arrives.
    """

    latency: float = 0.0
    slow_start: float = 0.0
    tokens_per_second: float | None = None
    throttled: float = 0.0
    retry_after: float = 1.0
    unavailable: float = 0.0
    failed_turns: float = 0.0
    cut: float = 0.0
    lost: float = 0.0

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, _checked(name, value))

    def change(self, **conditions: Any) -> None:
        """Set several conditions: all of them, or none if one is wrong.

        Args:
            conditions: Fields of this class by name, with their new values; the others stay.
        """
        names = {field.name for field in dataclasses.fields(self)}
        for name, value in conditions.items():
            if name not in names:
                raise ValueError(f"no condition {name!r}; use one of {', '.join(sorted(names))}")
            _checked(name, value)
        for name, value in conditions.items():
            setattr(self, name, value)

    def calm(self) -> None:
        """Reset all conditions: nothing takes time, nothing goes wrong."""
        self.change(**{field.name: field.default for field in dataclasses.fields(self)})

    def now(self) -> dict[str, float | None]:
        """Return the conditions as a plain mapping."""
        return dataclasses.asdict(self)


def _checked(name: str, value: Any) -> float | None:
    if value is None and name == "tokens_per_second":
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= 0:
        raise ValueError(f"{name} must be a number from 0 up, got {value!r}")
    if name in _SHARES and value > 1:
        raise ValueError(f"{name} is a share between 0 and 1, got {value!r}")
    if name == "tokens_per_second" and value == 0:
        raise ValueError("tokens_per_second must be more than 0; None is at once")
    return float(value)


class FaultInjector:
    """Draws the faults, failures and pauses of the weather; safe to use from several threads.

    Args:
        weather: The conditions.
        seed: Makes the draws repeatable.
    """

    def __init__(self, weather: Weather, seed: int | None) -> None:
        self.weather = weather
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - dice, not secrets

    def _hits(self, share: float) -> bool:
        with self._lock:  # a share of 0 draws nothing: the sequence of a seed stays the same
            return share > 0 and self._random.random() < share

    def fault_for(self, method: str, path: str, body: object) -> Fault | None:
        """Draw the fault that hits a request; None if none does."""
        weather = self.weather
        if self._hits(weather.unavailable):
            return Fault("status_before", status=503)
        if method != "POST" or _TURN.search(path) is None:
            return None
        if self._hits(weather.throttled):
            return Fault("status_before", status=429, headers=self._retry(), body=self._refusal())
        is_streamed = isinstance(body, dict) and bool(body.get("stream"))
        if is_streamed and self._hits(weather.cut):
            with self._lock:
                return Fault("cut", after_events=self._random.randint(1, 12))
        return Fault("lost") if self._hits(weather.lost) else None

    def _retry(self) -> Mapping[str, str]:
        seconds = self.weather.retry_after
        return {"retry-after": str(round(seconds)), "retry-after-ms": str(round(1000 * seconds))}

    def _refusal(self) -> dict[str, Any]:
        seconds = round(self.weather.retry_after)
        message = f"Rate limit is exceeded. Try again in {seconds} seconds."
        return {"error": {"code": "429", "message": message}}

    def pick(self, shares: Sequence[float]) -> int:
        """Draw the index of one of several things, each as likely as its share."""
        with self._lock:
            return self._random.choices(range(len(shares)), [share or 1e-9 for share in shares])[0]

    def fail_at_random(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Return the parts of a turn, or a failure instead of them."""
        return (Failed(),) if self._hits(self.weather.failed_turns) else tuple(parts)

    def pause_after(self, event: str) -> float:
        """Return the seconds that pass after an event, at the set speed of text."""
        rate = self.weather.tokens_per_second
        return 1 / rate if rate and event.endswith(".delta") else 0.0
