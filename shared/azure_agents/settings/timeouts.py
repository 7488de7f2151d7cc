"""How long to wait: for a turn, for a plain answer, for the events of a stream.

The defaults follow recorded traffic. Ordinary turns took 66 to 266 seconds there, and a server
error came after 82 to 100: a minute would have ended them all. A plain answer sends nothing until
it is there, so it may take the whole turn. A v2 stream sends an event at least every 30 seconds, if
only a keepalive; no other stream does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import cast

from ..errors import ConfigError
from ..naming import Generation, shown

DEFAULT_TIMEOUT = 600.0  # seconds; what the openai SDK allows by default, too
_MOST_SECONDS = 1e9  # 31 years
# v2: four times the recorded 30 seconds between two signs of life. Classic streams begin at once
# and then may be silent for as long as a tool runs: no recording has a sign of life in between.
_EVENTS = {"v2": (120.0, 120.0), "classic": (120.0, DEFAULT_TIMEOUT)}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: For a connection.
        read: For the next bytes of a plain answer.
        first_event: From the request to the first event of its stream; None: what fits the agent,
            120 seconds. Of a deployment to the first content; None: `turn`.
        between_events: For every further event; None: what fits the agent: 120 seconds on v2,
            whose streams give a sign of life every 30, and 600 on classic and at endpoints of
            hosted agents and published applications, which give none.
        turn: For the whole turn with all its requests, or None for no limit.
        busy: For another's turn on a pinned thread to end, or a lost one to turn up there; within
            `turn`.
    """

    connect: float = 10.0
    read: float = DEFAULT_TIMEOUT
    first_event: float | None = None
    between_events: float | None = None
    turn: float | None = DEFAULT_TIMEOUT
    busy: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None or field.name in ("connect", "read", "busy"):
                _check_seconds(field.name, value)

    @classmethod
    def of(cls, value: float | Timeouts | None) -> Timeouts:
        """Read ``timeout=``: a number limits the whole turn, and a plain answer in it.

        None sets no limit for the turn; a single wait then ends after ten minutes.

        Args:
            value: Seconds, `Timeouts` (given back as they are), or None.

        Raises:
            ConfigError: Not a positive, finite number.
        """
        if isinstance(value, Timeouts):
            return value
        if value is None:
            return cls(turn=None)
        _check_seconds("timeout", value)
        return cls(min(cls().connect, value), value, turn=value)

    def fitting(self, generation: Generation, own: object = None) -> Timeouts:
        """Fill the limits for events that are None, by what streams of the generation do.

        Args:
            generation: Of the agent.
            own: The agent's own endpoint, if it is called there: no stream of one was recorded.
        """
        first, further = _EVENTS["classic" if own else generation]
        if self.turn is not None and further == DEFAULT_TIMEOUT:
            further = max(
                further, self.turn
            )  # a caller who allows a turn an hour allows silence for as long
        return replace(
            self,
            first_event=first if self.first_event is None else self.first_event,
            between_events=further if self.between_events is None else self.between_events,
        )


def _check_seconds(name: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Sockets and timers overflow on more: a larger number is no better than an infinite one.
    if is_number and 0 < cast("float", value) <= _MOST_SECONDS:
        return
    raise ConfigError(
        f"{name} must be a positive, finite number of seconds, got {shown(value)}: "
        "pass for instance 60.0, timeout=None for no limit, or Timeouts(…)"
    )
