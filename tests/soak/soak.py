"""Mixed load with faults, and then: does anything leak, and is every request accounted for?

The gateway is a process of its own; clients and the emulator share this one. While clients chat,
stream, embed, ask agents and hang up, the upstream answers with 429 and 500, cuts and stalls, and
the config is read again and again. At the end four books must agree: what clients heard, what the
metrics say, what was spent, and what the upstream saw.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import psutil

from azure_agents.emulator import Emulator, Fault
from tests.gateway.processes import Served, served, wait_until

from .load import Client, Heard

KEY = "sk-of-the-soak"
CLIENTS = 12
_RELOAD = 3.0  # seconds between two readings of the config
_NAME = "azure_agents_gateway_"
_SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_ROWS = (("gpt", "one"), ("gpt", "two"), ("embed", "vectors"))
_MEBIBYTE = 2**20


@dataclass
class Sample:
    """How large the gateway was at some moment."""

    at: float
    memory: int
    files: int


@dataclass
class Books:
    """Everything that was written down.

    Attributes:
        heard: By the clients.
        metrics: By name and labels.
        spent: Rows of `/spend`.
        seen: Requests of deployments at the upstream, by deployment.
        samples: Of the gateway's process, while it had load.
        tasks: Of its event loop, with nothing to do, before the load and after it.
        connections: Of clients, likewise.
    """

    heard: Heard
    seen: Counter[str] = field(default_factory=Counter)
    metrics: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)
    spent: list[dict[str, Any]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)


def soak(seconds: float, folder: Path, seed: int = 1) -> Books:
    """Run the load, and give all books.

    Args:
        seconds: How long.
        folder: For the config file.
        seed: Of everything that is left to chance.
    """
    books, random = Books(Heard()), Random(seed)  # noqa: S311 - chance, no secret
    with ExitStack() as stack:
        foundry = stack.enter_context(Emulator(seed=seed))
        agent = foundry.create_agent("helper", reply="At your service.")
        for name in ("one", "two"):
            foundry.deploy(name, "It is sunny in Paris, with a light wind from the west. " * 4)
        foundry.deploy("vectors", model="text-embedding-3-small")
        _trouble(foundry, books, random)
        upstream = stack.enter_context(foundry.serve(keep=1_000))
        config = folder / "config.yaml"
        config.write_text(_config(upstream.resource, upstream.endpoint, agent.model))
        gateway = stack.enter_context(served(config, key=KEY))
        asyncio.run(_load(gateway, config, books, random, seconds))
        _read(gateway, books)
    return books


def _config(resource: str, project: str, agent: str) -> str:
    rows = [
        f"  - model_name: {name}\n    litellm_params: {{model: azure/{deployment}, "
        f'api_base: "{resource}", api_key: k, base_model: azure/gpt-4o, cooldown_time: 0.05}}\n'
        f"    model_info: {{id: {deployment}}}\n"
        for name, deployment in _ROWS
    ]
    helper = (
        f"  - model_name: helper\n    litellm_params: {{model: azure_ai/agents/{agent}, "
        f'api_base: "{project}", api_key: k, allow_http: true}}\n    model_info: {{id: helper}}\n'
    )
    return f"model_list:\n{''.join(rows)}{helper}general_settings: {{master_key: {KEY}}}\n"


def _trouble(foundry: Emulator, books: Books, random: Random) -> None:
    """Count what comes in, and let a few in a hundred of it fail."""

    def counts(body: Any) -> bool:
        if isinstance(body, dict) and "model" in body:
            books.seen[body["model"]] += 1
        return False

    def now_and_then(part: float) -> Any:
        return lambda body: isinstance(body, dict) and "model" in body and random.random() < part

    soon = {"retry-after-ms": "40", "retry-after": "0"}
    foundry.faults.add(Fault("status_before", when=counts))
    for fault in (
        Fault("status_before", when=now_and_then(0.02), status=429, headers=soon, times=None),
        Fault("status_before", when=now_and_then(0.02), status=500, times=None),
        Fault("cut", when=now_and_then(0.02), after_events=4, times=None),
        Fault("delay", when=now_and_then(0.02), after_events=2, seconds=0.3, times=None),
    ):
        foundry.faults.add(fault)


async def _load(
    gateway: Served, config: Path, books: Books, random: Random, seconds: float
) -> None:
    await asyncio.to_thread(_rest, gateway, books)
    until = monotonic() + seconds
    clients = [
        Client(gateway.url, KEY, books.heard, Random(random.random()))  # noqa: S311 - as above
        for _ in range(CLIENTS)
    ]
    changing = asyncio.create_task(_change(gateway, config, books))
    await asyncio.gather(*(client.run(until) for client in clients))
    changing.cancel()
    await asyncio.to_thread(_rest, gateway, books)


async def _change(gateway: Served, config: Path, books: Books) -> None:
    """Read the config again and again; look how large the gateway is."""
    process = psutil.Process(gateway.process.pid)
    for turn in range(10**9):
        await asyncio.sleep(_RELOAD)
        await asyncio.to_thread(_rewrite, config, turn)
        gateway.process.send_signal(signal.SIGHUP)
        books.samples.append(Sample(monotonic(), process.memory_info().rss, process.num_fds()))


def _rewrite(config: Path, turn: int) -> None:
    text = config.read_text().partition("# ")[0]
    config.write_text(f"{text}# {turn}\n")


def _rest(gateway: Served, books: Books) -> None:
    """Wait until nothing runs, and note what is still there."""
    process = psutil.Process(gateway.process.pid)
    port = int(gateway.url.rpartition(":")[2])

    def clients() -> int:
        return sum(
            one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED
            for one in process.net_connections("tcp")
        )

    wait_until(lambda: gateway.metric(f"{_NAME}running") <= 1 and clients() == 0)
    books.tasks.append(gateway.metric(f"{_NAME}tasks"))
    books.connections.append(clients())


def _read(gateway: Served, books: Books) -> None:
    books.spent = gateway.get("/spend").json()["data"]
    for name, labels, value in _SERIES.findall(gateway.get("/metrics").text):
        known = dict(_LABEL.findall(labels))
        key = tuple(known[label] for label in sorted(known))
        books.metrics.setdefault(name.removeprefix(_NAME), {})[key] = float(value)


def problems(books: Books) -> list[str]:
    """What does not agree, and what grew; empty if all is well."""
    return [*_leaks(books), *_counts(books), *_money(books)]


def _leaks(books: Books) -> Iterator[str]:
    before, after = books.tasks
    if after > before:
        yield f"tasks: {before:g} before, {after:g} after"
    if books.connections != [0, 0]:
        yield f"connections of clients: {books.connections}"
    for name in ("streams", "upstream_running"):
        left = sum(books.metrics[name].values())
        if left:
            yield f"{name}: {left:g} after the end"
    third = len(books.samples) // 3
    early, late = books.samples[third : 2 * third], books.samples[-third:]
    grown = min(one.memory for one in late) - max(one.memory for one in early)
    if grown > 6 * _MEBIBYTE:
        yield f"memory: {grown / _MEBIBYTE:.1f} MiB more in the last third"
    files = min(one.files for one in late) - max(one.files for one in early)
    if files > CLIENTS:
        yield f"files: {files} more in the last third"


def _counts(books: Books) -> Iterator[str]:
    heard, requests = books.heard, Counter[tuple[str, str, str]]()
    for (model, operation, status), number in books.metrics["requests_total"].items():
        requests[operation, model, status] = int(number)
    if heard.unfinished:
        yield f"{heard.unfinished} streams without an end"
    missing = heard.answers - requests
    if missing:
        yield f"answers that the metrics do not know: {dict(missing)}"
    more = sum(requests.values()) - sum(heard.answers.values())
    if not 0 <= more <= sum(heard.left.values()):
        yield f"{more} requests beside those that were answered; {heard.left.total()} were left"
    yield from _upstream(books)


def _upstream(books: Books) -> Iterator[str]:
    tried, left = Counter[str](), Counter[str]()
    for (deployment, _, outcome), number in books.metrics["upstream_requests_total"].items():
        tried[deployment] += int(number)
        left[deployment] += int(number) if outcome == "left" else 0
    for _, name in _ROWS:
        # What its client left at once was maybe not sent.
        if not tried[name] - left[name] <= books.seen[name] <= tried[name]:
            yield f"{name}: {tried[name]} attempts, {left[name]} left; seen: {books.seen[name]}"


def _money(books: Books) -> Iterator[str]:
    answered = Counter[str]()
    for (_, model, outcome), number in books.metrics["upstream_requests_total"].items():
        answered[model] += int(number) if outcome == "ok" else 0
    for model, number in answered.items():
        rows = [row for row in books.spent if row["model"] == model]
        if sum(row["calls"] for row in rows) != number:
            yield f"{model}: {number} answers, spent: {[row['calls'] for row in rows]}"
        for direction in ("input", "output"):
            counted = books.metrics["tokens_total"].get((direction, model), 0)
            spent = sum(row[f"{direction}_tokens"] for row in rows)
            if counted != spent:
                yield f"{model}: {counted:g} {direction} tokens counted, {spent} spent"
        both = sum(row["input_tokens"] + row["output_tokens"] for row in rows)
        if both < books.heard.tokens[model]:
            yield f"{model}: clients heard of {books.heard.tokens[model]} tokens, spent: {both}"


def told(books: Books) -> str:
    """The books in a few lines."""
    heard, samples = books.heard, books.samples
    memory = [one.memory / _MEBIBYTE for one in samples]
    return "\n".join(
        [
            f"answers   {dict(sorted(heard.answers.items()))}",
            f"left      {dict(heard.left)}",
            f"streams   {dict(heard.ends)}",
            f"upstream  {dict(books.metrics['upstream_requests_total'])}",
            f"reloads   {len(samples)}",
            f"memory    {memory[0]:.0f} … {max(memory):.0f} … {memory[-1]:.0f} MiB",
            f"files     {samples[0].files} … {max(s.files for s in samples)} … {samples[-1].files}",
            f"tasks     {books.tasks}",
        ]
    )
