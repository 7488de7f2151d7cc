"""Prints, as JSON, what two other packages know of Azure's prices; runs where they are installed.

Prices are US dollars for a million tokens, by model and component, of Global Standard deployments:
``{"genai-prices": {"gpt-4.1": {"input": "2"}}}``.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from decimal import Decimal
from typing import Any

MILLION = 1_000_000
_KINDS = {
    "input": "input",
    "output": "output",
    "cache_read": "cached_input",
    "cache_write": "cache_write",
}


def genai_prices(models: list[str]) -> dict[str, dict[str, str]]:
    """What genai-prices has of Azure itself; it falls back to other vendors, which is left out."""
    from genai_prices import Usage, calc_price

    usages = {
        "input": Usage(input_tokens=1000),
        "output": Usage(output_tokens=1000),
        "cached_input": Usage(input_tokens=1000, cache_read_tokens=1000),
    }
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for model in models:
        for component, usage in usages.items():
            try:
                price = calc_price(usage, model_ref=model, provider_id="azure")
            except (LookupError, ValueError):
                continue
            if price.provider.id == "azure" and price.total_price:
                found[model][component] = str(price.total_price * 1000)
    return found


def azure_genai_prices() -> dict[str, dict[str, str]]:
    """The meters of Global deployments, short prompts; of several regions the lowest."""
    from azure_genai_prices.store import get_table

    found: dict[str, dict[str, str]] = defaultdict(dict)
    for (model, kind, deployment, mode, context), meter in get_table().items():
        if (deployment, context) == ("global", "short") and kind in _KINDS:
            tier = "" if mode == "standard" else f"{mode} "
            price = min(meter.region_prices.values()) * MILLION
            found[model][f"{tier}{_KINDS[kind]}"] = str(Decimal(price))
    return found


def main() -> None:
    """Print what is known of the models that are named on standard input."""
    models: list[Any] = json.load(sys.stdin)
    sys.stdout.write(
        json.dumps(
            {"genai-prices": genai_prices(models), "azure-genai-prices": azure_genai_prices()}
        )
    )


if __name__ == "__main__":
    main()
