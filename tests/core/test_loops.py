"""Event loops that come and go: nothing is left of them, however they end."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azure_agents import AgentClient, AsyncAgentClient
from azure_agents.emulator import Emulator
from azure_agents.fold import fold
from azure_agents.messages import TurnRequest, user

from ..covering import scaled
from ..eventually import eventually

if TYPE_CHECKING:
    import httpx

CHILD = Path(__file__).with_name("many_loops.py")
HI = TurnRequest((user("Hi"),))

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def used(door: str, way: str, count: int) -> tuple[list[list[int]], list[str]]:
    """What a process held of descriptors and kilobytes, twice, and what it printed besides."""
    foundry = Emulator()
    agent = foundry.create_agent("a", "Hello.")
    with foundry.serve() as served:
        strict = [sys.executable, "-X", "dev", "-W", "error", str(CHILD)]
        about = [door, way, str(count), agent.model, served.endpoint]
        done = subprocess.run([*strict, *about], capture_output=True, text=True, check=False)
    # In its debug mode asyncio reports every step that took long, on a busy machine any.
    printed = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    return json.loads(done.stdout or "[]"), printed


@pytest.mark.slow
@pytest.mark.parametrize("door", ["client", "completion", "langchain", "llamaindex"])
def test_many_loops_leave_nothing(door: str) -> None:
    """Opened, used once, closed with `close()` alone: no descriptor, no memory, no word."""
    counts, printed = used(door, "close", scaled(all=500, pairs=40, few=20))
    (descriptors, before), (descriptors_then, after) = counts
    assert ([], 0) == (printed, descriptors_then - descriptors)
    assert after - before < 4096, counts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("door", "way"),
    [
        ("completion", "asyncio.run"),
        ("completion", "elsewhere"),
        ("extractor", "one loop"),
        ("langchain", "nest_asyncio"),
        ("langchain", "thread"),
        ("llamaindex", "asyncio_run"),
        ("llamaindex", "nest_asyncio"),
    ],
)
def test_loops_end_in_many_ways(door: str, way: str) -> None:
    """In threads, inside one another, as frameworks do it: nothing is left, nothing is printed."""
    counts, printed = used(door, way, scaled(all=40, pairs=15, few=10))
    assert ([], 0) == (printed, counts[1][0] - counts[0][0])


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("inside", [False, True])
def test_a_stream_that_was_left_ends_with_its_loop(inside: bool, generation: str) -> None:
    """`close()` alone stops the turn, on the server too, also where another loop is running."""
    foundry = Emulator()
    agent = foundry.create_agent("a", "word " * 200, generation=generation)  # type: ignore[arg-type]
    client = AsyncAgentClient(agent.model, **foundry.connection())
    loop = asyncio.new_event_loop()
    events = client.stream(HI)

    async def from_inside() -> None:
        await asyncio.to_thread(loop.run_until_complete, anext(events))
        loop.close()

    if inside:
        asyncio.run(from_inside())
    else:
        loop.run_until_complete(anext(events))
        loop.close()
    cancelled = [one for one in foundry.requests if one.path.endswith("/cancel")]
    assert (True, generation == "classic") == (loop.is_closed(), bool(cancelled))


async def test_a_client_that_is_gone_leaves_no_connection() -> None:
    """A loop that lives on closes what nobody has any more."""
    closed = []
    foundry = Emulator()
    agent = foundry.create_agent("a", "Hello.")
    with foundry.serve() as served:
        for _ in range(3):
            client = AsyncAgentClient(agent.model, endpoint=served.endpoint, api_key="any")
            await client.complete(HI)
            http = await client._clients.get()
            closed.append(http)
            del client
        gc.collect()
        await eventually(lambda: all(http.is_closed for http in closed))


@pytest.mark.parametrize("ticks", [0, 1, 2, 3])
def test_a_client_that_goes_as_its_program_ends_leaves_no_connection(ticks: int) -> None:
    """`asyncio.run` cancels the task that closes it: before its first step, or at any other."""
    foundry = Emulator()
    agent = foundry.create_agent("a", "Hello.")

    async def main() -> list[httpx.AsyncClient]:
        client = AsyncAgentClient(agent.model, endpoint=served.endpoint, api_key="any")
        await client.complete(HI)
        kept = [await client._clients.get()]
        del client
        gc.collect()
        for _ in range(ticks):
            await asyncio.sleep(0)
        return kept

    with foundry.serve() as served:
        (http,) = asyncio.run(main())
    assert http.is_closed


def test_nor_does_it_where_the_loop_is_closed_before_it_could() -> None:
    """The client was collected while its loop stood still."""
    foundry = Emulator()
    agent = foundry.create_agent("a", "Hello.")
    with foundry.serve() as served:
        client = AsyncAgentClient(agent.model, endpoint=served.endpoint, api_key="any")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.complete(HI))
        http = loop.run_until_complete(client._clients.get())
        del client
        gc.collect()
        loop.close()
    assert http.is_closed


SYNC = """
import sys
from azure_agents import completion
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

model, given = sys.argv[1], {"endpoint": sys.argv[2], "api_key": "any"}
completion(model, [{"role": "user", "content": "Hi"}], **given)
kept = ChatAzureAgent(model=model, **given), AzureAgentLLM(model, **given)
kept[0].invoke("Hi"), kept[1].complete("Hi")
"""


@pytest.mark.slow
def test_sync_calls_leave_nothing_either() -> None:
    """A process that ends with its models in use prints nothing about open sockets."""
    foundry = Emulator()
    agent = foundry.create_agent("a", "Hello.")
    with foundry.serve() as served:
        strict = [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", SYNC]
        about = [agent.model, served.endpoint]
        done = subprocess.run([*strict, *about], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


async def test_a_sync_client_that_is_gone_leaves_no_connection() -> None:
    """Whoever makes a client for each request needs not close it."""
    foundry = Emulator()
    agent = foundry.create_agent("a", "Hello.")
    with foundry.serve() as served:
        client = AgentClient(agent.model, endpoint=served.endpoint, api_key="any")
        client.complete(HI)
        http = client._client.get()
        events = client.stream(HI)
        del client
        gc.collect()
        first = next(events)  # a stream keeps it open
        assert (False, "Hello.") == (http.is_closed, fold([first, *events]).text)
        del events
        # A timer of the stream may still be ending.
        await eventually(lambda: (gc.collect(), http.is_closed)[1])


@pytest.mark.filterwarnings("ignore:asynchronous generator .* was scheduled:ResourceWarning")
def test_a_loop_goes_on_after_its_generators_were_shut_down() -> None:
    """Some frameworks shut them down in between; the next call makes a new client."""
    foundry = Emulator()
    agent = foundry.create_agent("a", "Hello.")
    with foundry.serve() as served:
        client = AsyncAgentClient(agent.model, endpoint=served.endpoint, api_key="any")
        loop = asyncio.new_event_loop()
        said = []
        for _ in range(2):
            said.append(loop.run_until_complete(client.complete(HI)).text)
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    assert ["Hello.", "Hello."] == said
