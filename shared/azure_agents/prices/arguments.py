"""The arguments of a call that say what it costs; they never go up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequestError
from ..jsonio import JSON, known_fields
from ..naming import shown
from .fields import is_price
from .model_prices import own_prices

CUSTOM = "custom_cost_per_token"


def costs_of(given: Mapping[str, Any]) -> JSON:
    """Read what a call says of its cost, in the form of ``_hidden_params``.

    Args:
        given: The arguments of the call: `base_model`, `custom_cost_per_token`, or prices by
            LiteLLM's names as arguments of their own (``input_cost_per_token=``).

    Raises:
        InvalidRequestError: Prices are given twice, or are none.
    """
    single = {k: v for k, v in given.items() if v is not None and is_price(k)}
    custom = given.get(CUSTOM)
    if custom is not None and not isinstance(custom, Mapping):
        raise InvalidRequestError(f"{CUSTOM} must be a dictionary, got {shown(custom)}")
    if single and custom:
        raise InvalidRequestError(
            f"{CUSTOM}= and {'=, '.join(sorted(single))}= are prices: pass one"
        )
    prices = dict(single or custom or {})
    own_prices(CUSTOM, prices)
    return known_fields(base_model=given.get("base_model"), custom_cost_per_token=prices or None)
