"""From the snapshots of all workers of a gateway to what the page shows. Pure.

Each worker counts what it did itself, so counts add up. A deployment is as well as the worker sees
it that sees it worst. Spend is that of all workers already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...jsonio import JSON
from ..counters import SLOT, SLOTS, percentile

_MINUTE = round(60 / SLOT)  # slots
_MOST_ERRORS = 50
_WORST = ("failed", "cooling", "full", "ok")
_SUMS = ("running", "streams")
_SAME = ("model", "deployment", "kind", "status")


def joined(snapshots: Sequence[Mapping[str, Any]]) -> JSON:
    """Join snapshots.

    Args:
        snapshots: Of each worker that runs, the one that is asked first.
    """
    first = snapshots[0]
    places = {one["id"]: [one] for one in first["deployments"]}
    for other in snapshots[1:]:
        for one in other["deployments"]:
            if one["id"] in places:  # else it has read another config a moment ago
                places[one["id"]].append(one)
    return {
        **first,
        "processes": sorted(pid for one in snapshots for pid in one["processes"]),
        "begun_at": min(one["begun_at"] for one in snapshots),
        **{name: sum(one[name] for one in snapshots) for name in _SUMS},
        "traffic": _traffic([one["traffic"] for one in snapshots]),
        "deployments": [_deployment(each) for each in places.values()],
        "errors": _errors([error for one in snapshots for error in one["errors"]]),
        "refused": dict(sum((Counter(one["refused"]) for one in snapshots), Counter())),
        "redis": next(
            (one["redis"] for one in snapshots if _is_down(one["redis"])), first["redis"]
        ),
    }


def _is_down(redis: Mapping[str, Any] | None) -> bool:
    return redis is not None and not redis["is_up"]


def _traffic(parts: Sequence[Mapping[str, Any]]) -> JSON:
    """Calls by slot, those of the last minute, and how long they took."""
    newest = max(one["newest"] for one in parts)
    slots = [[0, 0] for _ in range(SLOTS)]
    seconds: Counter[int] = Counter()
    for one in parts:
        late = newest - one["newest"]  # it was told a moment ago, maybe in the slot before
        for place, (calls, failed) in enumerate(one["slots"][late:]):
            slots[place][0] += calls
            slots[place][1] += failed
        seconds.update(dict(one["seconds"]))
    return {
        "slots": slots,
        "calls": sum(calls for calls, _ in slots[-_MINUTE:]),
        "failed": sum(failed for _, failed in slots[-_MINUTE:]),
        "p50": percentile(seconds, 0.5),
        "p99": percentile(seconds, 0.99),
    }


def _deployment(parts: Sequence[Mapping[str, Any]]) -> JSON:
    worst = min(parts, key=lambda one: (_WORST.index(one["health"]), -one["seconds"]))
    failures = [one["failure"] for one in parts if one["failure"] is not None]
    windows = zip(*(one["windows"] for one in parts), strict=False)
    return {
        **{name: value for name, value in worst.items() if name != "traffic"},
        "windows": [{**each[0], "used": sum(one["used"] for one in each)} for each in windows],
        "running": sum(one["running"] for one in parts),
        "failure": max(failures, key=lambda one: one["at"], default=None),
        **_traffic([one["traffic"] for one in parts]),
    }


def _errors(errors: Sequence[JSON]) -> list[JSON]:
    """The newest first; the same of several workers once."""
    found: dict[tuple[Any, ...], JSON] = {}
    for one in sorted(errors, key=lambda error: -error["at"]):
        known = found.setdefault(tuple(one[name] for name in _SAME), {**one, "times": 0})
        known["times"] += one["times"]
    return [*found.values()][:_MOST_ERRORS]
