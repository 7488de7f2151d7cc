"""How the rows of the price table are made from LiteLLM's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from azure_agents.prices.model_prices import read_facts
from azure_agents.prices.table import PriceTable
from tests.prices.facts import build
from tests.prices.run import TABLE, differences, page, written

PRICE = {"input_cost_per_token": 4e-7, "output_cost_per_token": 1.6e-6}
CHAT = {"mode": "chat", "source": "https://a", **PRICE}


def rows(**litellm: dict[str, Any]) -> dict[str, Any]:
    """The rows that are made of LiteLLM's, whose names have no prefix here."""
    dalle = {"mode": "image_generation", "source": "https://d", "input_cost_per_pixel": 4.19617e-08}
    given = {f"azure/{name}": {"mode": "chat", **row} for name, row in litellm.items()}
    given["azure/standard/1024-x-1024/dall-e-3"] = dalle
    models: dict[str, Any] = build(given, version="1", licence="MIT", as_of="2026-12-01")["models"]
    return {name: row for name, row in models.items() if name != "azure/dall-e-3"}


def test_a_row_holds_what_has_a_price() -> None:
    """Per million tokens, by tier and step, with limits and source."""
    row = {
        **CHAT,
        "cache_read_input_token_cost_above_272k_tokens_priority": 1e-6,
        "input_cost_per_token_batches": 2e-7,
        "cache_creation_input_token_cost_above_1hr": 2e-6,
        "search_context_cost_per_query": {"low": 0.01, "high": 0.01},
        "max_input_tokens": 9,
        "supports_vision": True,
    }
    expected = {
        "rates": {
            "standard": {
                "input": "0.4",
                "output": "1.6",
                "cache_write_1h": "2",
                "web_search": "0.01",
            },
            "batch": {"input": "0.2"},
        },
        "above": 272_000,
        "long": {"priority": {"cached_input": "1"}},
        "context": 9,
        "source": 0,
    }
    assert {"azure/m": expected} == rows(m=row)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("m", {**CHAT, "mode": "realtime"}),
        ("m", {**CHAT, "supported_endpoints": ["/v1/realtime"]}),
        ("m", {"input_cost_per_token": 0.0}),
        ("eu/m", PRICE),
        ("speech/azure-tts", CHAT),
        ("low/1024-x-1024/gpt-image-1", {**CHAT, "mode": "image_generation"}),
    ],
)
def test_what_cannot_be_relied_on_is_left_out(name: str, row: dict[str, Any]) -> None:
    """Other kinds of models, prices of 0, zones without a source, parts of a price."""
    assert {} == rows(**{name: row})


def test_equal_rows_are_written_once_and_claude_has_its_dated_names() -> None:
    """A dated name of Claude is another name of the same model, whose price is Azure's."""
    litellm = {
        "azure/m": CHAT,
        "azure/m-2": CHAT,
        "azure_ai/claude-x": {**CHAT, "source": "https://b"},
        "claude-x-20251001": {"litellm_provider": "anthropic", "input_cost_per_token": 9},
        "claude-y-20251001": {"litellm_provider": "anthropic"},
        "azure/standard/1024-x-1024/dall-e-3": {
            "source": "https://d",
            "input_cost_per_pixel": 4.19617e-08,
        },
    }
    models = build(litellm, version="1", licence="MIT", as_of="2026-12-01")["models"]
    facts = {"rates": {"standard": {"input": "0.4", "output": "1.6"}}}
    expected = {
        "azure/dall-e-3": {"images": {"standard 1024x1024": "0.044"}, "source": 2},
        "azure/m": {**facts, "source": 0},
        "azure/m-2": "azure/m",
        "azure_ai/claude-x": {**facts, "source": 1},
        "azure_ai/claude-x-20251001": "azure_ai/claude-x",
    }
    assert expected == models


def test_subscriptions_of_others_are_not_copied() -> None:
    """Sources are addresses of Azure's management, with the id of whoever looked."""
    source = "https://management.azure.com/subscriptions/c873328e/providers/x"
    litellm = {"azure/m": {**CHAT, "source": source}}
    litellm["azure/standard/1024-x-1024/dall-e-3"] = {**CHAT, "input_cost_per_pixel": 1e-8}
    table = build(litellm, version="1", licence="MIT", as_of="2026-12-01")
    assert "https://management.azure.com/subscriptions/{id}/providers/x" in table["sources"]


def test_the_file_is_as_it_is_written_with_its_notice() -> None:
    """A line for each model; nobody changed it by hand, and the licence's notice goes with it."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    assert TABLE.read_text(encoding="utf-8") == written(table)
    assert "Copyright (c) 2023 Berri AI" in table["licence"]
    assert "The above copyright notice and this permission notice" in table["licence"]


def test_differences_are_listed() -> None:
    """Another price, and one that we do not have; not a price that stands in for another."""
    others = {
        "who": {
            "gpt-4.1-mini": {"input": "0.4", "output": "1.7", "batch cached_input": "0.05"},
            "o3-pro": {"input": "20", "cached_input": "20"},
            "nobody-knows": {"input": "1"},
        }
    }
    expected = [
        ("who", "gpt-4.1-mini", "batch cached_input", "none", "0.05"),
        ("who", "gpt-4.1-mini", "output", "1.6", "1.7"),
    ]
    assert expected == list(differences(others))
    assert "| who | gpt-4.1-mini | output | 1.6 | 1.7 |" in page(expected, "2026-12-01", ["x 1"])


def test_limits_are_read_from_a_row() -> None:
    """The gateway tells its users how long a prompt may be."""
    facts = {"rates": {}, "context": 9, "output": 3, "source": 0}
    read = read_facts("m", facts, ["https://a"])
    assert (9, 3, "https://a") == (read.context_window, read.max_output, read.source)
    found = PriceTable.shipped().find("gpt-4.1-mini")
    assert (1_047_576, 32_768) == (found and (found.context_window, found.max_output))
