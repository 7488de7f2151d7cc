"""What an answer used, read out of its bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from azure_agents.gateway.usage import read_usage

USED = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
LONG = {**USED, "note": "x" * 5_000}
ROWS: list[tuple[bytes, dict[str, Any], str | None, str | None]] = [
    (b'{"model":"gpt-1","usage":' + json.dumps(USED).encode() + b"}", USED, "gpt-1", None),
    (b'{ "usage" : ' + json.dumps(LONG).encode() + b"}", LONG, None, None),
    (b'{"usage":{"prompt_tokens":1},"x":{"usage":{"a":1}}}', {"prompt_tokens": 1}, None, None),
    (b'{"usage":{"prompt_tokens":1},"usage":null}', {"prompt_tokens": 1}, None, None),
    (b'{"text":"\\"usage\\":{\\"prompt_tokens\\":9}"}', {}, None, None),
    (b'{"text":"\\"model\\":\\"no\\"","model":"yes","service_tier":"flex"}', {}, "yes", "flex"),
    (b'{"model":null,"inner":{"model":"gpt-2"},"service_tier":null}', {}, "gpt-2", None),
    (b'{"usage":{"prompt_tokens":1', {}, None, None),
    (b'{"usage":{"prompt_tokens":' + b"[" * 5_000, {}, None, None),
    (b"\xff\xfe no JSON", {}, None, None),
    (b"", {}, None, None),
]


@pytest.mark.parametrize(("body", "usage", "model", "tier"), ROWS)
def test_usage_is_read_wherever_it_stands(
    body: bytes, usage: dict[str, Any], model: str | None, tier: str | None
) -> None:
    """The last usage with tokens, the first model and tier; what is quoted in a text is none."""
    meter = read_usage(body)
    assert (usage, model, tier, len(body)) == (meter.usage, meter.model, meter.tier, meter.size)
