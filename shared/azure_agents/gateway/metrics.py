"""Metrics for Prometheus, made of the plain numbers of a process when they are asked for.

Names follow Prometheus' rules: base units, ``_total`` for what only grows. docs/operations.md lists
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from ..errors import ConfigError
from .counters import BOUNDS, Counters, Histogram

_MISSING = (
    'the gateway needs prometheus-client, install it with: pip install "azure-agents[gateway]"'
)
_NAME = "azure_agents_gateway"
_CALL = ("operation", "model")
_PLACE = ("model", "deployment")


class Metrics:
    """The metrics of one process.

    Args:
        counters: Of the process.
        status: Tells how deployments and Redis are, as `Engine.status` does.

    Raises:
        ConfigError: prometheus-client is missing.
    """

    def __init__(self, counters: Counters, status: Callable[[], Mapping[str, Any]]) -> None:
        try:
            import prometheus_client as prometheus
            from prometheus_client import core, process_collector
        except ImportError as missing:
            raise ConfigError(_MISSING) from missing
        self._counters, self._status = counters, status
        self._core, self._render = core, prometheus.generate_latest
        self._registry = prometheus.CollectorRegistry()
        self._registry.register(self)
        process_collector.ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        rendered: bytes = self._render(self._registry)
        return rendered

    def describe(self) -> list[Any]:
        """Nothing: the registry need not read all numbers to learn their names."""
        return []

    def collect(self) -> Iterator[Any]:
        """Make the metrics, for prometheus-client."""
        yield from self._of_calls()
        yield from self._of_upstreams()
        yield from self._of_deployments()

    def _of_calls(self) -> Iterator[Any]:
        have = self._counters
        yield self._counter("requests", "Requests of models.", (*_CALL, "status"), have.calls)
        yield self._counter("tokens", "Tokens.", ("model", "direction"), have.tokens)
        yield self._counter(
            "cost_usd", "US dollars, where they are known.", ("model", "key"), have.cost
        )
        yield self._counter(
            "unpriced", "Answers whose cost is not known.", ("model",), _keyed(have.unpriced)
        )
        yield self._counter(
            "errors", "Requests of models that failed.", ("model", "kind"), have.errors
        )
        yield self._counter(
            "refused",
            "Requests that were refused before a model was asked.",
            ("status",),
            _keyed(have.refused),
        )
        yield self._histogram(
            "seconds", "Seconds of a request, from its body to its end.", _CALL, have.seconds
        )
        yield self._histogram(
            "first_seconds", "Seconds until the first content.", _CALL, have.first
        )
        yield self._gauge("running", "Requests now.", (), [((), have.running)])
        yield self._gauge("tasks", "Tasks of the event loop.", (), [((), _tasks())])
        yield self._gauge("streams", "Streams of models now.", (), [((), have.streams)])
        yield self._counter(
            "config_reads",
            "Readings of a changed config file.",
            ("outcome",),
            _keyed(have.reloads),
        )

    def _of_upstreams(self) -> Iterator[Any]:
        have = self._counters
        yield self._counter(
            "upstream_requests",
            "Requests of deployments, by how they ended.",
            (*_PLACE, "outcome"),
            have.attempts,
        )
        yield self._histogram(
            "upstream_seconds",
            "Seconds until a deployment answered, of a stream until its first content.",
            _PLACE,
            have.upstream,
        )

    def _of_deployments(self) -> Iterator[Any]:
        status = self._status()
        told = {(one["model_name"], one["id"]): one for one in status["deployments"]}
        running = [(key, one["running"]) for key, one in told.items()]
        cooling = [(key, max(one["busy_for"], one["failed_for"])) for key, one in told.items()]
        windows = [
            ((*key, window["limit"], f"{window['seconds']:g}"), window["used"] / window["most"])
            for key, one in told.items()
            for window in one["windows"]
        ]
        yield self._gauge("upstream_running", "Requests of deployments now.", _PLACE, running)
        yield self._gauge(
            "cooldown_seconds", "Seconds that a deployment is still put aside.", _PLACE, cooling
        )
        yield self._gauge(
            "window_ratio",
            "Part of a limit that is used now.",
            (*_PLACE, "limit", "window_seconds"),
            windows,
        )
        yield self._counter(
            "cooldowns",
            "How often a deployment was put aside, since the config was read.",
            _PLACE,
            {key: one["cooldowns"] for key, one in told.items()},
        )
        redis = status.get("redis")
        if redis is not None:
            yield self._gauge(
                "redis_up", "Whether counts are shared.", (), [((), float(redis["is_up"]))]
            )
            yield self._counter(
                "redis_outages", "How often Redis went away.", (), {(): redis["outages"]}
            )

    def _counter(
        self, what: str, says: str, labels: tuple[str, ...], values: Mapping[tuple[Any, ...], float]
    ) -> Any:
        made = self._core.CounterMetricFamily(f"{_NAME}_{what}", says, labels=labels)
        for key, value in list(values.items()):
            made.add_metric(key, value)
        return made

    def _gauge(
        self,
        what: str,
        says: str,
        labels: tuple[str, ...],
        values: Iterable[tuple[tuple[str, ...], float]],
    ) -> Any:
        made = self._core.GaugeMetricFamily(f"{_NAME}_{what}", says, labels=labels)
        for key, value in values:
            made.add_metric(key, value)
        return made

    def _histogram(
        self,
        what: str,
        says: str,
        labels: tuple[str, ...],
        values: Mapping[tuple[str, str], Histogram],
    ) -> Any:
        made = self._core.HistogramMetricFamily(f"{_NAME}_{what}", says, labels=labels)
        for key, one in list(values.items()):
            names = [*map(_bound, BOUNDS), "+Inf"]
            buckets = list(zip(names, accumulate(one.counts), strict=True))
            made.add_metric(key, buckets=buckets, sum_value=one.total)
        return made


def _tasks() -> int:
    """How many there are; more and more of them would be a leak."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # not asked on the loop
        return 0


def _bound(seconds: float) -> str:
    return str(float(seconds))


def _keyed(values: Mapping[str, float]) -> dict[tuple[str], float]:
    return {(key,): value for key, value in values.items()}
