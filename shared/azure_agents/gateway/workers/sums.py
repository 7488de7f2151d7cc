"""Adds up what several workers counted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import add
from typing import Any

_NAMES = ("day", "key", "model")  # of a row of spend; the other fields are numbers


@dataclass(slots=True)
class _Family:
    """One metric: its comments, its kind, and its series as they are written."""

    comments: list[str] = field(default_factory=list)
    kind: str = "untyped"
    series: dict[str, float] = field(default_factory=dict)

    def add(self, series: str, value: float) -> None:
        known = self.series.get(series)
        if known is None:
            self.series[series] = value
        elif self.kind == "gauge":
            joined = GAUGES.get(series.partition("{")[0], max)
            self.series[series] = joined(known, value)
        else:
            self.series[series] = known + value


# How gauges of several workers are joined; of any other the largest tells most.
GAUGES: Mapping[str, Callable[[float, float], float]] = {
    "azure_agents_gateway_running": add,
    "azure_agents_gateway_streams": add,
    "azure_agents_gateway_tasks": add,
    "azure_agents_gateway_upstream_running": add,
    "azure_agents_gateway_window_ratio": add,  # each worker counts what it has begun itself
    "azure_agents_gateway_redis_up": min,
    "process_open_fds": add,
    "process_resident_memory_bytes": add,
    "process_start_time_seconds": min,
    "process_virtual_memory_bytes": add,
}


def add_metrics(texts: Iterable[tuple[bytes, bool]]) -> bytes:
    """Add metrics up: counters and histograms of all workers, gauges of those that run.

    Args:
        texts: Of each worker, in Prometheus' text format, and whether it still runs.
    """
    families: dict[str, _Family] = {}
    for text, runs in texts:
        _add_text(families, text.decode(), runs=runs)
    lines = [line for family in families.values() for line in _lines(family)]
    return "".join(f"{line}\n" for line in lines).encode()


def _add_text(families: dict[str, _Family], text: str, *, runs: bool) -> None:
    family = _Family()
    for line in text.splitlines():
        if line.startswith("#"):
            _, what, name, *rest = line.split(" ", 3)
            family = families.setdefault(name, _Family())
            if line not in family.comments:
                family.comments.append(line)
            if what == "TYPE":
                family.kind = rest[0]
        elif line and (runs or family.kind != "gauge"):
            series, _, value = line.rpartition(" ")
            family.add(series, float(value))


def _lines(family: _Family) -> list[str]:
    return [*family.comments, *(f"{series} {value}" for series, value in family.series.items())]


def add_rows(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add rows of spend up, the newest day first.

    Args:
        rows: Of all workers.
    """
    sums: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        name = tuple(row[one] for one in _NAMES)
        known = sums.get(name)
        sums[name] = row if known is None else _sum(known, row)
    return [sums[name] for name in sorted(sums, reverse=True)]


def _sum(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] if name in _NAMES else one[name] + other[name] for name in one}
