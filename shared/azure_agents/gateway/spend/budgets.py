"""Dollars that keys have used in their periods, with what is reserved.

Without Redis they count in this process. With one a call is let through only if it fits what all
processes used and hold together; while Redis is away, what the others had is taken to be as it was
last. They outlive a change of the config.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from time import monotonic

from ..config.objects import GatewayKey
from .link import Shared
from .periods import KEPT, begin_of, seconds_left
from .scripts import RENEW, State, leave, reserve

_AGAIN = 300.0  # seconds after which what did not change is told again, in case Redis has lost it
_PARTS = 10**9  # of a dollar: sums of whole numbers are exact


@dataclass(slots=True)
class _Budget:
    """One key in one period, in billionths of a dollar; `most` is None without a budget."""

    key: GatewayKey
    begin: date
    used: int = 0
    held: int = 0
    others: int = 0
    version: int = 0
    told: int = 0  # the last version that Redis knows
    told_at: float = 0.0
    most: int | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.belongs_to(self.key)

    def belongs_to(self, key: GatewayKey) -> None:
        """Take the key as the config has it now: its budget may have changed."""
        self.key = key
        self.most = None if key.budget is None else _whole(key.budget)

    def fits(self, asked: int) -> bool:
        """Whether what is asked, and already held, fits, as far as this process knows."""
        before, most = self.used + self.held - asked + self.others, self.most
        return most is None or (before < most and before + asked <= most)


@dataclass(frozen=True, slots=True)
class Held:
    """What a call has reserved."""

    budget: _Budget
    parts: int


class Budgets:
    """The budgets of all keys.

    Args:
        shared: Redis; None: there is none.
        today: Gives the day in UTC, to be replaced in tests.
    """

    def __init__(
        self,
        shared: Shared | None = None,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._shared, self._today = shared, today
        self._of: dict[tuple[str, date], _Budget] = {}

    async def hold(self, key: GatewayKey, dollars: float) -> Held | None:
        """Reserve dollars of a key's budget; None: that many are not left.

        Args:
            key: The key; without a budget there is always enough.
            dollars: How many.
        """
        one, asked = self._budget(key), _whole(dollars)
        if one.most is None:
            return Held(one, 0)
        if self._shared is None or not self._shared.is_on:
            return await self._reserve(one, asked)
        # One at a time: what others of this process ask for now is not theirs yet, and must not
        # seem to be held when Redis adds up.
        async with one.asking:
            return await self._reserve(one, asked)

    async def _reserve(self, one: _Budget, asked: int) -> Held | None:
        one.held += asked
        one.version += 1
        try:
            fits = await self._ask(one, asked)
        except BaseException:
            self._give_back(one, asked)
            raise
        if fits:
            return Held(one, asked)
        self._give_back(one, asked)
        return None

    def opened(self, key: GatewayKey) -> Held:
        """Reserve nothing, for what costs nothing, or was paid for when it was begun.

        Args:
            key: The key, whose budget may be spent.
        """
        return Held(self._budget(key), 0)

    async def settle(self, held: Held, dollars: float) -> None:
        """Count what a call cost, in the place of what it reserved, in the period that it began in.

        Args:
            held: What it reserved.
            dollars: What it cost.
        """
        one = held.budget
        one.used += _whole(dollars)
        self._give_back(one, held.parts)
        if one.most is not None:
            await self._ask(one, None)

    def release(self, held: Held) -> None:
        """Give a reservation back: the call was not made."""
        self._give_back(held.budget, held.parts)

    def left(self, key: GatewayKey) -> float | None:
        """Dollars that a key has left, as far as this process knows; None: it has no budget.

        Args:
            key: The key.
        """
        one = self._budget(key)
        return None if one.most is None else (one.most - one.used - one.held - one.others) / _PARTS

    def seconds_left(self, key: GatewayKey) -> float | None:
        """Seconds until a key's next period begins; None: there is none.

        Args:
            key: The key.
        """
        return seconds_left(self._today(), key.budget_period)

    async def tell(self, *, at_the_end: bool = False) -> None:
        """Let Redis know what it does not, and again what it may have lost.

        Args:
            at_the_end: This process ends.
        """
        for one in list(self._of.values()):
            if one.most is not None and (_is_due(one) or at_the_end):
                await self._ask(one, None)
            if at_the_end and self._shared is not None and one.told == one.version:
                await self._shared.ask(leave(_place(self._shared, one), self._shared.process))

    async def _ask(self, one: _Budget, asked: int | None) -> bool:
        """Tell Redis, and ask it; while it is away this process decides."""
        shared = self._shared
        if shared is None or not shared.is_on:
            return one.fits(asked or 0)
        state = State(one.version, one.used, one.held, one.most or 0, KEPT[one.key.budget_period])
        reply = await shared.ask(reserve(_place(shared, one), shared.process, state, asked))
        if reply is None:
            return one.fits(asked or 0)
        one.others = int(reply[1])
        one.told, one.told_at = max(one.told, state.version), monotonic()
        return bool(reply[0])

    def _budget(self, key: GatewayKey) -> _Budget:
        name = key.name, begin_of(self._today(), key.budget_period)
        one = self._of.get(name)
        if one is None:
            self._forget()
            one = self._of[name] = _Budget(key, name[1])
        if one.key is not key:
            one.belongs_to(key)
        return one

    def _forget(self) -> None:
        """Drop periods that are over, and of which Redis knows."""
        is_on = self._shared is not None and self._shared.is_on
        for name, one in list(self._of.items()):
            is_over = one.begin < begin_of(self._today(), one.key.budget_period)
            is_told = not is_on or one.most is None or one.told == one.version
            if is_over and is_told and not one.held:
                del self._of[name]

    @staticmethod
    def _give_back(one: _Budget, parts: int) -> None:
        one.held -= parts
        one.version += 1


def _place(shared: Shared, one: _Budget) -> str:
    return shared.key(f"key/{one.key.name}", f"budget:{one.key.budget_period}:{one.begin}")


def _is_due(one: _Budget) -> bool:
    silence = monotonic() - one.told_at
    return one.told != one.version or silence > (RENEW if one.held else _AGAIN)


def _whole(dollars: float) -> int:
    return round(dollars * _PARTS)
