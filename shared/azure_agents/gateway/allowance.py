"""What a key may still use: requests and tokens in a minute, dollars in a period.

The windows are the router's: a key is counted like a deployment, in Redis, too. A budget is
reserved before a call, as far as its price is known, and settled after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..routing.counts import Ticket
from ..routing.deployments import Deployment
from ..routing.limits import Amounts, Limits
from .board import Board
from .config.objects import GatewayKey
from .keyring import Caller
from .meter import Meter
from .refusals import Refusal
from .spend.budgets import Budgets, Held


@dataclass(slots=True)
class Taken:
    """What a call has reserved.

    Attributes:
        caller: Whose key.
        ticket: Its place in the key's windows; None: it has no limits.
        held: Its part of the key's budget; None: there is no key.
    """

    caller: Caller
    ticket: Ticket | None = None
    held: Held | None = None


class Allowance:
    """Lets calls begin, as far as their keys allow.

    Args:
        board: Whose counts are used.
        budgets: Of all keys.
    """

    def __init__(self, board: Board, budgets: Budgets) -> None:
        self._board, self._budgets = board, budgets
        self._counted: dict[str, Deployment] = {}

    async def take(
        self, caller: Caller, amounts: Amounts, dollars: float | None, *, is_free: bool = False
    ) -> Taken:
        """Reserve what a call will use.

        Args:
            caller: Whose key.
            amounts: Tokens, as far as known.
            dollars: The same in money; None: the price is not known.
            is_free: A spent budget does not forbid it.

        Raises:
            Refusal: The key has no more.
        """
        taken = Taken(caller)
        key = caller.key
        if key is None:
            return taken
        free = self._budgets.opened(key) if is_free else None
        held = taken.held = free or await self._hold(key, dollars or 0.0)
        try:
            taken.ticket = await self._place(key, amounts)
        except BaseException:
            self._budgets.release(held)
            raise
        return taken

    async def settle(self, taken: Taken, used: Amounts | None, meter: Meter | None) -> None:
        """Put what a call used in the place of what it reserved.

        Args:
            taken: What it reserved.
            used: Tokens; None: it does not tell.
            meter: Of the answer; None: there was none, and nothing was used.
        """
        if taken.held is not None:
            cost = meter.cost() if meter is not None else None
            await self._budgets.settle(taken.held, cost or 0.0)
        if taken.ticket is not None:
            await self._board.give_back(taken.ticket, used if meter is not None else Amounts())

    async def _hold(self, key: GatewayKey, dollars: float) -> Held:
        held = await self._budgets.hold(key, dollars)
        if held is None:
            raise Refusal(
                429,
                f"the budget of the key {key.name!r} is spent",
                code="insufficient_quota",
                retry_after=self._budgets.seconds_left(key),
            )
        return held

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
