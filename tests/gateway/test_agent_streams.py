"""Streams of agents through the gateway end once, whatever happens behind it or in front."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Fault
from azure_agents.emulator.trouble.faults import TURNS

from ..eventually import eventually
from .conftest import HELLO, Gateway, running
from .test_stream_faults import ends_of

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

GENERATIONS = ["v2", "classic"]
ROUTES = [("/v1/chat/completions", "messages"), ("/v1/responses", "input")]


@pytest.fixture
def gateway_of(foundry: Emulator) -> Iterator[Any]:
    """Makes a gateway in front of an agent of a generation."""
    with ExitStack() as stack:
        served = stack.enter_context(foundry.serve())

        def make(generation: str) -> Gateway:
            agent = foundry.create_agent("helper", "One two three four.", generation=generation)
            name = agent.model.removeprefix("azure_ai/agents/")
            params = f"{{model: azure_ai/agents/{name}, api_base: {served.endpoint}, api_key: any}}"
            entry = f"  - {{model_name: helper, litellm_params: {params}}}"
            config = f"model_list:\n{entry}\nrouter_settings: {{num_retries: 0, timeout: 20}}"
            return stack.enter_context(running(config))

        yield make


def asked(gateway: Gateway, path: str, field: str) -> httpx.Response:
    """One stream."""
    body = {"model": "helper", "stream": True, field: HELLO}
    return gateway.http.post(path, json=body)


async def left(gateway: Gateway) -> None:
    """One stream, whose client leaves when nothing has come for a while."""
    body = {"model": "helper", "stream": True, "messages": HELLO}
    patience = httpx.Timeout(5, read=0.5)
    async with (
        httpx.AsyncClient(base_url=gateway.url, timeout=patience) as http,
        http.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        await answer.aread()


FAULTS: dict[str, dict[str, Any]] = {
    "cut": {"kind": "cut"},
    "ended": {"kind": "cut", "mode": "eof"},
    "cut for good": {"kind": "cut", "finishes": False},
    "an error": {"kind": "status_before", "status": 500},
    "lost": {"kind": "lost"},
}


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_any_event_leaves_one_end(
    gateway_of: Any, foundry: Emulator, generation: str, name: str
) -> None:
    """What the library finds again is delivered whole; else the last event is an error."""
    gateway, found = gateway_of(generation), []
    for path, field in ROUTES[: 2 if generation == "v2" else 1]:
        for after in range(14 if FAULTS[name]["kind"] == "cut" else 1):
            foundry.faults.add(
                Fault(method="POST", path=TURNS, after_events=after, times=3, **FAULTS[name])
            )
            answer = asked(gateway, path, field)
            foundry.faults.clear()
            is_stream = answer.status_code == 200
            found.append(ends_of(answer.content) if is_stream else [str(answer.status_code)])
    assert {1} == {len(one) for one in found}
    assert {one[0] for one in found} <= {"end", "error", "500", "502", "503", "504"}


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("after", [0, 6])
async def test_a_client_that_leaves_ends_the_run(
    gateway_of: Any, foundry: Emulator, generation: str, after: int
) -> None:
    """Before the first content, and in the answer: the place is given back, a run is cancelled."""
    gateway = gateway_of(generation)
    foundry.faults.add(Fault("stall", method="POST", path=TURNS, after_events=after))
    with pytest.raises(httpx.ReadTimeout):
        await left(gateway)
    board = gateway.application._serving.board
    await eventually(lambda: not any(map(board.engine.desk.counts.running, board.deployments)), 5)
    if generation == "classic" and after:
        await eventually(lambda: any(one.path.endswith("/cancel") for one in foundry.requests), 5)
