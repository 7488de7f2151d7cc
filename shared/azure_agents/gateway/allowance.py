"""What a key may still use: requests and tokens in a minute, dollars in a period.

The windows are the router's: a key is counted like a deployment, in Redis, too. A budget is
reserved before a call, as far as its price is known, and settled after it; budgets count in this
process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from ..routing.counts import Ticket
from ..routing.deployments import Deployment
from ..routing.limits import Amounts, Limits
from .board import Board
from .config.objects import GatewayKey, Period
from .keyring import Caller
from .meter import Meter
from .refusals import Refusal

_DAYS_OF_A_WEEK = 7


@dataclass(slots=True)
class Taken:
    """What a call has reserved.

    Attributes:
        caller: Whose key.
        ticket: Its place in the key's windows; None: it has no limits.
        dollars: Reserved of the budget.
    """

    caller: Caller
    ticket: Ticket | None = None
    dollars: float = 0.0


class Budgets:
    """Dollars that keys have used, with what is reserved; they outlive a change of the config.

    Args:
        today: Gives the day, to be replaced in tests.
    """

    def __init__(self, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._today = today
        self._used: dict[tuple[str, date], float] = defaultdict(float)

    def left(self, key: GatewayKey) -> float | None:
        """Dollars that a key has left in its period; None: it has no budget.

        Args:
            key: The key.
        """
        return None if key.budget is None else key.budget - self._used[self._period(key)]

    def add(self, key: GatewayKey, dollars: float) -> None:
        """Count dollars; less than 0 gives a reservation back.

        Args:
            key: The key.
            dollars: How many.
        """
        self._used[self._period(key)] += dollars

    def seconds_left(self, key: GatewayKey) -> float | None:
        """Seconds until the next period begins; None: there is none.

        Args:
            key: The key.
        """
        begin = _next(self._today(), key.budget_period)
        if begin is None:
            return None
        moment = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
        return max(1.0, (moment - datetime.now(UTC)).total_seconds())

    def _period(self, key: GatewayKey) -> tuple[str, date]:
        return key.name, _begin(self._today(), key.budget_period)


@lru_cache(100)
def _begin(day: date, period: Period) -> date:
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    return day if period == "day" else date.min


def _next(day: date, period: Period) -> date | None:
    if period == "total":
        return None
    if period == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return _begin(day, period) + timedelta(days=1 if period == "day" else _DAYS_OF_A_WEEK)


class Allowance:
    """Lets calls begin, as far as their keys allow.

    Args:
        board: Whose counts are used.
        budgets: Of all keys.
    """

    def __init__(self, board: Board, budgets: Budgets) -> None:
        self._board, self._budgets = board, budgets
        self._counted: dict[str, Deployment] = {}

    async def take(self, caller: Caller, amounts: Amounts, dollars: float | None) -> Taken:
        """Reserve what a call will use.

        Args:
            caller: Whose key.
            amounts: Tokens, as far as known.
            dollars: The same in money; None: the price is not known.

        Raises:
            Refusal: The key has no more.
        """
        taken = Taken(caller)
        key = caller.key
        if key is None:
            return taken
        self._reserve(key, taken, dollars or 0.0)
        try:
            taken.ticket = await self._place(key, amounts)
        except BaseException:
            self._budgets.add(key, -taken.dollars)
            raise
        return taken

    async def settle(self, taken: Taken, used: Amounts | None, meter: Meter | None) -> None:
        """Put what a call used in the place of what it reserved.

        Args:
            taken: What it reserved.
            used: Tokens; None: it does not tell.
            meter: Of the answer; None: there was none, and nothing was used.
        """
        if taken.caller.key is not None:
            cost = meter.cost() if meter is not None else None
            self._budgets.add(taken.caller.key, (cost or 0.0) - taken.dollars)
        if taken.ticket is not None:
            await self._board.give_back(taken.ticket, used if meter is not None else Amounts())

    def _reserve(self, key: GatewayKey, taken: Taken, dollars: float) -> None:
        left = self._budgets.left(key)
        if left is None:
            return
        if left <= 0 or left < dollars:
            raise Refusal(
                429,
                f"the budget of the key {key.name!r} is spent",
                code="insufficient_quota",
                retry_after=self._budgets.seconds_left(key),
            )
        taken.dollars = dollars
        self._budgets.add(key, dollars)

    async def _place(self, key: GatewayKey, amounts: Amounts) -> Ticket | None:
        if key.rpm is None and key.tpm is None:
            return None
        counted = self._counted.get(key.name) or self._counted.setdefault(key.name, _counted(key))
        ticket = await self._board.begin(counted, amounts)
        if ticket is None:
            wait = self._board.wait(counted, amounts)
            raise Refusal(
                429,
                f"the key {key.name!r} is at its limit",
                code="rate_limit_exceeded",
                retry_after=wait,
            )
        return ticket


def _counted(key: GatewayKey) -> Deployment:
    """A key in the form in which the router counts."""
    limits = Limits(rpm=key.rpm, tpm=key.tpm)
    return Deployment(id=f"key/{key.name}", name=key.name, model="", resource="", limits=limits)
