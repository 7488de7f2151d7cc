"""Makes the rows of our price table from LiteLLM's price file. Pure.

Only what is called by this package is taken: no realtime, video, OCR or rerank models. A price of 0
stands for one that nobody wrote down, and is left out. A data zone's row is taken only if it names
where its prices are published. Per-pixel prices of DALL·E become the price of an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from azure_agents.jsonio import canonical
from azure_agents.prices.fields import OTHER_UNITS, Place, place_of
from azure_agents.prices.model_prices import by_tier

Row = Mapping[str, Any]

PREFIXES = ("azure/", "azure_ai/")
MODES = frozenset(
    {
        *("chat", "responses", "completion", "embedding"),
        *("image_generation", "audio_transcription", "audio_speech"),
    }
)
# Speech services with APIs of their own, and what is no model.
_OTHERS = re.compile(r"azure/speech/.*|azure/container")
_DALLE = re.compile(r"azure/(\w+)/(\d+)-x-(\d+)/(dall-e-3)")
_ROUTERS = frozenset({"azure/model-router", "azure_ai/model-router", "azure_ai/model_router"})
_SEARCHES = "search_context_cost_per_query"
_MILLION = Decimal(1_000_000)


def build(litellm: Mapping[str, Row], *, version: str, licence: str, as_of: str) -> dict[str, Any]:
    """Make the whole table.

    Args:
        litellm: LiteLLM's price file.
        version: Of LiteLLM.
        licence: Of LiteLLM's prices, whose notice goes with every copy.
        as_of: The day.
    """
    dalle = [row for name, row in litellm.items() if _DALLE.fullmatch(name)]
    rows = [*(row for _, row in _taken(litellm)), *dalle]
    sources = sorted({_source(row) for row in rows if "source" in row})
    models = {name: _facts(name, row, sources) for name, row in _taken(litellm)}
    models = {name: facts for name, facts in models.items() if facts.get("rates")}
    models["azure/dall-e-3"] = _dalle(litellm, sources)
    return {
        "as_of": as_of,
        "from": f"the price file of LiteLLM {version}",
        "licence": licence,
        "sources": sources,
        "models": {**_shared(dict(sorted(models.items()))), **_snapshots(litellm, models)},
    }


def _taken(litellm: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
    for name, row in litellm.items():
        if name.startswith(PREFIXES) and row.get("mode") in MODES and not _is_left_out(name, row):
            yield name, row


def _is_left_out(name: str, row: Row) -> bool:
    if _OTHERS.fullmatch(name) or name.endswith(("dall-e-2", "dall-e-3")):
        return True
    endpoints = row.get("supported_endpoints") or ["any"]
    if all("realtime" in one for one in endpoints):
        return True
    is_zone = name.count("/") > 1
    return is_zone and ("source" not in row or row["mode"] == "image_generation")


def _facts(name: str, row: Row, sources: list[str]) -> dict[str, Any]:
    prices = dict(_prices(row))
    if any(place.component == "image_output" for place in prices):  # an average of the same tokens
        prices = {place: price for place, price in prices.items() if place.component != "image"}
    above = {place.above for place in prices if place.above is not None}
    facts: dict[str, Any] = {
        "rates": _written({place: price for place, price in prices.items() if not place.above}),
        "above": max(above, default=None),
        "long": _written({place: price for place, price in prices.items() if place.above}),
        "fee": name in _ROUTERS,
        "context": row.get("max_input_tokens"),
        "output": row.get("max_output_tokens"),
        "source": sources.index(_source(row)) if "source" in row else None,
    }
    return {
        key: value for key, value in facts.items() if value or (value == 0 and value is not False)
    }


def _source(row: Row) -> str:
    return re.sub(r"/subscriptions/[^/]+/", "/subscriptions/{id}/", row["source"])


def _prices(row: Row) -> Iterator[tuple[Place, Decimal]]:
    for field, value in row.items():
        place = place_of(field)
        if place is not None and value:
            yield place, Decimal(repr(value))
    searches = set((row.get(_SEARCHES) or {}).values())
    if len(searches) == 1:
        yield Place("web_search", "standard", None), Decimal(repr(searches.pop()))


def _written(prices: Mapping[Place, Decimal]) -> dict[str, dict[str, str]]:
    tiers = by_tier(prices)
    return {tier: {k: _number(k, v) for k, v in rates.items()} for tier, rates in tiers.items()}


def _number(component: str, price: Decimal) -> str:
    written = price if component in OTHER_UNITS else price * _MILLION
    return f"{written.normalize():f}"


def _dalle(litellm: Mapping[str, Row], sources: list[str]) -> dict[str, Any]:
    images, source = {}, None
    for name, row in litellm.items():
        found = _DALLE.fullmatch(name)
        if found:
            price = Decimal(repr(row["input_cost_per_pixel"])) * int(found[2]) * int(found[3])
            images[f"{found[1]} {found[2]}x{found[3]}"] = f"{round(price, 4).normalize():f}"
            source = _source(row)
    return {"images": images, "source": sources.index(source)}


def _shared(models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The models; one that is equal to an earlier one is written as its name."""
    first: dict[str, str] = {}
    return {
        name: facts if first.setdefault(canonical(facts), name) == name else first[canonical(facts)]
        for name, facts in models.items()
    }


def _snapshots(litellm: Mapping[str, Row], models: Mapping[str, Any]) -> dict[str, str]:
    """The dated names under which Claude answers, of models that stand in the table without one."""
    dated = {name for name, row in litellm.items() if row.get("litellm_provider") == "anthropic"}
    return {
        f"azure_ai/{name}": f"azure_ai/{name[:-9]}"
        for name in sorted(dated)
        if re.search(r"-\d{8}$", name) and f"azure_ai/{name[:-9]}" in models
    }
