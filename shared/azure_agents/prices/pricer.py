"""The costs of one deployment's answers, for whoever prices many: prices are looked up once.

Where the usage alone decides, the sum is one of whole numbers: tokens, times prices in parts of a
dollar so small that each is whole. It is exact, and divided once. Everything else (a fee beside the
model's price, images, sounds, searches) is summed up as `cost_of` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from .cost import ANYWHERE, prices_of, response_cost
from .fields import OTHER_UNITS
from .model_prices import Rates
from .table import PriceTable, default_table
from .tokens import UnreadableError, has_tokens, prompt_tokens, quantities, text_alone

_MOST = 1_000  # models that one deployment may name: a model router answers with any

_OF_TEXT = {"input", "output"}


class _Whole(NamedTuple):
    """Prices as whole numbers: so many `parts` make a dollar."""

    rates: Mapping[str, int]
    parts: int


class _Found(NamedTuple):
    """The prices of a model in a tier: up to a length of the prompt, and above it."""

    above: int | None
    short: _Whole
    long: _Whole


class Pricer:
    """Prices answers of one deployment.

    Args:
        hidden: What is known of the cost beside an answer.
    """

    def __init__(self, hidden: Mapping[str, Any]) -> None:
        self._hidden = hidden
        self._table: PriceTable | None = None
        self._found: dict[tuple[object, object], _Found | None] = {}

    def usd(
        self, usage: Mapping[str, Any], model: str | None = None, tier: str | None = None
    ) -> float | None:
        """Sum up what an answer cost, in US dollars; None if anything about it is unknown.

        Args:
            usage: Of the answer.
            model: That it names.
            tier: The service tier that it names.
        """
        said = usage.get("service_tier") if tier is None else tier
        text = text_alone(usage)
        cost = None if text is None else self._usd_of_text(*text, self._prices(model, said))
        if cost is not None:
            return cost
        found = self._prices(model, said) if _is_tokens_alone(usage) else None
        if found is None:
            answer = {"model": model, "usage": usage, "service_tier": tier}
            return response_cost({k: v for k, v in answer.items() if v is not None}, self._hidden)
        try:
            return _sum(usage, found)
        except UnreadableError:
            return None

    def usd_of_text(self, input: int, output: int, model: str | None = None) -> float | None:
        """Sum up what an answer would cost that has nothing but text; as `usd` does.

        Args:
            input: Tokens of the prompt.
            output: Tokens of the answer.
            model: That the answer would name.
        """
        cost = self._usd_of_text(input, output, self._prices(model, None))
        if cost is not None:
            return cost
        return self.usd({"prompt_tokens": input, "completion_tokens": output}, model)

    @staticmethod
    def _usd_of_text(input: int, output: int, found: _Found | None) -> float | None:
        """The cost of nothing but text; None: the prices of the model are not so simple."""
        if found is None:
            return None
        is_long = found.above is not None and input > found.above
        rates, parts = found.long if is_long else found.short
        if not rates.keys() >= _OF_TEXT or "image_output" in rates:
            return None
        return (input * rates["input"] + output * rates["output"]) / parts

    def _prices(self, model: str | None, tier: object) -> _Found | None:
        """The prices, where they are those of tokens; None: they are not."""
        table = default_table()
        if table is not self._table:  # it is the first time, or prices were registered
            self._table, self._found = table, {}
        try:
            return self._found[model, tier]
        except KeyError:
            pass
        except TypeError:  # a tier that is no text
            return None
        if len(self._found) >= _MOST:
            self._found.clear()
        found = self._found[model, tier] = _read(model, tier, self._hidden)
        return found


def _read(model: str | None, tier: object, hidden: Mapping[str, Any]) -> _Found | None:
    prices, name = prices_of(model, tier, hidden)
    if prices is None or prices.is_fee or prices.images:
        return None
    above = prices.above
    short, long = prices.of(name), prices.of(name, 0 if above is None else above + 1)
    if {"image", "pixel"} & {*short, *long}:
        return None
    return _Found(above, _whole(short), _whole(long))


def _whole(rates: Rates) -> _Whole:
    tokens = {name: rate for name, rate in rates.items() if name not in OTHER_UNITS}
    places = max((-int(rate.as_tuple().exponent) for rate in tokens.values()), default=0)
    parts = Decimal(10) ** max(0, places)
    return _Whole({name: int(rate * parts) for name, rate in tokens.items()}, int(parts))


def _is_tokens_alone(usage: Mapping[str, Any]) -> bool:
    is_here = usage.get("inference_geo") in ANYWHERE
    return is_here and not usage.get("server_tool_use") and has_tokens(usage)


def _sum(usage: Mapping[str, Any], found: _Found) -> float | None:
    above = found.above
    is_long = above is not None and prompt_tokens(usage) > above
    rates, parts = found.long if is_long else found.short
    total = 0
    for name, count in quantities(usage, rates).items():
        rate = rates.get(name)
        if rate is None:
            return None
        total += count * rate
    return total / parts
