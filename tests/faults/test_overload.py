"""An overload, over real sockets: every call is accounted for."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from azure_agents.client.agent_client import AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import AzureAgentsError
from azure_agents.messages import TurnRequest, user
from azure_agents.settings.config import resolve_settings
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore
from tests.covering import scaled

CALLS = scaled(all=500, pairs=80, few=40)
FAULTY = CALLS // 20
KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "lost"},
    {"kind": "reset_before"},
    {"kind": "status_before", "status": 503},
    {"kind": "status_after", "status": 500},
    {"kind": "status_before", "status": 429, "headers": {"retry-after-ms": "50"}},
    {"kind": "cut", "after_events": 5},
)


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_calls_at_once_with_five_percent_faults_are_all_answered(generation: Any) -> None:
    """Each call gets its own right answer; the faults cost retries, not answers."""
    foundry = Emulator(seed=1)
    agent = foundry.create_agent("my-agent", generation=generation)
    source = random.Random(7)  # noqa: S311 - repeatable
    for nth in source.sample(range(1, CALLS + 1), FAULTY):
        foundry.faults.add(Fault(method="POST", nth=nth, **source.choice(KINDS)))
    with foundry.serve() as endpoint:
        outcomes = asyncio.run(_ask_all(agent.model, endpoint))
    assert Counter({"right": CALLS}) == outcomes
    hit = [request for request in foundry.requests if request.fault]
    assert FAULTY == len(hit)


async def _ask_all(model: str, endpoint: Any) -> Counter[str]:
    url = str(getattr(endpoint, "endpoint", endpoint))
    settings = resolve_settings(model=model, endpoint=url, timeout=60.0, env={})
    auth = make_auth(credential="token", endpoint=settings.endpoint, env={})
    agents = make_client(AsyncAgentClient, settings, auth, store=MemoryThreadStore())
    outcomes = await asyncio.gather(*(_ask(agents, number) for number in range(CALLS)))
    await agents.aclose()
    return Counter(outcomes)


async def _ask(agents: AsyncAgentClient, number: int) -> str:
    try:
        completion = await agents.complete(TurnRequest((user(f"call {number}"),)))
    except AzureAgentsError as error:
        return f"{type(error).__name__}: {error.message[:60]}"
    return "right" if completion.text == f"You said: call {number} (turn 1)" else completion.text
