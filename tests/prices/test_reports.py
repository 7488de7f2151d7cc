"""Wrong costs that users of LiteLLM reported: the same answers, priced as they should be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from azure_agents.prices.cost import cost_of

CACHED_CHAT = {
    "prompt_tokens": 2006,
    "completion_tokens": 300,
    "total_tokens": 2306,
    "prompt_tokens_details": {"cached_tokens": 1920},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
CACHED_XAI = {  # text_tokens hold the cached ones, too
    "prompt_tokens": 2739,
    "completion_tokens": 5,
    "total_tokens": 2744,
    "prompt_tokens_details": {"text_tokens": 2739, "cached_tokens": 2634},
}
EDITED_IMAGE = {
    "input_tokens": 357,
    "output_tokens": 6543,
    "input_tokens_details": {"text_tokens": 34, "image_tokens": 323},
    "output_tokens_details": {"text_tokens": 335, "image_tokens": 6208},
}
MADE_IMAGE = {"input_tokens": 23, "output_tokens": 1056, "output_tokens_details": None}
WRITTEN = {"input_tokens": 3, "cache_creation_input_tokens": 12304, "output_tokens": 550}
STREAMED_CLAUDE = {  # as chats count: the cached tokens are in prompt_tokens
    "prompt_tokens": 2459,
    "completion_tokens": 23,
    "total_tokens": 2482,
    "prompt_tokens_details": {"cached_tokens": 2455, "cache_creation_tokens": 0},
    "cache_read_input_tokens": 2455,
}
SHORT = {"prompt_tokens": 9, "completion_tokens": 28, "total_tokens": 37}
LONG = {
    "prompt_tokens": 278_476,
    "completion_tokens": 630,
    "prompt_tokens_details": {"cached_tokens": 7936},
}

# report, base model, usage, US dollars
REPORTS: list[tuple[str, str, dict[str, Any], str | None]] = [
    ("BerriAI/litellm#6215: cached tokens paid twice", "gpt-4o", CACHED_CHAT, "0.005615"),
    ("BerriAI/litellm#14874: text_tokens with cached ones", "azure_ai/grok-4.3", CACHED_XAI,
     "0.00067055"),
    ("BerriAI/litellm#9812: cache writes paid twice", "claude-sonnet-4-5", WRITTEN, "0.054399"),
    ("BerriAI/litellm#11789: streams of Claude", "claude-haiku-4-5", STREAMED_CLAUDE, "0.0003645"),
    ("BerriAI/litellm#21902: text at the price of images", "gpt-image-1.5", EDITED_IMAGE,
     "0.20476"),
    ("BerriAI/litellm#18541: images at the price of text", "gpt-image-1.5", MADE_IMAGE, "0.033907"),
    ("BerriAI/litellm#1810: gpt-4 that is another", "azure/gpt-4-1106-preview", SHORT, "0.00093"),
    ("BerriAI/litellm#8538: base models that are dropped", "gpt-35-turbo", SHORT, "0.0000465"),
    ("BerriAI/litellm#8538: and those that nobody knows", "my-gpt-35-turbo", SHORT, None),
    ("junhoyeo/tokscale#862: a step for some tokens only", "azure/gpt-5.4", LONG, "1.370843"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("base_model", "usage", "usd"), [row[1:] for row in REPORTS], ids=[row[0] for row in REPORTS]
)
def test_reported_costs_are_right(base_model: str, usage: dict[str, Any], usd: str | None) -> None:
    """To the last digit, where the bill or the price page says what is right."""
    found = cost_of({"model": "gpt-4", "usage": usage}, base_model).amount
    assert (None if usd is None else Decimal(usd)) == found


def test_no_cache_write_is_free() -> None:
    """BerriAI/litellm#37631: writes that a row had no price for were billed at zero."""
    usage = {"prompt_tokens": 100, "prompt_tokens_details": {"cache_write_tokens": 90}}
    costs = [cost_of({"usage": usage}, name) for name in ("gpt-5.6-luna", "gpt-5")]
    assert [Decimal("0.0000245"), None] == [cost.amount for cost in costs]
    assert ("azure/gpt-5 has no standard price for cache_write",) == costs[1].unknown
