"""Opens event loops, uses each once and closes it; run by `test_loops` in a process of its own.

Prints as JSON how many descriptors and kilobytes the process held after a fifth and at the end.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from threading import Thread
from typing import Any

Ask = Callable[[], Coroutine[Any, Any, Any]]
RUNNER = asyncio.Runner()


def of_client(model: str, **connection: str) -> Ask:
    """Ask by the core's client."""
    from azure_agents import AsyncAgentClient

    client = AsyncAgentClient(model, **connection)
    return lambda: client.complete("Hi")


def of_completion(model: str, **connection: str) -> Ask:
    """Ask by `acompletion`."""
    from azure_agents import acompletion

    asked = [{"role": "user", "content": "Hi"}]
    return lambda: acompletion(model, asked, api_base=connection["endpoint"], api_key="any")


def of_langchain(model: str, **connection: str) -> Ask:
    """Ask LangChain's model."""
    from langchain_azure_agents import ChatAzureAgent

    llm = ChatAzureAgent(model=model, **connection)
    return lambda: llm.ainvoke("Hi")


def of_llamaindex(model: str, **connection: str) -> Ask:
    """Ask LlamaIndex's model."""
    from llamaindex_azure_agents import AzureAgentLLM

    llm = AzureAgentLLM(model, **connection)
    return lambda: llm.acomplete("Hi")


def of_an_extractor(model: str, **connection: str) -> Ask:
    """Ask by a sync call of LlamaIndex's ingestion, which runs a loop of its own in a thread."""
    from llama_index.core.extractors import KeywordExtractor
    from llama_index.core.schema import TextNode

    from llamaindex_azure_agents import AzureAgentLLM

    llm = AzureAgentLLM(model, **connection)

    async def extract() -> None:
        KeywordExtractor(llm=llm, show_progress=False)([TextNode(text="Bees make honey.")])

    return extract


DOORS = {
    "client": of_client,
    "completion": of_completion,
    "langchain": of_langchain,
    "llamaindex": of_llamaindex,
    "extractor": of_an_extractor,
}


def once(ask: Ask) -> None:
    """A loop that ends with `close()` alone."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(ask())
    loop.close()


def in_a_thread(ask: Ask) -> None:
    """As frameworks do it that are called from a running loop."""
    thread = Thread(target=once, args=(ask,))
    thread.start()
    thread.join()


def by_asyncio_run(ask: Ask) -> None:
    """A loop that Python ends."""

    async def run() -> None:
        await ask()

    asyncio.run(run())


def by_llamaindex(ask: Ask) -> None:
    """LlamaIndex's own way out of a running loop."""
    from llama_index.core.async_utils import asyncio_run

    async def run() -> None:
        asyncio_run(ask())

    asyncio.run(run())


def closed_elsewhere(ask: Ask) -> None:
    """A loop that is closed where another one runs."""

    async def run() -> None:
        loop = asyncio.new_event_loop()
        await asyncio.to_thread(loop.run_until_complete, ask())
        loop.close()

    asyncio.run(run())


def in_one_loop(ask: Ask) -> None:
    """All in the same loop, as in a notebook or a server."""
    RUNNER.run(ask())


def nested(ask: Ask) -> None:
    """A loop inside a running one, as `nest_asyncio` allows."""
    import nest_asyncio

    async def run() -> None:
        once(ask)

    nest_asyncio.apply()
    asyncio.run(run())


WAYS = {
    "close": once,
    "thread": in_a_thread,
    "asyncio.run": by_asyncio_run,
    "asyncio_run": by_llamaindex,
    "elsewhere": closed_elsewhere,
    "one loop": in_one_loop,
    "nest_asyncio": nested,
}


def held() -> tuple[int, int]:
    """Descriptors, and kilobytes of memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return len(list(Path("/proc/self/fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE") // 1024


def main(door: str, way: str, count: int, model: str, endpoint: str) -> None:
    """Use `count` loops."""
    ask = DOORS[door](model, endpoint=endpoint, api_key="any")
    counts = []
    for times in (count // 5, count - count // 5):
        for _ in range(times):
            WAYS[way](ask)
        counts.append(held())
    RUNNER.close()
    print(json.dumps(counts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
