"""Costs that are worked out as whole numbers are those of `cost_of`, to the last bit."""

from __future__ import annotations

import random
from typing import Any

import pytest

from azure_agents.prices.cost import response_cost
from azure_agents.prices.pricer import Pricer
from azure_agents.prices.table import PriceTable, default_table, register_prices
from tests.covering import scaled

MODELS = tuple(PriceTable.shipped())
STEP = {"input_cost_per_token": "1e-6", "input_cost_per_token_above_272k_tokens": "3e-6"}
HIDDEN: tuple[dict[str, Any], ...] = (
    {},
    {"custom_llm_provider": "openai"},
    {"base_model": "azure/gpt-4o"},
    {"base_model": "azure/no-such-model"},
    {"custom_cost_per_token": {"input_cost_per_token": 0.1, "output_cost_per_token": 1e-7}},
    {"custom_cost_per_token": {"input_cost_per_token": 0.1}},
    {"custom_cost_per_token": {**STEP, "output_cost_per_token": 7}},
    {"model": "azure_ai/model-router", "custom_llm_provider": "azure_ai"},
)
TIERS = (None, "default", "priority", "flex", "batch", "gold", 7, [])


def usage(source: random.Random) -> dict[str, Any]:
    """A usage in one of the services' shapes, sometimes with what no service would say."""
    up, down = (source.choice((0, 1, 50, 271_999, 272_001, 10**9)) for _ in range(2))
    cached, heard = source.choice((0, 0, 1, 49, 10**6)), source.choice((0, 0, 3))
    thought = source.choice((0, 5))
    shapes: list[dict[str, Any]] = [
        {
            "prompt_tokens": up,
            "completion_tokens": down,
            "total_tokens": up + down,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": heard},
            "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": heard},
        },
        {"input_tokens": up, "output_tokens": down, "input_tokens_details": {"cached_tokens": 1}},
        {"input_tokens": up, "output_tokens": down, "cache_read_input_tokens": cached},
        {"prompt_tokens": up},
        {"seconds": 3.5},
        {},
    ]
    strange: list[dict[str, Any]] = [
        {"prompt_tokens": True},
        {"prompt_tokens_details": []},
        {"prompt_tokens_details": None, "completion_tokens_details": {}},
        {"completion_tokens": source.choice((-1, False, None))},
        {"service_tier": source.choice(TIERS)},
        {"server_tool_use": {"web_search_requests": 2}},
        {"inference_geo": "us"},
        {"inference_geo": "global"},
    ]
    said = source.choice(shapes)
    return {**said, **source.choice(strange)} if source.random() < 0.3 else said


@pytest.mark.parametrize("hidden", HIDDEN)
def test_costs_are_exact(hidden: dict[str, Any]) -> None:
    """Whatever is known of the cost, model, tier and usage, both sums are the same float."""
    source, pricer = random.Random(7), Pricer(hidden)  # noqa: S311 - no secret
    for _ in range(scaled(all=5_000, pairs=500, few=100)):
        told, model, tier = usage(source), source.choice(MODELS), source.choice(TIERS)
        answer = {"model": model, "usage": told, "service_tier": tier}
        assert response_cost(answer, hidden) == pricer.usd(told, model, tier), (answer, hidden)


def test_every_model_has_its_prices() -> None:
    """Each row of the table prices a plain usage as `cost_of` does."""
    told = {"prompt_tokens": 1234, "completion_tokens": 567}
    pricer, answers = Pricer({}), [{"model": model, "usage": told} for model in MODELS]
    expected = [response_cost(answer, {}) for answer in answers]
    assert expected == [pricer.usd(told, model) for model in MODELS]
    assert len(MODELS) / 3 < sum(cost is not None for cost in expected)


def test_prices_that_are_registered_count_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A price that is registered while a process runs goes before the one that was looked up."""
    told, pricer = {"prompt_tokens": 10, "completion_tokens": 1}, Pricer({})
    monkeypatch.setattr("azure_agents.prices.table._DEFAULT._table", default_table())
    before = pricer.usd(told, "gpt-4o")
    register_prices({"gpt-4o": {"input_cost_per_token": 1, "output_cost_per_token": 2}})
    assert (12.0, True) == (pricer.usd(told, "gpt-4o"), before != 12.0)
