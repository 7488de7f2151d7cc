"""The periods of budgets, by days in UTC. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from ..config.objects import Period

_DAYS_OF_A_WEEK = 7
# Of a budget in Redis: its period, and a week in which a call that began in it may end.
KEPT: dict[Period, int] = {"day": 8, "week": 14, "month": 38, "total": 0}


@lru_cache(100)
def begin_of(day: date, period: Period) -> date:
    """The first day of the period that a day is in.

    Args:
        day: Any.
        period: Its kind.
    """
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    return day if period == "day" else date.min


def seconds_left(day: date, period: Period) -> float | None:
    """Seconds until the next period begins; None: there is none.

    Args:
        day: Today.
        period: Its kind.
    """
    begin = _next(day, period)
    if begin is None:
        return None
    moment = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
    return max(1.0, (moment - datetime.now(UTC)).total_seconds())


def _next(day: date, period: Period) -> date | None:
    if period == "total":
        return None
    if period == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return begin_of(day, period) + timedelta(days=1 if period == "day" else _DAYS_OF_A_WEEK)
