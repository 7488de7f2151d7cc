"""What workers counted, added up: nothing twice, nothing lost, and sums that never go back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from azure_agents.gateway.ledger import Ledger
from azure_agents.gateway.spend.budgets import Budgets
from azure_agents.gateway.spend.link import Shared
from azure_agents.gateway.workers.folder import Folder, bury
from azure_agents.gateway.workers.sums import add_metrics, add_rows
from azure_agents.gateway.workers.totals import Totals
from azure_agents.routing.engine import Engine

COUNTER = "# HELP calls_total Calls.\n# TYPE calls_total counter\n"
GAUGE = "# HELP {name} Now.\n# TYPE {name} gauge\n{name} {value}\n"
RUNNING = "azure_agents_gateway_running"
HISTOGRAM = (
    "# TYPE seconds histogram\n"
    'seconds_bucket{le="1.0"} 1.0\nseconds_bucket{le="+Inf"} 2.0\nseconds_count 2.0\n'
    "seconds_sum 3.5\n"
)


def samples(text: bytes) -> dict[str, float]:
    """The numbers of a text of metrics, as Prometheus reads it."""
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sample.labels.items()): (
            sample.value
        )
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


# (texts of workers, and whether each runs; their sum)
SUMS: dict[str, tuple[list[tuple[str, bool]], dict[str, float]]] = {
    "no worker": ([], {}),
    "counters": (
        [(COUNTER + 'calls_total{m="a b"} 1.0\n', True)] * 2,
        {"calls_total m=a b": 2},
    ),
    "one of a worker only": (
        [
            (COUNTER + 'calls_total{m="a"} 1.0\n', True),
            (COUNTER + 'calls_total{m="b"} 5e3\n', True),
        ],
        {"calls_total m=a": 1, "calls_total m=b": 5000},
    ),
    "a worker that ended": (
        [(COUNTER + "calls_total 1.0\n", False), (COUNTER + "calls_total 2.0\n", True)],
        {"calls_total": 3},
    ),
    "a quote and a brace in a label": (
        [(COUNTER + 'calls_total{m="a\\"} 7"} 1.0\n', True)] * 2,
        {'calls_total m=a"} 7': 2},
    ),
    "histograms": (
        [(HISTOGRAM, True), (HISTOGRAM, False)],
        {
            "seconds_bucket le=1.0": 2,
            "seconds_bucket le=+Inf": 4,
            "seconds_count": 4,
            "seconds_sum": 7,
        },
    ),
    "requests that run": (
        [(GAUGE.format(name=RUNNING, value=value), True) for value in (1, 2)],
        {RUNNING: 3},
    ),
    "requests that ran in a worker that ended": (
        [(GAUGE.format(name=RUNNING, value=4), runs) for runs in (True, False)],
        {RUNNING: 4},
    ),
    "a worker without Redis": (
        [(GAUGE.format(name="azure_agents_gateway_redis_up", value=up), True) for up in (1, 0, 1)],
        {"azure_agents_gateway_redis_up": 0},
    ),
    "a state that each worker sees": (
        [(GAUGE.format(name="cooling", value=value), True) for value in (0, 12, 3)],
        {"cooling": 12},
    ),
}


@pytest.mark.parametrize("case", SUMS)
def test_metrics_are_added_up(case: str) -> None:
    """Counters and histograms of all workers; gauges only of those that run."""
    texts, expected = SUMS[case]
    assert expected == samples(add_metrics((text.encode(), runs) for text, runs in texts))


def test_rows_of_spend_are_added_up() -> None:
    """By day, key and model, the newest day first."""
    row = {"day": "2027-01-01", "key": "a", "model": "m", "calls": 1, "cost": 0.25}
    newer = {**row, "day": "2027-01-02"}
    assert [newer, {**row, "calls": 2, "cost": 0.5}] == add_rows([row, row, newer])


class Counting:
    """A worker that counts calls."""

    def __init__(self, path: Path, name: str) -> None:
        self.calls = 0
        alone = Shared(lambda: cast(Engine, SimpleNamespace(link=None)))
        parts = Ledger(), Budgets(alone), alone, Folder(path, name)
        self.totals = Totals(self._text, *parts)

    def _text(self) -> bytes:
        return f"{COUNTER}calls_total {self.calls}\n".encode()

    def asked(self) -> float:
        """The sum, as this worker tells it."""
        return samples(self.totals.metrics()).get("calls_total", 0.0)


def test_sums_never_go_back(tmp_path: Path) -> None:
    """Whichever worker is asked, and also when one has ended and another one took its place."""
    workers = [Counting(tmp_path, name) for name in ("0-10", "1-11")]
    told = []
    for worker in (*workers, *workers):
        worker.calls += 1
        told += [one.asked() for one in workers]
    bury(tmp_path, "0-10")
    workers[0] = Counting(tmp_path, "0-12")
    told += [one.asked() for one in workers]
    assert sorted(told) == told
    assert 4 == told[-1]


async def test_others_are_told_without_being_asked(tmp_path: Path) -> None:
    """At the latest when a worker ends."""
    one, other = (Counting(tmp_path, name) for name in ("0-10", "1-11"))
    async with one.totals.telling():
        one.calls = 3
    assert 3 == other.asked()
