"""The price fields of LiteLLM, which its price file and its users' configurations are written in.

``cache_read_input_token_cost_above_272k_tokens_priority`` names a component (cached input), a step
(prompts above 272,000 tokens) and a tier (priority). `place_of` takes such names apart.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from ..errors import InvalidRequestError
from ..naming import shown

# LiteLLM's field: what has this price.
COMPONENTS = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",  # kept for five minutes
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",  # kept for an hour
    "input_cost_per_audio_token": "audio_input",
    "cache_read_input_audio_token_cost": "cached_audio_input",
    "input_cost_per_image_token": "image_input",
    "cache_read_input_image_token_cost": "cached_image_input",
    "output_cost_per_token": "output",
    "output_cost_per_audio_token": "audio_output",
    "output_cost_per_image_token": "image_output",
    "output_cost_per_image": "image",
    "input_cost_per_pixel": "pixel",
    "input_cost_per_character": "character",
    "input_cost_per_second": "second",
}
# Components that are not tokens; the price of the others is written down per million.
OTHER_UNITS = frozenset({"image", "pixel", "character", "second", "web_search"})
STANDARD = "standard"
BATCH = "batch"
TIERS = {None: STANDARD, "batches": BATCH, "priority": "priority", "flex": "flex"}
_NAME = re.compile(r"(\w+?)(?:_above_(\d+)k_tokens)?(?:_(batches|priority|flex))?")


class Place(NamedTuple):
    """Where a price belongs.

    Attributes:
        component: What it is for.
        tier: ``standard``, ``batch``, ``priority`` or ``flex``.
        above: It holds for prompts of more tokens than this; None for the others.
    """

    component: str
    tier: str
    above: int | None


def place_of(name: str) -> Place | None:
    """Take a field's name apart; None where it is no price that is known here.

    Args:
        name: LiteLLM's name of a price.
    """
    found = _NAME.fullmatch(name)
    if found is None or found[1] not in COMPONENTS:
        return None
    above = None if found[2] is None else int(found[2]) * 1000
    return Place(COMPONENTS[found[1]], TIERS[found[3]], above)


def is_price(name: str) -> bool:
    """Whether an argument of a call is one of these prices.

    Args:
        name: Of the argument.
    """
    return "_cost" in name and place_of(name) is not None


def read_price(name: str, value: object) -> Decimal:
    """Read a price that a user gave, exactly as it was written.

    Args:
        name: Of the field, for errors.
        value: US dollars for one unit.

    Raises:
        InvalidRequestError: It is no number, or below 0.
    """
    try:
        is_number = isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
        price = Decimal(str(value)) if is_number else None
    except (InvalidOperation, ValueError):  # also: more digits than Python writes
        price = None
    if price is None or not price.is_finite() or price < 0:
        raise InvalidRequestError(
            f"{name} must be US dollars for one unit, 0 or more, got {shown(value)}"
        )
    return price
