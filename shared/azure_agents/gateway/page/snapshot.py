"""How this process is now, as JSON: read from what counts and routes, only when somebody looks.

`azure_agents.gateway.page.joining` makes what the page shows of it.

No value of it is secret: names of the config file, numbers, and sentences without URLs.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from time import time
from typing import Any
from urllib.parse import urlsplit

from ..._version import __version__
from ...jsonio import JSON
from ...routing.deployments import Deployment
from ..board import Board
from ..config.objects import GatewayConfig
from ..counters import Counters, Failure, Recent
from ..spend.budgets import Budgets
from .advice import shown_failure

_SUMMED = ("calls", "unpriced", "input_tokens", "output_tokens", "cost")


def snapshot(
    board: Board,
    counters: Counters,
    spent: Iterable[Mapping[str, Any]],
    config: GatewayConfig,
    budgets: Budgets,
) -> JSON:
    """Read everything that the page needs.

    Args:
        board: With the deployments.
        counters: Of this process.
        spent: Rows of the ledger.
        config: With keys that have budgets.
        budgets: What is left of them.
    """
    status, rows = board.engine.status(), [*spent]
    told = {one["id"]: one for one in status["deployments"]}
    return {
        "now": time(),
        "version": __version__,
        "processes": [os.getpid()],
        "begun_at": counters.begun_at,
        "running": counters.running,
        "streams": counters.streams,
        "traffic": _traffic(counters.recent),
        "deployments": [_deployment(one, told[one.id], counters) for one in board.deployments],
        "redis": status["redis"],
        "keys": _with_budgets(_sums(rows, "key"), config, budgets),
        "models": _sums(rows, "model"),
        "errors": [_failure(one) for one in counters.failures],
        "refused": dict(counters.refused),
        "wrong_since": counters.wrong_since,
        "has_keys": config.has_keys,
    }


def _traffic(recent: Recent) -> JSON:
    """Calls of the last ten minutes by slot, and how long they took by bucket."""
    slots = [*recent.slots()]
    return {
        "newest": slots[-1].at,
        "slots": [[slot.calls, slot.failed] for slot in slots],
        "seconds": [*recent.seconds().items()],
    }


def _deployment(one: Deployment, told: Mapping[str, Any], counters: Counters) -> JSON:
    failure = next((f for f in counters.failures if f.deployment == one.id), None)
    return {
        "id": one.id,
        "name": one.name,
        "model": one.model,
        "host": urlsplit(one.url).hostname or "",
        "health": _health(told),
        "seconds": max(told["busy_for"], told["failed_for"], told["free_in"]),
        "windows": told["windows"],
        "running": told["running"],
        "failure": None if failure is None else {"at": failure.at, **shown_failure(failure.error)},
        "traffic": _traffic(counters.recent_of.get(one.id) or Recent()),
    }


def _health(told: Mapping[str, Any]) -> str:
    """``cooling``: the service said so; ``failed``: it is put aside; ``full``: by its limits."""
    for name, health in (("busy_for", "cooling"), ("failed_for", "failed"), ("free_in", "full")):
        if told[name] > 0:
            return health
    return "ok"


def _failure(one: Failure) -> JSON:
    place = {"at": one.at, "model": one.model, "deployment": one.deployment, "times": one.times}
    return {**place, **shown_failure(one.error)}


def _sums(rows: Iterable[Mapping[str, Any]], by: str) -> list[JSON]:
    """What was spent, the dearest first."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(_SUMMED, 0))
    for row in rows:
        for name in _SUMMED:
            sums[row[by]][name] += row[name]
    found = [{"name": name, **values} for name, values in sums.items()]
    return sorted(found, key=lambda row: (-row["cost"], -row["calls"], row["name"]))


def _with_budgets(rows: list[JSON], config: GatewayConfig, budgets: Budgets) -> list[JSON]:
    known = {key.name: key for key in config.keys if key.budget is not None}
    for row in rows:
        key = known.get(row["name"])
        if key is not None:
            row["budget"], row["period"] = key.budget, key.budget_period
            row["left"] = budgets.left(key)
    return rows
