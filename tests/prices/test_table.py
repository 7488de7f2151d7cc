"""The table of prices: what stands in it, how a name is found, and prices of users."""

from __future__ import annotations

from decimal import Decimal

import pytest

from azure_agents.errors import InvalidRequestError
from azure_agents.prices.model_prices import Prices
from azure_agents.prices.table import PriceTable

TABLE = PriceTable.shipped()
MILLION = Decimal(1_000_000)

# Read off public price pages by hand: US dollars for a million tokens (input, cached, output).
PUBLISHED = [
    ("gpt-4o", "2.5", "1.25", "10"),
    ("gpt-4o-2024-08-06", "2.5", "1.25", "10"),
    ("gpt-4.1", "2", "0.5", "8"),
    ("gpt-4.1-mini-2025-04-14", "0.4", "0.1", "1.6"),
    ("gpt-4.1-nano", "0.1", "0.025", "0.4"),
    ("gpt-5", "1.25", "0.125", "10"),
    ("gpt-5-mini", "0.25", "0.025", "2"),
    ("gpt-5-nano-2025-08-07", "0.05", "0.005", "0.4"),
    ("o1-2024-12-17", "15", "7.5", "60"),
    ("o3-mini", "1.1", "0.55", "4.4"),
    ("o4-mini", "1.1", "0.275", "4.4"),
    ("gpt-5.4", "2.5", "0.25", "15"),
    ("claude-haiku-4-5", "1", "0.1", "5"),
    ("claude-sonnet-4-5", "3", "0.3", "15"),
    ("claude-opus-4-5", "5", "0.5", "25"),
    ("azure/eu/gpt-4o-2024-08-06", "2.75", "1.375", "11"),
    ("azure_ai/grok-3", "3", None, "15"),
]


@pytest.mark.parametrize(("name", "input_", "cached", "output"), PUBLISHED)
def test_prices_are_those_of_public_pages(
    name: str, input_: str, cached: str | None, output: str
) -> None:
    """A sample of the table, against numbers that were not taken from its source."""
    found = TABLE.find(name)
    rates = found.of("standard") if found else {}
    expected = {"input": input_, "cached_input": cached, "output": output}
    assert {k: v and Decimal(v) for k, v in expected.items()} == {
        name: None if rates.get(name) is None else rates[name] * MILLION for name in expected
    }


def test_every_row_can_be_read() -> None:
    """Each model has prices above 0, and says where they are published or that nobody does."""
    rows = [TABLE.find(name) for name in TABLE]
    wrong = [row and row.name for row in rows if row is None or not _has_prices(row)]
    assert [] == wrong
    assert len(rows) > 300


def _has_prices(row: Prices) -> bool:
    prices = [price for rates in row.rates.values() for price in rates.values()]
    return all(price > 0 for price in [*prices, *row.images.values()]) and bool(
        prices or row.images
    )


def test_the_table_says_how_old_it_is() -> None:
    """Prices change: the day on which they were collected is a fact like the others."""
    assert "2026-12-01" <= TABLE.as_of


@pytest.mark.parametrize(
    ("name", "provider", "expected"),
    [
        ("gpt-4o", "azure", "azure/gpt-4o"),
        ("azure/gpt-4o", "azure_ai", "azure/gpt-4o"),
        ("GPT-4o", "azure", "azure/gpt-4o"),
        ("gpt-5.5", "azure_ai", "azure_ai/gpt-5.5"),
        ("gpt-5.5", "azure", "azure/gpt-5.5"),
        ("eu/gpt-4o", "azure", "azure/eu/gpt-4o"),
        ("claude-haiku-4-5", "azure", "azure_ai/claude-haiku-4-5"),
        ("claude-haiku-4-5-20251001", "anthropic", "azure_ai/claude-haiku-4-5-20251001"),
        ("azure_text/gpt-35-turbo-instruct", "azure", "azure/gpt-35-turbo-instruct"),
        ("llama-3.3-70b-instruct", "azure_ai", "azure_ai/llama-3.3-70b-instruct"),
        ("gpt-4", "azure", None),  # which of several gpt-4 is not said
        ("gpt-4o-2031-01-01", "azure", None),
        ("openai/gpt-4o", "azure", None),
        ("anthropic/claude-haiku-4-5", "azure", None),
        ("azure/azure/gpt-4o", "azure", None),
        ("", "azure", None),
    ],
)
def test_a_name_is_found_exactly_or_not_at_all(
    name: str, provider: str, expected: str | None
) -> None:
    """No date is cut off, no likeness counts, and another vendor's name is none of Azure's."""
    found = TABLE.find(name, provider)
    assert expected == (found and found.name)


def test_a_table_with_more_prices_leaves_the_first_as_it_was() -> None:
    """A router or a gateway makes the table that its configuration asks for."""
    more = TABLE.with_prices({"my-model": {"input_cost_per_token": 1e-6}})
    assert None is TABLE.find("my-model")
    found = more.find("azure/my-model")
    assert {"standard": {"input": Decimal("0.000001")}} == (found and found.rates)
    assert len(TABLE) + 1 == len(more)


def test_own_prices_come_first_and_whole() -> None:
    """What a user does not name has no price: Azure's would be mixed with another contract's."""
    own = TABLE.with_prices(
        {"gpt-4o": {"input_cost_per_token": "2e-6", "output_cost_per_token": 0}}
    )
    found = own.find("gpt-4o")
    assert {"standard": {"input": Decimal("0.000002"), "output": 0}} == (found and found.rates)


@pytest.mark.parametrize(
    ("prices", "problem"),
    [
        ({"input_cost_per_tokens": 1}, "'input_cost_per_tokens' is no price that is known here"),
        ({"mode": "chat"}, "'mode' is no price"),
        ({"input_cost_per_token": -1}, "must be US dollars for one unit, 0 or more, got -1"),
        ({"input_cost_per_token": "much"}, "must be US dollars"),
        ({"input_cost_per_token": True}, "must be US dollars"),
        ({"input_cost_per_token": float("nan")}, "must be US dollars"),
        ({"batch_factor": None}, "batch_factor must be US dollars"),
        (
            {
                "input_cost_per_token_above_200k_tokens": 1,
                "output_cost_per_token_above_272k_tokens": 1,
            },
            "one step is possible, got [200000, 272000]",
        ),
        (["input"], "must be a dictionary"),
    ],
)
def test_prices_that_are_none_are_refused(prices: object, problem: str) -> None:
    """A misspelled field would leave out a part of every cost."""
    with pytest.raises(InvalidRequestError) as caught:
        TABLE.with_prices({"m": prices})  # type: ignore[dict-item]
    assert problem in str(caught.value)
