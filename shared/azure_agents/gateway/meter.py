"""What an answer used, and what that cost: read once, however often it is asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..prices.pricer import Pricer
from ..routing.limits import Amounts
from ..routing.tokens import used

_BYTES = 100  # of a stream for a token, about: each has an event of its own


@dataclass(slots=True)
class Meter:
    """What an answer used, as far as it told.

    Attributes:
        usage: The fields of all usages that came, the later ones counting.
        model: The model's exact name.
        tier: The service tier that answered.
        size: Bytes that went on.
        pricer: Works out what that costs; None: somebody told it, or nobody knows.
        told_cost: US dollars, where the library worked them out.
    """

    usage: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    tier: str | None = None
    size: int = 0
    pricer: Pricer | None = None
    told_cost: float | None = None
    _is_read: bool = False
    _used: Amounts | None = None
    _is_priced: bool = False
    _cost: float | None = None

    def note(self, data: Mapping[str, Any]) -> None:
        """Read an event."""
        self._is_read = self._is_priced = False
        for inner in ("response", "message"):
            if isinstance(data.get(inner), dict):
                data = data[inner]
        if isinstance(data.get("usage"), dict):
            self.usage.update({k: v for k, v in data["usage"].items() if v is not None})
        self.model = data.get("model") or self.model
        self.tier = data.get("service_tier") or self.tier

    def cost(self) -> float | None:
        """US dollars of what was used; None if anything about it is unknown."""
        if not self._is_priced:
            self._cost, self._is_priced = self._priced(), True
        return self._cost

    def _priced(self) -> float | None:
        if self.pricer is None:
            return self.told_cost
        return self.pricer.usd(self.usage, self.model, self.tier) if self.usage else None

    def used(self) -> Amounts | None:
        """Tokens as the service told; None if it told none."""
        if not self._is_read:
            self._used, self._is_read = used(self.usage), True
        return self._used

    def amounts(self, reserved: Amounts) -> Amounts:
        """Tokens as the service told, else by the length of what came.

        Args:
            reserved: For the request.
        """
        return self.used() or Amounts(reserved.input, self.size // _BYTES + 1)
