"""What Prometheus reads, after real calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from azure_agents.emulator import Emulator, Fault

from .conftest import HELLO, Gateway, Start
from .test_frames import ROLE, WORD
from .test_streams_end import HEAD, Client, chunk
from .test_streams_end import gateway as scripted

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

CONFIG = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/dep, api_base: "{resource}", api_key: k, rpm: 10}
    model_info: {id: first}
general_settings: {master_key: sk-master}
"""


def metrics(gateway: Gateway) -> dict[str, Any]:
    """All samples, by name and labels; without the names' common beginning."""
    families = text_string_to_metric_families(gateway.http.get("/metrics").text)
    return {
        sample.name.removeprefix("azure_agents_gateway_")
        + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def gateway(foundry: Emulator, start: Start) -> Gateway:
    """A gateway with one deployment of ten requests a minute."""
    foundry.deploy("dep", "Hello!")
    return start(CONFIG, authorization="Bearer sk-master")


def test_calls_tokens_and_windows_are_there(gateway: Gateway) -> None:
    """Two calls of ten in the minute, their tokens, and how long they took."""
    answers = [gateway.chat().json() for _ in range(2)]
    found = metrics(gateway)
    assert 2 == found["requests_total gpt-4o chat 200"]
    tokens = sum(answer["usage"]["prompt_tokens"] for answer in answers)
    assert tokens == found["tokens_total input gpt-4o"]
    assert 2 == found["seconds_count gpt-4o chat"] == found["seconds_bucket +Inf gpt-4o chat"]
    assert 2 == found["upstream_requests_total first gpt-4o ok"]
    assert 2 == found["upstream_seconds_count first gpt-4o"]
    assert pytest.approx(0.2) == found["window_ratio first rpm gpt-4o 60"]
    assert 0 == found["upstream_running first gpt-4o"] == found["streams"]
    assert 0 < found["process_resident_memory_bytes"]


def test_errors_and_cooldowns_are_there(gateway: Gateway, foundry: Emulator) -> None:
    """A 429 of the service: its kind, and for how long the deployment is put aside."""
    foundry.faults.add(Fault("status_before", path="chat", status=429, times=None))
    assert 429 == gateway.chat().status_code
    found = metrics(gateway)
    assert 1 == found["errors_total RateLimitError gpt-4o"]
    assert 1 == found["upstream_requests_total first gpt-4o RateLimitError"]
    assert 0 < found["cooldown_seconds first gpt-4o"]
    assert 1 == found["cooldowns_total first gpt-4o"]


def test_refusals_and_nothing_of_clients_are_there(gateway: Gateway) -> None:
    """What clients write is no label: neither models nor keys that nobody knows."""
    assert 404 == gateway.chat("sk-secret-as-a-model").status_code
    wrong = {"authorization": "Bearer sk-wrong-key"}
    assert 401 == gateway.http.get("/metrics", headers=wrong).status_code
    for number in range(50):  # somebody looks for holes
        assert 404 == gateway.http.get(f"/solr/admin-{number}.php").status_code
    text = gateway.http.get("/metrics").text
    assert "solr" not in text
    assert {51.0, 1.0} == {metrics(gateway)[f"refused_total {status}"] for status in (401, 404)}
    assert ["sk-"] * 0 == [one for one in ("sk-", "Hello") if one in text]


async def test_a_stream_is_counted_while_it_runs() -> None:
    """One gauge for streams that are open now; one whose client left is a 499."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + chunk(ROLE) + chunk(WORD))
        await reader.readexactly(1)  # until the other side hangs up

    async with scripted(script) as (application, _):
        client = Client({"model": "gpt", "messages": HELLO, "stream": True})
        task = asyncio.create_task(client.ask(application))
        await client.has_more.wait()
        counters = application._counters
        assert (1, 1) == (counters.streams, counters.running)
        client.leave()
        await task
        assert (0, 0) == (counters.streams, counters.running)
        assert {("chat", "gpt", "499"): 1} == counters.calls
