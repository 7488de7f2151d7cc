"""A file of any length takes the same memory."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents.bulk import abulk

from ..covering import scaled

ROWS = scaled(all=5_000, pairs=2_500, few=1_500)
MOST = 1_000  # blocks of memory that may come after the first thousand rows: less than a row each
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1-mini-2025-04-14",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}


class _Fixed(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: Any) -> Any:
        return httpx.Response(200, json=ANSWER)


@pytest.mark.slow
async def test_memory_is_flat_after_the_first_thousand(tmp_path: Path) -> None:
    """Neither rows nor answers nor the journal are held."""
    questions = tmp_path / "q.jsonl"
    with questions.open("w") as file:
        for number in range(ROWS):
            file.write(json.dumps({"id": number, "input": f"{number} {'x' * 1000}"}) + "\n")
    given = {"api_base": "https://r.openai.azure.com", "api_key": "k", "out": tmp_path / "a.jsonl"}
    used, number = [], 0
    async for _ in abulk("azure/d", questions, async_transport=_Fixed(), **given):
        number += 1
        if number in (1_000, ROWS):
            gc.collect()
            used.append(sys.getallocatedblocks())
    assert used[1] - used[0] < MOST
