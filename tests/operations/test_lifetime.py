"""Programs that ask operations leave nothing open when they end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from azure_agents.emulator import Emulator

PROGRAM = """
import asyncio, logging, sys
from azure_agents import aembedding, aresponses, embedding, responses, text_completion

logging.getLogger("asyncio").setLevel(logging.ERROR)  # a busy machine is no error
where = {"api_base": sys.argv[1], "api_key": sys.argv[2]}
embedding("azure/emb", "one", **where)
left = responses("Hello", "azure/dep", stream=True, **where)
next(left)
with text_completion("Hello", "azure_text/inst", stream=True, **where) as chunks:
    next(chunks)

async def main():
    await asyncio.gather(*(aembedding("azure/emb", "one", **where) for _ in range(3)))
    left = await aresponses("Hello", "azure/dep", stream=True, **where)
    await anext(left)
    async with await aresponses("Hello", "azure/dep", stream=True, **where) as events:
        await anext(events)

asyncio.run(main())
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_program_that_ends_with_open_streams_prints_nothing() -> None:
    """In Python's development mode, where every socket and task left behind is told of."""
    with Emulator() as foundry:
        foundry.deploy("emb", model="text-embedding-3-small")
        foundry.deploy("dep", "one two three four five six")
        foundry.deploy("inst", "one two three", model="gpt-35-turbo-instruct")
        with foundry.serve() as served:
            given = served.deployment_connection()
            strict = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM]
            about = [given["api_base"], given["api_key"]]
            done = subprocess.run([*strict, *about], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
