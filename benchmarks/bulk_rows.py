"""Rows of a bulk run beside bare calls at the same concurrency: how much the journal costs.

All sides ask the same agent of an emulator in this process, in turn. Look at the ratios: the aim is
at most 1.15 of bare `acomplete` calls, with the output and its journal on disk. Seconds of the
clock count the waits for the disk, too, and on a busy machine everything else; CPU does not.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from azure_agents import AsyncAgentClient
from azure_agents.bulk import abulk
from azure_agents.emulator import Emulator
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

ROWS = 1_000
CONCURRENCY = 16
ROUNDS = 3
QUESTIONS = [f"question {number}" for number in range(ROWS)]


async def _many(ask: Callable[[str], Awaitable[object]]) -> None:
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(question: str) -> None:
        async with slots:
            await ask(question)

    await asyncio.gather(*map(one, QUESTIONS))


async def _client(foundry: Emulator, model: str) -> None:
    await _many(AsyncAgentClient(model, **foundry.connection()).complete)


async def _acomplete(foundry: Emulator, model: str) -> None:
    await _many(AzureAgentLLM(model=model, **foundry.connection()).acomplete)


async def _abatch(foundry: Emulator, model: str) -> None:
    llm = ChatAzureAgent(model=model, **foundry.connection())
    await llm.abatch(QUESTIONS, config={"max_concurrency": CONCURRENCY})


async def _bulk(foundry: Emulator, model: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        given = {"out": Path(folder, "a.jsonl"), "concurrency": CONCURRENCY}
        async for _ in abulk(model, QUESTIONS, **given, **foundry.connection()):
            pass


SIDES = {
    "AsyncAgentClient.complete": _client,
    "AzureAgentLLM.acomplete": _acomplete,
    "ChatAzureAgent.abatch": _abatch,
    "abulk, with an output": _bulk,
}


async def _seconds(side: Callable[[Emulator, str], Awaitable[None]]) -> tuple[float, float]:
    """CPU, and the clock."""
    with Emulator(seed=1) as foundry:
        model = foundry.create_agent("my-agent", "Hi").model
        cpu, clock = time.process_time(), time.perf_counter()
        await side(foundry, model)
        return time.process_time() - cpu, time.perf_counter() - clock


async def _main() -> None:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    for _ in range(ROUNDS):
        for name, side in SIDES.items():
            found[name].append(await _seconds(side))
    best = {name: (min(c for c, _ in all), min(w for _, w in all)) for name, all in found.items()}
    bare = best["AzureAgentLLM.acomplete"]
    for name, (cpu, clock) in best.items():
        shares = f"CPU {cpu / bare[0]:.2f}, clock {clock / bare[1]:.2f} of acomplete"
        print(f"{name:26} {ROWS / clock:6.0f} rows/s   {shares}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_main())
