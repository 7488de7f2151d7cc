"""Makes docs/images/status.png: the status page of a gateway that is used, and has a few problems.

    make screenshot

With another folder as argument, that one has the page in light, dark and at a phone's width.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

from azure_agents.emulator import Emulator, Fault

from .browser import a_page
from .conftest import HELLO, Gateway, running

IMAGES = Path(__file__).parents[2] / "docs" / "images"
KEY = "sk-master-of-the-screenshot"
_ENTRY = """
  - model_name: {name}
    litellm_params: {{model: {model}, api_base: "{base}", api_key: k{more}}}
    model_info: {{id: {id}}}"""
_KEYS = """
general_settings: {{master_key: {key}}}
keys:
  - {{name: web-shop, hash: {shop}, budget: 0.02, budget_period: day}}
  - {{name: support-bot, hash: {bot}}}
"""


def _config(base: str, hashes: dict[str, str]) -> str:
    rows = [
        ("gpt-4o", "azure/sweden", ", rpm: 3000, tpm: 60000, base_model: azure/gpt-4o", "sweden"),
        ("gpt-4o", "azure/france", ", rpm: 300, order: 2, base_model: azure/gpt-4o", "france"),
        ("gpt-4o-mini", "azure/mini", ", tpm: 100000, base_model: azure/gpt-4o-mini", "mini"),
        ("embed", "azure/embed", ", base_model: azure/text-embedding-3-small", "embed"),
        ("claude", "azure_ai/claude-sonnet-4-5", "", "claude"),
    ]
    entries = (
        _ENTRY.format(name=name, model=model, base=base, more=more, id=id)
        for name, model, more, id in rows
    )
    return "model_list:" + "".join(entries) + _KEYS.format(key=KEY, **hashes)


def _of(deployment: str) -> Callable[[Any], bool]:
    return lambda body: isinstance(body, dict) and body.get("model") == deployment


def _played(foundry: Emulator, gateway: Gateway, headers: list[dict[str, str]]) -> None:
    """Nine minutes of traffic, in some seconds: only the clock of the counters is moved."""
    counters, now = gateway.application._counters, [10_000.0]
    counters._clock = counters.recent._clock = lambda: now[0]

    def ask(number: int) -> None:
        model = ("gpt-4o", "gpt-4o-mini", "gpt-4o", "claude", "embed")[number % 5]
        by = headers[number % 3 % 2]
        if model == "embed":
            gateway.http.post("/v1/embeddings", json={"model": model, "input": "Hi"}, headers=by)
        else:
            body = {"model": model, "messages": HELLO, "max_tokens": 50}
            gateway.http.post("/v1/chat/completions", json=body, headers=by)

    with ThreadPoolExecutor(4) as pool:
        for slot in range(55):
            if slot in {20, 21, 40}:
                foundry.faults.add(Fault("status_before", when=_of("mini"), status=500, times=4))
            wave = 6 + slot * 7 % 5 + (8 if 25 < slot < 38 else 0)
            list(pool.map(ask, range(slot, slot + wave)))
            now[0] += 10
        told = {"retry-after": "42", "retry-after-ms": "42000"}
        foundry.faults.add(Fault("status_before", when=_of("sweden"), status=429, headers=told))
        list(pool.map(ask, range(10)))


async def _pictures(url: str) -> dict[str, bytes]:
    found = {}
    async with a_page() as page:
        await page.looks(width=1120)
        await page.open(url)
        await page.sees("Sign in")
        found["sign_in"] = await page.picture()
        await page.type("#key", KEY)
        await page.sees("Deployments", "Live")
        found["status"] = await page.picture(width=1120, height=1215)
        await page.looks(dark=True)
        found["dark"] = await page.picture()
        await page.looks(width=390, height=844)
        found["phone"] = await page.picture()
    return found


def main(folder: Path | None) -> None:
    """Play, and take pictures.

    Args:
        folder: For all pictures; None: only the one of the docs.
    """
    clients = {"shop": "sk-shop", "bot": "sk-bot"}
    hashes = {name: sha256(key.encode()).hexdigest() for name, key in clients.items()}
    with ExitStack() as stack:
        foundry = stack.enter_context(Emulator(seed=7))
        for name in ("sweden", "france", "mini"):
            foundry.deploy(name, "It is sunny in Paris, with a light wind from the west.")
        foundry.deploy("embed", model="text-embedding-3-small")
        foundry.deploy("claude-sonnet-4-5", "Gladly.", model="claude-sonnet-4-5")
        base = stack.enter_context(foundry.serve()).resource
        gateway = stack.enter_context(running(_config(base, hashes)))
        headers = [{"authorization": f"Bearer {key}"} for key in clients.values()]
        _played(foundry, gateway, headers)
        pictures = asyncio.run(_pictures(gateway.url))
    for name in pictures if folder else ("status",):
        ((folder or IMAGES) / f"{name}.png").write_bytes(pictures[name])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
