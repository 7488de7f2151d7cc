"""The prices of one model, and how they are read from facts of our table and from LiteLLM's fields.

All prices are US dollars for one unit, as decimals: a sum of floats would drift by what is billed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from ..errors import InvalidRequestError
from ..jsonio import JSON
from ..naming import shown
from .fields import BATCH, OTHER_UNITS, STANDARD, Place, place_of, read_price

Rates: TypeAlias = Mapping[str, Decimal]  # component: US dollars for one unit
_MILLION = Decimal(1_000_000)
_FACTOR = "batch_factor"


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model's tokens, images, characters and seconds cost.

    Attributes:
        name: The model in the table, such as ``azure/gpt-4.1-mini``.
        rates: The prices of each tier (``standard``, ``batch``, ``priority``, ``flex``).
        above: From which prompt on other prices hold for the whole call, in tokens; None if never.
        long_rates: The prices of each tier for longer prompts than `above`.
        images: The price of one image by quality and size (``"hd 1024x1792"``).
        batch_factor: What a batch costs of the standard price, where it has no price of its own.
        is_fee: These prices come on top of those of the model that answered (the model router).
        context_window: Tokens of a prompt at most; None if unknown.
        max_output: Tokens of an answer at most; None if unknown.
        source: Where the prices are published; None for prices of the user's own.
    """

    name: str
    rates: Mapping[str, Rates]
    above: int | None = None
    long_rates: Mapping[str, Rates] = field(default_factory=dict)
    images: Rates = field(default_factory=dict)
    batch_factor: Decimal | None = None
    is_fee: bool = False
    context_window: int | None = None
    max_output: int | None = None
    source: str | None = None

    def of(self, tier: str, prompt_tokens: int = 0) -> Rates:
        """Give the prices that hold for one call; a component without a price is absent.

        Args:
            tier: ``standard``, ``batch``, ``priority`` or ``flex``.
            prompt_tokens: Of the whole prompt, what was cached included.
        """
        is_long = self.above is not None and prompt_tokens > self.above
        rates = self.long_rates if is_long else self.rates
        own = rates.get(tier, {})
        if tier == BATCH and self.batch_factor is not None:
            factor = self.batch_factor
            return {k: v * factor for k, v in rates.get(STANDARD, {}).items()} | dict(own)
        return own


def read_facts(name: str, facts: JSON, sources: list[str]) -> Prices:
    """Read a row of the table: numbers stand in it per million tokens, as on price pages.

    Args:
        name: Of the model.
        facts: Of its row.
        sources: What ``source`` counts.
    """
    source = facts.get("source")
    return Prices(
        name,
        {tier: _per_unit(rates) for tier, rates in facts.get("rates", {}).items()},
        facts.get("above"),
        {tier: _per_unit(rates) for tier, rates in facts.get("long", {}).items()},
        images={kind: Decimal(price) for kind, price in facts.get("images", {}).items()},
        is_fee=facts.get("fee", False),
        context_window=facts.get("context"),
        max_output=facts.get("output"),
        source=None if source is None else sources[source],
    )


def _per_unit(rates: Mapping[str, str]) -> Rates:
    return {
        name: Decimal(price) if name in OTHER_UNITS else Decimal(price) / _MILLION
        for name, price in rates.items()
    }


def own_prices(name: str, given: Mapping[str, Any]) -> Prices:
    """Read prices of a user's own. They are all that is known of the model then.

    Args:
        name: The model.
        given: LiteLLM's fields, US dollars for one unit; ``batch_factor`` for batches without
            prices of their own.

    Raises:
        InvalidRequestError: A field is unknown, a price no number, or there are two steps.
    """
    placed = {field: _place(field) for field in given if field != _FACTOR}
    steps = {place.above for place in placed.values() if place.above is not None}
    if len(steps) > 1:
        raise InvalidRequestError(f"prices of {name!r}: one step is possible, got {sorted(steps)}")
    prices = {place: read_price(field, given[field]) for field, place in placed.items()}
    return Prices(
        name,
        by_tier({p: v for p, v in prices.items() if p.above is None}),
        next(iter(steps), None),
        by_tier({p: v for p, v in prices.items() if p.above is not None}),
        batch_factor=read_price(_FACTOR, given[_FACTOR]) if _FACTOR in given else None,
    )


def _place(name: object) -> Place:
    place = place_of(name) if isinstance(name, str) else None
    if place is None:
        raise InvalidRequestError(
            f"{shown(name)} is no price that is known here: use LiteLLM's names, such as "
            f"'input_cost_per_token', 'output_cost_per_token', 'cache_read_input_token_cost'"
        )
    return place


def by_tier(prices: Mapping[Place, Decimal]) -> dict[str, dict[str, Decimal]]:
    """Sort prices by tier.

    Args:
        prices: By their places, all of one step.
    """
    sorted_: dict[str, dict[str, Decimal]] = {}
    for place, price in prices.items():
        sorted_.setdefault(place.tier, {})[place.component] = price
    return sorted_
