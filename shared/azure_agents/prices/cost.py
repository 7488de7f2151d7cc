"""The cost of one answer: what is paid for by itself, times its price, summed exactly.

A cost is known or it is not. If one price is missing, or the model is not known for certain, there
is no sum, and `Cost.unknown` says why: a number that leaves something out would be believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from ..errors import InvalidRequestError
from ..naming import shown
from .fields import BATCH, STANDARD
from .measures import images, paid_tools, searches, sound
from .model_prices import Prices, Rates, own_prices
from .table import PriceTable, default_table
from .tokens import UnreadableError, has_tokens, prompt_tokens, quantities

_OWN = "prices of the call"
# What answers and requests call the tiers.
_TIERS = {
    None: STANDARD,
    "auto": STANDARD,
    "default": STANDARD,
    "standard": STANDARD,
    "batch": BATCH,
    "priority": "priority",
    "flex": "flex",
}
# Claude's word for where it ran, where that makes no difference to the price.
ANYWHERE = (None, "not_available", "global")


class CostPart(NamedTuple):
    """A part of a cost.

    Attributes:
        component: What is paid for: ``input``, ``cached_input``, ``cache_write``,
            ``cache_write_1h``, ``output``, ``audio_input``, ``image``, ``second``, …
        quantity: How many.
        price: US dollars for one.
    """

    component: str
    quantity: Decimal
    price: Decimal

    @property
    def amount(self) -> Decimal:
        """US dollars for all of them, exactly."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer cost, and what that is made of.

    Attributes:
        model: The row of the table whose prices were used; None if none was found.
        tier: ``standard``, ``batch``, ``priority`` or ``flex``.
        parts: What is paid for, with its price, as far as it is known.
        unknown: Why there is no sum; empty if there is one.
    """

    model: str | None
    tier: str
    parts: tuple[CostPart, ...]
    unknown: tuple[str, ...] = ()

    @property
    def amount(self) -> Decimal | None:
        """US dollars, exactly; None if anything is unknown."""
        return None if self.unknown else sum((part.amount for part in self.parts), Decimal())

    @property
    def usd(self) -> float | None:
        """US dollars, as LiteLLM gives them; None if anything is unknown."""
        amount = self.amount
        return None if amount is None else float(amount)


def completion_cost(
    completion_response: Any,
    base_model: str | None = None,
    *,
    custom_cost_per_token: Mapping[str, Any] | None = None,
    service_tier: str | None = None,
    table: PriceTable | None = None,
) -> float | None:
    """Sum up what an answer cost, in US dollars; `cost_of` says what the sum is made of.

    Args:
        completion_response: An answer of any call of this package, or its JSON.
        base_model: As for `cost_of`.
        custom_cost_per_token: As for `cost_of`.
        service_tier: As for `cost_of`.
        table: As for `cost_of`.

    Returns:
        None where a price is not known: never 0, and never the price of another vendor.

    Raises:
        InvalidRequestError: A price in `custom_cost_per_token` is unknown or no number, or there is
            no such tier.
    """
    return cost_of(
        completion_response,
        base_model,
        custom_cost_per_token=custom_cost_per_token,
        service_tier=service_tier,
        table=table,
    ).usd


def cost_of(
    answer: Any,
    base_model: str | None = None,
    *,
    custom_cost_per_token: Mapping[str, Any] | None = None,
    service_tier: str | None = None,
    table: PriceTable | None = None,
) -> Cost:
    """Work out what an answer cost, part by part.

    Args:
        answer: An answer of any call of this package, a chunk with the usage, or its JSON.
        base_model: The model behind the deployment, such as ``azure/gpt-4.1-mini`` or, of a data
            zone, ``azure/eu/gpt-4.1-mini``; without a prefix it is Azure's. By default what the
            call was given, then the exact name in the answer.
        custom_cost_per_token: Prices of your own by LiteLLM's names (``input_cost_per_token``, …),
            US dollars for one unit, instead of all prices of the table.
        service_tier: ``batch`` for a line of a batch's output; by default what the answer says.
        table: Instead of the prices that come with this package, and registered ones.

    Raises:
        InvalidRequestError: A price in `custom_cost_per_token` is unknown or no number, or there is
            no such tier.
    """
    hidden = getattr(answer, "_hidden_params", None)
    known = hidden if isinstance(hidden, Mapping) else {}
    asked = _Asked(answer, known, base_model, table or default_table())
    return _cost(asked, custom_cost_per_token, service_tier)


def response_cost(answer: Any, hidden: Mapping[str, Any]) -> float | None:
    """Sum up what an answer cost, for its ``_hidden_params``.

    Args:
        answer: As it came.
        hidden: What is known beside it.
    """
    return _cost(_Asked(answer, hidden, None, default_table()), None, None).usd


def prices_of(
    model: str | None, tier: object, hidden: Mapping[str, Any]
) -> tuple[Prices | None, str]:
    """Look up the prices of answers, and the tier whose they are; None if they are not known.

    Args:
        model: That the answers name.
        tier: The service tier that they name.
        hidden: What is known beside them.
    """
    asked, name = _Asked({"model": model}, hidden, None, default_table()), _tier(tier)
    return (None, STANDARD) if name is None else (asked.prices()[0], name)


def _cost(asked: _Asked, custom: Mapping[str, Any] | None, service_tier: str | None) -> Cost:
    tier = _tier(service_tier or asked.said_tier)
    if service_tier and tier is None:
        raise InvalidRequestError(f"service_tier must be one of {_tiers()}, got {service_tier!r}")
    if tier is None:
        return Cost(None, STANDARD, (), (f"there is no price for tier {shown(asked.said_tier)}",))
    prices, why = asked.prices(custom)
    if prices is None:
        return Cost(None, tier, (), (why,))
    try:
        return asked.cost(prices, tier)
    except UnreadableError as error:
        return Cost(prices.name, tier, (), (str(error),))


def _tier(name: object) -> str | None:
    return _TIERS.get(name) if name is None or isinstance(name, str) else None


def _tiers() -> str:
    return ", ".join(repr(name) for name in _TIERS if name)


class _Asked:
    """An answer whose cost is asked for."""

    def __init__(
        self, answer: Any, hidden: Mapping[str, Any], base_model: str | None, table: PriceTable
    ) -> None:
        self.hidden = hidden
        whole = _get(answer, "response")  # the last event of a streamed response holds it
        self._answer = answer if whole is None or _get(answer, "usage") is not None else whole
        self._base_model = base_model or self.hidden.get("base_model")
        self._table = table
        usage = _plain(_get(self._answer, "usage"))
        self.usage = usage if isinstance(usage, Mapping) else {}

    @property
    def said_tier(self) -> object:
        said = _get(self._answer, "service_tier")
        return self.usage.get("service_tier") if said is None else said

    def prices(self, custom: Mapping[str, Any] | None = None) -> tuple[Prices | None, str]:
        """The model's prices, or why there are none."""
        custom = custom or self.hidden.get("custom_cost_per_token")
        if custom:
            return own_prices(_OWN, custom), ""
        if self._base_model is not None:
            found = self._table.find(self._base_model, self._provider)
            return found, f"there is no price for base_model={shown(self._base_model)}"
        called = self.hidden.get("model")
        own = self._table.own(called) if isinstance(called, str) else None
        return (own, "") if own is not None else self._named()

    def _named(self) -> tuple[Prices | None, str]:
        if self.hidden.get("custom_llm_provider") == "openai":
            return None, "only Azure's prices are known, and OpenAI answered: give base_model"
        if self.hidden.get("is_agent") or _is_agents(self._answer):
            return None, "the answer does not say which model the agent has: give base_model"
        name = _get(self._answer, "model")
        if not isinstance(name, str) or not name:
            return None, "the answer does not name its model: give base_model"
        found = self._table.find(name, self._provider)
        # Responses repeat the deployment's name; the model behind it stands in a header (recorded).
        served = (self.hidden.get("headers") or {}).get("x-ms-served-model")
        if found is None and served:
            found = self._table.find(served, self._provider)
        return (
            found,
            f"there is no price for {shown(name)}, which the answer names: give base_model",
        )

    @property
    def _provider(self) -> str:
        called = self.hidden.get("model")
        is_foundry = isinstance(called, str) and called.startswith("azure_ai/")
        return "azure_ai" if is_foundry else "azure"

    def cost(self, prices: Prices, tier: str) -> Cost:
        """The cost by a model's prices."""
        prompt = prompt_tokens(self.usage)
        if prices.is_fee:
            return self._with_fee(prices, tier, prompt)
        rates = {**prices.of(tier, prompt), **_each(prices)}
        measured = self._measured(prices, rates)
        parts = tuple(CostPart(k, n, rates[k]) for k, n in measured.items() if k in rates)
        step = f" above {prices.above} tokens" if prices.above and prompt > prices.above else ""
        unknown = [
            f"{prices.name} has no {tier} price{step} for {name}"
            for name in measured
            if name not in rates
        ]
        return Cost(prices.name, tier, parts, (*unknown, *self._others()))

    def _with_fee(self, fee: Prices, tier: str, prompt: int) -> Cost:
        behind, why = self._named()
        if behind is not None and behind.is_fee:  # an answer may name what was asked
            behind, why = None, "the answer does not name the model behind it"
        if behind is None:
            return Cost(
                fee.name, tier, (), (f"{fee.name} is a fee beside the model's price: {why}",)
            )
        cost = self.cost(behind, tier)
        part = CostPart("router", Decimal(prompt), fee.of(STANDARD)["input"])
        return Cost(behind.name, tier, (part, *cost.parts), cost.unknown)

    def _measured(self, prices: Prices, rates: Rates) -> dict[str, Decimal]:
        if prices.images or {"image", "pixel"} & rates.keys():
            return images(self._answer, self.hidden, prices)
        measured = self._tokens(rates) if has_tokens(self.usage) else self._sound()
        found = searches(self._answer, self.usage)
        return {**measured, "web_search": Decimal(found)} if found else measured

    def _tokens(self, rates: Rates) -> dict[str, Decimal]:
        return {name: Decimal(n) for name, n in quantities(self.usage, rates).items()}

    def _sound(self) -> dict[str, Decimal]:
        measured = sound(self._answer, self.hidden)
        if not measured:
            raise UnreadableError("the answer does not say how much was used")
        return measured

    def _others(self) -> Iterable[str]:
        yield from (f"the price of {what} is not known" for what in paid_tools(self._answer))
        where = self.usage.get("inference_geo")
        if where not in ANYWHERE:
            yield f"the price of inference in {shown(where)} is not known"


def _each(prices: Prices) -> Rates:
    """Prices that are the same in all tiers: searches, and images by quality and size."""
    standard = prices.of(STANDARD)
    each = {name: standard[name] for name in ("web_search",) if name in standard}
    return {**each, **prices.images}


def _is_agents(answer: Any) -> bool:
    """Agents' answers have threads, and the agent's name where others name the model."""
    return "thread_id" in answer if isinstance(answer, Mapping) else hasattr(answer, "thread_id")


def _get(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    return getattr(value, name, None)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return value if dump is None else dump()
